from __future__ import annotations

from collections.abc import Callable

import pytest

from minidocknet.model.capabilities import Capabilities, Finding
from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import LinkSpec, NodeSpec, Topology
from minidocknet.plan.allowance import UNCALIBRATED, Calibration
from minidocknet.plan.build import Surroundings, build_plan
from minidocknet.plan.model import Plan
from minidocknet.plan.options import DeployOptions

LACKING_HERE = {"l2tp_udp", "l2tp_ip", "netem", "openvswitch"}


def capabilities(lacking: set[str] = LACKING_HERE) -> Capabilities:
    """A machine that has everything but ``lacking`` (fields of Capabilities)."""
    findings = {
        name: Finding(name, name not in lacking)
        for name, field in Capabilities.__dataclass_fields__.items()
        if field.type == "Finding"
    }
    return Capabilities(**findings, tools=(), bounding=frozenset({"NET_ADMIN"}), cgroup_version=1)


PAPERS = Shaping(delay_ms=3.0, bw_mbit=10.0)


def topology(links: str, shaping: Shaping = PAPERS) -> Topology:
    """``"a-b b-c"`` as a topology with that shaping on every link."""
    pairs = [pair.split("-") for pair in links.split()]
    names = sorted({name for pair in pairs for name in pair})
    return Topology(
        "test",
        tuple(NodeSpec(name) for name in names),
        tuple(LinkSpec(a, b, shaping, shaping) for a, b in pairs),
    )


@pytest.fixture
def make_plan() -> Callable[..., Plan]:
    def make(
        links: str | Topology,
        lacking: set[str] = LACKING_HERE,
        calibration: Calibration = UNCALIBRATED,
        **options: object,
    ) -> Plan:
        return build_plan(
            topology(links) if isinstance(links, str) else links,
            "lab",
            DeployOptions(**options),  # type: ignore[arg-type]
            capabilities(lacking),
            Surroundings(slot=0, node_image="mdn/node:test", calibration=calibration),
        )

    return make
