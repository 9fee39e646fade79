"""Pictures as SVG, and as one HTML page that needs nothing else and works offline.  Pure."""

from __future__ import annotations

import json
import math
from html import escape

from minidocknet.core.graph import Picture, Vertex
from minidocknet.core.layout import Positions

_MARGIN = 48.0
_RADIUS = 15.0
_TITLE_HEIGHT = 44.0
_LEAST_WIDTH = 420.0

_STYLE = """
.mdn-edge line { stroke: #7a8794; stroke-width: 1.6; }
.mdn-edge .hit { stroke: transparent; stroke-width: 12; }
.mdn-edge.down line.seen { stroke: #c0392b; stroke-dasharray: 5 4; }
.mdn-edge text { font-size: 8.5px; fill: #33475b; text-anchor: middle; paint-order: stroke;
  stroke: #ffffff; stroke-width: 3px; }
.mdn-node circle { fill: #dce9f7; stroke: #2b5c8a; stroke-width: 1.5; }
.mdn-node.off circle { fill: #e5e5e5; stroke: #888888; stroke-dasharray: 3 2; }
.mdn-node text { font-size: 10px; fill: #14293d; text-anchor: middle; }
.mdn-node text.below { paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
.mdn-title { font-size: 15px; font-weight: bold; fill: #14293d; }
.mdn-caption { font-size: 11px; fill: #556575; }
text { font-family: "DejaVu Sans", Verdana, sans-serif; }
"""


def svg_text(picture: Picture, positions: Positions) -> str:
    """A picture for any viewer; details are tooltips."""
    width, height = _size(positions)
    words = max(len(picture.title) * 10.5, len(picture.caption) * 7.0)
    width = max(width, words + 2 * _MARGIN, _LEAST_WIDTH)
    top = _TITLE_HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height + top:.0f}" '
        f'viewBox="0 0 {width:.0f} {height + top:.0f}">\n'
        f"<style>{_STYLE}</style>\n"
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f'<text class="mdn-title" x="{_MARGIN / 2:g}" y="24">{escape(picture.title)}</text>\n'
        f'<text class="mdn-caption" x="{_MARGIN / 2:g}" y="40">{escape(picture.caption)}</text>\n'
        f'<g transform="translate({(width - _size(positions)[0]) / 2:.1f} {top:g})">\n'
        f"{_body(picture, positions)}</g>\n</svg>\n"
    )


def _size(positions: Positions) -> tuple[float, float]:
    return (
        max(x for x, _ in positions.values()) + 2 * _MARGIN,
        max(y for _, y in positions.values()) + 2 * _MARGIN,
    )


def _body(picture: Picture, positions: Positions) -> str:
    parts = []
    for edge in picture.edges:
        (ax, ay), (bx, by) = _at(positions, edge.a), _at(positions, edge.b)
        ends = f'x1="{ax:.1f}" y1="{ay:.1f}" x2="{bx:.1f}" y2="{by:.1f}"'
        tip = "\n".join((f"{edge.a} - {edge.b}", *edge.details))
        parts.append(
            f'<g class="mdn-edge {"up" if edge.up else "down"}" data-tip="{escape(tip)}">'
            f"<title>{escape(tip)}</title>"
            f'<line class="hit" {ends}/><line class="seen" {ends}/>'
            f"{_edge_labels(edge.labels, ax, ay, bx, by)}</g>\n"
        )
    for vertex in picture.vertices:
        parts.append(_node(vertex, *_at(positions, vertex.name)))
    return "".join(parts)


def _at(positions: Positions, name: str) -> tuple[float, float]:
    x, y = positions[name]
    return x + _MARGIN, y + _MARGIN


def _edge_labels(labels: tuple[str, ...], ax: float, ay: float, bx: float, by: float) -> str:
    """Along the line, the first above it and the second below, never upside down."""
    angle = math.degrees(math.atan2(by - ay, bx - ax))
    if not -90 <= angle <= 90:
        angle += 180
        labels = tuple(label.translate(_TURN) for label in labels)
    where = f"translate({(ax + bx) / 2:.1f} {(ay + by) / 2:.1f}) rotate({angle:.1f})"
    return "".join(
        f'<text transform="{where}" dy="{dy}">{escape(label)}</text>'
        for label, dy in zip(labels, (-3, 10), strict=False)
    )


