"""YAML text to plain values, with the line of each key and value.

Built from the parser's events rather than a ready-made composer, because maps need what that does
not give: duplicate keys are errors, deep nesting cannot exhaust the stack, and scalars follow YAML
1.2's core schema (``no`` is a name and ``12:30:00:00:00:01`` a MAC address, not a boolean and a
number).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml import events

from minidocknet.model.errors import TopologyError
from minidocknet.topology.files import shown

MAX_DEPTH = 16
# Aliases can make a short text stand for an endless document.
MAX_VALUES = 5_000_000
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,999})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+)"
                    r"(?:[eE][-+]?[0-9]+)?")  # fmt: skip
_STR_TAGS = ("!", "tag:yaml.org,2002:str")
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Position:
    """Where a value stands, and for a collection where its keys and values stand."""

    line: int
    keys: dict[str, int] = field(default_factory=dict)
    children: dict[str | int, Position] = field(default_factory=dict)

    def line_of(self, path: Sequence[str | int]) -> int:
        """The line of the deepest part of ``path`` that exists; of a key rather than its value."""
        here, line = self, self.line
        for part in path:
            if isinstance(part, str) and part in here.keys:
                line = here.keys[part]
            if part not in here.children:
                break
            here = here.children[part]
            if isinstance(part, int):
                line = here.line
        return line


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document's value (dicts with text keys, lists, scalars) and the positions in it."""

    value: Any
    position: Position
    size: int = 1  # values in it, aliases expanded


def parse_yaml(text: str, file: str) -> Parsed:
    """The single document in ``text``.

    Raises :class:`TopologyError` with file and line for text that is no YAML, for duplicate keys,
    collections as keys, unknown tags, recursion and more than one document.
    """
    try:
        return _Composer(iter(yaml.parse(text, Loader=_LOADER)), file).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise TopologyError(
            f"is not YAML: {what}", file=file, line=mark.line + 1 if mark else None
        ) from None
    except yaml.YAMLError as error:
        # ReaderError: a character that YAML forbids; it knows the position in the text.
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 1
        raise TopologyError(f"is not YAML: {str(error).splitlines()[0]}", file=file, line=line) \
            from None  # fmt: skip


def scalar_value(text: str) -> str | int | float | bool | None:
    """What a plain scalar means in YAML 1.2's core schema, without infinities and NaN."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Composer:
    """Turns events into a :class:`Parsed`; one use."""

    def __init__(self, stream: Iterator[Any], file: str) -> None:
        self._stream = stream
        self._file = file
        self._anchors: dict[str, Parsed | None] = {}

    def document(self) -> Parsed:
        parsed: Parsed | None = None
        for event in self._stream:
            if isinstance(event, events.DocumentStartEvent):
                if parsed is not None:
                    raise self._error("holds more than one YAML document; keep one", event)
                parsed = self._value(next(self._stream), 0)
        if parsed is None:
            raise TopologyError("holds no YAML document", file=self._file, line=1)
        return parsed

    def _value(self, event: Any, depth: int) -> Parsed:
        if isinstance(event, events.AliasEvent):
            known = self._anchors.get(str(event.anchor))
            if known is None:
                what = "contains itself" if event.anchor in self._anchors else "is not defined"
                raise self._error(f"the alias *{event.anchor} {what}", event)
            return known
        if depth > MAX_DEPTH:
            raise self._error(f"is nested deeper than {MAX_DEPTH} levels", event)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, events.ScalarEvent):
            parsed = self._scalar(event)
        elif isinstance(event, events.SequenceStartEvent):
            self._check_tag(event, "seq")
            parsed = self._sequence(event, depth)
        else:
            self._check_tag(event, "map")
            parsed = self._mapping(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = parsed
        return parsed

    def _scalar(self, event: Any) -> Parsed:
        position = Position(_line(event))
        if event.tag is None:
            value = scalar_value(event.value) if event.implicit[0] else event.value
        elif event.tag in _STR_TAGS:
            value = event.value
        else:
            raise self._error(f"has the tag {event.tag}, which maps do not use", event)
        return Parsed(value, position)

    def _sequence(self, start: Any, depth: int) -> Parsed:
        values: list[Any] = []
        size = 1
        position = Position(_line(start))
        for event in self._stream:
            if isinstance(event, events.SequenceEndEvent):
                break
            item = self._value(event, depth + 1)
            position.children[len(values)] = item.position
            values.append(item.value)
            size = self._grown(size, item, event)
        return Parsed(values, position, size)

    def _mapping(self, start: Any, depth: int) -> Parsed:
        values: dict[str, Any] = {}
        size = 1
        position = Position(_line(start))
        merged: list[Parsed] = []
        for event in self._stream:
            if isinstance(event, events.MappingEndEvent):
                break
            if not isinstance(event, events.ScalarEvent):
                raise self._error("a key must be plain text", event)
            key, line = event.value, _line(event)
            item = self._value(next(self._stream), depth + 1)
            size = self._grown(size, item, event)
            if key == "<<" and event.implicit[0]:
                merged.extend(self._merge_sources(item, event))
                continue
            if key in values:
                raise self._error(
                    f"the key {shown(key)} is there twice, first in line {position.keys[key]}; "
                    "keep one",
                    event,
                )
            values[key] = item.value
            position.keys[key] = line
            position.children[key] = item.position
        for source in merged:
            for key, value in source.value.items():
                if key not in values:
                    values[key] = value
                    position.keys[key] = source.position.keys[key]
                    position.children[key] = source.position.children[key]
        return Parsed(values, position, size)

    def _grown(self, size: int, item: Parsed, event: Any) -> int:
        if size + item.size > MAX_VALUES:
            raise self._error(
                f"stands for more than {MAX_VALUES} values, through its aliases", event
            )
        return size + item.size

    def _merge_sources(self, item: Parsed, event: Any) -> list[Parsed]:
        """The mappings that a ``<<`` key brings in: one, or a list of them."""
        if isinstance(item.value, dict):
            return [item]
        if isinstance(item.value, list) and all(isinstance(v, dict) for v in item.value):
            return [Parsed(v, item.position.children[i]) for i, v in enumerate(item.value)]
        raise self._error("'<<' takes a mapping or a list of mappings", event)

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", f"tag:yaml.org,2002:{kind}"):
            raise self._error(f"has the tag {event.tag}, which maps do not use", event)

    def _error(self, message: str, event: Any) -> TopologyError:
        return TopologyError(message, file=self._file, line=_line(event))
