"""The driver of link kinds that the kernel carries: batches of ip and tc lines per namespace."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from typing import Protocol

from minidocknet.links.base import DirectionStats, Fidelity, Homes, LinkStats
from minidocknet.links.tc import reshaping_lines, shaping_lines
from minidocknet.model.errors import ApplyError
from minidocknet.model.topology import LinkKind
from minidocknet.plan.model import EndPlan, LinkPlan, Plan
from minidocknet.runtime.netns import Batch, enter_command, run_batches


class KernelKind(Protocol):
    """Pure: the ip(8) lines of one link kind."""

    kind: LinkKind
    # True where both ends are one object, which dies with either namespace.
    ends_are_one: bool

    def create(self, plan: Plan, link: LinkPlan, end: EndPlan, homes: Homes) -> tuple[str, ...]:
        """Lines in ``end``'s namespace that make its interface (both, where they are one)."""

    def remove(self, link: LinkPlan, end: EndPlan) -> tuple[str, ...]: ...


class KernelDriver:
    """A :class:`~minidocknet.links.base.LinkDriver` over a :class:`KernelKind`."""

    def __init__(self, kind: KernelKind) -> None:
        self._kind = kind
        self.kind: LinkKind = kind.kind
        self.remakes_peers = kind.ends_are_one

    def start(self, plan: Plan) -> None:
        """The kernel is there already."""

    def stop(self, plan: Plan) -> None:
        """Interfaces go with their namespaces."""

    def add(self, plan: Plan, links: Sequence[LinkPlan], homes: Homes) -> None:
        made: list[Batch] = []
        finished: list[Batch] = []
        for link in links:
            makers = (link.a,) if self._kind.ends_are_one else (link.a, link.b)
            made += [
                Batch(end.home, "ip", self._kind.create(plan, link, end, homes)) for end in makers
            ]
            finished += _finish(link)
        run_batches(dict(homes), merged(made))
        run_batches(dict(homes), merged(finished))

    def restore_node(self, plan: Plan, links: Sequence[LinkPlan], node: str, homes: Homes) -> None:
        if self._kind.ends_are_one:
            # Where the peer does not run, its own start makes the link.
            whole = [link for link in links if link.a.home in homes and link.b.home in homes]
            self.remove(whole, homes)
            self.add(plan, whole, homes)
            return
        made = []
        finished = []
        for link in links:
            end = link.end_at(node)
            made.append(Batch(end.home, "ip", self._kind.create(plan, link, end, homes)))
            finished += [batch for batch in _finish(link) if batch.home == end.home]
        run_batches(dict(homes), merged(made))
        run_batches(dict(homes), merged(finished))

    def remove(self, links: Sequence[LinkPlan], homes: Homes) -> None:
        batches = [
            Batch(end.home, "ip", self._kind.remove(link, end))
            for link in links
            for end in (link.a, link.b)
            if end.home in homes
        ]
        # One end's removal may have taken the other with it.
        run_batches(dict(homes), merged(batches), force=True)

    def reshape(self, old: LinkPlan, new: LinkPlan, homes: Homes) -> None:
        ends = ((new.a, old.a_to_b, new.a_to_b), (new.b, old.b_to_a, new.b_to_a))
        run_batches(
            dict(homes),
            [
                Batch(end.home, "tc", reshaping_lines(end.iface, before, after))
                for end, before, after in ends
                if end.home in homes
            ],
        )

    def set_up(self, link: LinkPlan, up: bool, homes: Homes) -> None:
        word = "up" if up else "down"
        run_batches(
            dict(homes),
            [
                Batch(end.home, "ip", (f"link set {end.iface} {word}",))
                for end in (link.a, link.b)
                if end.home in homes
            ],
        )

    def fidelity(self) -> Fidelity | None:
        """The kernel keeps no such record."""
        return None

    def stats(self, links: Iterable[LinkPlan], homes: Homes) -> dict[int, LinkStats]:
        links = list(links)
        counters = {
            home: _interface_counters(homes[home], home)
            for home in {end.home for link in links for end in (link.a, link.b)}
            if home in homes
        }
        result = {}
        for link in links:
            if link.a.home in counters and link.b.home in counters:
                result[link.id] = LinkStats(
                    _direction(counters[link.a.home].get(link.a.iface)),
                    _direction(counters[link.b.home].get(link.b.iface)),
                )
        return result


def merged(batches: Iterable[Batch]) -> list[Batch]:
    """One batch a namespace and tool, lines in order."""
    lines: dict[tuple[str, str], list[str]] = {}
    for batch in batches:
        lines.setdefault((batch.home, batch.tool), []).extend(batch.lines)
    return [
        Batch(home, "tc" if tool == "tc" else "ip", tuple(texts))
        for (home, tool), texts in lines.items()
    ]


def _finish(link: LinkPlan) -> list[Batch]:
    batches = []
    for end, shaping in ((link.a, link.a_to_b), (link.b, link.b_to_a)):
        word = "up" if link.up else "down"
        batches.append(Batch(end.home, "ip", (f"link set {end.iface} {word}",)))
        if not shaping.is_plain:
            batches.append(Batch(end.home, "tc", shaping_lines(end.iface, shaping)))
    return batches


def _interface_counters(pid: int, home: str) -> dict[str, dict[str, int]]:
    """Per interface, what it sent (``stats64.tx`` of ip -json)."""
    done = subprocess.run(
        [*enter_command(pid), "ip", "-json", "-stats", "link", "show"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if done.returncode:
        raise ApplyError(f"ip failed in {home}: {done.stderr.strip()}")
    return {link["ifname"]: link["stats64"]["tx"] for link in json.loads(done.stdout)}


def _direction(sent: dict[str, int] | None) -> DirectionStats:
    if sent is None:
        return DirectionStats(0, 0)
    return DirectionStats(sent["packets"], sent["bytes"], dropped_queue=sent.get("dropped"))
