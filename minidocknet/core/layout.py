"""Where the nodes of a picture go: on the map where it has coordinates, else by graphviz."""

from __future__ import annotations

import math
import shlex
import subprocess
from collections.abc import Mapping

from minidocknet.core.graph import Picture, dot_text
from minidocknet.model.errors import ApplyError, CapabilityError

Positions = Mapping[str, tuple[float, float]]

# neato draws best, sfdp is the one that ends soon on large graphs.
_NEATO_MOST_NODES = 150
_TIMEOUT_S = 120
# The least distance between two nodes, in the units of the picture (SVG's pixels), and what
# labels of links and names of nodes add to it.
_SPACING = 46.0
_MOST_SPACING = 150.0
_PER_LETTER = 5.4


def positions_of(picture: Picture) -> Positions:
    """(x, y) of each node, y downwards, the least 0, with room for labels between neighbours.

    Raises CapabilityError where graphviz is needed and is not there.
    """
    geographic = _geographic(picture)
    raw = geographic if geographic is not None else _by_graphviz(picture)
    apart = _spread(raw, _spacing(picture))
    left = min(x for x, _ in apart.values())
    top = min(y for _, y in apart.values())
    return {name: (x - left, y - top) for name, (x, y) in apart.items()}


def _spacing(picture: Picture) -> float:
    """Links' labels lie along them, names below nodes."""
    longest = max((len(text) for edge in picture.edges for text in edge.labels), default=0)
    names = min(max(len(vertex.title) for vertex in picture.vertices), 16)
    wanted = max(longest * _PER_LETTER + 24, names * _PER_LETTER + 8)
    return min(max(wanted, _SPACING), _MOST_SPACING)


def _geographic(picture: Picture) -> dict[str, tuple[float, float]] | None:
    """Mercator's projection; None where a node has no coordinates or all have the same."""
    found: dict[str, tuple[float, float]] = {}
    for vertex in picture.vertices:
        if vertex.latitude is None or vertex.longitude is None:
            return None
        latitude = math.radians(max(-85.0, min(85.0, vertex.latitude)))
        y = -math.log(math.tan(math.pi / 4 + latitude / 2))
        found[vertex.name] = (math.radians(vertex.longitude), y)
    return found if len(set(found.values())) > 1 else None


def _by_graphviz(picture: Picture) -> dict[str, tuple[float, float]]:
    if len(picture.vertices) == 1:
        return {picture.vertices[0].name: (0.0, 0.0)}
    program = "neato" if len(picture.vertices) <= _NEATO_MOST_NODES else "sfdp"
    try:
        done = subprocess.run(
            [program, "-Tplain", "-Goverlap=false", "-Nshape=circle", "-Nwidth=0.6"],
            input=dot_text(picture, for_layout=True),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise CapabilityError(
            f"{program} of graphviz is not there, which finds the nodes' places",
            remedy="apt-get install graphviz, or take --to dot or --to mermaid",
        ) from None
    except subprocess.TimeoutExpired:
        raise ApplyError(
            f"{program} found no places for {len(picture.vertices)} nodes in {_TIMEOUT_S} s",
            remedy="draw a sample of the map: mdn topology sample",
        ) from None
    if done.returncode:
        raise ApplyError(f"{program} failed: {done.stderr.strip()}")
    return parse_plain(done.stdout)


def parse_plain(text: str) -> dict[str, tuple[float, float]]:
    """Nodes' places in graphviz's plain format (https://graphviz.org/docs/outputs/plain/)."""
    found = {}
    for line in text.splitlines():
        if line.startswith("node "):
            words = shlex.split(line)
            found[words[1]] = (float(words[2]), -float(words[3]))
    return found


def _spread(
    raw: Mapping[str, tuple[float, float]], spacing: float
) -> dict[str, tuple[float, float]]:
    """Takes a scale from the extent and the number of nodes, then pushes close nodes apart."""
    xs, ys = [x for x, _ in raw.values()], [y for _, y in raw.values()]
    extent = max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0
    side = spacing * max(4.0, 2.2 * math.sqrt(len(raw)))
    places = {name: (x * side / extent, y * side / extent) for name, (x, y) in raw.items()}
    names = list(places)
    # On one spot there is no direction to push in: start on a small spiral (golden angle).
    for number, name in enumerate(names):
        angle = number * 2.39996
        x, y = places[name]
        places[name] = (x + 0.5 * math.cos(angle), y + 0.5 * math.sin(angle))
    for _ in range(60):
        if not _push_once(places, spacing):
            break
    return places


def _push_once(places: dict[str, tuple[float, float]], spacing: float) -> bool:
    """Moves each pair that is too close half-way apart; False where none was."""
    cells: dict[tuple[int, int], list[str]] = {}
    for name, (x, y) in places.items():
        cells.setdefault((int(x // spacing), int(y // spacing)), []).append(name)
    moved = False
    for (column, row), members in cells.items():
        around = [
            other
            for dx in (-1, 0, 1)
            for dy in (-1, 0, 1)
            for other in cells.get((column + dx, row + dy), ())
        ]
        for name in members:
            for other in around:
                if other <= name:
                    continue
                (ax, ay), (bx, by) = places[name], places[other]
                distance = math.hypot(bx - ax, by - ay) or 1e-6
                if distance >= spacing * 0.999:
                    continue
                push = (spacing - distance) / 2 / distance
                dx, dy = (bx - ax) * push, (by - ay) * push
                places[name], places[other] = (ax - dx, ay - dy), (bx + dx, by + dy)
                moved = True
    return moved
