"""``veth``: a pair of interfaces made straight between two namespaces (veth(4))."""

from __future__ import annotations

from minidocknet.links.base import Homes
from minidocknet.model.topology import LinkKind
from minidocknet.plan.model import EndPlan, LinkPlan, Plan


class Veth:
    kind: LinkKind = "veth"
    ends_are_one = True

    def create(self, plan: Plan, link: LinkPlan, end: EndPlan, homes: Homes) -> tuple[str, ...]:
        peer = link.b if end is link.a else link.a
        return (
            f"link add {end.iface} address {end.mac} mtu {link.mtu} type veth "
            f"peer name {peer.iface} address {peer.mac} mtu {link.mtu} netns {homes[peer.home]}",
        )

    def remove(self, link: LinkPlan, end: EndPlan) -> tuple[str, ...]:
        return (f"link del {end.iface}",)
