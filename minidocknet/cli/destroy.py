"""``mdn destroy``: take a lab down."""

from __future__ import annotations

import click

from minidocknet.cli.labs import attach, lab_option
from minidocknet.cli.output import confirmed, format_option, print_json, print_text, say


@click.command(short_help="Take a lab down; nothing of it stays.")
@lab_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@format_option
def destroy(lab: str | None, yes: bool, form: str) -> None:
    """Take a lab down; nothing of it stays."""
    from minidocknet.cli.progress import ProgressReporter

    with ProgressReporter() as progress:
        network = attach(lab, [progress])
        count = len(network.lab.plan.nodes)
        if not confirmed(f"Destroy lab {network.name} and its {count} nodes?", yes):
            say("nothing was removed")
            raise click.exceptions.Exit(1)
        seconds = network.destroy()
    if form == "json":
        print_json({"schema": 1, "lab": network.name, "seconds": seconds})
    else:
        print_text(f"lab {network.name} is down after {seconds:.2f} s")
