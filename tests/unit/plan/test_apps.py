"""Applications of a topology, in a plan and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Interface, IPv4Network

import pytest

from minidocknet.core.network import topology_of
from minidocknet.model.apps import AppSpec
from minidocknet.model.errors import UsageError
from minidocknet.model.topology import NodeSpec, Topology
from minidocknet.plan.apps import moved, plan_app, with_app, without_app
from minidocknet.plan.build import Surroundings
from minidocknet.plan.change import with_node, without_node
from minidocknet.plan.model import Plan
from minidocknet.plan.options import DeployOptions
from minidocknet.topology.native import parse_native
from minidocknet.topology.write import topology_yaml

from .conftest import capabilities, topology

MakePlan = Callable[..., Plan]


def with_specs(*apps: AppSpec, links: str = "a-b b-c c-a") -> Topology:
    return replace(topology(links), apps=apps)


def test_applications_are_numbered_in_their_order(make_plan: MakePlan) -> None:
    plan = make_plan(with_specs(AppSpec("one", "c", "x"), AppSpec("two", "a", "x")))
    assert [(app.name, app.node, app.index, app.port) for app in plan.apps] == [
        ("one", "c", 0, 30000),
        ("two", "a", 1, 30001),
    ]
    assert [str(app.ip) for app in plan.apps] == ["10.0.128.1/16", "10.0.128.2/16"]


def test_addresses_that_are_asked_for_go_first(make_plan: MakePlan) -> None:
    asked = AppSpec("two", "a", "x", ip=IPv4Interface("10.0.128.1/16"), mac="02:41:00:00:00:00")
    of_a_node = AppSpec("three", "a", "x", ip=IPv4Interface("10.0.0.1/16"))
    plan = make_plan(with_specs(AppSpec("one", "a", "x"), asked, of_a_node))
    one, two, three = plan.apps
    assert (one.index, two.index, three.index) == (0, 1, 2)
    assert (str(two.ip), two.mac) == ("10.0.128.1/16", "02:41:00:00:00:00")
    assert str(three.ip) == "10.0.0.1/16"
    everyone = [*plan.nodes, *plan.apps]
    assert len({one.ip.ip for one in everyone}) == len({one.mac for one in everyone}) == 6


def test_an_address_twice_is_refused(make_plan: MakePlan) -> None:
    ip = IPv4Interface("10.0.128.9/16")
    with pytest.raises(UsageError, match="taken"):
        make_plan(with_specs(AppSpec("one", "a", "x", ip=ip), AppSpec("two", "a", "x", ip=ip)))


def test_a_place_without_a_switch_is_refused(make_plan: MakePlan) -> None:
    with pytest.raises(UsageError, match="switch"):
        make_plan(with_specs(AppSpec("one", "a", "x")), switch="shared")


def test_a_saved_lab_deploys_as_it_was(make_plan: MakePlan) -> None:
    plan = make_plan(with_specs(AppSpec("one", "a", "x"), AppSpec("two", "b", "x")))
    plan = moved(without_app(plan, "one"), "two", "c")
    again = make_plan(parse_native(topology_yaml(topology_of(plan))))
    assert [(app.name, app.node, app.ip, app.mac) for app in again.apps] == [
        (app.name, app.node, app.ip, app.mac) for app in plan.apps
    ]
    # Its number is another one, so the next application's would have its address.
    grown = with_app(again, plan_app(again, AppSpec("three", "a", "x"), len(again.apps)))
    assert len({app.mac for app in grown.apps}) == len({app.ip for app in grown.apps}) == 2


def test_a_saved_lab_with_a_subnet_of_its_own(make_plan: MakePlan) -> None:
    plan = make_plan(with_specs(AppSpec("one", "a", "x")), subnet=IPv4Network("10.9.0.0/16"))
    again = make_plan(topology_of(plan))
    assert again.app("one").ip == plan.app("one").ip
    outside = AppSpec("two", "a", "x", ip=IPv4Interface("10.77.0.1/16"))
    with pytest.raises(UsageError, match="outside"):
        plan_app(again, outside, 1)


def test_a_node_with_applications_stays(make_plan: MakePlan) -> None:
    plan = make_plan(with_specs(AppSpec("one", "a", "x")))
    with pytest.raises(UsageError, match="node a has the application one") as caught:
        without_node(plan, "a")
    assert caught.value.remedy is not None
    assert "mdn migrate one" in caught.value.remedy
    assert "mdn app rm one" in caught.value.remedy
    without_node(moved(plan, "one", "b"), "a")


def grow(plan: Plan, spec: NodeSpec) -> Plan:
    return with_node(
        plan,
        spec,
        [],
        index=len(plan.nodes),
        first_link=len(plan.links),
        options=DeployOptions(),
        capabilities=capabilities(),
        surroundings=Surroundings(0, "mdn/node:test"),
    )


def test_a_new_node_keeps_clear_of_applications(make_plan: MakePlan) -> None:
    next_address = IPv4Interface("10.0.0.4/16")
    plan = make_plan(with_specs(AppSpec("one", "a", "x", ip=next_address)))
    assert str(grow(plan, NodeSpec("d")).node("d").ip) == "10.0.0.5/16"
    with pytest.raises(UsageError, match="an application 'One'"):
        grow(plan, NodeSpec("One"))
