"""The ``wire`` kind: planned links as links of the lab's daemon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal

from minidocknet.links import base
from minidocknet.links.base import Homes
from minidocknet.links.wire import stats as wire_stats
from minidocknet.links.wire.client import WireClient
from minidocknet.links.wire.config import (
    Direction,
    L2tpEnd,
    TapEnd,
    WireLink,
    changed_shaping_words,
    command_line,
)
from minidocknet.links.wire.daemon import ensure_running, stop
from minidocknet.model.shaping import PLAIN, Shaping
from minidocknet.model.topology import LinkKind
from minidocknet.plan.allowance import compensated
from minidocknet.plan.model import EndPlan, LinkPlan, Plan
from minidocknet.runtime.netns import netns_inode, netns_path
from minidocknet.runtime.paths import LabPaths

# One address of the loopback network (RFC 6890) a lab, so that ports of different labs never
# meet; 127.0.0.0/16 and 127.1.0.0/16 stay others'.
_LOOPBACK_LABS = IPv4Address("127.77.0.1")
_FIRST_PORT = 10_000


EndName = Literal["a", "b"]


class WireDriver:
    """A :class:`~minidocknet.links.base.LinkDriver`.  Starts the daemon again where it is gone."""

    kind: LinkKind = "wire"
    remakes_peers = False

    def __init__(self, lab: str) -> None:
        self._lab = lab
        self._stats: wire_stats.WireStats | None = None

    @property
    def _run_dir(self) -> Path:
        return LabPaths(self._lab).run_dir

    def _client(self) -> WireClient:
        return ensure_running(self._run_dir, self._lab)

    def start(self, plan: Plan) -> None:
        self._client().close()

    def stop(self, plan: Plan) -> None:
        stop(self._run_dir)

    def add(self, plan: Plan, links: Sequence[LinkPlan], homes: Homes) -> None:
        with self._client() as client:
            self._add(client, plan, links, homes)

    @staticmethod
    def _add(client: WireClient, plan: Plan, links: Sequence[LinkPlan], homes: Homes) -> None:
        halves = [half for link in links for half in wire_links(plan, link, homes)]
        for result in client.add_many(halves):
            result.check()

    def restore_node(self, plan: Plan, links: Sequence[LinkPlan], node: str, homes: Homes) -> None:
        with self._client() as client:
            known = {link.link_id for link in client.links()}
            for link in links:
                if not known.issuperset(_ids(link)):
                    # The daemon came up without its journal.  Where the peer does not run yet,
                    # the peer's own start makes the link.
                    if {link.a.home, link.b.home} <= homes.keys():
                        self._add(client, plan, [link], homes)
                    continue
                end = link.end_at(node)
                name: EndName = "a" if end is link.a else "b"
                if link.encap_l2tp:
                    client.attach(_half_id(link, name), "a", tap_end(link, end, homes))
                else:
                    client.attach(_link_id(link), name, tap_end(link, end, homes))

    def remove(self, links: Sequence[LinkPlan], homes: Homes) -> None:
        with self._client() as client:
            for result in client.delete_many(name for link in links for name in _ids(link)):
                if result.code != "no-link":
                    result.check()

    def reshape(self, old: LinkPlan, new: LinkPlan, homes: Homes) -> None:
        def changes(direction: Direction, before: Shaping, after: Shaping) -> tuple[str, ...]:
            allowance = new.allowance_ms
            return changed_shaping_words(
                direction, compensated(before, allowance), compensated(after, allowance)
            )

        forward = changes("ab", old.a_to_b, new.a_to_b)
        if new.encap_l2tp:
            backward = changes("ab", old.b_to_a, new.b_to_a)
            lines = [
                _set_line(_half_id(new, "a"), forward),
                _set_line(_half_id(new, "b"), backward),
            ]
        else:
            backward = changes("ba", old.b_to_a, new.b_to_a)
            lines = [_set_line(_link_id(new), (*forward, *backward))]
        with self._client() as client:
            for result in client.batch([line for line in lines if line]):
                result.check()

    def set_up(self, link: LinkPlan, up: bool, homes: Homes) -> None:
        with self._client() as client:
            for name in _ids(link):
                client.up(name) if up else client.down(name)

    def stats(self, links: Iterable[LinkPlan], homes: Homes) -> dict[int, base.LinkStats]:
        with self._client() as client:
            self._stats = client.stats()
        known = {link.link_id: link for link in self._stats.links}
        result = {}
        for link in links:
            first, *second = (known.get(name) for name in _ids(link))
            if first is None or None in second:
                continue
            back = second[0].a_to_b if second and second[0] else first.b_to_a
            result[link.id] = base.LinkStats(_direction(first.a_to_b), _direction(back))
        return result

    def fidelity(self) -> base.Fidelity | None:
        with self._client() as client:
            late = client.stats().lateness
        return base.Fidelity(
            frames=late.count,
            p50_us=late.p50_ns / 1e3,
            p99_us=late.p99_ns / 1e3,
            max_us=late.max_ns / 1e3,
            histogram=tuple((low / 1e3, count) for low, count in late.buckets),
        )


def wire_links(plan: Plan, link: LinkPlan, homes: Homes) -> Iterator[WireLink]:
    """The daemon's links that make up ``link``: one, or with L2TP inside two halves.

    A half shapes what leaves its node, as a host's own queueing discipline would.
    """
    if not link.encap_l2tp:
        yield WireLink(
            link_id=_link_id(link),
            a=tap_end(link, link.a, homes),
            b=tap_end(link, link.b, homes),
            a_to_b=compensated(link.a_to_b, link.allowance_ms),
            b_to_a=compensated(link.b_to_a, link.allowance_ms),
            up=link.up,
        )
        return
    names: tuple[EndName, ...] = ("a", "b")
    for name, end, shaping in zip(names, (link.a, link.b), (link.a_to_b, link.b_to_a), strict=True):
        yield WireLink(
            link_id=_half_id(link, name),
            a=tap_end(link, end, homes),
            b=l2tp_end(plan, link, name),
            a_to_b=compensated(shaping, link.allowance_ms),
            b_to_a=PLAIN,
            up=link.up,
        )


def tap_end(link: LinkPlan, end: EndPlan, homes: Homes) -> TapEnd:
    pid = homes[end.home]
    return TapEnd(netns_path(pid), end.iface, netns_inode(pid), end.mac, link.mtu)


def l2tp_end(plan: Plan, link: LinkPlan, name: EndName) -> L2tpEnd:
    """One side of the pseudowire, over the loopback address that is this lab's alone."""
    address = str(_LOOPBACK_LABS + plan.slot * 256)
    numbers = {"a": 2 * link.id + 1, "b": 2 * link.id + 2}
    own, peer = numbers[name], numbers["b" if name == "a" else "a"]
    return L2tpEnd(
        local=address,
        remote=address,
        session=own,
        peer_session=peer,
        local_port=_FIRST_PORT + own,
        remote_port=_FIRST_PORT + peer,
        mtu=link.mtu,
    )


def _link_id(link: LinkPlan) -> str:
    return f"link{link.id}"


def _half_id(link: LinkPlan, end: EndName) -> str:
    return f"link{link.id}{end}"


def _ids(link: LinkPlan) -> tuple[str, ...]:
    if link.encap_l2tp:
        return (_half_id(link, "a"), _half_id(link, "b"))
    return (_link_id(link),)


def _set_line(link_id: str, words: tuple[str, ...]) -> str:
    return command_line("set", f"id={link_id}", *words) if words else ""


def _direction(stats: wire_stats.DirectionStats) -> base.DirectionStats:
    return base.DirectionStats(
        frames=stats.tx_frames,
        bytes=stats.tx_bytes,
        lost=stats.lost,
        dropped_queue=stats.queue_dropped + stats.memory_dropped,
        duplicated=stats.duplicated,
        reordered=stats.reordered,
        late_us_mean=stats.late.mean_ns / 1e3,
        late_us_max=stats.late.max_ns / 1e3,
    )
