"""Applications in a plan: their addresses, ports and files.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Interface
from itertools import count

from minidocknet.model.apps import AppSpec
from minidocknet.model.errors import UsageError
from minidocknet.plan.addressing import app_address, app_mac
from minidocknet.plan.model import AppPlan, NodePlan, Plan
from minidocknet.plan.mtu import lab_mtu
from minidocknet.plan.switchdb import ACCESS_PORT, BRIDGE

# OpenFlow numbers of applications' ports: above every link's.
_FIRST_PORT = 30000

# Files in an application's folder of a node's /etc/mdn/apps, by container id.
PORT = "port"


def plan_app(plan: Plan, spec: AppSpec, index: int) -> AppPlan:
    """Application number ``index``.

    Raises UsageError for an unknown node, one without a switch of its own, a name or an address
    that is taken or lies outside of the lab's subnet.
    """
    node = plan.node(spec.node)
    _check_place(plan, spec.name, spec.node)
    if _FIRST_PORT + index >= ACCESS_PORT:
        raise UsageError(f"lab {plan.lab} has had {index} applications; deploy it anew")
    known: list[NodePlan | AppPlan] = [*plan.nodes, *plan.apps]
    if spec.name.lower() in {one.name.lower() for one in known}:
        raise UsageError(
            f"lab {plan.lab} has a node or an application {spec.name!r} already",
            remedy="give another --name",
        )
    taken = {one.ip.ip for one in known}
    if spec.ip is None:
        ip = app_address(index, plan.subnet, taken)
    elif spec.ip.ip in taken:
        raise UsageError(f"application {spec.name}: the address {spec.ip.ip} is taken")
    elif not _is_reachable(plan, spec.ip):
        raise UsageError(
            f"application {spec.name}: {spec.ip.ip} lies outside of the lab's {plan.subnet}",
            remedy="leave --ip out, or deploy with another --subnet",
        )
    else:
        ip = spec.ip if spec.ip.network.prefixlen < 32 else _with_prefix(plan, spec)
    macs = {one.mac.lower() for one in known}
    # A saved lab's applications have the addresses of the numbers that they had there.
    mac = (spec.mac or next(mac for n in count(index) if (mac := app_mac(n)) not in macs)).lower()
    if mac in macs:
        raise UsageError(f"application {spec.name}: the MAC address {mac} is taken")
    return AppPlan(
        name=spec.name,
        index=index,
        node=node.name,
        ip=ip,
        mac=mac,
        iface=f"app{index}",
        port=_FIRST_PORT + index,
        spec=spec,
    )


def _is_reachable(plan: Plan, ip: IPv4Interface) -> bool:
    """In the lab's subnet, or in a node's, which a map may put elsewhere."""
    return ip.ip in plan.subnet or any(ip.ip in node.ip.network for node in plan.nodes)


def _with_prefix(plan: Plan, spec: AppSpec) -> IPv4Interface:
    assert spec.ip is not None
    return IPv4Interface((spec.ip.ip, plan.subnet.prefixlen))


def _check_place(plan: Plan, app: str, node: str) -> None:
    if plan.node(node).switch != "node":
        raise UsageError(
            f"application {app} needs a switch of the node's own, and {node} has none",
            remedy="deploy the lab with --switch node, or take another node",
        )


def with_apps(plan: Plan, specs: Iterable[AppSpec]) -> Plan:
    """``plan`` with a topology's applications, numbered in their order.

    Addresses that are asked for are given out before those that are not.  Errors: :func:`plan_app`.
    """
    numbered = sorted(enumerate(specs), key=lambda item: (item[1].ip is None, item[1].mac is None))
    for index, spec in numbered:
        plan = with_app(plan, plan_app(plan, spec, index))
    return replace(plan, apps=tuple(sorted(plan.apps, key=lambda app: app.index)))


def with_app(plan: Plan, app: AppPlan) -> Plan:
    return replace(plan, apps=(*plan.apps, app))


def without_app(plan: Plan, name: str) -> Plan:
    plan.app(name)
    return replace(plan, apps=tuple(app for app in plan.apps if app.name != name))


def moved(plan: Plan, name: str, node: str) -> Plan:
    """``plan`` with the application on ``node``; everything else about it stays."""
    plan.app(name)
    plan.node(node)
    _check_place(plan, name, node)
    return replace(
        plan,
        apps=tuple(
            replace(app, node=node, spec=replace(app.spec, node=node)) if app.name == name else app
            for app in plan.apps
        ),
    )


def port_file(plan: Plan, app: AppPlan) -> str:
    """What the node's runtime reads to make the application's interface: sh(1) assignments."""
    values = {
        "app": app.name,
        "iface": app.iface,
        "port": str(app.port),
        "mac": app.mac,
        "ip": str(app.ip),
        "mtu": str(lab_mtu(plan)),
        "bridge": BRIDGE,
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())
