"""The pair of interfaces that joins a node to its bridge in the lab's shared switch.  Pure."""

from __future__ import annotations

from collections.abc import Iterable

from minidocknet.links.base import Homes
from minidocknet.plan.addressing import access_mac
from minidocknet.plan.model import NodePlan, Plan
from minidocknet.plan.mtu import lab_mtu
from minidocknet.plan.names import SHARED_SWITCH
from minidocknet.plan.switchdb import access_port
from minidocknet.runtime.netns import Batch

NODE_IFACE = "eth0"


def access_batches(plan: Plan, nodes: Iterable[NodePlan], homes: Homes) -> list[Batch]:
    """For nodes with ``switch: shared``: made in the switch's namespace, one end moved out."""
    mtu = lab_mtu(plan)
    lines: list[str] = []
    for node in nodes:
        if node.switch != "shared":
            continue
        port = access_port(node)
        lines += [
            f"link add {port} address {access_mac(node.index, 1)} mtu {mtu} type veth "
            f"peer name {NODE_IFACE} address {node.mac} mtu {mtu} netns {homes[node.name]}",
            f"link set {port} up",
        ]
    return [Batch(SHARED_SWITCH, "ip", tuple(lines))] if lines else []
