"""``vxlan``: kernel VXLAN (RFC 7348) point to point over the underlay."""

from __future__ import annotations

from minidocknet.links.base import Homes
from minidocknet.model.topology import LinkKind
from minidocknet.plan.model import EndPlan, LinkPlan, Plan

UDP_PORT = 4789


def network_identifier(link: LinkPlan) -> int:
    """The 24-bit VNI: link ids start at 0, VNI 0 is avoided."""
    return link.id + 1


class Vxlan:
    kind: LinkKind = "vxlan"
    ends_are_one = False

    def create(self, plan: Plan, link: LinkPlan, end: EndPlan, homes: Homes) -> tuple[str, ...]:
        peer = link.b if end is link.a else link.a
        local, remote = plan.node(end.node).underlay_ip, plan.node(peer.node).underlay_ip
        assert local is not None and remote is not None
        return (
            f"link add {end.iface} address {end.mac} mtu {link.mtu} type vxlan "
            f"id {network_identifier(link)} local {local.ip} remote {remote.ip} "
            f"dstport {UDP_PORT} nolearning",
        )

    def remove(self, link: LinkPlan, end: EndPlan) -> tuple[str, ...]:
        return (f"link del {end.iface}",)
