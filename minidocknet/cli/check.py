"""``mdn check``: what this machine can do, with the remedy for each lack."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from minidocknet.model.capabilities import Capabilities
from minidocknet.model.errors import CapabilityError
from minidocknet.plan.drivers import ShapingNeed, choose_link_kind
from minidocknet.runtime.probe import probe

SCHEMA = 1

_LINKS: tuple[tuple[str, str, ShapingNeed], ...] = (
    ("shaped", "with delay and rate", ShapingNeed(netem=True, rate=True)),
    ("rate_only", "with a rate alone", ShapingNeed(rate=True)),
    ("plain", "plain", ShapingNeed()),
)


def link_choices(caps: Capabilities) -> dict[str, dict[str, Any]]:
    """For each sort of link, the kind that would be taken and why; ``kind`` None where none can."""
    choices: dict[str, dict[str, Any]] = {}
    for key, _label, need in _LINKS:
        try:
            choice = choose_link_kind(None, need, caps)
            choices[key] = {"kind": choice.kind, "reason": choice.reason}
        except CapabilityError as error:
            choices[key] = {"kind": None, "reason": error.message}
    return choices


def check_json(caps: Capabilities) -> dict[str, Any]:
    """What ``--format json`` prints."""
    return {
        "schema": SCHEMA,
        "ready": not faults(caps),
        "links": link_choices(caps),
        "capabilities": caps.as_dict(),
    }


def faults(caps: Capabilities) -> list[str]:
    """What keeps every lab from running here; empty where labs can run."""
    names = [found.name for found in caps.missing_required()]
    if not any(choice["kind"] for choice in link_choices(caps).values()):
        names.append("any way to make a link")
    return names


def print_table(caps: Capabilities, console: Console) -> None:
    """What ``--format table`` prints."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", "what", "detail, or remedy"):
        table.add_column(heading, overflow="fold")
    for found in caps.findings():
        lack = "[red]NO[/]" if found.required else "[yellow]no[/]"
        table.add_row("[green]yes[/]" if found else lack, _plain(found.name), _plain(found.detail))
        if not found and found.remedy:
            table.add_row("", "", f"[dim]→ {_plain(found.remedy)}[/]")
    console.print(table)
    console.print()
    choices = link_choices(caps)
    links = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("a link", "is made of", "because"):
        links.add_column(heading, overflow="fold")
    for key, label, _need in _LINKS:
        choice = choices[key]
        links.add_row(label, choice["kind"] or "[red]nothing[/]", _plain(choice["reason"]))
    console.print(links)


def _plain(text: str) -> str:
    """Text that rich shall not read as markup."""
    return text.replace("[", r"\[")


@click.command("check")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print the result.",
)
def check(form: str) -> None:
    """Try what the kernel, the engine and the tools can do here, and say how to put lacks right.

    The exit status is 5 where something is missing that every lab needs, else 0.
    """
    caps = probe()
    if form == "json":
        click.echo(json.dumps(check_json(caps), indent=2))
    else:
        print_table(caps, Console(width=None if sys.stdout.isatty() else 120))
    missing = faults(caps)
    if missing:
        raise CapabilityError(
            f"no lab can run here without {', '.join(missing)}",
            remedy="each lack's own stands beside it above",
        )
