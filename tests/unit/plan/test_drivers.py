"""The choice of a link kind, over every combination of what a kernel has."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product

import pytest

from minidocknet.model.capabilities import Capabilities, Finding
from minidocknet.model.errors import CapabilityError
from minidocknet.model.shaping import GilbertElliott, Shaping
from minidocknet.model.topology import LINK_KINDS, LinkKind
from minidocknet.plan.drivers import ShapingNeed, choose_link_kind

SHAPED = ShapingNeed(netem=True, rate=True)
PLAIN = ShapingNeed()
MATTERS = ("tun", "wire_daemon", "l2tp_udp", "netem", "tbf", "veth", "vxlan")


def machine(*lacks: str) -> Capabilities:
    """A machine that has everything but what is named."""
    findings = {
        field.name: Finding(field.name, field.name not in lacks, remedy=f"get {field.name}")
        for field in fields(Capabilities)
        if field.name not in ("tools", "bounding", "cgroup_version")
    }
    return Capabilities(**findings, tools=(), bounding=frozenset(), cgroup_version=2)


def can_carry(kind: LinkKind, need: ShapingNeed, caps: Capabilities, same_machine: bool) -> bool:
    """The rule, written down a second time: the parts, and the shaping where the kernel does it."""
    kernel_shapes = (caps.netem.available or not need.netem) and (
        caps.tbf.available or not need.rate
    )
    return {
        "wire": caps.tun.available and caps.wire_daemon.available,
        "l2tp": caps.l2tp_udp.available and kernel_shapes,
        "vxlan": caps.vxlan.available and kernel_shapes,
        "veth": caps.veth.available and kernel_shapes and same_machine,
    }[kind]


@pytest.mark.parametrize(
    ("lacks", "need", "kind"),
    [
        ((), SHAPED, "l2tp"),
        ((), PLAIN, "l2tp"),
        (("l2tp_udp",), SHAPED, "wire"),
        (("netem",), SHAPED, "wire"),
        (("netem",), PLAIN, "wire"),  # l2tp could never be shaped later
        (("tbf",), PLAIN, "wire"),
        (("l2tp_udp", "netem", "openvswitch", "vlan"), SHAPED, "wire"),
        (("l2tp_udp", "tun"), SHAPED, "veth"),
        (("l2tp_udp", "wire_daemon"), PLAIN, "veth"),
        (("l2tp_udp", "tun", "veth"), PLAIN, "vxlan"),
        (("l2tp_udp", "tun", "netem"), PLAIN, "veth"),
        (("netem", "tun", "veth", "vxlan"), PLAIN, "l2tp"),
    ],
)
def test_preference(lacks: tuple[str, ...], need: ShapingNeed, kind: LinkKind) -> None:
    choice = choose_link_kind(None, need, machine(*lacks))
    assert choice.kind == kind
    assert choice.reason


def test_between_machines_veth_is_passed_over() -> None:
    caps = machine("l2tp_udp", "tun")
    assert choose_link_kind(None, SHAPED, caps, same_machine=False).kind == "vxlan"
    with pytest.raises(CapabilityError, match="between machines"):
        choose_link_kind("veth", PLAIN, machine(), same_machine=False)


@pytest.mark.parametrize("same_machine", [True, False])
@pytest.mark.parametrize("need", [PLAIN, ShapingNeed(netem=True), ShapingNeed(rate=True), SHAPED])
def test_no_machine_makes_a_link_that_loses_shaping(need: ShapingNeed, same_machine: bool) -> None:
    for has in product((True, False), repeat=len(MATTERS)):
        lacks = [name for name, there in zip(MATTERS, has, strict=True) if not there]
        caps = machine(*lacks)
        able = [kind for kind in LINK_KINDS if can_carry(kind, need, caps, same_machine)]
        try:
            choice = choose_link_kind(None, need, caps, same_machine=same_machine)
            assert choice.kind in able, lacks
        except CapabilityError:
            assert able == [], lacks
        for kind in LINK_KINDS:
            if kind in able:
                forced = choose_link_kind(kind, need, caps, same_machine=same_machine)
                assert forced.kind == kind
            else:
                with pytest.raises(CapabilityError):
                    choose_link_kind(kind, need, caps, same_machine=same_machine)


def test_a_forced_kind_that_would_lose_the_delay_says_so() -> None:
    caps = machine("netem")
    with pytest.raises(CapabilityError) as caught:
        choose_link_kind("veth", SHAPED, caps)
    assert "no netem" in caught.value.message
    assert "would lose its delay" in caught.value.message
    assert "--link wire" in str(caught.value.remedy)
    assert "get netem" in str(caught.value.remedy)
    assert choose_link_kind("veth", PLAIN, caps).kind == "veth"


def test_reasons_name_what_was_passed_over_and_why() -> None:
    caps = machine("l2tp_udp", "netem")
    assert "not l2tp (no l2tp_udp and no netem)" in choose_link_kind(None, SHAPED, caps).reason


def test_the_need_is_the_union_of_both_directions() -> None:
    assert ShapingNeed.of(Shaping(), Shaping()) == PLAIN
    assert ShapingNeed.of(Shaping(delay_ms=3), Shaping(bw_mbit=10)) == SHAPED
    assert ShapingNeed.of(Shaping(bw_mbit=10)) == ShapingNeed(rate=True)
    burst = Shaping(burst_loss=GilbertElliott(p_pct=1, r_pct=20))
    assert ShapingNeed.of(burst) == ShapingNeed(netem=True)


def test_missing_required_and_json() -> None:
    caps = machine("veth")
    assert caps.missing_required() == ()
    caps = replace(caps, engine=Finding("engine", False, "down", "start it", required=True))
    assert [found.name for found in caps.missing_required()] == ["engine"]
    data = caps.as_dict()
    assert data["engine"]["remedy"] == "start it"
    assert data["veth"]["available"] is False
    assert data["cgroup_version"] == 2
