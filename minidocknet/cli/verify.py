"""``mdn verify``: measure every link and compare with what was asked."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from minidocknet.cli.labs import attach, lab_option
from minidocknet.cli.output import format_option, print_json, print_table, print_text

if TYPE_CHECKING:
    from minidocknet.core.verify import LinkCheck


@click.command(short_help="Measure every link and compare with what was asked.")
@lab_option
@click.option(
    "--count", "-c", type=click.IntRange(min=1), default=10, show_default=True,
    help="Pings per link.",
)  # fmt: skip
@format_option
def verify(lab: str | None, count: int, form: str) -> None:
    """Ping between the ends of every link that is up, all at once; compare with what was asked.

    Frames take the shortest path, so a link that lies on none is not measured but named.

    Exit status 1 where a link's median is out of bounds (5 % and 0.1 ms), or the median of all
    links is (3 % and 0.1 ms).
    """
    network = attach(lab)
    checks = network.verify(count=count)
    summary = summarise(checks)
    if form == "json":
        print_json(
            {
                "schema": 1,
                "lab": network.name,
                "links": [check.as_dict() for check in checks],
                "summary": summary,
            }
        )
    else:
        _print_checks(checks, summary)
    if not summary["ok"]:
        raise click.exceptions.Exit(1)


def summarise(checks: Sequence[LinkCheck]) -> dict[str, Any]:
    """Over all links: how far medians lie above what was asked, the worst link, and the verdict.

    ``median_ok``: the median over links of (median round trip - asked round trip) is within the
    project's bar for the median.
    """
    from minidocknet.core.verify import MEDIAN_TOLERANCE, WORST_TOLERANCE

    answered = [(check, median) for check in checks if (median := check.ping.median_ms) is not None]
    narrower = WORST_TOLERANCE - MEDIAN_TOLERANCE
    beyond = [median - (check.allowed_ms - check.asked_ms * narrower) for check, median in answered]
    excess = [median - check.asked_ms for check, median in answered]
    worst = max(answered, key=lambda pair: pair[1] - pair[0].allowed_ms, default=None)
    bad = sum(not check.ok for check in checks)
    median_ok = bool(beyond) and statistics.median(beyond) <= 0
    return {
        "links": len(checks),
        "bad": bad,
        "unanswered": len(checks) - len(answered),
        "median_ms": _rounded(statistics.median(m for _, m in answered)) if answered else None,
        "median_excess_ms": _rounded(statistics.median(excess)) if excess else None,
        "worst": None
        if worst is None
        else {
            "a": worst[0].a,
            "b": worst[0].b,
            "asked_ms": _rounded(worst[0].asked_ms),
            "median_ms": _rounded(worst[1]),
            "excess_ms": _rounded(worst[1] - worst[0].asked_ms),
        },
        "median_ok": median_ok,
        "ok": median_ok and not bad,
    }


def _rounded(value: float) -> float:
    return round(value, 4)


def _print_checks(checks: Sequence[LinkCheck], summary: dict[str, Any]) -> None:
    headers = ("a", "b", "asked ms", "allowed ms", "median ms", "min ms", "max ms", "loss %", "")
    keys = ("a", "b", "asked_ms", "allowed_ms", "median_ms", "min_ms", "max_ms", "loss_pct")
    rows = []
    for check in checks:
        data = check.as_dict()
        rows.append([*(data[key] for key in keys), "ok" if check.ok else "BAD"])
    print_table(headers, rows)
    for check in checks:
        if not check.crosses_link:
            print_text(f"{check.a} - {check.b} was not crossed: {' '.join(check.path)} is shorter")
    line = f"{summary['links'] - summary['bad']} of {summary['links']} links within bounds"
    worst = summary["worst"]
    if worst is not None:
        line += (
            f"; median round trip {summary['median_ms']:.3f} ms, "
            f"{summary['median_excess_ms']:+.3f} ms beyond what was asked; worst "
            f"{worst['a']} - {worst['b']}: {worst['median_ms']:.3f} ms for {worst['asked_ms']:g}"
        )
    if not summary["median_ok"]:
        line += "; the median over all links is out of bounds"
    print_text(line)
