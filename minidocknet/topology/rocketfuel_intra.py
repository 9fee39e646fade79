"""Rocketfuel's PoP maps: ``latencies.intra`` and ``weights.intra`` of one AS, side by side.

Mahajan, Spring, Wetherall, Anderson: "Inferring Link Weights using End-to-End Measurements", IMW
2002.  A line is one direction of a link: ``from to value``, the value being the one-way latency in
ms or the inferred weight.  ``1221.latencies.intra`` belongs to ``1221.weights.intra``,
``1221/latencies.intra`` to ``1221/weights.intra``.

Rules: directions that differ are kept per direction (the link's one weight is their mean, both
are attributes); a direction that is not listed is taken to be like the other and a warning counts
these; the same direction twice, and a link that only one of the two files has, are errors.
"""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass
from pathlib import Path

from minidocknet.model.errors import TopologyError
from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import LinkSpec, NodeSpec, Scalar, Topology
from minidocknet.topology.files import located, numbered_lines, read_map, shown
from minidocknet.topology.names import label_for, map_names

log = logging.getLogger(__name__)

SOURCE = (
    "Rocketfuel (Mahajan, Spring, Wetherall, Anderson: Inferring Link Weights using End-to-End "
    "Measurements, IMW 2002)"
)
INTRA_LINE = re.compile(r"(\S+)\s+(\S+)\s+(\S+)")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_KINDS = {"latencies": "weights", "weights": "latencies"}

Directed = dict[tuple[str, str], tuple[float, int]]


@dataclass(frozen=True, slots=True)
class _Table:
    """One file: the value and the line of each directed edge."""

    file: str
    values: Directed


def is_intra(path: Path) -> bool:
    """True for names like ``1221.latencies.intra`` and ``weights.intra``."""
    return path.name.endswith(".intra")


def read_intra(path: Path) -> Topology:
    """The PoP map of which ``path`` is one of the two files.

    Without the weights file the links have no weights, without the latencies no delay; either is
    said in a warning.  Raises :class:`TopologyError` with file and line.
    """
    stem, kind = _split_name(path)
    counterpart = path.with_name(path.name.replace(f"{kind}.intra", f"{_KINDS[kind]}.intra"))
    tables = {kind: parse_table(read_map(path), str(path), kind)}
    if counterpart.exists():
        other = _KINDS[kind]
        tables[other] = parse_table(read_map(counterpart), str(counterpart), other)
    else:
        lack = "weights" if kind == "latencies" else "delays"
        log.warning("%s: there is no %s beside it; links have no %s", path, counterpart.name, lack)
    return build_intra(tables.get("latencies"), tables.get("weights"), stem)


def parse_table(text: str, file: str, kind: str) -> _Table:
    """The directed edges of one file, ``kind`` being ``latencies`` or ``weights``."""
    values: Directed = {}
    for line, content in numbered_lines(text):
        match = INTRA_LINE.fullmatch(content)
        if match is None or not _NUMBER.fullmatch(match[3]):
            raise TopologyError(
                f"is no line of a PoP map: {shown(content)}",
                file=file,
                line=line,
                remedy="the form is  from to number, like  Oslo,+Norway12 Paris,+France7 14",
            )
        a, b, value = match[1], match[2], float(match[3])
        _check_value(kind, value, match[3], file, line)
        if a == b:
            raise TopologyError(f"link {a} - {b} joins a node to itself", file=file, line=line)
        if (a, b) in values:
            raise TopologyError(
                f"the direction {a} {b} is there twice, first in line {values[a, b][1]}",
                file=file,
                line=line,
                remedy="keep one: at most one link joins two nodes",
            )
        values[a, b] = (value, line)
    if not values:
        raise TopologyError("holds no links", file=file, line=1)
    return _Table(file, values)


def build_intra(latencies: _Table | None, weights: _Table | None, name: str) -> Topology:
    """The map of one or both tables."""
    main = latencies or weights
    if main is None:
        raise ValueError("build_intra needs latencies or weights")
    if latencies and weights:
        _check_same_links(latencies, weights)
        _check_same_links(weights, latencies)
    originals = list(dict.fromkeys(end for edge in main.values for end in edge))
    names = dict(zip(originals, map_names(originals), strict=True))
    nodes = tuple(_node(original, names[original]) for original in originals)
    links: list[LinkSpec] = []
    done: set[tuple[str, str]] = set()
    one_way = 0
    for (a, b), (_, line) in main.values.items():
        if (b, a) in done:
            continue
        done.add((a, b))
        one_way += (b, a) not in main.values
        with located(main.file, line):
            links.append(_link(a, b, names, latencies, weights))
    if one_way:
        log.warning(
            "%s: %d links are listed in one direction only; both are taken alike",
            main.file,
            one_way,
        )
    with located(main.file, 1):
        return Topology(
            name=name,
            nodes=nodes,
            links=tuple(links),
            description=f"PoP-level map {name} with inferred latencies and weights",
            source=SOURCE,
        )


def _split_name(path: Path) -> tuple[str, str]:
    """``1221.latencies.intra`` or ``1221/latencies.intra`` to ``("1221", "latencies")``."""
    for kind in _KINDS:
        if path.name.endswith(f"{kind}.intra"):
            stem = (
                path.name.removesuffix(f"{kind}.intra").rstrip(".") or path.absolute().parent.name
            )
            return stem or "intra", kind
    raise TopologyError(
        "does not say whether it holds latencies or weights",
        file=path,
        line=1,
        remedy="name it like 1221.latencies.intra beside 1221.weights.intra",
    )


def _check_value(kind: str, value: float, text: str, file: str, line: int) -> None:
    what = "latency" if kind == "latencies" else "weight"
    right = "0 ms or more" if kind == "latencies" else "above 0"
    if not math.isfinite(value) or value < 0 or (kind == "weights" and value == 0):
        raise TopologyError(f"the {what} {text} must be {right}", file=file, line=line)


def _check_same_links(table: _Table, other: _Table) -> None:
    """A link of ``table`` must be in ``other``, in whichever direction."""
    for (a, b), (_, line) in table.values.items():
        if (a, b) not in other.values and (b, a) not in other.values:
            raise TopologyError(
                f"link {a} - {b} is not in {other.file}",
                file=table.file,
                line=line,
                remedy="give it a line in both files, or in none",
            )


def _node(original: str, name: str) -> NodeSpec:
    location = original.rstrip("0123456789").replace("+", " ")
    return NodeSpec(name=name, label=label_for(original, name), location=location or None)


def _both(table: _Table, a: str, b: str) -> tuple[float, float]:
    """The values from ``a`` to ``b`` and back; where one is missing it is like the other."""
    forth, back = table.values.get((a, b)), table.values.get((b, a))
    first = forth or back
    second = back or forth
    if first is None or second is None:
        raise KeyError((a, b))
    return first[0], second[0]


def _link(
    a: str, b: str, names: dict[str, str], latencies: _Table | None, weights: _Table | None
) -> LinkSpec:
    forth, back = _both(latencies, a, b) if latencies else (0.0, 0.0)
    weight: float | None = None
    attrs: dict[str, Scalar] = {}
    if weights:
        weight_forth, weight_back = _both(weights, a, b)
        weight = (weight_forth + weight_back) / 2
        if weight_forth != weight_back:
            attrs = {"weight_a_to_b": weight_forth, "weight_b_to_a": weight_back}
    return LinkSpec(
        names[a],
        names[b],
        a_to_b=Shaping(delay_ms=forth),
        b_to_a=Shaping(delay_ms=back),
        weight=weight,
        attrs=attrs,
    )
