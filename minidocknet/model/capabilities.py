"""What a machine can do, as found by trying: the probe's result, the plan's input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried.

    ``detail``: a version or figure where it is there, the reason where it is not.  ``remedy``: what
    would put a lack right.  ``required``: no lab can run without it; the others have a stand-in or
    serve one feature only.
    """

    name: str
    available: bool
    detail: str = ""
    remedy: str | None = None
    required: bool = False

    def __bool__(self) -> bool:
        return self.available

    def as_dict(self) -> dict[str, Any]:
        """Every field under its own name, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The findings about one machine.  A finding is true where the thing can be had.

    ``l2tp_udp`` / ``l2tp_ip``: kernel L2TPv3 Ethernet pseudowires over UDP / over IP.
    ``openvswitch``: the kernel datapath (the userspace one needs ``tun`` only).
    ``wire_daemon``: the C daemon is built.  ``soft_dirty``: memory tracking for CRIU's pre-copy.
    ``privileges``: the bounding set holds every capability that nodes ask for.
    ``bounding``: that set itself, names as Docker writes them (no ``CAP_``).
    ``cgroup_version``: 1 (also for hybrid trees, whose controllers are version 1) or 2.
    """

    tun: Finding
    veth: Finding
    bridge: Finding
    vxlan: Finding
    l2tp_udp: Finding
    l2tp_ip: Finding
    netem: Finding
    tbf: Finding
    htb: Finding
    openvswitch: Finding
    vlan: Finding
    nftables: Finding
    userfaultfd: Finding
    soft_dirty: Finding
    sched_fifo: Finding
    kvm: Finding
    cgroups: Finding
    privileges: Finding
    engine: Finding
    node_image: Finding
    wire_daemon: Finding
    tools: tuple[Finding, ...]
    bounding: frozenset[str]
    cgroup_version: int

    def findings(self) -> Iterator[Finding]:
        """Every finding, the tools last, in the order of the fields."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Finding):
                yield value
        yield from self.tools

    def missing_required(self) -> tuple[Finding, ...]:
        """What no lab can do without and this machine lacks."""
        return tuple(found for found in self.findings() if found.required and not found)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: findings by field name, ``tools`` by tool name."""
        result: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Finding):
                result[field.name] = value.as_dict()
        result["tools"] = {tool.name: tool.as_dict() for tool in self.tools}
        result["bounding"] = sorted(self.bounding)
        result["cgroup_version"] = self.cgroup_version
        return result
