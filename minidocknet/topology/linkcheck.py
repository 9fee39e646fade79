"""What every format checks of a link before building it, with the lines of both culprits."""

from __future__ import annotations

from collections.abc import Collection

from minidocknet.model.errors import TopologyError
from minidocknet.topology.files import did_you_mean, shown


class LinkChecker:
    """Refuses self links, dangling names and second links between the same nodes."""

    def __init__(self, file: str, nodes: Collection[str]) -> None:
        self._file = file
        self._nodes = nodes
        self._seen: dict[frozenset[str], int | None] = {}

    def check(self, a: str, b: str, line: int | None) -> None:
        """Raise :class:`TopologyError` unless a link from ``a`` to ``b`` may be added."""
        for end in (a, b):
            if end not in self._nodes:
                raise self._error(
                    f"link {shown(a)} - {shown(b)} names the unknown node {shown(end)}",
                    line,
                    did_you_mean(end, self._nodes) or "add the node, or drop the link",
                )
        if a == b:
            raise self._error(
                f"link {shown(a)} - {shown(b)} joins a node to itself", line, "drop it"
            )
        ends = frozenset((a, b))
        if ends in self._seen:
            first = self._seen[ends]
            raise self._error(
                f"link {shown(a)} - {shown(b)} is there twice"
                + (f", first in line {first}" if first else ""),
                line,
                "keep one: at most one link joins two nodes",
            )
        self._seen[ends] = line

    def _error(self, message: str, line: int | None, remedy: str) -> TopologyError:
        return TopologyError(message, file=self._file, line=line, remedy=remedy)
