"""GraphML (http://graphml.graphdrawing.org), read with expat so that errors have lines."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import Scalar, Topology
from minidocknet.topology.attributes import Attributes
from minidocknet.topology.files import read_map, shown
from minidocknet.topology.gml import is_zoo
from minidocknet.topology.graphs import RawEdge, RawGraph, RawNode, build_topology

_KNOWN = ("graphml", "graph", "node", "edge", "data", "key", "default", "desc", "port")


@dataclass(slots=True)
class _Key:
    """A declared attribute."""

    name: str
    type: str
    scope: str
    default: Scalar | None = None


@dataclass(slots=True)
class _Open:
    """A node or edge being read."""

    kind: str
    line: int
    ids: dict[str, str]
    attributes: Attributes = field(default_factory=dict)


def read_graphml(path: Path) -> Topology:
    """The topology in the GraphML file ``path``; see :func:`graphs.build_topology`."""
    return parse_graphml(read_map(path), str(path), path.stem)


def parse_graphml(text: str, file: str, name: str) -> Topology:
    """The topology in GraphML ``text``; ``file`` is what errors call it."""
    return build_topology(_Reader(file).read(text), file, name)


class _Reader:
    """Collects nodes and edges from expat's callbacks; one use."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._graph = RawGraph()
        self._keys: dict[str, _Key] = {}
        self._path: list[str] = []
        self._graphs = 0
        self._open: _Open | None = None
        self._data: _Key | None = None
        self._default_of: _Key | None = None
        self._text: list[str] = []
        self._skipped = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append
        self._parser.EntityDeclHandler = self._refuse_entity

    def read(self, text: str) -> RawGraph:
        # The text is decoded already, whatever its XML declaration says.
        self._parser.buffer_text = True
        try:
            self._parser.Parse(_without_declared_encoding(text), True)
        except expat.ExpatError as error:
            raise TopologyError(
                f"is not XML: {expat.ErrorString(error.code)}",
                file=self._file,
                line=error.lineno,
            ) from None
        if self._graphs == 0:
            raise TopologyError("has no graph", file=self._file, line=1)
        graph = self._graph
        graph.multigraph = is_zoo(graph.attributes) or graph.attributes.get("multigraph") in (
            True,
            1,
        )
        return graph

    # --- elements ---------------------------------------------------------------------------

    def _start(self, qualified: str, given: dict[str, str]) -> None:
        tag = qualified.rpartition(" ")[2]
        if not self._path and tag != "graphml":
            self._fail(f"is XML but not GraphML: its root is <{tag}>")
        self._path.append(tag)
        if self._skipped or tag not in _KNOWN:
            if tag in ("hyperedge", "nested"):
                self._fail(f"<{tag}> has no place in a map of links")
            self._skipped += 1
            return
        if tag == "key":
            self._start_key(given)
        elif tag == "default":
            self._default_of = self._keys.get(self._last_key)
            self._text.clear()
        elif tag == "graph":
            self._start_graph(given)
        elif tag in ("node", "edge"):
            self._start_part(tag, given)
        elif tag == "data":
            self._start_data(given)

    def _start_key(self, given: dict[str, str]) -> None:
        key = self._required(given, "id", "key")
        self._last_key = key
        self._keys[key] = _Key(
            given.get("attr.name", key), given.get("attr.type", "string"), given.get("for", "all")
        )

    _last_key = ""

    def _start_graph(self, given: dict[str, str]) -> None:
        self._graphs += 1
        if self._graphs > 1:
            self._fail("holds more than one graph; keep one")
        direction = given.get("edgedefault", "undirected")
        if direction not in ("directed", "undirected"):
            self._fail(f"edgedefault is {direction!r}; it must be directed or undirected")
        self._graph.directed = direction == "directed"

    def _start_part(self, tag: str, given: dict[str, str]) -> None:
        if self._open is not None:
            self._fail(f"a <{tag}> stands inside a <{self._open.kind}>; close that first")
        needed = ("id",) if tag == "node" else ("source", "target")
        ids = {key: self._required(given, key, tag) for key in needed}
        if "id" in given:
            ids["id"] = given["id"]
        own = given.get("directed")
        if own is not None and (own == "true") != self._graph.directed:
            self._fail("an edge's own direction differs from the graph's; make them alike")
        defaults = {
            key.name: key.default
            for key in self._keys.values()
            if key.default is not None and key.scope in (tag, "all")
        }
        self._open = _Open(tag, self._line, ids, defaults)

    def _start_data(self, given: dict[str, str]) -> None:
        key = self._required(given, "key", "data")
        if key not in self._keys:
            self._fail(f"<data> names the key {key!r}, which is not declared")
        self._data = self._keys[key]
        self._text.clear()

    def _end(self, qualified: str) -> None:
        tag = self._path.pop()
        if self._skipped:
            self._skipped -= 1
            return
        if tag == "data" and self._data is not None:
            value = self._typed("".join(self._text), self._data)
            target = self._open.attributes if self._open else self._graph.attributes
            target[self._data.name] = value
            self._data = None
        elif tag == "default" and self._default_of is not None:
            self._default_of.default = self._typed("".join(self._text), self._default_of)
            self._default_of = None
        elif tag in ("node", "edge") and self._open is not None:
            self._close(self._open)
            self._open = None

    def _close(self, part: _Open) -> None:
        if part.kind == "node":
            self._graph.nodes.append(RawNode(part.ids["id"], part.attributes, part.line))
        else:
            self._graph.edges.append(
                RawEdge(
                    part.ids["source"],
                    part.ids["target"],
                    part.attributes,
                    part.line,
                    part.ids.get("id"),
                )
            )

    # --- values -----------------------------------------------------------------------------

    def _typed(self, text: str, key: _Key) -> Scalar:
        stripped = text.strip()
        try:
            if key.type in ("int", "long"):
                return int(stripped)
            if key.type in ("float", "double"):
                number = float(stripped)
                return number if math.isfinite(number) else stripped
        except ValueError:
            self._fail(f"{key.name} {shown(stripped)} is no {key.type}")
        if key.type == "boolean":
            if stripped.lower() not in ("true", "false", "1", "0"):
                self._fail(f"{key.name} {shown(stripped)} is neither true nor false")
            return stripped.lower() in ("true", "1")
        return text

    def _required(self, given: dict[str, str], key: str, tag: str) -> str:
        if key not in given:
            self._fail(f"a <{tag}> lacks its {key}")
        return given[key]

    def _refuse_entity(self, *_: object) -> None:
        self._fail("declares XML entities, which maps do not need")

    @property
    def _line(self) -> int:
        return self._parser.CurrentLineNumber

    def _fail(self, message: str) -> NoReturn:
        raise TopologyError(message, file=self._file, line=self._line)


def _without_declared_encoding(text: str) -> bytes:
    """UTF-8 bytes whose XML declaration, if any, no longer names another encoding."""
    head, end, rest = text.partition("?>")
    if head.lstrip().startswith("<?xml") and end:
        # Same number of lines, so that errors keep their line.
        return ("<?xml version='1.0'?>" + "\n" * head.count("\n") + rest).encode()
    return text.encode()
