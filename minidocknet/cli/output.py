"""Results on standard output, as tables for people or JSON for scripts; messages elsewhere."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import IO, Any

import click

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


def write_all(stream: IO[bytes], data: bytes) -> None:
    """Write and flush.  An unbuffered stream (PYTHONUNBUFFERED) may take a part at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) :]
    stream.flush()


def print_text(text: str) -> None:
    """A line of the result, as it is."""
    click.echo(text)


def styled(text: str, style: str, *, err: bool = False) -> str:
    """``text`` in a colour (or ``bold``), unless NO_COLOR is set or no terminal shows it."""
    stream = sys.stderr if err else sys.stdout
    if not style or os.environ.get("NO_COLOR") or not stream.isatty():
        return text
    return click.style(text, bold=True) if style == "bold" else click.style(text, fg=style)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table without lines, one line a row; numbers to the right, known states in colour.

    Not rich's, which takes a quarter of a short command's time to load.
    """
    listed = [list(row) for row in rows]
    texts = [list(headers), *([cell_text(value) for value in row] for row in listed)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(headers))]
    right = [
        any(is_number(row[column]) for row in listed)
        and all(row[column] is None or is_number(row[column]) for row in listed)
        for column in range(len(headers))
    ]
    for number, row in enumerate(texts):
        cells = []
        for text, width, to_right in zip(row, widths, right, strict=True):
            style = STATE_STYLES.get(text, "") if number else "bold"
            gap = " " * (width - len(text))
            shown = styled(text, style)
            cells.append(gap + shown if to_right else shown + gap)
        click.echo("  ".join(cells).rstrip())


def is_number(value: object) -> bool:
    """True for what stands to the right in a table."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def cell_text(value: object) -> str:
    """``-`` for nothing, numbers with at most three decimals."""
    if value is None:
        return "-"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def say(message: str) -> None:
    """A message for people, on standard error; lost where nobody is left to read it."""
    with suppress(OSError):
        click.echo(f"mdn: {message}", err=True)


def may_ask() -> bool:
    """True where somebody sits at standard input."""
    return sys.stdin.isatty()


def confirmed(question: str, yes: bool) -> bool:
    """True with ``yes`` or where nobody can be asked; else what the user answers."""
    if yes or not may_ask():
        return True
    return click.confirm(question, err=True)
