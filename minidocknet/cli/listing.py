"""``mdn list``: the labs on this machine."""

from __future__ import annotations

import click

from minidocknet.cli.output import format_option, print_json, print_table, print_text


@click.command("list", short_help="List the labs on this machine.")
@format_option
def list_command(form: str) -> None:
    """List the labs on this machine, whole or not."""
    from minidocknet.core.listing import list_labs
    from minidocknet.runtime.engine import Engine

    labs = list_labs(Engine())
    if form == "json":
        print_json({"schema": 1, "labs": labs})
    elif labs:
        print_table(
            ("lab", "status", "containers", "running"),
            [(lab["lab"], lab["status"], lab["containers"], lab["running"]) for lab in labs],
        )
    else:
        print_text("no labs")
