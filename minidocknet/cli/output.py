"""Results on standard output, as tables for people or JSON for scripts; messages elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

# Where no terminal sets the width, lines stay whole so that tools can read them.
_WIDE = 4000

STATE_STYLES = {
    "running": "green", "up": "green", "ok": "green", "down": "yellow", "exited": "yellow",
    "stopped": "yellow", "missing": "red", "BAD": "red",
}  # fmt: skip

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print the result.",
)


def print_json(data: object) -> None:
    """One document, indented."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def console() -> Console:
    """Standard output, without interpretation of what is printed."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _WIDE
    return Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table without lines; numbers to the right, known states in their colours."""
    from rich.table import Table
    from rich.text import Text

    listed = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, header in enumerate(headers):
        values = [row[column] for row in listed if row[column] is not None]
        right = bool(values) and all(isinstance(value, (int, float)) for value in values)
        table.add_column(header, justify="right" if right else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text(_cell(value), STATE_STYLES.get(str(value), "")) for value in row))
    console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def say(message: str) -> None:
    """A message for people, on standard error."""
    click.echo(f"mdn: {message}", err=True)


def may_ask() -> bool:
    """True where somebody sits at standard input."""
    return sys.stdin.isatty()


def confirmed(question: str, yes: bool) -> bool:
    """True with ``yes`` or where nobody can be asked; else what the user answers."""
    if yes or not may_ask():
        return True
    return click.confirm(question, err=True)
