"""Connected parts of a map."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import replace

import networkx as nx

from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import Topology


def induced(topology: Topology, names: Collection[str]) -> Topology:
    """The nodes called ``names`` with their applications and the links among them, in order."""
    kept = frozenset(names)
    return replace(
        topology,
        nodes=tuple(node for node in topology.nodes if node.name in kept),
        links=tuple(link for link in topology.links if link.a in kept and link.b in kept),
        apps=tuple(app for app in topology.apps if app.node in kept),
    )


def sample_topology(topology: Topology, nodes: int, seed: int = 0) -> Topology:
    """A connected sub-map of ``nodes`` nodes with all links among them, the same for equal seeds.

    It grows from a random node by random neighbours, so a tree's sample is a tree.  Raises
    :class:`TopologyError` where no connected part of the map is large enough.
    """
    if nodes < 1:
        raise TopologyError(f"a sample of {nodes} nodes cannot be", remedy="ask for 1 or more")
    graph = topology.graph
    parts = [part for part in nx.connected_components(graph) if len(part) >= nodes]
    if not parts:
        largest = max(len(part) for part in nx.connected_components(graph))
        raise TopologyError(
            f"topology {topology.name!r} has no connected part of {nodes} nodes",
            remedy=f"its largest has {largest}",
        )
    generator = random.Random(seed)
    eligible = {name for part in parts for name in part}
    starts = [node.name for node in topology.nodes if node.name in eligible]
    first = generator.choice(starts)
    chosen = {first}
    frontier = list(graph.adj[first])
    queued = {first, *frontier}
    while len(chosen) < nodes:
        position = generator.randrange(len(frontier))
        frontier[position], frontier[-1] = frontier[-1], frontier[position]
        name = frontier.pop()
        chosen.add(name)
        for neighbour in graph.adj[name]:
            if neighbour not in queued:
                queued.add(neighbour)
                frontier.append(neighbour)
    part = induced(topology, chosen)
    whole = f"the {len(topology.nodes)} nodes of {topology.name}"
    return replace(
        part,
        name=f"{topology.name}-{nodes}",
        description=f"Connected sample of {nodes} of {whole}, seed {seed}.",
    )
