"""The rules are run through a small model of OpenFlow: what matters is where frames arrive."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidocknet.model.apps import AppSpec
from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import LinkSpec, NodeSpec, Topology
from minidocknet.plan.apps import moved
from minidocknet.plan.build import Surroundings, build_plan
from minidocknet.plan.flows import flow_changes, flow_rules
from minidocknet.plan.model import Plan
from minidocknet.plan.options import DeployOptions
from minidocknet.plan.routing import next_hops, path

from .conftest import capabilities

BROADCAST = "ff:ff:ff:ff:ff:ff"
UNKNOWN = "02:aa:00:00:00:01"


def plan_of(graph: nx.Graph, apps: tuple[AppSpec, ...] = ()) -> Plan:
    topology = Topology(
        "random",
        tuple(NodeSpec(f"n{node}") for node in graph),
        tuple(
            LinkSpec(f"n{a}", f"n{b}").with_shaping(Shaping(delay_ms=data.get("d", 1)))
            for a, b, data in graph.edges(data=True)
        ),
        apps=apps,
    )
    return build_plan(
        topology, "lab", DeployOptions(), capabilities(), Surroundings(0, "mdn/node:test")
    )


def deliver(plan, source: str, destination_mac: str, most: int = 10_000) -> Counter:
    """How many copies of one frame from ``source`` each node's own port and application gets.

    ``source``: a node or an application.
    """
    rules = flow_rules(plan)
    apps = {(app.node, str(app.port)): app.name for app in plan.apps}
    arrived: Counter = Counter()
    queue = next(([where] for where, name in apps.items() if name == source), [(source, "LOCAL")])
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
            if (node, out) in apps:
                arrived[apps[node, out]] += 1
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


@st.composite
def graphs_with_apps(draw):
    """A plan of a map with loops, and applications on some of its nodes."""
    graph = draw(looped_graphs)
    places = draw(st.lists(st.sampled_from([f"n{node}" for node in graph]), min_size=1, max_size=4))
    return plan_of(graph, tuple(AppSpec(f"app{i}", n, "x") for i, n in enumerate(places)))


@settings(max_examples=60, deadline=None)
@given(graphs_with_apps(), st.data())
def test_applications_are_reached_from_everywhere_wherever_they_move(plan, data):
    for _ in range(2):
        for app in plan.apps:
            for source in [*plan.nodes, *plan.apps]:
                if source.name != app.name:
                    assert deliver(plan, source.name, app.mac) == {app.name: 1}
        plan = moved(plan, "app0", data.draw(st.sampled_from(plan.nodes)).name)


@settings(max_examples=60, deadline=None)
@given(graphs_with_apps(), st.sampled_from([BROADCAST, UNKNOWN]))
def test_floods_reach_every_other_application_exactly_once(plan, mac):
    everyone = [one.name for one in [*plan.nodes, *plan.apps]]
    for source in everyone:
        assert deliver(plan, source, mac) == {name: 1 for name in everyone if name != source}


@settings(max_examples=60, deadline=None)
@given(graphs_with_apps(), st.data())
def test_changes_lead_from_the_old_rules_to_the_new_ones(plan, data):
    target = data.draw(st.sampled_from(plan.nodes)).name
    after = moved(plan, "app0", target)
    changes = flow_changes(plan, after)
    for node, rules in flow_rules(plan).items():
        table = {match_of(rule): rule for rule in rules}
        for line in changes.get(node, ()):
            verb, _, rule = line.partition(" ")
            if verb == "delete_strict":
                # Without a cookie, which would have to be masked to delete anything.
                del table[f"cookie=0x6d646e,{rule}"]
            else:
                assert verb == "add"
                table[match_of(rule)] = rule
        assert set(table.values()) == set(flow_rules(after)[node])
    # A node's flood rule changes where the application was and is; of the others, those change
    # whose next hop does: none where it did not move.
    assert bool(changes) == (target != plan.app("app0").node)


def match_of(rule: str) -> str:
    return rule.split(",actions=")[0]


def test_a_removed_application_leaves_no_rule():
    app = AppSpec("web", "n1", "x")
    before, after = plan_of(nx.cycle_graph(3), (app,)), plan_of(nx.cycle_graph(3))
    changes = flow_changes(before, after)
    mac = before.app("web").mac
    assert set(changes) == {"n0", "n1", "n2"}
    for lines in changes.values():
        assert f"delete_strict priority=100,dl_dst={mac}" in lines
    assert any(line.startswith("add ") and "priority=10," in line for line in changes["n1"])


def test_a_tree_learns():
    app = AppSpec("web", "n1", "x")
    plan = plan_of(nx.path_graph(3), (app,))
    assert all("actions=NORMAL" in rule for rules in flow_rules(plan).values() for rule in rules)
    assert flow_rules(plan) == flow_rules(plan_of(nx.path_graph(3)))
    assert not flow_changes(plan, moved(plan, "web", "n0"))
