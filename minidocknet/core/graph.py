"""Pictures of a topology or a lab: what to draw, and as DOT or Mermaid.  Pure.

SVG and HTML need positions, which :mod:`minidocknet.core.layout` finds and
:mod:`minidocknet.core.svg` draws.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from minidocknet.core.describe import brief_text, direction_texts
from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import NodeSpec, Topology


@dataclass(frozen=True, slots=True)
class Vertex:
    """``state``: as ``mdn inspect`` says it, None in a picture of a map.  ``details``: lines."""

    name: str
    title: str
    state: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """``labels``: one in all or one per direction; none where the link is shaped as most are (see
    :attr:`Picture.caption`) or not at all.  ``details``: its shaping first.
    """

    a: str
    b: str
    labels: tuple[str, ...]
    up: bool = True
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """``caption``: what all links have that bear no label of their own; may be empty."""

    title: str
    caption: str
    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]


def picture_of_topology(topology: Topology) -> Picture:
    """A map, before any lab is made of it."""
    vertices = tuple(
        _vertex(node, None, (f"address {node.ip}",) if node.ip else ()) for node in topology.nodes
    )
    edges = []
    for link in topology.links:
        details = [direction_texts(link.a_to_b, link.b_to_a)]
        if link.type:
            details.append(f"kind {link.type}")
        if link.weight is not None:
            details.append(f"weight {link.weight:g}")
        labels = _labels(link.a_to_b, link.b_to_a)
        edges.append(Edge(link.a, link.b, labels, link.up, tuple(details)))
    return _captioned(topology.name, vertices, edges)


def picture_of_lab(data: Mapping[str, Any], topology: Topology) -> Picture:
    """A lab as it is: ``data`` is what ``mdn inspect --format json`` prints."""
    vertices = tuple(
        _vertex(topology.node(node["name"]), node["state"], (f"address {node['ip']}",))
        for node in data["nodes"]
    )
    edges = []
    for link in data["links"]:
        forth = shaping_of(link)
        back = shaping_of(link["reverse"]) if "reverse" in link else forth
        details = [
            direction_texts(forth, back),
            f"kind {link['kind']}",
            f"{link['a']}:{link['a_iface']} - {link['b']}:{link['b_iface']}",
            "up" if link["up"] else "down",
        ]
        stats = link.get("stats")
        if stats:
            frames = stats["a_to_b"]["frames"], stats["b_to_a"]["frames"]
            details.append(f"{frames[0]} frames there, {frames[1]} back")
        labels = _labels(forth, back)
        edges.append(Edge(link["a"], link["b"], labels, link["up"], tuple(details)))
    return _captioned(f"lab {data['lab']}: {data['topology']}", vertices, edges)


def shaping_of(data: Mapping[str, Any]) -> Shaping:
    """The shaping among the fields of one direction in inspect's JSON."""
    names = Shaping.__dataclass_fields__
    return Shaping.from_dict({key: value for key, value in data.items() if key in names})


def _vertex(node: NodeSpec, state: str | None, details: tuple[str, ...]) -> Vertex:
    more = list(details)
    if node.label and node.label != node.name:
        more.append(node.label)
    if node.location:
        more.append(node.location)
    if state is not None:
        more.append(state)
    more += [f"{key} {value}" for key, value in node.attrs.items()]
    return Vertex(node.name, node.name, state, node.latitude, node.longitude, tuple(more))


def _labels(a_to_b: Shaping, b_to_a: Shaping) -> tuple[str, ...]:
    forth, back = brief_text(a_to_b), brief_text(b_to_a)
    if forth == back:
        return (forth,) if forth else ()
    return f"{forth} →".strip(), f"← {back}".strip()


