"""A map of nodes and links, as asked for: immutable, checked, independent of any machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import IPv4Interface
from typing import TYPE_CHECKING, Literal, Protocol

from minidocknet.model.errors import TopologyError
from minidocknet.model.shaping import PLAIN, Shaping

if TYPE_CHECKING:  # loading networkx takes longer than most commands: only where a graph is asked
    import networkx as nx

    from minidocknet.model.apps import AppSpec  # which takes names' rules from here

Scalar = str | int | float | bool
SwitchMode = Literal["node", "shared", "none"]
InnerEngineMode = Literal["lazy", "eager"]
LinkKind = Literal["l2tp", "wire", "vxlan", "veth"]
Encapsulation = Literal["none", "l2tp"]

SWITCH_MODES: tuple[SwitchMode, ...] = ("node", "shared", "none")
LINK_KINDS: tuple[LinkKind, ...] = ("l2tp", "wire", "vxlan", "veth")

# A node's name is its host name (RFC 1123 label) and never looks like a number, which resolvers
# would take for an address.
NODE_NAME = re.compile(
    r"(?!0x)(?=[a-z0-9-]*[a-z])[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE
)
MAC_ADDRESS = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}", re.IGNORECASE)
# IFNAMSIZ leaves 15 characters; '/' and white space are refused by the kernel.
INTERFACE_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,15}")


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node.  ``None`` means "the deployment's default".

    ``label``: the name as the map had it.  ``ip``: the node's own address with prefix length.
    ``cpus``: cores' worth of time.  ``memory_bytes``: limit.  ``volumes``: ``host:container[:ro]``.
    ``attrs``: facts of the map that MiniDockNet does not interpret (backbone flag, AS, ...).
    """

    name: str
    label: str | None = None
    image: str | None = None
    cpus: float | None = None
    memory_bytes: int | None = None
    ip: IPv4Interface | None = None
    mac: str | None = None
    switch: SwitchMode | None = None
    inner_engine: InnerEngineMode | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    location: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    attrs: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_node_name(self.name)
        if self.cpus is not None and not 0.01 <= self.cpus <= 1024:
            raise TopologyError(f"node {self.name}: cpus {self.cpus:g} is outside 0.01 to 1024")
        if self.memory_bytes is not None and self.memory_bytes < 16 * 1024**2:
            raise TopologyError(
                f"node {self.name}: memory {self.memory_bytes} bytes is below 16M, too little"
            )
        if self.mac is not None and not MAC_ADDRESS.fullmatch(self.mac):
            raise TopologyError(
                f"node {self.name}: mac {self.mac!r} is no unicast address like 02:00:00:00:00:01"
            )


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """A link between nodes ``a`` and ``b``, shaped per direction.

    ``type``: a forced link kind.  ``encap``: ``l2tp`` makes a ``wire`` link speak L2TPv3 over UDP.
    ``weight``: routing cost of the map (Rocketfuel's inferred weight), else the delay counts.
    ``a_iface`` / ``b_iface``: interface names, else the plan's.
    """

    a: str
    b: str
    a_to_b: Shaping = PLAIN
    b_to_a: Shaping = PLAIN
    type: LinkKind | None = None
    encap: Encapsulation | None = None
    mtu: int | None = None
    weight: float | None = None
    a_iface: str | None = None
    b_iface: str | None = None
    up: bool = True
    attrs: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.a == self.b:
            raise TopologyError(f"link {self.a} - {self.b} joins a node to itself")
        if self.mtu is not None and not 576 <= self.mtu <= 65535:
            raise TopologyError(f"link {self.a} - {self.b}: mtu {self.mtu} is outside 576 to 65535")
        if self.weight is not None and not self.weight > 0:
            raise TopologyError(f"link {self.a} - {self.b}: weight {self.weight} must be above 0")
        for iface in (self.a_iface, self.b_iface):
            if iface is not None and not INTERFACE_NAME.fullmatch(iface):
                raise TopologyError(
                    f"link {self.a} - {self.b}: interface name {iface!r} must be 1 to 15 letters, "
                    "digits, '_', '.', '@' or '-'"
                )

    @property
    def ends(self) -> frozenset[str]:
        """The link's identity: at most one link joins two nodes."""
        return frozenset((self.a, self.b))

    @property
    def is_symmetric(self) -> bool:
        return self.a_to_b == self.b_to_a

    def with_shaping(self, shaping: Shaping) -> LinkSpec:
        """The same link with ``shaping`` in both directions."""
        return replace(self, a_to_b=shaping, b_to_a=shaping)


