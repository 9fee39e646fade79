"""Does every link do what was asked?  Measures all at once, under each other's load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from minidocknet.core.lab import Lab
from minidocknet.core.ping import Ping, PingJob, ping_all
from minidocknet.model.errors import ApplyError
from minidocknet.plan.model import LinkPlan, Plan
from minidocknet.plan.routing import next_hops, path

# The bars of the project: 3 % of the round trip, and what two hosts and two switches take.
MEDIAN_TOLERANCE = 0.03
WORST_TOLERANCE = 0.05
HOST_TIME_MS = 0.1
_WARM_UP = 2


@dataclass(frozen=True, slots=True)
class LinkCheck:
    """A ping between a link's ends.

    ``asked_ms``: round trip that the path's delays add up to; jitter widens ``allowed_ms`` and
    ``least_ms``.  ``path``: the nodes from a to b; more than two where a shorter path than the link
    itself exists, which then is what was measured.
    """

    a: str
    b: str
    path: tuple[str, ...]
    asked_ms: float
    least_ms: float
    allowed_ms: float
    ping: Ping

    @property
    def crosses_link(self) -> bool:
        return len(self.path) == 2

    @property
    def ok(self) -> bool:
        median = self.ping.median_ms
        return median is not None and self.least_ms <= median <= self.allowed_ms

    def as_dict(self) -> dict[str, Any]:
        return {
            "a": self.a,
            "b": self.b,
            "path": list(self.path),
            "asked_ms": round(self.asked_ms, 4),
            "allowed_ms": round(self.allowed_ms, 4),
            "median_ms": self.ping.median_ms,
            "min_ms": min(self.ping.rtts_ms, default=None),
            "max_ms": max(self.ping.rtts_ms, default=None),
            "loss_pct": round(self.ping.loss_pct, 2),
            "ok": self.ok,
        }


def verify_links(lab: Lab, *, count: int = 10, interval_s: float = 0.2) -> list[LinkCheck]:
    """Ping between the ends of every link that is up, all at the same time."""
    plan = lab.plan
    homes = lab.homes()
    links = [
        link for link in plan.links if link.up and link.a.node in homes and link.b.node in homes
    ]
    if not links:
        raise ApplyError(f"lab {lab.name} has no link that is up", remedy="mdn link up, node start")
    hops = next_hops(plan)
    jobs = [
        PingJob(link.a.node, link.b.node, homes[link.a.node], str(plan.node(link.b.node).ip.ip))
        for link in links
    ]
    # The first round trip resolves addresses and fills the switches' caches; it is not the link's.
    ping_all(jobs, count=_WARM_UP, interval_s=interval_s)
    pings = ping_all(jobs, count=count, interval_s=interval_s)
    return [_check(plan, hops, link, ping) for link, ping in zip(links, pings, strict=True)]


def _check(plan: Plan, hops: dict[str, dict[str, str]], link: LinkPlan, ping: Ping) -> LinkCheck:
    a, b = link.a.node, link.b.node
    there, back = path(hops, a, b), path(hops, b, a)
    asked = path_delay_ms(plan, there) + path_delay_ms(plan, back)
    jitter = _path_jitter_ms(plan, there) + _path_jitter_ms(plan, back)
    links_crossed = (len(there) + len(back) - 2) / 2
    allowed = asked * (1 + WORST_TOLERANCE) + HOST_TIME_MS * links_crossed + jitter
    least = asked * (1 - WORST_TOLERANCE) - jitter
    return LinkCheck(a, b, tuple(there), asked, least, allowed, ping)


def path_delay_ms(plan: Plan, nodes: Sequence[str]) -> float:
    """One way, along ``nodes``."""
    return sum(
        plan.link(here, there).shaping_from(here).delay_ms for here, there in pairwise(nodes)
    )


def _path_jitter_ms(plan: Plan, nodes: Sequence[str]) -> float:
    return sum(
        plan.link(here, there).shaping_from(here).jitter_ms for here, there in pairwise(nodes)
    )
