"""Which link kind carries a link, from what was asked and what the machine can do.  Pure.

The order of preference, where none is forced:

1. ``l2tp``: the papers' links, where the kernel has L2TPv3 and the queueing disciplines.  Both are
   asked for even of a plain link, because ``mdn link set`` may shape it later.
2. ``wire``: our daemon, which shapes by itself; any kernel with TUN/TAP.
3. ``veth``: between nodes of one machine.  Faster than the others on a plain link, but it changes
   with a kernel's disciplines only, so it is taken by itself only where 1 and 2 cannot be had.
4. ``vxlan``: the same, across machines.
5. ``l2tp`` again, for a plain link that nothing else can carry, though it cannot be shaped later.

A link is never made without the delay, loss or rate that was asked: that is an error instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from minidocknet.model.capabilities import Capabilities, Finding
from minidocknet.model.errors import CapabilityError
from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import LINK_KINDS, LinkKind


@dataclass(frozen=True, slots=True)
class Choice:
    """The kind taken, and a sentence why, for ``mdn check`` and ``mdn inspect``."""

    kind: LinkKind
    reason: str


@dataclass(frozen=True, slots=True)
class ShapingNeed:
    """What a link's two directions ask of the kernel, if the kernel is to shape it."""

    netem: bool = False
    rate: bool = False

    @classmethod
    def of(cls, *shapings: Shaping) -> ShapingNeed:
        """The union of what the given directions need."""
        return cls(
            netem=any(shaping.needs_netem for shaping in shapings),
            rate=any(shaping.bw_mbit is not None for shaping in shapings),
        )


# The kind, and whether it must be able to take any shaping later on.
_PREFERENCE: tuple[tuple[LinkKind, bool], ...] = (
    ("l2tp", True),
    ("wire", False),
    ("veth", False),
    ("vxlan", False),
    ("l2tp", False),
)
_ANY_SHAPING = ShapingNeed(netem=True, rate=True)


def choose_link_kind(
    asked: LinkKind | None,
    need: ShapingNeed,
    caps: Capabilities,
    *,
    same_machine: bool = True,
) -> Choice:
    """The kind for a link that needs ``need``; ``asked`` forces one.

    Raises :class:`CapabilityError` where the forced kind cannot be had or would lose shaping, and
    where no kind can carry the link.
    """
    if asked is not None:
        lacks = _lacks(asked, need, caps, same_machine)
        if lacks:
            raise CapabilityError(
                f"link kind {asked} was asked for, but this machine has "
                f"{_sentence(lacks)}{_loss_note(asked, need, caps)}",
                remedy=_remedy_for_forced(asked, need, caps, same_machine, lacks),
            )
        return Choice(asked, "asked for")

    passed_over: list[str] = []
    for kind, any_shaping in _PREFERENCE:
        lacks = _lacks(kind, _ANY_SHAPING if any_shaping else need, caps, same_machine)
        if not lacks:
            return Choice(kind, _reason(kind, need, passed_over))
        passed_over.append(f"{kind} (no {' and no '.join(found.name for found in lacks)})")
    raise CapabilityError(
        "no link kind can carry this link here: not " + ", not ".join(passed_over[:-1]),
        remedy=caps.tun.remedy or caps.netem.remedy or "run 'mdn check' for each lack's remedy",
    )


def _lacks(
    kind: LinkKind, need: ShapingNeed, caps: Capabilities, same_machine: bool
) -> list[Finding]:
    """What keeps ``kind`` from carrying a link with ``need``; empty where nothing does."""
    needed: list[Finding] = {
        "l2tp": [caps.l2tp_udp],
        "wire": [caps.tun, caps.wire_daemon],
        "vxlan": [caps.vxlan],
        "veth": [caps.veth],
    }[kind]
    if kind == "veth" and not same_machine:
        needed = [*needed, Finding("veth between machines", False, "its ends share one kernel")]
    if kind != "wire":
        if need.netem:
            needed = [*needed, caps.netem]
        if need.rate:
            needed = [*needed, caps.tbf]
    return [found for found in needed if not found]


def _sentence(lacks: Iterable[Finding]) -> str:
    return " and ".join(
        f"no {found.name}" + (f" ({found.detail})" if found.detail else "") for found in lacks
    )


def _loss_note(kind: LinkKind, need: ShapingNeed, caps: Capabilities) -> str:
    """Says what would be lost, where only the shaping is the trouble."""
    if kind == "wire":
        return ""
    lost = []
    if need.netem and not caps.netem:
        lost.append("its delay, jitter, loss, duplication or reordering")
    if need.rate and not caps.tbf:
        lost.append("its rate")
    return f": the link would lose {' and '.join(lost)}" if lost else ""


def _remedy_for_forced(
    asked: LinkKind,
    need: ShapingNeed,
    caps: Capabilities,
    same_machine: bool,
    lacks: list[Finding],
) -> str:
    others = [
        kind for kind in LINK_KINDS if kind != asked and not _lacks(kind, need, caps, same_machine)
    ]
    ways = []
    if others:
        ways.append(f"use --link {' or '.join(others)}, or leave the kind to MiniDockNet")
    ways.extend(found.remedy for found in lacks if found.remedy)
    return "; or ".join(ways) or "run 'mdn check' for what this machine can do"


def _reason(kind: LinkKind, need: ShapingNeed, passed_over: list[str]) -> str:
    shaped = "shaped" if need.netem or need.rate else "plain"
    merit = {
        "l2tp": "the kernel has L2TPv3, netem and tbf",
        "wire": "the daemon shapes by itself on any kernel with TUN/TAP",
        "veth": "both ends are on this machine",
        "vxlan": "the kernel has VXLAN",
    }[kind]
    others = [reason for reason in passed_over if not reason.startswith(kind)]
    because = f"; not {', not '.join(others)}" if others else ""
    return f"{shaped} link; {merit}{because}"