@dataclass(frozen=True)
class Topology:
    """Nodes, links and applications.

    Raises :class:`TopologyError` on duplicates, self links, dangling names.
    """

    name: str
    nodes: tuple[NodeSpec, ...]
    links: tuple[LinkSpec, ...] = ()
    description: str = ""
    source: str = ""
    apps: tuple[AppSpec, ...] = ()

    def __post_init__(self) -> None:
        if not self.nodes:
            raise TopologyError(f"topology {self.name!r} has no nodes")
        seen: set[str] = set()
        for node in self.nodes:
            if node.name.lower() in seen:
                raise TopologyError(
                    f"node {node.name!r} is there twice (host names ignore case); rename one"
                )
            seen.add(node.name.lower())
        joined: set[frozenset[str]] = set()
        names = {node.name for node in self.nodes}
        for link in self.links:
            for end in (link.a, link.b):
                if end not in names:
                    raise TopologyError(f"link {link.a} - {link.b} names the unknown node {end!r}")
            if link.ends in joined:
                raise TopologyError(f"link {link.a} - {link.b} is there twice; keep one")
            joined.add(link.ends)
        for app in self.apps:
            if app.node not in names:
                raise TopologyError(f"application {app.name} names the unknown node {app.node!r}")
            if app.name.lower() in seen:
                raise TopologyError(
                    f"there is a node or an application {app.name!r} already (host names ignore "
                    "case); rename one"
                )
            seen.add(app.name.lower())

    @cached_property
    def _by_name(self) -> dict[str, NodeSpec]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _by_ends(self) -> dict[frozenset[str], LinkSpec]:
        return {link.ends: link for link in self.links}

    def node(self, name: str) -> NodeSpec:
        """The node called ``name``; KeyError where there is none."""
        return self._by_name[name]

    def link(self, a: str, b: str) -> LinkSpec:
        """The link between ``a`` and ``b`` in either order; KeyError where there is none."""
        return self._by_ends[frozenset((a, b))]

    @cached_property
    def graph(self) -> nx.Graph[str]:
        """An undirected networkx graph; edges carry ``link`` (LinkSpec) and ``cost`` (routing)."""
        import networkx as nx

        graph: nx.Graph[str] = nx.Graph(name=self.name)
        graph.add_nodes_from((node.name, {"node": node}) for node in self.nodes)
        graph.add_edges_from(
            (link.a, link.b, {"link": link, "cost": routing_cost(link)}) for link in self.links
        )
        return graph

    @cached_property
    def is_tree(self) -> bool:
        import networkx as nx

        return nx.is_tree(self.graph)

    @cached_property
    def is_forest(self) -> bool:
        """True where no loop exists, so that flooding ends by itself."""
        import networkx as nx

        return nx.is_forest(self.graph)

    @cached_property
    def is_connected(self) -> bool:
        import networkx as nx

        return nx.is_connected(self.graph)


class Weighted(Protocol):
    """What a path's cost is made of: a link, as asked for or as planned."""

    @property
    def a_to_b(self) -> Shaping: ...
    @property
    def b_to_a(self) -> Shaping: ...
    @property
    def weight(self) -> float | None: ...


def routing_cost(link: Weighted) -> float:
    """The map's weight, else the mean delay in ms, with a small cost per hop to break ties."""
    if link.weight is not None:
        return link.weight
    return (link.a_to_b.delay_ms + link.b_to_a.delay_ms) / 2 + 1e-3


def check_node_name(name: str) -> None:
    """Raise :class:`TopologyError` unless ``name`` can be a host name."""
    if not NODE_NAME.fullmatch(name):
        raise TopologyError(
            f"node name {name!r} cannot be a host name",
            remedy="use up to 63 letters, digits and '-', a letter among them, like r1 or new-york",
        )
