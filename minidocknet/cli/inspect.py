"""``mdn inspect``: a lab's nodes and links as they are now."""

from __future__ import annotations

from typing import Any

import click

from minidocknet.cli.labs import attach, lab_option
from minidocknet.cli.output import format_option, print_json, print_table, print_text, say


@click.command(short_help="Show a lab's nodes and links as they are now.")
@lab_option
@click.option("--no-stats", is_flag=True, help="Leave out the links' counters, which take longer.")
@format_option
def inspect(lab: str | None, no_stats: bool, form: str) -> None:
    """Show a lab's nodes and links as they are now."""
    data = attach(lab).inspect(with_stats=not no_stats)
    for warning in data["warnings"]:
        say(f"warning: {warning}")
    if form == "json":
        print_json(data)
        return
    running = sum(node["state"] == "running" for node in data["nodes"])
    up = sum(link["up"] for link in data["links"])
    print_text(
        f"lab {data['lab']} of topology {data['topology']}: {running} of {len(data['nodes'])} "
        f"nodes running, {up} of {len(data['links'])} links up"
    )
    print_table(
        ("node", "ip", "state", "switch", "label"),
        [
            (node["name"], node["ip"], node["state"], node["switch"], node["label"])
            for node in data["nodes"]
        ],
    )
    if data["links"]:
        print_links(data["links"])
    for kind, found in data["fidelity"].items():
        print_text(
            f"fidelity of {kind} links: {found['frames']} frames left late by "
            f"{found['p50_us']:.0f} us (median), {found['p99_us']:.0f} us (99 %), "
            f"{found['max_us']:.0f} us (worst)"
        )
    phases = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in data["timings_s"].items())
    print_text(f"deployed in: {phases}")


def print_links(links: list[dict[str, Any]]) -> None:
    """Links as ``mdn inspect`` and ``mdn link show`` show them."""
    rows = [link_row(link) for link in links]
    headers = ["a", "b", "kind", "state", "a to b", "b to a"]
    if any("stats" in link for link in links):
        headers += ["frames", "lost", "queue full"]
        rows = [[*row, *_counters(link)] for row, link in zip(rows, links, strict=True)]
    print_table(headers, rows)
    if len({(link["kind"], link["reason"]) for link in links}) == 1:
        print_text(f"kind {links[0]['kind']}: {links[0]['reason']}")


def link_row(link: dict[str, Any]) -> list[Any]:
    """Ends, kind, state and shaping of a link in inspect's JSON."""
    from minidocknet.core.describe import shaping_text
    from minidocknet.core.graph import shaping_of

    return [
        f"{link['a']}:{link['a_iface']}",
        f"{link['b']}:{link['b_iface']}",
        link["kind"] + ("/l2tp" if link["encap"] == "l2tp" and link["kind"] == "wire" else ""),
        "up" if link["up"] else "down",
        shaping_text(shaping_of(link)),
        shaping_text(shaping_of(link["reverse"])) if "reverse" in link else "same",
    ]


def _counters(link: dict[str, Any]) -> list[str]:
    """Of both directions, a to b first."""
    stats = link.get("stats")
    if stats is None:
        return ["-", "-", "-"]
    both = stats["a_to_b"], stats["b_to_a"]
    texts = []
    for name in ("frames", "lost", "dropped_queue"):
        forth, back = ("-" if way[name] is None else str(way[name]) for way in both)
        texts.append("-" if forth == back == "-" else f"{forth} / {back}")
    return texts
