"""``mdn wipe``: remove what labs left behind, however their mdn ended."""

from __future__ import annotations

import click

from minidocknet.cli.labs import complete_labs
from minidocknet.cli.output import confirmed, format_option, print_json, print_text, say


@click.command(short_help="Remove whatever labs left behind.")
@click.option(
    "--lab",
    "-l",
    envvar="MDN_LAB",
    metavar="NAME",
    shell_complete=complete_labs,
    help="Only this lab; MDN_LAB, or every lab, where not given.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@format_option
def wipe(lab: str | None, yes: bool, form: str) -> None:
    """Remove labs, whole or half-made: containers, networks, daemons, files.

    Needs no state file.  Removes only what carries MiniDockNet's own labels and names.
    """
    from minidocknet.core.interrupts import held
    from minidocknet.core.wipe import found_labs
    from minidocknet.core.wipe import wipe as remove_all
    from minidocknet.plan.names import check_lab_name
    from minidocknet.runtime.engine import Engine

    if lab is not None:
        check_lab_name(lab)
    engine = Engine()
    found = [lab] if lab is not None else found_labs(engine)
    if found and not confirmed(f"Remove everything of {', '.join(found)}?", yes):
        say("nothing was removed")
        raise click.exceptions.Exit(1)
    with held():
        removed = remove_all(engine, lab)
    if form == "json":
        print_json({"schema": 1, "removed": removed})
        return
    for name, objects in removed.items():
        print_text(f"{name}: removed {', '.join(objects) or 'nothing'}")
    if not removed:
        print_text("nothing was there")
