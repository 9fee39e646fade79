"""The rules are run through a small model of OpenFlow: what matters is where frames arrive."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import LinkSpec, NodeSpec, Topology
from minidocknet.plan.build import Surroundings, build_plan
from minidocknet.plan.flows import flow_rules
from minidocknet.plan.options import DeployOptions
from minidocknet.plan.routing import next_hops, path

from .conftest import capabilities

BROADCAST = "ff:ff:ff:ff:ff:ff"
UNKNOWN = "02:aa:00:00:00:01"


def plan_of(graph: nx.Graph) -> object:
    topology = Topology(
        "random",
        tuple(NodeSpec(f"n{node}") for node in graph),
        tuple(
            LinkSpec(f"n{a}", f"n{b}").with_shaping(Shaping(delay_ms=data.get("d", 1)))
            for a, b, data in graph.edges(data=True)
        ),
    )
    return build_plan(
        topology, "lab", DeployOptions(), capabilities(), Surroundings(0, "mdn/node:test")
    )


def deliver(plan, source: str, destination_mac: str, most: int = 10_000) -> Counter:
    """How many copies of one frame from ``source`` each node's own port gets."""
    rules = flow_rules(plan)
    arrived: Counter = Counter()
    queue = [(source, "LOCAL")]
    hops = 0
    while queue:
        hops += 1
        assert hops < most, "the frame runs in circles"
        node, in_port = queue.pop()
        for out in matching_actions(rules[node], destination_mac):
            if out == in_port:
                continue
            if out == "LOCAL":
                arrived[node] += 1
                continue
            link = next(li for li in plan.links_of(node) if str(li.end_at(node).port) == out)
            peer = link.peer_of(node)
            queue.append((peer.node, str(peer.port)))
    return arrived


def matching_actions(rules, mac: str) -> list[str]:
    best: tuple[int, list[str]] = (-1, [])
    for rule in rules:
        match, actions = rule.split(",actions=")
        wanted = re.search(r"dl_dst=([0-9a-f:]+)", match)
        if wanted and wanted[1] != mac:
            continue
        priority = int(re.search(r"priority=(\d+)", match)[1])
        if priority > best[0]:
            best = (priority, [word.removeprefix("output:") for word in actions.split(",")])
    return best[1]


looped_graphs = st.builds(
    lambda n, extra, seed: nx.gnm_random_graph(n, min(n - 1 + extra, n * (n - 1) // 2), seed=seed),
    st.integers(3, 12),
    st.integers(1, 12),
    st.integers(0, 2**32 - 1),
).filter(lambda graph: nx.is_connected(graph) and not nx.is_tree(graph))


@settings(max_examples=60, deadline=None)
@given(looped_graphs)
def test_known_unicast_arrives_once_and_only_there(graph):
    plan = plan_of(graph)
    for target in plan.nodes:
        for source in plan.nodes:
            if source.name != target.name:
                assert deliver(plan, source.name, target.mac) == {target.name: 1}


@settings(max_examples=60, deadline=None)
@given(looped_graphs, st.sampled_from([BROADCAST, UNKNOWN]))
def test_floods_reach_every_other_node_exactly_once(graph, mac):
    plan = plan_of(graph)
    for source in plan.nodes:
        others = {node.name: 1 for node in plan.nodes if node.name != source.name}
        assert deliver(plan, source.name, mac) == others


@settings(max_examples=60, deadline=None)
@given(looped_graphs)
def test_paths_are_shortest_by_delay(graph):
    for index, (a, b) in enumerate(graph.edges):
        graph.edges[a, b]["d"] = 1 + index % 7
    plan = plan_of(graph)
    hops = next_hops(plan)
    for a in graph:
        lengths = nx.single_source_dijkstra_path_length(graph, a, weight="d")
        for b in graph:
            if a == b:
                continue
            nodes = path(hops, f"n{a}", f"n{b}")
            delay = sum(plan.link(u, v).a_to_b.delay_ms for u, v in itertools.pairwise(nodes))
            assert delay == pytest.approx(lengths[b])


def test_a_tree_learns():
    plan = plan_of(nx.path_graph(3))
    assert all("actions=NORMAL" in rule for rules in flow_rules(plan).values() for rule in rules)
