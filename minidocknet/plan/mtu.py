"""What fits through a link, the underlay's MTU minus the encapsulation, and through a lab."""

from __future__ import annotations

from minidocknet.model.topology import LinkKind
from minidocknet.plan.model import Plan

ETHERNET_MTU = 1500
_IPV4, _UDP, _ETHERNET, _VXLAN = 20, 8, 14, 8
# RFC 3931: flags, version and reserved (UDP only), session id; Linux adds the 4-byte default
# L2-specific sublayer.
_L2TP_OVER_UDP, _L2_SPECIFIC = 8, 4


def link_mtu(kind: LinkKind, *, encap_l2tp: bool, underlay_mtu: int = ETHERNET_MTU) -> int:
    """The largest IP packet, in bytes, that a link of ``kind`` carries without fragments."""
    if kind == "l2tp" or encap_l2tp:
        overhead = _IPV4 + _UDP + _L2TP_OVER_UDP + _L2_SPECIFIC + _ETHERNET
    elif kind == "vxlan":
        overhead = _IPV4 + _UDP + _VXLAN + _ETHERNET
    else:
        return ETHERNET_MTU
    return min(ETHERNET_MTU, underlay_mtu - overhead)


def lab_mtu(plan: Plan) -> int:
    """The smallest MTU of the lab's links: one Ethernet segment has one MTU."""
    return min((link.mtu for link in plan.links), default=ETHERNET_MTU)
