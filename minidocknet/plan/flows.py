"""OpenFlow rules that make any map work without a controller, loops or not."""

from __future__ import annotations

from minidocknet.plan.model import NodePlan, Plan
from minidocknet.plan.routing import broadcast_links, has_loops, next_hops
from minidocknet.plan.switchdb import ACCESS_PORT

# Rules of ours are told from a controller's by their cookie ("mdn" in ASCII).
COOKIE = 0x6D646E


def flow_rules(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Per bridge (by node name), the rules in ovs-ofctl(8) syntax.

    On a map without loops every bridge learns MAC addresses (the NORMAL action).  With loops,
    frames to a known node follow the shortest path, and everything else (ARP requests, multicast,
    addresses of applications) goes out along one spanning forest: no storm, nothing to wait for.
    """
    bridges = [node for node in plan.nodes if node.switch != "none"]
    if not has_loops(plan):
        return {node.name: (_rule(0, "", "NORMAL"),) for node in bridges}
    hops = next_hops(plan)
    flood = broadcast_links(plan)
    rules: dict[str, tuple[str, ...]] = {}
    for node in bridges:
        own = [_rule(100, f"dl_dst={node.mac}", _own_port(node))]
        for other in plan.nodes:
            hop = hops[node.name].get(other.name)
            if hop is not None:
                port = plan.link(node.name, hop).end_at(node.name).port
                own.append(_rule(100, f"dl_dst={other.mac}", f"output:{port}"))
        tree_ports = [
            str(link.end_at(node.name).port)
            for link in plan.links_of(node.name)
            if link.ends in flood
        ]
        # OpenFlow never sends a frame back out of the port it came in by.
        own.append(
            _rule(10, "", ",".join([_own_port(node), *(f"output:{port}" for port in tree_ports)]))
        )
        rules[node.name] = tuple(own)
    return rules


def _own_port(node: NodePlan) -> str:
    """Where a bridge delivers its own node's frames."""
    return "LOCAL" if node.switch == "node" else f"output:{ACCESS_PORT}"


def _rule(priority: int, match: str, actions: str) -> str:
    fields = [f"cookie={COOKIE:#x}", f"priority={priority}", *([match] if match else [])]
    return ",".join(fields) + f",actions={actions}"
