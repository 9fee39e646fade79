"""What a live lab is like now, as JSON-ready data (``"schema": 1``)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from minidocknet.core.lab import Lab
from minidocknet.core.state import SCHEMA
from minidocknet.links.base import Fidelity, LinkStats
from minidocknet.model.errors import MdnError
from minidocknet.model.shaping import Shaping
from minidocknet.plan.model import LinkPlan
from minidocknet.plan.names import LABEL_NODE

# Frames that left later than this are no longer noise beside delays of milliseconds.
LATE_P99_US = 1000.0


def inspect_lab(lab: Lab, *, with_stats: bool = True) -> dict[str, Any]:
    """The lab's nodes and links with their state, counters, timings and fidelity."""
    states = {
        summary["Labels"].get(LABEL_NODE): summary["State"]
        for summary in lab.engine.containers(lab.name)
    }
    running = {home for home, state in states.items() if state == "running"}
    stats: dict[int, LinkStats] = {}
    fidelity: dict[str, Fidelity] = {}
    warnings: list[str] = []
    if with_stats:
        for driver, links in lab.links_by_driver(lab.plan.links):
            try:
                homes = {} if driver.kind == "wire" else lab.homes()
                stats |= driver.stats(links, homes)
                measured = driver.fidelity()
            except MdnError as error:
                warnings.append(f"{driver.kind} links: {error.message}")
                continue
            if measured is not None:
                fidelity[driver.kind] = measured
    warnings += [_late_warning(kind, found) for kind, found in fidelity.items() if is_late(found)]
    return {
        "schema": SCHEMA,
        "lab": lab.name,
        "topology": lab.plan.name,
        "source": lab.plan.source,
        "created_at": lab.state.created_at,
        "subnet": str(lab.plan.subnet),
        "nodes": [
            {
                "name": node.name,
                "label": node.spec.label,
                "ip": str(node.ip.ip),
                "prefix": node.ip.network.prefixlen,
                "mac": node.mac,
                "state": states.get(node.name, "missing"),
                "switch": node.switch,
                "inner_engine": node.inner_engine,
                "image": node.image,
                "container": node.container,
                "underlay_ip": str(node.underlay_ip.ip) if node.underlay_ip else None,
            }
            for node in lab.plan.nodes
        ],
        "links": [link_json(link, running, stats.get(link.id)) for link in lab.plan.links],
        "fidelity": {kind: asdict(found) for kind, found in fidelity.items()},
        "warnings": warnings,
        "timings_s": lab.state.timings_s,
    }


def link_json(
    link: LinkPlan, running: set[str] | None = None, stats: LinkStats | None = None
) -> dict[str, Any]:
    """One link.  Top-level shaping is that of a to b; ``reverse`` is there where b to a differs.

    ``up``: the cable is in and, where ``running`` is known, both ends run.
    """
    data: dict[str, Any] = {
        "a": link.a.node,
        "b": link.b.node,
        "kind": link.kind,
        "reason": link.reason,
        "encap": "l2tp" if link.encap_l2tp or link.kind == "l2tp" else "none",
        "up": link.up and (running is None or _homes_of(link) <= running),
        "a_iface": link.a.iface,
        "b_iface": link.b.iface,
        "mtu": link.mtu,
        "allowance_ms": round(link.allowance_ms, 4),
        **shaping_json(link.a_to_b),
    }
    if link.a_to_b != link.b_to_a:
        data["reverse"] = shaping_json(link.b_to_a)
    if stats is not None:
        data["stats"] = {"a_to_b": asdict(stats.a_to_b), "b_to_a": asdict(stats.b_to_a)}
    return data


def _homes_of(link: LinkPlan) -> set[str]:
    """Every container that has to run for the link to carry frames."""
    return {name for end in (link.a, link.b) for name in (end.node, end.home)}


def shaping_json(shaping: Shaping) -> dict[str, Any]:
    return shaping.as_dict()


def is_late(fidelity: Fidelity) -> bool:
    """True where the emulation fell behind what was asked of it."""
    return fidelity.frames >= 100 and fidelity.p99_us > LATE_P99_US


def _late_warning(kind: str, fidelity: Fidelity) -> str:
    return (
        f"the emulation of {kind} links fell behind: 1 % of frames left more than "
        f"{fidelity.p99_us / 1000:.1f} ms late (worst {fidelity.max_us / 1000:.1f} ms); "
        "lower the load or the rates, or give the machine more cores"
    )