# The arrows of labels that are read from b to a.
_TURN = str.maketrans("→←", "←→")


def _node(vertex: Vertex, x: float, y: float) -> str:
    off = "" if vertex.state in (None, "running") else " off"
    tip = "\n".join((vertex.name, *vertex.details))
    inside = len(vertex.title) <= 4
    down = 3.5 if inside else _RADIUS + 11
    where = f'class="{"in" if inside else "below"}" x="{x:.1f}" y="{y + down:.1f}"'
    return (
        f'<g class="mdn-node{off}" data-tip="{escape(tip)}"><title>{escape(tip)}</title>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS:g}"/>'
        f"<text {where}>{escape(_short(vertex.title))}</text></g>\n"
    )


def _short(title: str) -> str:
    return title if len(title) <= 16 else title[:15] + "…"


def html_text(picture: Picture, positions: Positions) -> str:
    """One page: drag to move, wheel to zoom, details of what the pointer is on."""
    width, height = _size(positions)
    return _PAGE.format(
        title=escape(picture.title),
        caption=escape(picture.caption),
        style=_STYLE,
        box=json.dumps([0, 0, round(width), round(height)]),
        view=f"0 0 {width:.0f} {height:.0f}",
        body=_body(picture, positions),
        script=_SCRIPT,
    )


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 0; height: 100vh; display: flex; flex-direction: column; background: #ffffff;
  font-family: "DejaVu Sans", Verdana, sans-serif; color: #14293d; }}
header {{ padding: 10px 16px; border-bottom: 1px solid #d5dde5; }}
header h1 {{ font-size: 17px; margin: 0 0 2px; }}
header p {{ font-size: 12px; margin: 0; color: #556575; }}
svg {{ flex: 1; min-height: 0; width: 100%; cursor: grab; touch-action: none; }}
svg:active {{ cursor: grabbing; }}
#tip {{ position: fixed; display: none; padding: 6px 9px; font-size: 12px; white-space: pre;
  background: #14293d; color: #ffffff; border-radius: 4px; pointer-events: none; }}
.mdn-node:hover circle {{ fill: #ffe08a; }}
.mdn-edge:hover line.seen {{ stroke-width: 3.5; stroke: #d98200; }}
{style}</style>
</head>
<body>
<header><h1>{title}</h1>
<p>{caption}. Drag to move, wheel to zoom, double click for all.</p></header>
<svg id="map" xmlns="http://www.w3.org/2000/svg" viewBox="{view}" data-box="{box}">
{body}</svg>
<div id="tip"></div>
<script>
{script}</script>
</body>
</html>
"""

_SCRIPT = """
const map = document.getElementById("map"), tip = document.getElementById("tip");
const all = JSON.parse(map.dataset.box);
let box = [...all], grip = null;
const show = () => map.setAttribute("viewBox", box.join(" "));
// Client coordinates to those of the picture, whatever its aspect ratio is.
const point = (event) => {
  const at = map.createSVGPoint();
  at.x = event.clientX; at.y = event.clientY;
  return at.matrixTransform(map.getScreenCTM().inverse());
};
map.addEventListener("wheel", (event) => {
  event.preventDefault();
  const factor = Math.exp(event.deltaY * 0.0015), at = point(event);
  if (box[2] * factor < all[2] / 50 || box[2] * factor > all[2] * 10) return;
  box = [at.x - (at.x - box[0]) * factor, at.y - (at.y - box[1]) * factor,
         box[2] * factor, box[3] * factor];
  show();
}, { passive: false });
map.addEventListener("pointerdown", (event) => {
  grip = point(event);
  map.setPointerCapture(event.pointerId);
});
map.addEventListener("pointerup", () => { grip = null; });
map.addEventListener("pointermove", (event) => {
  if (grip) {
    const at = point(event);
    box[0] += grip.x - at.x; box[1] += grip.y - at.y;
    show();
  }
  const part = document.elementFromPoint(event.clientX, event.clientY);
  const found = part && part.closest("[data-tip]");
  tip.style.display = found && !grip ? "block" : "none";
  if (found) {
    tip.textContent = found.dataset.tip;
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + "px";
  }
});
map.addEventListener("pointerleave", () => { tip.style.display = "none"; });
map.addEventListener("dblclick", () => { box = [...all]; show(); });
// The page has details of its own; the browser's would cover them.
map.querySelectorAll("title").forEach((title) => title.remove());
"""
