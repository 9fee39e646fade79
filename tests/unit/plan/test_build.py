from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Interface, IPv4Network

import pytest
from pydantic import TypeAdapter

from minidocknet.model.errors import CapabilityError, TopologyError, UsageError
from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import LinkSpec, NodeSpec, Topology
from minidocknet.plan.build import Surroundings
from minidocknet.plan.change import with_node, without_node
from minidocknet.plan.model import Plan
from minidocknet.plan.names import SHARED_SWITCH, container_name, lab_name_for
from minidocknet.plan.options import DeployOptions

from .conftest import capabilities, topology


def test_everything_that_must_be_unique_is(make_plan):
    plan = make_plan("a-b b-c c-a c-d")
    assert len({node.ip for node in plan.nodes}) == 4
    assert len({node.mac for node in plan.nodes}) == 4
    ends = [end for link in plan.links for end in (link.a, link.b)]
    assert len({end.mac for end in ends}) == len(ends)
    assert len({(end.home, end.iface) for end in ends}) == len(ends)
    assert len({(end.node, end.port) for end in ends}) == len(ends)


def test_container_names_of_different_labs_never_meet():
    assert container_name("a", "b-c") != container_name("a-b", "c")


@pytest.mark.parametrize(
    ("name", "lab"), [("Rocketfuel 68", "rocketfuel-68"), ("--", "lab"), ("x" * 60, "x" * 40)]
)
def test_lab_names_are_made_from_topology_names(name, lab):
    assert lab_name_for(name) == lab


def test_fixed_addresses_are_kept_and_others_go_around_them(make_plan):
    fixed = NodeSpec("b", ip=IPv4Interface("10.0.0.1/16"))
    plan = make_plan(Topology("t", (NodeSpec("a"), fixed)))
    assert [str(node.ip) for node in plan.nodes] == ["10.0.0.2/16", "10.0.0.1/16"]


def test_an_address_given_twice_is_refused(make_plan):
    same = IPv4Interface("10.0.0.1/16")
    with pytest.raises(TopologyError, match=r"node b: the address 10\.0\.0\.1 is given twice"):
        make_plan(Topology("t", (NodeSpec("a", ip=same), NodeSpec("b", ip=same))))


def test_a_subnet_that_is_too_small_names_the_option(make_plan):
    with pytest.raises(UsageError, match="--subnet"):
        make_plan("a-b b-c c-d", subnet=IPv4Network("10.9.0.0/30"))


def test_options_replace_what_the_map_says(make_plan):
    plan = make_plan("a-b", delay_ms=7.0, loss_pct=1.0)
    for shaping in (plan.links[0].a_to_b, plan.links[0].b_to_a):
        assert (shaping.delay_ms, shaping.loss_pct, shaping.bw_mbit) == (7.0, 1.0, 10.0)


def test_wire_is_taken_where_the_kernel_lacks_netem_and_the_reason_says_so(make_plan):
    link = make_plan("a-b").links[0]
    assert link.kind == "wire"
    assert "l2tp" in link.reason


def test_l2tp_is_taken_on_an_ordinary_kernel_with_an_underlay(make_plan):
    plan = make_plan("a-b", lacking=set())
    assert plan.links[0].kind == "l2tp"
    assert plan.underlay is not None
    assert len({node.underlay_ip for node in plan.nodes}) == 2
    assert plan.links[0].mtu < 1500


def test_a_forced_kind_that_would_lose_the_delay_is_refused(make_plan):
    with pytest.raises(CapabilityError, match="delay"):
        make_plan("a-b", link="veth")


def test_encapsulation_is_a_form_of_wire_only(make_plan):
    with pytest.raises(UsageError, match="form of kind wire"):
        make_plan("a-b", encap="l2tp", link="veth")
    assert make_plan("a-b", encap="l2tp").links[0].mtu == 1446


def test_shared_switch_keeps_all_interfaces_apart(make_plan):
    plan = make_plan("a-b b-c", switch="shared")
    ends = [end for link in plan.links for end in (link.a, link.b)]
    assert {end.home for end in ends} == {SHARED_SWITCH}
    assert len({end.iface for end in ends}) == 4


def test_a_switchless_node_with_two_links_among_switches_is_refused(make_plan):
    mixed = topology("a-b b-c")
    nodes = tuple(replace(n, switch="none") if n.name == "b" else n for n in mixed.nodes)
    with pytest.raises(UsageError, match="node b has no switch but 2 links"):
        make_plan(replace(mixed, nodes=nodes))


def test_a_plan_survives_json(make_plan):
    plan = make_plan("a-b b-c c-a")
    adapter = TypeAdapter(Plan)
    assert adapter.validate_json(adapter.dump_json(plan)) == plan


def _grow(plan, links, name="d", options=None):
    return with_node(
        plan,
        NodeSpec(name),
        links,
        index=10,
        first_link=20,
        options=options or DeployOptions(),
        capabilities=capabilities(),
        surroundings=Surroundings(slot=0, node_image="mdn/node:test"),
    )


def test_a_new_node_changes_no_number_of_the_others(make_plan):
    plan = make_plan("a-b b-c")
    grown = _grow(plan, [LinkSpec("d", "b")])
    assert grown.nodes[:3] == plan.nodes
    assert grown.links[:2] == plan.links
    assert grown.links[2].b.port == 3
    assert grown.node("d").ip not in {node.ip for node in plan.nodes}


def test_a_new_link_keeps_the_shaping_that_it_asks_for(make_plan):
    options = DeployOptions(delay_ms=1.0)
    asked = Shaping(delay_ms=9.0)
    links = [LinkSpec("d", "a", asked, asked), LinkSpec("d", "b")]
    grown = _grow(make_plan("a-b", delay_ms=1.0), links, options=options)
    assert [link.a_to_b.delay_ms for link in grown.links] == [1.0, 9.0, 1.0]


def test_a_removed_nodes_port_is_free_again_and_no_other(make_plan):
    plan, gone = without_node(make_plan("a-b a-c a-d"), "c")
    assert [link.key for link in gone] == ["a--c"]
    grown = _grow(plan, [LinkSpec("a", "e")], name="e")
    ports = [link.end_at("a").port for link in grown.links_of("a")]
    assert len(set(ports)) == 3


def test_a_second_link_between_two_nodes_is_refused(make_plan):
    with pytest.raises(UsageError, match="link d - b already"):
        _grow(make_plan("a-b"), [LinkSpec("b", "d"), LinkSpec("d", "b")])


def test_the_last_node_cannot_be_removed(make_plan):
    with pytest.raises(UsageError, match="last node"):
        without_node(make_plan(Topology("t", (NodeSpec("a"),))), "a")


def test_unknown_names_say_what_there_is(make_plan):
    plan = make_plan("a-b b-c")
    with pytest.raises(UsageError, match="a, b, c"):
        plan.node("x")
    with pytest.raises(UsageError, match="a is linked to: b"):
        plan.link("a", "c")
