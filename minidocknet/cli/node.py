"""``mdn node``: stop, start, add and remove nodes of a live lab."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from minidocknet.cli.labs import attach, lab_option, node_argument
from minidocknet.cli.link import shaping_changes
from minidocknet.cli.output import format_option, print_json, say
from minidocknet.cli.quantities import (
    RATE_OR_UNLIMITED,
    SIZE,
    parse_burst_loss,
    parse_queue_limit,
)
from minidocknet.model.errors import UsageError
from minidocknet.model.shaping import PLAIN
from minidocknet.model.topology import LINK_KINDS, LinkSpec, NodeSpec
from minidocknet.model.units import parse_delay_ms, parse_percent

if TYPE_CHECKING:
    from collections.abc import Callable

# Keys of ``--link PEER,key=value`` and how each one's value is read.
_SHAPING: dict[str, Callable[[str], Any]] = {
    "delay": parse_delay_ms,
    "jitter": parse_delay_ms,
    "jitter-distribution": str,
    "bw": lambda text: RATE_OR_UNLIMITED.convert(text, None, None),
    "loss": parse_percent,
    "burst-loss": parse_burst_loss,
    "duplicate": parse_percent,
    "reorder": parse_percent,
}
_KEYS = (*_SHAPING, "queue", "kind", "encap", "mtu")


@click.group(short_help="Stop, start, add and remove nodes.")
def node() -> None:
    """Stop, start, add and remove nodes of a live lab."""


@node.command()
@lab_option
@node_argument("nodes", nargs=-1, required=True, metavar="NODE...")
def stop(lab: str | None, nodes: tuple[str, ...]) -> None:
    """Power nodes off; their disks and places in the map stay."""
    network = attach(lab)
    for chosen in [network.node(name) for name in nodes]:
        chosen.stop()
        say(f"node {chosen.name} is stopped")


@node.command()
@lab_option
@node_argument("nodes", nargs=-1, required=True, metavar="NODE...")
def start(lab: str | None, nodes: tuple[str, ...]) -> None:
    """Power nodes on; their links are there again when this returns."""
    network = attach(lab)
    for chosen in [network.node(name) for name in nodes]:
        chosen.start()
        say(f"node {chosen.name} runs")


@node.command()
@lab_option
@click.argument("name")
@click.option(
    "--link", "links", multiple=True, metavar="PEER[,delay=3ms,...]",
    help=f"A link to a node that is there; may be repeated.  Keys: {', '.join(_KEYS)}.",
)  # fmt: skip
@click.option("--image", metavar="IMAGE", help="Else the lab's.")
@click.option("--cpus", type=float, metavar="0.5", help="Limit, in cores.")
@click.option("--memory", type=SIZE, metavar="256M", help="Limit.")
@click.option("--switch", type=click.Choice(["node", "shared", "none"]), help="Else the lab's.")
@format_option
def add(
    lab: str | None,
    name: str,
    links: tuple[str, ...],
    image: str | None,
    cpus: float | None,
    memory: int | None,
    switch: Any,
    form: str,
) -> None:
    """Add a node, with links to nodes that are there, while the lab runs."""
    spec = NodeSpec(name, image=image, cpus=cpus, memory_bytes=memory, switch=switch)
    planned = [parse_link(name, text) for text in links]
    network = attach(lab)
    added = network.add_node(spec, planned)
    say(f"node {name} runs with {len(planned)} links, its address is {added.ip}")
    if form == "json":
        from minidocknet.core.inspect import link_json

        new_links = [link_json(link) for link in network.lab.plan.links_of(name)]
        print_json(
            {"schema": 1, "lab": network.name, "name": name, "ip": added.ip, "links": new_links}
        )


@node.command()
@lab_option
@node_argument("nodes", nargs=-1, required=True, metavar="NODE...")
def remove(lab: str | None, nodes: tuple[str, ...]) -> None:
    """Remove nodes with their links and disks."""
    network = attach(lab)
    for chosen in [network.node(name) for name in nodes]:
        network.remove_node(chosen.name)
        say(f"node {chosen.name} is removed")


def parse_link(name: str, text: str) -> LinkSpec:
    """``PEER[,delay=3ms,bw=10mbit,...]`` as a link from ``name``.

    Raises UsageError naming the key or value that makes no sense.
    """
    peer, *settings = text.split(",")
    shaping: dict[str, Any] = {}
    queue = None
    rest: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        try:
            if not equals or key not in _KEYS:
                raise ValueError(f"{setting!r} is no setting; write key=value with one of the keys "
                                 f"{', '.join(_KEYS)}")  # fmt: skip
            if key in _SHAPING:
                shaping[key.replace("-", "_")] = _SHAPING[key](value)
            elif key == "queue":
                queue = parse_queue_limit(value)
            else:
                rest[{"kind": "type"}.get(key, key)] = _link_setting(key, value)
        except (ValueError, click.BadParameter) as error:
            message = error.message if isinstance(error, click.BadParameter) else str(error)
            raise UsageError(
                f"--link {text}: {message}", remedy="write it like r1,delay=3ms,bw=10mbit"
            ) from None
    try:
        shaped = replace(PLAIN, **shaping_changes(shaping, queue))
    except ValueError as error:
        raise UsageError(f"--link {text}: {error}") from None
    return LinkSpec(name, peer, a_to_b=shaped, b_to_a=shaped, **rest)


def _link_setting(key: str, value: str) -> str | int:
    choices: dict[str, tuple[str, ...]] = {"kind": LINK_KINDS, "encap": ("none", "l2tp")}
    if key == "mtu":
        return int(value)
    if value not in choices[key]:
        raise ValueError(f"{key} {value!r} is none of {', '.join(choices[key])}")
    return value
