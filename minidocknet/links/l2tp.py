"""``l2tp``: a kernel L2TPv3 Ethernet pseudowire (RFC 3931, RFC 4719) over the underlay, by UDP."""

from __future__ import annotations

from minidocknet.links.base import Homes
from minidocknet.model.topology import LinkKind
from minidocknet.plan.model import EndPlan, LinkPlan, Plan

_FIRST_PORT = 20_000


def tunnel_id(link: LinkPlan, end: EndPlan) -> int:
    """Each end's own id for tunnel and session; unique in the lab, never 0."""
    return 2 * link.id + (1 if end is link.a else 2)


class L2tp:
    kind: LinkKind = "l2tp"
    ends_are_one = False

    def create(self, plan: Plan, link: LinkPlan, end: EndPlan, homes: Homes) -> tuple[str, ...]:
        peer = link.b if end is link.a else link.a
        local, remote = plan.node(end.node).underlay_ip, plan.node(peer.node).underlay_ip
        assert local is not None and remote is not None
        own, others = tunnel_id(link, end), tunnel_id(link, peer)
        port = _FIRST_PORT + link.id
        return (
            f"l2tp add tunnel tunnel_id {own} peer_tunnel_id {others} encap udp "
            f"local {local.ip} remote {remote.ip} udp_sport {port} udp_dport {port}",
            f"l2tp add session name {end.iface} tunnel_id {own} "
            f"session_id {own} peer_session_id {others}",
            f"link set {end.iface} address {end.mac} mtu {link.mtu}",
        )

    def remove(self, link: LinkPlan, end: EndPlan) -> tuple[str, ...]:
        return (f"l2tp del tunnel tunnel_id {tunnel_id(link, end)}",)
