"""The files in a node's /etc/mdn, from which its init brings it up at every start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minidocknet.plan.build import routes_by_kernel
from minidocknet.plan.flows import flow_rules
from minidocknet.plan.model import NodePlan, Plan
from minidocknet.plan.mtu import lab_mtu
from minidocknet.plan.names import SHARED_SWITCH
from minidocknet.plan.routing import has_loops, next_hops
from minidocknet.plan.switchdb import BRIDGE, bridge_name, switch_record

# File names, relative to /etc/mdn.
SWITCH_RECORD = "switch.record"
FLOWS = "flows"  # flows.<bridge>
BRIDGE_ADDRESS = "bridge.ip"
LINK_ADDRESS = "links.ip"
INNER_ENGINE = "inner-engine.mode"

Files = Mapping[str, str]


def hosts_file(plan: Plan) -> str:
    """hosts(5) for all nodes: every node's and application's name resolves on every node."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [f"{node.ip.ip} {node.name}" for node in plan.nodes]
    lines += [f"{app.ip.ip} {app.name}" for app in plan.apps]
    return "\n".join(lines) + "\n"


def node_files(plan: Plan, *, kernel_datapath: bool) -> dict[str, dict[str, str]]:
    """Per container (node name or :data:`SHARED_SWITCH`), the text of each file."""
    secure = has_loops(plan)
    flows = flow_rules(plan)
    routes = _routes(plan) if routes_by_kernel(plan) else {}
    result: dict[str, dict[str, str]] = {}
    for node in plan.nodes:
        files = {INNER_ENGINE: node.inner_engine + "\n"}
        if node.switch == "node":
            files |= _switch_files(plan, [node], flows, kernel_datapath, secure)
            files[BRIDGE_ADDRESS] = _bridge_address(plan, node)
        elif node.switch == "none":
            files[LINK_ADDRESS] = _link_addresses(plan, node, routes.get(node.name, []))
        else:
            files[LINK_ADDRESS] = _address(node, "eth0")
        result[node.name] = files
    shared = [node for node in plan.nodes if node.switch == "shared"]
    if shared:
        result[SHARED_SWITCH] = _switch_files(plan, shared, flows, kernel_datapath, secure)
    return result


def _switch_files(
    plan: Plan,
    nodes: Iterable[NodePlan],
    flows: Mapping[str, tuple[str, ...]],
    kernel_datapath: bool,
    secure: bool,
) -> dict[str, str]:
    nodes = list(nodes)
    files = {
        SWITCH_RECORD: switch_record(plan, nodes, kernel_datapath=kernel_datapath, secure=secure)
    }
    if secure:
        for node in nodes:
            files[f"{FLOWS}.{bridge_name(node)}"] = "\n".join(flows[node.name]) + "\n"
    return files


def _bridge_address(plan: Plan, node: NodePlan) -> str:
    return f"link set {BRIDGE} mtu {lab_mtu(plan)}\n" + _address(node, BRIDGE)


def _address(node: NodePlan, iface: str) -> str:
    """ip-batch lines; ``replace`` makes them safe to run again after a restart."""
    return f"addr replace {node.ip} dev {iface}\nlink set {iface} up\n"


def _link_addresses(plan: Plan, node: NodePlan, routes: list[str]) -> str:
    """A host has its address on its only link; a router has it on lo, and a route to each node."""
    links = plan.links_of(node.name)
    if not routes_by_kernel(plan) and links:
        return _address(node, links[0].end_at(node.name).iface)
    lines = [f"addr replace {node.ip.ip}/32 dev lo", "link set lo up"]
    lines += [f"link set {link.end_at(node.name).iface} up" for link in links]
    return "\n".join(lines + routes) + "\n"


def _routes(plan: Plan) -> dict[str, list[str]]:
    """Host routes along the shortest paths.  ``onlink``: the neighbour's address is on its lo."""
    hops = next_hops(plan)
    result: dict[str, list[str]] = {}
    for node in plan.nodes:
        lines = []
        for destination in plan.nodes:
            hop = hops[node.name].get(destination.name)
            if hop is None:
                continue
            iface = plan.link(node.name, hop).end_at(node.name).iface
            lines.append(
                f"route replace {destination.ip.ip}/32 via {plan.node(hop).ip.ip} "
                f"dev {iface} onlink src {node.ip.ip}"
            )
        result[node.name] = lines
    return result
