"""The plan of a lab: what exists on the machine, with every name, number and address in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import IPv4Interface, IPv4Network

from minidocknet.model.apps import AppSpec
from minidocknet.model.errors import UsageError
from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import (
    InnerEngineMode,
    LinkKind,
    NodeSpec,
    Scalar,
    SwitchMode,
)


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node's container.  ``index`` never changes while the lab lives; addresses follow it."""

    name: str
    index: int
    container: str
    image: str
    ip: IPv4Interface
    mac: str
    switch: SwitchMode
    inner_engine: InnerEngineMode
    spec: NodeSpec
    underlay_ip: IPv4Interface | None = None


@dataclass(frozen=True, slots=True)
class EndPlan:
    """One end of a link.

    ``home``: whose network namespace holds the interface (the node, or the shared switch).
    ``port``: OpenFlow port number on the node's bridge, 0 without a switch.
    """

    node: str
    home: str
    iface: str
    mac: str
    port: int


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """A link between two ends; ``id`` never changes while the lab lives.

    ``reason`` says why ``kind`` was taken.  ``weight`` is the routing cost that the map gave.
    """

    id: int
    a: EndPlan
    b: EndPlan
    kind: LinkKind
    reason: str
    encap_l2tp: bool
    mtu: int
    a_to_b: Shaping
    b_to_a: Shaping
    up: bool = True
    weight: float | None = None
    # What paths are chosen by; it stays when the shaping changes, as the rules in the switches do.
    cost: float = 1.0
    # Of each direction's delay, what the emulation takes by itself: see plan.allowance.
    allowance_ms: float = 0.0
    attrs: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The link's name towards the wire daemon and in messages."""
        return f"{self.a.node}--{self.b.node}"

    @property
    def ends(self) -> frozenset[str]:
        return frozenset((self.a.node, self.b.node))

    def end_at(self, node: str) -> EndPlan:
        return self.a if self.a.node == node else self.b

    def peer_of(self, node: str) -> EndPlan:
        return self.b if self.a.node == node else self.a

    def shaping_from(self, node: str) -> Shaping:
        """What frames that leave ``node`` meet."""
        return self.a_to_b if self.a.node == node else self.b_to_a


@dataclass(frozen=True, slots=True)
class AppPlan:
    """An application's container and its port on the switch of the node it is on.

    ``index`` never changes while the lab lives, and with it addresses and names stay the same on
    every node.  ``iface``: the node's end of the pair whose other end is the application's eth0;
    ``port``: its OpenFlow port number.
    """

    name: str
    index: int
    node: str
    ip: IPv4Interface
    mac: str
    iface: str
    port: int
    spec: AppSpec


@dataclass(frozen=True)
class Plan:
    """A whole lab on one machine.

    ``slot``: small number, unique among the machine's labs, from which loopback addresses of
    L2TP-encapsulated links are made.  ``underlay``: Docker network for vxlan and l2tp links.
    """

    lab: str
    slot: int
    name: str
    description: str
    source: str
    subnet: IPv4Network
    nodes: tuple[NodePlan, ...]
    links: tuple[LinkPlan, ...]
    underlay: IPv4Network | None = None
    apps: tuple[AppPlan, ...] = ()

    @cached_property
    def _nodes_by_name(self) -> dict[str, NodePlan]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _links_by_ends(self) -> dict[frozenset[str], LinkPlan]:
        return {link.ends: link for link in self.links}

    def node(self, name: str) -> NodePlan:
        """The node called ``name``; UsageError naming the near ones where there is none."""
        try:
            return self._nodes_by_name[name]
        except KeyError:
            raise UsageError(
                f"lab {self.lab} has no node {name!r}",
                remedy=f"take one of: {_shorten(self._nodes_by_name)}",
            ) from None

    def link(self, a: str, b: str) -> LinkPlan:
        """The link between ``a`` and ``b``; UsageError naming ``a``'s links where there is none."""
        self.node(a), self.node(b)
        try:
            return self._links_by_ends[frozenset((a, b))]
        except KeyError:
            peers = {link.peer_of(a).node for link in self.links_of(a)}
            raise UsageError(
                f"lab {self.lab} has no link {a} - {b}",
                remedy=f"{a} is linked to: {_shorten(peers)}" if peers else f"{a} has no links",
            ) from None

    @cached_property
    def _links_by_node(self) -> dict[str, tuple[LinkPlan, ...]]:
        by_node: dict[str, list[LinkPlan]] = {node.name: [] for node in self.nodes}
        for link in self.links:
            by_node[link.a.node].append(link)
            by_node[link.b.node].append(link)
        return {name: tuple(links) for name, links in by_node.items()}

    def links_of(self, node: str) -> tuple[LinkPlan, ...]:
        return self._links_by_node[node]

    def app(self, name: str) -> AppPlan:
        """The application called ``name``; UsageError naming the others where there is none."""
        for app in self.apps:
            if app.name == name:
                return app
        names = {app.name for app in self.apps}
        raise UsageError(
            f"lab {self.lab} has no application {name!r}",
            remedy=f"take one of: {_shorten(names)}" if names else "start one: mdn app run",
        )

    def apps_on(self, node: str) -> tuple[AppPlan, ...]:
        return tuple(app for app in self.apps if app.node == node)

    @property
    def uses_shared_switch(self) -> bool:
        return any(node.switch == "shared" for node in self.nodes)

    def links_of_kind(self, kind: LinkKind) -> tuple[LinkPlan, ...]:
        return tuple(link for link in self.links if link.kind == kind)

    def with_link(self, link: LinkPlan) -> Plan:
        """The same plan with ``link`` in the place of the one with its id."""
        return replace(self, links=tuple(link if old.id == link.id else old for old in self.links))


def _shorten(names: Mapping[str, object] | set[str], most: int = 12) -> str:
    shown = sorted(names)
    more = f", ... ({len(shown)} in all)" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
