"""What fits through a link: the underlay's MTU minus the encapsulation."""

from __future__ import annotations

from minidocknet.model.topology import LinkKind

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
