"""``mdn migrate``: move an application to another node while it runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from minidocknet.cli.labs import app_argument, attach, complete_nodes, lab_option
from minidocknet.cli.output import format_option, print_json, print_table, say
from minidocknet.model.moves import MODES, VIAS

if TYPE_CHECKING:
    from minidocknet.model.moves import MoveReport


@click.command(short_help="Move an application to another node.")
@lab_option
@app_argument()
@click.option(
    "--to", "target", required=True, metavar="NODE", shell_complete=complete_nodes,
    help="Where it goes.",
)  # fmt: skip
@click.option(
    "--mode", type=click.Choice(["auto", *MODES]), default="auto", show_default=True,
    help="cold: stop, copy, start.  checkpoint: with its memory.  lazy: memory follows on demand.  "
    "precopy: memory goes first.",
)  # fmt: skip
@click.option(
    "--via", type=click.Choice(VIAS), default="direct", show_default=True,
    help="Copy beside the emulated network, or over its links.",
)  # fmt: skip
@click.option("--no-probe", is_flag=True, help="Do not measure the downtime from a peer.")
@format_option
def migrate(
    lab: str | None, app: str, target: str, mode: Any, via: Any, no_probe: bool, form: str
) -> None:
    """Move APP to another node with its files, addresses, limits and, but for mode cold, its
    memory and open connections.

    It is refused before anything stops where it cannot be done; where it fails on the way, APP
    runs on where it was.
    """
    network = attach(lab)
    from minidocknet.migrate.move import MoveOptions, migrate_app

    report = migrate_app(
        network.lab, app, target, MoveOptions(mode=mode, via=via, probe=not no_probe)
    )
    for warning in report.warnings:
        say(warning)
    if form == "json":
        print_json({"schema": 1, "ok": True, "lab": network.name, **report_json(report)})
        return
    say(f"application {app} runs on {target} now" if report.frozen_s else f"{app} is on {target}")
    print_table(["what", "value", ""], _rows(report))


def report_json(report: MoveReport) -> dict[str, Any]:
    """The report's fields, ``from`` and ``to`` for the nodes; CRIU's own figures under ``criu``."""
    fields = asdict(report)
    dump, restore = fields.pop("dump"), fields.pop("restore")
    return {
        "from": fields.pop("source"),
        "to": fields.pop("target"),
        **fields,
        "overhead_s": report.overhead_s,
        "criu": {"dump": dump, "restore": restore},
    }


def _rows(report: MoveReport) -> list[tuple[str, Any, str]]:
    rows: list[tuple[str, Any, str]] = [
        ("mode", report.mode, "; ".join(report.reasons)),
        ("copied", f"{report.bytes / 1e6:.1f} MB", f"via {report.via}"),
        ("memory images", f"{report.memory_bytes / 1e6:.1f} MB", ""),
        ("dump", f"{report.dump_s:.3f} s", ""),
        ("transfer", f"{report.transfer_s:.3f} s", ""),
        ("restore", f"{report.restore_s:.3f} s", ""),
        ("frozen", f"{report.frozen_s:.3f} s", "from the cut of its wire to its opening"),
    ]
    if report.lazy_s is not None:
        rows.append(("pages followed", f"{report.lazy_s:.3f} s", "after it ran again"))
    if report.downtime_s is not None:
        rows.append(("downtime", f"{report.downtime_s:.3f} s", f"seen from {report.probed_from}"))
    rows.append(("in all", f"{report.total_s:.3f} s", ""))
    return rows
