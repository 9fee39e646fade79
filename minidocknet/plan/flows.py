"""OpenFlow rules that make any map work without a controller, loops or not."""

from __future__ import annotations

from collections.abc import Mapping

from minidocknet.plan.model import AppPlan, NodePlan, Plan
from minidocknet.plan.routing import broadcast_links, has_loops, next_hops
from minidocknet.plan.switchdb import ACCESS_PORT

# Rules of ours are told from a controller's by their cookie ("mdn" in ASCII).
COOKIE = 0x6D646E


def flow_rules(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Per bridge (by node name), the rules in ovs-ofctl(8) syntax.

    On a map without loops every bridge learns MAC addresses (the NORMAL action).  With loops,
    frames to a known node or application follow the shortest path, and everything else (ARP
    requests, multicast) goes out along one spanning forest: no storm, nothing to wait for.
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
        own += [app_rule(plan, app, node.name, hops) for app in plan.apps]
        tree_ports = [
            str(link.end_at(node.name).port)
            for link in plan.links_of(node.name)
            if link.ends in flood
        ]
        # OpenFlow never sends a frame back out of the port it came in by.
        tree_ports += [str(app.port) for app in plan.apps_on(node.name)]
        own.append(
            _rule(10, "", ",".join([_own_port(node), *(f"output:{port}" for port in tree_ports)]))
        )
        rules[node.name] = tuple(own)
    return rules


def flow_changes(old: Plan, new: Plan) -> dict[str, tuple[str, ...]]:
    """Per bridge that differs, the lines for ``ovs-ofctl add-flows`` from ``old`` to ``new``.

    Only for plans with the same nodes and links.  An added rule takes the place of the one with
    its match, so of those that go only the others are named.
    """
    before, after = flow_rules(old), flow_rules(new)
    changes = {}
    for node, rules in after.items():
        was = {_match(rule): rule for rule in before[node]}
        now = {_match(rule): rule for rule in rules}
        lines = [f"delete_strict {match}" for match in was if match not in now]
        lines += [f"add {rule}" for match, rule in now.items() if was.get(match) != rule]
        if lines:
            changes[node] = tuple(lines)
    return changes


def _match(rule: str) -> str:
    """What tells a rule from the others of its bridge: priority and match."""
    return rule.partition(",actions=")[0].removeprefix(f"cookie={COOKIE:#x},")


def app_rule(plan: Plan, app: AppPlan, node: str, hops: Mapping[str, Mapping[str, str]]) -> str:
    """The rule at ``node`` for frames to the application: into its port, or towards its node.

    ``hops``: :func:`routing.next_hops`.  A node that no path joins to the application's drops them.
    """
    match = f"dl_dst={app.mac}"
    if app.node == node:
        return _rule(100, match, f"output:{app.port}")
    hop = hops[node].get(app.node)
    if hop is None:
        return _rule(100, match, "drop")
    return _rule(100, match, f"output:{plan.link(node, hop).end_at(node).port}")


def _own_port(node: NodePlan) -> str:
    """Where a bridge delivers its own node's frames."""
    return "LOCAL" if node.switch == "node" else f"output:{ACCESS_PORT}"


def _rule(priority: int, match: str, actions: str) -> str:
    fields = [f"cookie={COOKIE:#x}", f"priority={priority}", *([match] if match else [])]
    return ",".join(fields) + f",actions={actions}"
