"""``mdn calibrate``: measure what the emulation itself takes of a delay on this machine."""

from __future__ import annotations

import click

from minidocknet.cli.output import format_option, print_json, print_text, say


@click.command(short_help="Measure what the emulation itself takes.")
@click.option("--if-needed", is_flag=True, help="Do nothing where figures of this machine exist.")
@format_option
def calibrate(if_needed: bool, form: str) -> None:
    """Measure how long interfaces, daemon and userspace switches take, with two small labs.

    Later labs take these times off the delays of their links, so that nodes see what was asked.
    Do it on a quiet machine; it takes some 12 s.
    """
    from minidocknet.core.calibrate import calibrate as measure
    from minidocknet.core.calibrate import calibration_file, load_calibration
    from minidocknet.plan.allowance import UNCALIBRATED

    found = load_calibration()
    if not if_needed or found == UNCALIBRATED:
        say("measuring what the emulation itself takes (some 12 s)")
        found = measure()
    if form == "json":
        print_json({"schema": 1, "tap_ms": found.tap_ms, "switch_ms": found.switch_ms})
        return
    print_text(
        f"one direction: interfaces and daemon {found.tap_ms:.3f} ms, each userspace switch "
        f"{found.switch_ms:.3f} ms (kept in {calibration_file()})"
    )
