"""``mdn events``: what happened in a lab."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

import click

from minidocknet.cli.labs import chosen_lab, lab_option
from minidocknet.cli.output import format_option
from minidocknet.model.errors import LabError


@click.command(short_help="Show what happened in a lab.")
@lab_option
@click.option("--follow", "-f", is_flag=True, help="Wait for further events; Ctrl-C ends it.")
@format_option
def events(lab: str | None, follow: bool, form: str) -> None:
    """Show what happened in a lab: one line an event, or one JSON object a line."""
    from minidocknet.core.events import read_events
    from minidocknet.core.state import load_state
    from minidocknet.runtime.paths import LabPaths

    name = chosen_lab(lab)
    load_state(name)
    try:
        for event in read_events(LabPaths(name).events_file, follow=follow):
            text = json.dumps({"schema": 1, **event}) if form == "json" else event_line(event)
            click.echo(text)
            sys.stdout.flush()
    except FileNotFoundError:
        raise LabError(f"lab {name} has no events yet") from None


def event_line(event: dict[str, Any]) -> str:
    """``12:30:05.123  NodeChanged  node=r1 change=stopped``."""
    at = datetime.fromtimestamp(event["at"]).astimezone()
    details = " ".join(
        f"{key}={_value(value)}"
        for key, value in event.items()
        if key not in ("event", "lab", "at", "schema")
    )
    clock = at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03d}"
    return f"{clock}  {event['event']:<14} {details}".rstrip()


def _value(value: Any) -> str:
    if isinstance(value, dict):
        from minidocknet.core.describe import shaping_text
        from minidocknet.model.shaping import Shaping

        try:
            return f"[{shaping_text(Shaping.from_dict(value))}]"
        except TypeError:  # some other mapping
            return "[" + ", ".join(f"{key}: {_value(inner)}" for key, inner in value.items()) + "]"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
