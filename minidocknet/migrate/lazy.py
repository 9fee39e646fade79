"""The way on which a lazy move's pages travel: from the source's page server to the target."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from types import TracebackType

from minidocknet.core.lab import Lab
from minidocknet.model.moves import MoveRecord
from minidocknet.plan.model import AppPlan
from minidocknet.runtime.netns import Batch, run_batch

# Above what mdn's own services use, below the ephemeral ports (ip_local_port_range).
_FIRST_PORT = 27000
_PORTS = 4000
_LINK_LOCAL = int(IPv4Address("169.254.128.0"))
_NETWORKS = 8192


def page_port(app: AppPlan) -> int:
    """The page server's port; no two applications of a node share one."""
    return _FIRST_PORT + app.index % _PORTS


@dataclass(frozen=True, slots=True)
class SideWire:
    """A pair of interfaces between two nodes, apart from the emulated network.

    ``iface``: its name at either end; ``source`` / ``target``: addresses (RFC 3927) of a /30.
    """

    iface: str
    source: IPv4Address
    target: IPv4Address


def side_wire(app: AppPlan) -> SideWire:
    """The pair for a move of ``app``.  Pure."""
    base = _LINK_LOCAL + 4 * (app.index % _NETWORKS)
    return SideWire(f"move{app.index}", IPv4Address(base + 1), IPv4Address(base + 2))


class PageRoute:
    """While in context, ``address`` of the source is what the target reaches it by.

    ``direct``: a wire of its own between the two nodes; ``network``: the lab's links.
    """

    def __init__(self, lab: Lab, record: MoveRecord) -> None:
        self._lab, self._record = lab, record
        self._wire = side_wire(lab.plan.app(record.app)) if record.via == "direct" else None
        self.address = str(self._wire.source if self._wire else lab.plan.node(record.source).ip.ip)

    def __enter__(self) -> PageRoute:
        if self._wire is not None:
            self._make(self._wire)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pid = self._lab.homes([self._record.source]).get(self._record.source)
        if self._wire is not None and pid is not None:
            lines = (f"link delete {self._wire.iface}",)
            run_batch(pid, Batch(self._record.source, "ip", lines), force=True)

    def _make(self, wire: SideWire) -> None:
        source, target = self._record.source, self._record.target
        pids = self._lab.homes([source, target])
        # Of a move that was cut short.
        stale = (f"link delete {wire.iface}",)
        for node in (source, target):
            run_batch(pids[node], Batch(node, "ip", stale), force=True)
        ends = ((source, wire.source), (target, wire.target))
        # The host's pid: its tools enter no other namespace than the network's.
        pair = (f"link add {wire.iface} type veth peer name {wire.iface} netns {pids[target]}",)
        run_batch(pids[source], Batch(source, "ip", pair))
        for node, address in ends:
            lines = (f"addr add {address}/30 dev {wire.iface}", f"link set {wire.iface} up")
            run_batch(pids[node], Batch(node, "ip", lines))
