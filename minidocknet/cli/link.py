"""``mdn link``: show, shape, unplug and plug in links of a live lab."""

from __future__ import annotations

from typing import Any

import click

from minidocknet.cli.inspect import print_links
from minidocknet.cli.labs import attach, lab_option, node_argument
from minidocknet.cli.output import format_option, print_json, say
from minidocknet.cli.quantities import (
    BURST_LOSS,
    DELAY,
    PERCENT,
    QUEUE,
    RATE_OR_UNLIMITED,
    Queue,
    Unlimited,
)
from minidocknet.model.errors import UsageError

# Option of ``link set`` -> field of Shaping.
_FIELDS = {
    "delay": "delay_ms",
    "jitter": "jitter_ms",
    "jitter_distribution": "jitter_distribution",
    "bw": "bw_mbit",
    "loss": "loss_pct",
    "burst_loss": "burst_loss",
    "duplicate": "duplicate_pct",
    "reorder": "reorder_pct",
}


@click.group(short_help="Show and change links.")
def link() -> None:
    """Show and change links of a live lab.  A link is named by its two nodes, in either order."""


@link.command()
@lab_option
@node_argument("nodes", nargs=-1, metavar="[A [B]]")
@format_option
def show(lab: str | None, nodes: tuple[str, ...], form: str) -> None:
    """Show all links, those of node A, or the one between A and B."""
    if len(nodes) > 2:
        raise UsageError(f"a link has two ends, but {len(nodes)} nodes were named")
    network = attach(lab)
    for name in nodes:
        network.node(name)
    if len(nodes) == 2:
        network.link(*nodes)
    data = network.inspect()
    for warning in data["warnings"]:
        say(f"warning: {warning}")
    links = [link for link in data["links"] if {link["a"], link["b"]} >= set(nodes)]
    if form == "json":
        print_json({"schema": 1, "lab": network.name, "links": links})
    elif links:
        print_links(links)


@link.command("set")
@lab_option
@node_argument("a")
@node_argument("b")
@click.option("--delay", type=DELAY, metavar="5ms")
@click.option("--jitter", type=DELAY, metavar="1ms", help="Half-width, or standard deviation.")
@click.option("--jitter-distribution", type=click.Choice(["uniform", "normal"]))
@click.option("--bw", type=RATE_OR_UNLIMITED, metavar="10mbit|unlimited")
@click.option("--loss", type=PERCENT, metavar="1%", help="Takes the place of bursty loss.")
@click.option(
    "--burst-loss", type=BURST_LOSS, metavar="P,R[,BAD[,GOOD]]|none",
    help="Gilbert-Elliott, like 1%,20%: from good to bad and back, then the loss in each.",
)  # fmt: skip
@click.option("--duplicate", type=PERCENT, metavar="0.1%", help="Frames sent twice.")
@click.option("--reorder", type=PERCENT, metavar="5%", help="Frames that skip the delay.")
@click.option(
    "--queue", type=QUEUE, metavar="100p|64kb|default", help="What may wait for the rate."
)
@click.option(
    "--direction", type=click.Choice(["both", "a-to-b", "b-to-a"]), default="both",
    show_default=True, help="Seen from A as written here.",
)  # fmt: skip
@format_option
def set_command(
    lab: str | None, a: str, b: str, direction: str, queue: Queue | None, form: str, **asked: Any
) -> None:
    """Change what is named of the link between A and B, and nothing else, while traffic flows."""
    changes = shaping_changes(asked, queue)
    network = attach(lab)
    if changes.get("burst_loss", "") is None:
        changes["burst_loss"] = "none"
    plan = network.link(a, b).set(direction=direction.replace("-", "_"), **changes)  # type: ignore[arg-type]
    from minidocknet.core.inspect import link_json

    if form == "json":
        print_json({"schema": 1, "lab": network.name, "link": link_json(plan)})
    else:
        print_links([link_json(plan)])


def shaping_changes(asked: dict[str, Any], queue: Queue | None = None) -> dict[str, Any]:
    """Fields of Shaping for the options that were given."""
    changes = {
        _FIELDS[name]: None if isinstance(value, Unlimited) else value
        for name, value in asked.items()
        if value is not None
    }
    if queue is not None:
        changes["queue_packets"], changes["queue_bytes"] = queue
    return changes


@link.command()
@lab_option
@node_argument("a")
@node_argument("b")
def up(lab: str | None, a: str, b: str) -> None:
    """Plug the cable between A and B in."""
    attach(lab).link(a, b).up()
    say(f"link {a} - {b} is up")


@link.command()
@lab_option
@node_argument("a")
@node_argument("b")
def down(lab: str | None, a: str, b: str) -> None:
    """Unplug the cable between A and B; both ends see no carrier."""
    attach(lab).link(a, b).down()
    say(f"link {a} - {b} is down")
