"""A plan with a node more or less.  Pure: numbers and addresses of the others never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from minidocknet.model.capabilities import Capabilities
from minidocknet.model.errors import UsageError
from minidocknet.model.shaping import PLAIN
from minidocknet.model.topology import LinkSpec, NodeSpec
from minidocknet.plan.addressing import assign_addresses
from minidocknet.plan.allowance import Calibration
from minidocknet.plan.build import (
    UNDERLAY_KINDS,
    Surroundings,
    check_switchless,
    override_shaping,
    plan_link,
    plan_node,
    underlay_address,
)
from minidocknet.plan.model import LinkPlan, Plan
from minidocknet.plan.options import DeployOptions


def with_node(
    plan: Plan,
    spec: NodeSpec,
    links: Sequence[LinkSpec],
    *,
    index: int,
    first_link: int,
    options: DeployOptions,
    capabilities: Capabilities,
    surroundings: Surroundings,
) -> Plan:
    """``plan`` with node ``spec`` and its ``links``, numbered from ``index`` and ``first_link``."""
    for kind, taken in (("a node", plan.nodes), ("an application", plan.apps)):
        if any(one.name.lower() == spec.name.lower() for one in taken):
            raise UsageError(f"lab {plan.lab} has {kind} {spec.name!r} already")
    addresses = assign_addresses(
        [(spec.name, spec.ip)],
        plan.subnet,
        taken=[one.ip.ip for group in (plan.nodes, plan.apps) for one in group],
    )
    node = plan_node(plan.lab, index, spec, addresses[spec.name], options, surroundings)
    if plan.underlay is not None:
        node = replace(node, underlay_ip=underlay_address(plan.underlay, index))
    grown = replace(plan, nodes=(*plan.nodes, node))
    for number, link in enumerate(links, first_link):
        planned = _plan_new_link(
            grown, link, number, options, capabilities, surroundings.calibration
        )
        if planned.kind in UNDERLAY_KINDS and plan.underlay is None:
            raise UsageError(
                f"lab {plan.lab} has no underlay for a link of kind {planned.kind}",
                remedy="use kind wire or veth, or deploy the lab with --link " + planned.kind,
            )
        grown = replace(grown, links=(*grown.links, planned))
    check_switchless({node.name: node for node in grown.nodes}, grown.links)
    return grown


def _plan_new_link(
    plan: Plan,
    spec: LinkSpec,
    number: int,
    options: DeployOptions,
    capabilities: Capabilities,
    calibration: Calibration,
) -> LinkPlan:
    if spec.ends in {link.ends for link in plan.links}:
        raise UsageError(f"lab {plan.lab} has a link {spec.a} - {spec.b} already")
    nodes = plan.node(spec.a), plan.node(spec.b)
    ports = _free_port(plan, spec.a), _free_port(plan, spec.b)
    # The deployment's shaping is for links that say nothing: what is asked now is meant.
    if spec.a_to_b == spec.b_to_a == PLAIN:
        spec = override_shaping(spec, options)
    return plan_link(number, spec, nodes, ports, options, capabilities, calibration)


def _free_port(plan: Plan, node: str) -> int:
    """A number that no interface of the node has, so that no two share an ethN or a port."""
    used = {link.end_at(node).port for link in plan.links_of(node)}
    used |= {
        int(digits)
        for link in plan.links_of(node)
        if (digits := link.end_at(node).iface.removeprefix("eth")).isdigit()
    }
    return max(used, default=0) + 1


def without_node(plan: Plan, name: str) -> tuple[Plan, tuple[LinkPlan, ...]]:
    """``plan`` without node ``name``, and the links that went with it.

    UsageError for the last node, and for one that has applications.
    """
    plan.node(name)
    apps = plan.apps_on(name)
    if apps:
        one = len(apps) == 1
        raise UsageError(
            f"node {name} has the application{'' if one else 's'} "
            + ", ".join(app.name for app in apps),
            remedy=f"move {'it' if one else 'them'} to another node (mdn migrate {apps[0].name} "
            f"--to NODE), or remove {'it' if one else 'them'} (mdn app rm {apps[0].name})",
        )
    if len(plan.nodes) == 1:
        raise UsageError(
            f"{name} is the last node of lab {plan.lab}",
            remedy=f"take the lab down: mdn destroy --lab {plan.lab}",
        )
    gone = plan.links_of(name)
    return (
        replace(
            plan,
            nodes=tuple(node for node in plan.nodes if node.name != name),
            links=tuple(link for link in plan.links if name not in link.ends),
        ),
        gone,
    )
