"""Changes to a live link: its shaping, its cable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from minidocknet.core.homes import apply_addresses
from minidocknet.core.lab import Lab
from minidocknet.core.locks import lab_lock
from minidocknet.model.errors import UsageError
from minidocknet.model.events import LinkChanged, LinkShaped
from minidocknet.model.shaping import Shaping
from minidocknet.plan.build import routes_by_kernel
from minidocknet.plan.drivers import ShapingNeed, choose_link_kind
from minidocknet.plan.model import LinkPlan
from minidocknet.runtime.probe import probe

Direction = Literal["both", "a_to_b", "b_to_a"]


def reshape_link(
    lab: Lab, a: str, b: str, changes: Mapping[str, Any], direction: Direction = "both"
) -> LinkPlan:
    """Change the named fields of :class:`Shaping` and nothing else; returns the link as it is now.

    ``direction`` is seen from ``a``, whichever way round the topology wrote the link.  Raises
    UsageError for a value out of range, CapabilityError where the link's kind cannot do it.
    """
    with lab_lock(lab.name):
        lab.reload()
        old = lab.plan.link(a, b)
        new = changed_link(old, a, changes, direction)
        if new == old:
            return old
        if old.kind != "wire":
            need = ShapingNeed.of(new.a_to_b, new.b_to_a)
            choose_link_kind(old.kind, need, probe(lab.engine.client))
        lab.driver(old.kind).reshape(old, new, lab.homes((old.a.home, old.b.home)))
        lab.update(lab.state.with_link(new))
    lab.events.emit(
        LinkShaped(lab=lab.name, a=new.a.node, b=new.b.node, a_to_b=new.a_to_b, b_to_a=new.b_to_a)
    )
    return new


def changed_link(
    link: LinkPlan, seen_from: str, changes: Mapping[str, Any], direction: Direction
) -> LinkPlan:
    """``link`` with the changes in one direction or both.  Pure."""
    if not changes:
        raise UsageError(
            f"nothing to change on link {link.key}", remedy="name a value, like --delay 5ms"
        )
    forward = direction == "both" or (direction == "a_to_b") == (link.a.node == seen_from)
    backward = direction == "both" or not forward
    try:
        return replace(
            link,
            a_to_b=_changed(link.a_to_b, changes) if forward else link.a_to_b,
            b_to_a=_changed(link.b_to_a, changes) if backward else link.b_to_a,
        )
    except ValueError as error:
        raise UsageError(f"link {link.key}: {error}") from error


def _changed(shaping: Shaping, changes: Mapping[str, Any]) -> Shaping:
    changed = dict(changes)
    # One kind of loss takes the other's place.
    if changed.get("loss_pct"):
        changed.setdefault("burst_loss", None)
    if changed.get("burst_loss"):
        changed.setdefault("loss_pct", 0.0)
    return replace(shaping, **changed)


def set_link_up(lab: Lab, a: str, b: str, up: bool) -> LinkPlan:
    """Pull the cable or plug it in again; both ends see it (no carrier)."""
    with lab_lock(lab.name):
        lab.reload()
        link = replace(lab.plan.link(a, b), up=up)
        homes = lab.homes((link.a.home, link.b.home))
        lab.driver(link.kind).set_up(link, up, homes)
        lab.update(lab.state.with_link(link))
        if up and routes_by_kernel(lab.plan):
            # Taking an interface down took its routes away.
            ends = [lab.plan.node(end.node) for end in (link.a, link.b)]
            apply_addresses(lab, ends, homes)
    change: Literal["up", "down"] = "up" if up else "down"
    lab.events.emit(LinkChanged(lab=lab.name, a=link.a.node, b=link.b.node, change=change))
    return link
