"""What GraphML, GML and the hub's maps share: a graph with attributes, made a topology."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from minidocknet.model.errors import TopologyError
from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import LinkSpec, NodeSpec, Scalar, Topology
from minidocknet.topology.attributes import (
    Attributes,
    has_delay,
    link_from,
    node_from,
    zoo_rate_mbit,
)
from minidocknet.topology.files import located
from minidocknet.topology.geo import fibre_delay_ms, great_circle_km
from minidocknet.topology.linkcheck import LinkChecker
from minidocknet.topology.names import label_for, map_names

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RawNode:
    """A node as the file has it."""

    id: str
    attributes: Attributes
    line: int | None = None


@dataclass(frozen=True, slots=True)
class RawEdge:
    """An edge as the file has it; ``key`` tells parallel edges apart where the file does."""

    source: str
    target: str
    attributes: Attributes
    line: int | None = None
    key: str | None = None


@dataclass(slots=True)
class RawGraph:
    """A graph as the file has it."""

    nodes: list[RawNode] = field(default_factory=list)
    edges: list[RawEdge] = field(default_factory=list)
    attributes: Attributes = field(default_factory=dict)
    directed: bool = False
    multigraph: bool = False


def build_topology(graph: RawGraph, file: str, name: str) -> Topology:
    """The topology of ``graph``.

    In a directed graph the edges from a to b and from b to a are one link's directions.  Parallel
    edges of a multigraph (the Topology Zoo's among them) become one link with the sum of their
    known rates, and a warning counts them; elsewhere a second edge is an error.  A link that has
    no delay gets the one of fibre along the great circle, where both nodes have coordinates.
    Raises :class:`TopologyError` with file and line.
    """
    nodes = _nodes(graph, file)
    edges = _merged(graph, file)
    checker = LinkChecker(file, nodes)
    reverse = _reverse_edges(edges) if graph.directed else {}
    links: list[LinkSpec] = []
    for (source, target), edge in edges.items():
        if (source, target) in reverse:
            continue
        checker.check(source, target, edge.line)
        back = edges.get((target, source)) if graph.directed else None
        a, b = nodes[source], nodes[target]
        with located(file, edge.line):
            links.append(_link(a, b, edge.attributes, back.attributes if back else None))
    given = graph.attributes
    about = str(given.get("description") or given.get("Network") or given.get("label") or "")
    source_of = str(given.get("source") or given.get("Source") or "")
    with located(file, 1):
        return Topology(
            name=str(given.get("name") or name),
            nodes=tuple(nodes.values()),
            links=tuple(links),
            description=about,
            source=source_of,
        )


def _nodes(graph: RawGraph, file: str) -> dict[str, NodeSpec]:
    if not graph.nodes:
        raise TopologyError("has no nodes", file=file, line=1)
    lines: dict[str, int | None] = {}
    for node in graph.nodes:
        if node.id in lines:
            raise TopologyError(
                f"node {node.id!r} is there twice, first in line {lines[node.id]}; rename one",
                file=file,
                line=node.line,
            )
        lines[node.id] = node.line
    originals = [str(_first(node.attributes, "name", "label") or node.id) for node in graph.nodes]
    nodes: dict[str, NodeSpec] = {}
    for node, original, name in zip(graph.nodes, originals, map_names(originals), strict=True):
        label = node.attributes.get("label")
        with located(file, node.line):
            nodes[node.id] = node_from(
                name,
                label_for(str(label) if label is not None else original, name),
                node.attributes,
            )
    return nodes


def _first(attributes: Mapping[str, Scalar], *keys: str) -> Scalar | None:
    return next((attributes[key] for key in keys if key in attributes), None)


def _merged(graph: RawGraph, file: str) -> dict[tuple[str, str], RawEdge]:
    """One edge per pair (per direction in a directed graph)."""
    edges: dict[tuple[str, str], RawEdge] = {}
    keys: dict[tuple[str, str], set[str | None]] = {}
    merged = 0
    for edge in graph.edges:
        pair = (edge.source, edge.target)
        if not graph.directed and pair not in edges and pair[::-1] in edges:
            pair = pair[::-1]
        first = edges.get(pair)
        if first is None:
            edges[pair] = edge
            keys[pair] = {edge.key}
            continue
        if not graph.multigraph and (edge.key is None or edge.key in keys[pair]):
            raise TopologyError(
                f"link {edge.source} - {edge.target} is there twice, first in line {first.line}",
                file=file,
                line=edge.line,
                remedy="keep one, or mark the graph as a multigraph to have them merged",
            )
        keys[pair].add(edge.key)
        merged += 1
        with located(file, edge.line):
            edges[pair] = _parallel(first, edge)
    if merged:
        log.warning(
            "%s: %d parallel links were merged into others; their known rates were added",
            file,
            merged,
        )
    return edges


def _parallel(first: RawEdge, second: RawEdge) -> RawEdge:
    """One edge for two: the first's attributes, the sum of the known rates, their count."""
    attributes = dict(first.attributes)
    attributes["parallel"] = int(attributes.get("parallel", 1)) + 1
    rates = [_rate(edge.attributes) for edge in (first, second)]
    known = [rate for rate in rates if rate is not None]
    if known:
        attributes.pop("bw", None)
        attributes["bw_mbit"] = sum(known)
    return replace(first, attributes=attributes)


def _rate(attributes: Mapping[str, Scalar]) -> float | None:
    given = _first(attributes, "bw_mbit", "bw")
    return float(given) if isinstance(given, (int, float)) else zoo_rate_mbit(attributes)


def _reverse_edges(edges: Mapping[tuple[str, str], RawEdge]) -> set[tuple[str, str]]:
    """The pairs that are the second direction of a pair listed before them."""
    seen: set[tuple[str, str]] = set()
    reverse: set[tuple[str, str]] = set()
    for source, target in edges:
        if (target, source) in seen and source != target:
            reverse.add((source, target))
        seen.add((source, target))
    return reverse


def _link(a: NodeSpec, b: NodeSpec, given: Attributes, back: Attributes | None) -> LinkSpec:
    link = link_from(a.name, b.name, given, back)
    if has_delay(given) or (back is not None and has_delay(back)):
        return link
    if None in (a.latitude, a.longitude, b.latitude, b.longitude):
        return link
    distance = great_circle_km(_point(a), _point(b))
    delay = fibre_delay_ms(distance)
    return replace(
        link,
        a_to_b=_with_delay(link.a_to_b, delay),
        b_to_a=_with_delay(link.b_to_a, delay),
        attrs={**link.attrs, "distance_km": round(distance, 2)},
    )


def _point(node: NodeSpec) -> tuple[float, float]:
    return node.latitude or 0.0, node.longitude or 0.0


def _with_delay(shaping: Shaping, delay_ms: float) -> Shaping:
    return replace(shaping, delay_ms=delay_ms)
