"""GML (Himsolt: "GML: A portable graph file format", 1996), as the Topology Zoo uses it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5
from pathlib import Path

from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import Scalar, Topology
from minidocknet.topology.attributes import Attributes
from minidocknet.topology.files import read_map, shown
from minidocknet.topology.graphs import RawEdge, RawGraph, RawNode, build_topology

MAX_DEPTH = 16
_TOKEN = re.compile(
    r'(?P<space>\s+)|(?P<comment>\#[^\n]*)|(?P<open>\[)|(?P<close>\])'
    r'|"(?P<string>[^"]*)"'
    r"|(?P<real>[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][+-]?[0-9]+)?(?![\w.]))"
    r"|(?P<int>[+-]?[0-9]{1,1000}(?![\w.]))"
    r"|(?P<key>[A-Za-z_][A-Za-z0-9_]*)"
)  # fmt: skip


_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|([A-Za-z][A-Za-z0-9]*));")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key with its value: a scalar, or a list of entries."""

    key: str
    value: Scalar | list[_Entry]
    line: int


def read_gml(path: Path) -> Topology:
    """The topology in the GML file ``path``; see :func:`graphs.build_topology` for the rules."""
    return parse_gml(read_map(path), str(path), path.stem)


def parse_gml(text: str, file: str, name: str) -> Topology:
    """The topology in GML ``text``; ``file`` is what errors call it."""
    entries = _Parser(text, file).entries()
    graphs = [entry for entry in entries if entry.key == "graph"]
    if len(graphs) != 1:
        raise TopologyError(
            f"has {len(graphs)} graphs, not one", file=file, line=graphs[1].line if graphs else 1
        )
    return build_topology(_raw_graph(graphs[0], entries, file), file, name)


def _raw_graph(graph: _Entry, top: list[_Entry], file: str) -> RawGraph:
    if not isinstance(graph.value, list):
        raise TopologyError("the graph must be a list in [ ]", file=file, line=graph.line)
    attributes = {**_scalars(top), **_scalars(graph.value)}
    raw = RawGraph(
        attributes=attributes,
        directed=attributes.get("directed") == 1,
        multigraph=attributes.get("multigraph") == 1 or is_zoo(attributes),
    )
    for entry in graph.value:
        if entry.key not in ("node", "edge"):
            continue
        if not isinstance(entry.value, list):
            raise TopologyError(f"a {entry.key} must be a list in [ ]", file=file, line=entry.line)
        given = _scalars(entry.value, prefix="")
        if entry.key == "node":
            node_id = _required(given, "id", entry, file)
            raw.nodes.append(RawNode(node_id, given, entry.line))
        else:
            source = _required(given, "source", entry, file)
            target = _required(given, "target", entry, file)
            marks = [str(given[key]) for key in ("key", "id") if key in given]
            raw.edges.append(RawEdge(source, target, given, entry.line, "/".join(marks) or None))
    return raw


def is_zoo(attributes: Attributes) -> bool:
    """True for maps of the Topology Zoo, whose parallel links have nothing to tell them apart."""
    return "Topology Zoo" in str(attributes.get("Creator", "")) or "ToolsetVersion" in attributes


def _required(given: Attributes, key: str, entry: _Entry, file: str) -> str:
    if key not in given:
        raise TopologyError(f"a {entry.key} lacks its {key}", file=file, line=entry.line)
    return str(given[key])


def _scalars(entries: list[_Entry], prefix: str = "") -> Attributes:
    """The scalar values by key; nested lists (such as ``graphics``) as ``outer_inner``."""
    found: Attributes = {}
    for entry in entries:
        if not isinstance(entry.value, list):
            found[prefix + entry.key] = entry.value
        elif entry.key not in ("node", "edge", "graph"):
            found.update(_scalars(entry.value, f"{prefix}{entry.key}_"))
    return found


class _Parser:
    """Recursive descent over the tokens; one use."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._tokens = self._scan(text)

    def entries(self, depth: int = 0) -> list[_Entry]:
        """Entries up to the closing bracket, or to the end of the text at depth 0."""
        found: list[_Entry] = []
        for token in self._tokens:
            if token.kind == "close" and depth:
                return found
            if token.kind == "end" and not depth:
                return found
            if token.kind != "key":
                raise self._error(f"expected a key, found {_named(token)}", token)
            found.append(_Entry(token.text, self._value(token, depth), token.line))
        raise TopologyError("ends too early", file=self._file)

    def _value(self, key: _Token, depth: int) -> Scalar | list[_Entry]:
        token = next(self._tokens)
        if token.kind == "open":
            if depth >= MAX_DEPTH:
                raise self._error(f"is nested deeper than {MAX_DEPTH} levels", token)
            return self.entries(depth + 1)
        if token.kind == "string":
            return _ENTITY.sub(_character, token.text)
        if token.kind == "int":
            return int(token.text)
        if token.kind == "real":
            number = float(token.text)
            return number if math.isfinite(number) else token.text
        # networkx writes infinities and NaN as bare words.
        if token.kind == "key" and token.text.lower() in ("nan", "inf"):
            return token.text
        raise self._error(
            f"the key {key.text!r} has no value: found {_named(token)}",
            token,
            'write a number, a "text" or a [ list ] after it',
        )

    def _scan(self, text: str) -> Iterator[_Token]:
        position, line = 0, 1
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                rest = text[position:].split("\n", 1)[0]
                what = "a text without closing quote" if rest[0] == '"' else shown(rest[:40])
                raise TopologyError(f"is not GML: {what}", file=self._file, line=line)
            kind = match.lastgroup or "space"
            if kind not in ("space", "comment"):
                yield _Token(kind, match[kind], line)
            line += text.count("\n", position, match.end())
            position = match.end()
        yield _Token("end", "", line)

    def _error(self, message: str, token: _Token, remedy: str | None = None) -> TopologyError:
        return TopologyError(
            f"is not GML: {message}", file=self._file, line=token.line, remedy=remedy
        )


def _character(match: re.Match[str]) -> str:
    """What an entity stands for; an unknown one stays as it is."""
    if match[1]:
        code = int(match[1])
        return chr(code) if code <= 0x10FFFF else match[0]
    return html5.get(f"{match[2]};", match[0])


def _named(token: _Token) -> str:
    if token.kind == "end":
        return "the end of the file"
    return {"open": "'['", "close": "']'"}.get(token.kind) or shown(token.text, limit=40)
