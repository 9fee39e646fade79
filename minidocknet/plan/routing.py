"""Paths between nodes: which neighbour leads where, and which links carry broadcasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidocknet.plan.model import Plan

if TYPE_CHECKING:  # loading networkx takes longer than most commands
    import networkx as nx


def plan_graph(plan: Plan) -> nx.Graph[str]:
    """Nodes and links with ``cost`` and ``link``, in an order that does not depend on chance."""
    import networkx as nx

    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(sorted(node.name for node in plan.nodes))
    for link in sorted(plan.links, key=lambda link: sorted(link.ends)):
        graph.add_edge(link.a.node, link.b.node, cost=link.cost, link=link)
    return graph


def has_loops(plan: Plan) -> bool:
    import networkx as nx

    return not nx.is_forest(plan_graph(plan))


def next_hops(plan: Plan) -> dict[str, dict[str, str]]:
    """``result[node][destination]`` is the neighbour of ``node`` on the shortest path.

    The paths towards one destination form a tree, so that no packet can run in circles: each
    node's next hop is its parent in the shortest-path tree rooted at the destination.  Equal
    costs are settled by the node's name.
    """
    import networkx as nx

    graph = plan_graph(plan)
    hops: dict[str, dict[str, str]] = {name: {} for name in graph}
    for destination in graph:
        distance = nx.single_source_dijkstra_path_length(graph, destination, weight="cost")
        for name in distance:
            if name == destination:
                continue
            hops[name][destination] = min(
                graph[name],
                key=lambda peer: (distance[peer] + graph[name][peer]["cost"], peer),
            )
    return hops


def path(hops: dict[str, dict[str, str]], source: str, destination: str) -> list[str]:
    """The nodes from ``source`` to ``destination``; KeyError where they are not connected."""
    nodes = [source]
    while nodes[-1] != destination:
        nodes.append(hops[nodes[-1]][destination])
    return nodes


def broadcast_links(plan: Plan) -> frozenset[frozenset[str]]:
    """The links of a minimum spanning forest, the only ones that carry floods."""
    import networkx as nx

    forest = nx.minimum_spanning_edges(plan_graph(plan), weight="cost", data=False)
    return frozenset(frozenset(edge) for edge in forest)