def _captioned(title: str, vertices: tuple[Vertex, ...], edges: list[Edge]) -> Picture:
    """Says in the caption how most links are shaped, where it is a good part of them."""
    counts = Counter(edge.details[0] for edge in edges)
    shaping, count = counts.most_common(1)[0] if counts else ("-", 0)
    caption = f"{len(vertices)} nodes, {len(edges)} links"
    if count < 3 or count * 2 < len(edges):
        return Picture(title, caption, vertices, tuple(edges))
    quiet = tuple(
        replace(edge, labels=()) if edge.details[0] == shaping else edge for edge in edges
    )
    which = "all" if count == len(edges) else "unless marked"
    said = "unshaped" if shaping == "-" else shaping
    return Picture(title, f"{caption}, {which}: {said}", vertices, quiet)


# --- DOT, https://graphviz.org/doc/info/lang.html


def dot_text(picture: Picture, *, for_layout: bool = False) -> str:
    """Graphviz's language.  ``for_layout``: only what positions depend on."""
    lines = [f"graph {_dot(picture.title)} {{"]
    if not for_layout:
        lines += [
            f"  label={_dot(f'{picture.title} ({picture.caption})')};",
            '  layout=neato; overlap=false; splines=true; fontname="sans-serif";',
            '  node [shape=ellipse, style=filled, fillcolor="#dce9f7", color="#2b5c8a", '
            'fontname="sans-serif", fontsize=11];',
            '  edge [color="#555555", fontname="sans-serif", fontsize=9];',
        ]
    for vertex in picture.vertices:
        settings = [f"label={_dot(vertex.title)}", f"tooltip={_dot(_lines(vertex.details))}"]
        if vertex.state not in (None, "running"):
            settings.append('fillcolor="#e5e5e5", style="filled,dashed"')
        suffix = "" if for_layout else f" [{', '.join(settings)}]"
        lines.append(f"  {_dot(vertex.name)}{suffix};")
    for edge in picture.edges:
        settings = [f"label={_dot(_lines(edge.labels))}"] if edge.labels else []
        settings.append(f"tooltip={_dot(_lines(edge.details))}")
        if not edge.up:
            settings.append('style=dashed, color="#c0392b"')
        suffix = "" if for_layout else f" [{', '.join(settings)}]"
        lines.append(f"  {_dot(edge.a)} -- {_dot(edge.b)}{suffix};")
    return "\n".join([*lines, "}", ""])


def _lines(details: tuple[str, ...]) -> str:
    return "\n".join(details) or " "


def _dot(text: str) -> str:
    """A quoted string; DOT's escape sequences lose their meaning."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


# --- Mermaid, https://mermaid.js.org/syntax/flowchart.html


def mermaid_text(picture: Picture) -> str:
    """A Mermaid flow chart, as GitHub and GitLab show it in Markdown."""
    # Names may be words of the language ("end"), so nodes go by numbers.
    numbers = {vertex.name: f"v{number}" for number, vertex in enumerate(picture.vertices)}
    lines = [
        "---",
        f"title: {_yaml(f'{picture.title} ({picture.caption})')}",
        "---",
        "flowchart LR",
    ]
    for vertex in picture.vertices:
        lines.append(f"  {numbers[vertex.name]}(({_mermaid(vertex.title)}))")
    for edge in picture.edges:
        line = "---" if edge.up else "-.-"
        label = f"|{_mermaid(' / '.join(edge.labels))}|" if edge.labels else ""
        lines.append(f"  {numbers[edge.a]} {line}{label} {numbers[edge.b]}")
    off = [numbers[vertex.name] for vertex in picture.vertices if vertex.state not in _ON]
    if off:
        lines.append("  classDef off fill:#e5e5e5,stroke-dasharray:4")
        lines.append(f"  class {','.join(off)} off")
    return "\n".join(lines) + "\n"


_ON = (None, "running")


def _mermaid(text: str) -> str:
    """Quoted; whatever Mermaid might take for syntax or HTML as character codes."""
    return '"' + re.sub(r"""["#<>&;`\\]""", lambda found: f"#{ord(found[0])};", text) + '"'


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
