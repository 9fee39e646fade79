"""Talking to a lab's wire daemon: batches of commands in one round trip, typed answers."""

from __future__ import annotations

import json
import os
import selectors
import socket
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from minidocknet.links.wire.config import (
    Direction,
    L2tpEnd,
    TapEnd,
    WireLink,
    command_line,
    shaping_words,
)
from minidocknet.links.wire.stats import (
    CommandResult,
    DirectionStats,
    EndState,
    Lateness,
    LatenessHistogram,
    LinkState,
    LinkStats,
    TransportStats,
    WireStats,
    WireVersion,
)
from minidocknet.model.errors import LabError
from minidocknet.model.shaping import Shaping

__all__ = [
    "CommandResult",
    "DirectionStats",
    "EndState",
    "Lateness",
    "LatenessHistogram",
    "LinkState",
    "LinkStats",
    "TransportStats",
    "WireClient",
    "WireStats",
    "WireVersion",
]

SOCKET_NAME = "wire.sock"
DEFAULT_TIMEOUT_S = 30.0


class WireClient:
    """A connection to the daemon that runs in ``run_dir``.  Usable as a context manager.

    Methods raise :class:`LabError` where the daemon does not answer and :class:`ApplyError` where
    it refuses.  Commands of one client run in order; the data path never waits for a client.
    """

    def __init__(self, run_dir: Path, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.run_dir = run_dir
        self._timeout_s = timeout_s
        self._received = b""
        self._socket = _connect(run_dir, timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the daemon and its links go on."""
        self._socket.close()

    def batch(self, lines: Sequence[str]) -> list[CommandResult]:
        """Send all ``lines`` and read one result for each; refusals are results, not raised."""
        if any("\n" in line for line in lines):
            raise ValueError("a command must be one line")
        outgoing = memoryview("".join(f"{line}\n" for line in lines).encode())
        replies: list[bytes] = []
        deadline = time.monotonic() + self._timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(
                self._socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if outgoing else 0)
            )
            while len(replies) < len(lines):
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise self._lost(f"no answer within {self._timeout_s:g} s")
                events = ready[0][1]
                try:
                    if events & selectors.EVENT_WRITE:
                        outgoing = outgoing[self._socket.send(outgoing) :]
                        if not outgoing:
                            selector.modify(self._socket, selectors.EVENT_READ)
                    if events & selectors.EVENT_READ:
                        replies += self._read_lines()
                except OSError as error:
                    raise self._lost(str(error)) from error
        return [
            CommandResult.parse(line, reply) for line, reply in zip(lines, replies, strict=True)
        ]

    def add(self, link: WireLink) -> None:
        """Make a link; both its ends are attached, or nothing stays."""
        self._run(link.add_line())

    def add_many(self, links: Iterable[WireLink]) -> list[CommandResult]:
        """Make links in one batch; a result for each, in order."""
        return self.batch([link.add_line() for link in links])

    def set(
        self, link_id: str, *, a_to_b: Shaping | None = None, b_to_a: Shaping | None = None
    ) -> None:
        """Put shaping in force while traffic flows; a direction not given stays as it is."""
        words: list[str] = []
        if a_to_b is not None:
            words += shaping_words("ab", a_to_b)
        if b_to_a is not None:
            words += shaping_words("ba", b_to_a)
        self._run(command_line("set", f"id={link_id}", *words))

    def set_words(self, link_id: str, direction: Direction, **values: str | int | float) -> None:
        """Change single words of a direction, like ``set_words("l1", "ab", delay_ns=3000000)``."""
        words = [f"{direction}.{key}={value}" for key, value in values.items()]
        self._run(command_line("set", f"id={link_id}", *words))

    def attach(self, link_id: str, end: Literal["a", "b"], place: TapEnd | L2tpEnd) -> None:
        """Attach an end (again), at another place if need be; the kind cannot change."""
        words = [word for word in place.words() if not word.startswith("kind=")]
        self._run(command_line("attach", f"id={link_id}", f"end={end}", *words))

    def detach(self, link_id: str, end: Literal["a", "b"]) -> None:
        """Remove an end's interface; the link stays and waits for :meth:`attach`."""
        self._run(command_line("detach", f"id={link_id}", f"end={end}"))

    def up(self, link_id: str) -> None:
        """Give the link its carrier back."""
        self._run(command_line("up", f"id={link_id}"))

    def down(self, link_id: str) -> None:
        """Pull the cable: what is on its way is dropped, both ends lose their carrier."""
        self._run(command_line("down", f"id={link_id}"))

    def delete(self, link_id: str) -> None:
        """Remove the link and its interfaces."""
        self._run(command_line("del", f"id={link_id}"))

    def delete_many(self, link_ids: Iterable[str]) -> list[CommandResult]:
        """Remove links in one batch; a result for each, in order."""
        return self.batch([command_line("del", f"id={link_id}") for link_id in link_ids])

    def links(self) -> list[LinkState]:
        """Every link with its state, in the order in which they were made."""
        answer = self._ask("list")
        return [LinkState.from_json(entry) for entry in answer["links"]]

    def stats(self, link_id: str | None = None) -> WireStats:
        """Counters of all links, or of one, and how late frames left."""
        return WireStats.from_json(
            self._ask("stats" if link_id is None else command_line("stats", f"id={link_id}"))
        )

    def reset_stats(self, link_id: str | None = None) -> None:
        """Set counters to zero: all of them with the histogram, or one link's."""
        self._run(
            "reset-stats" if link_id is None else command_line("reset-stats", f"id={link_id}")
        )

    def version(self) -> WireVersion:
        """Who answers: version, lab, process, scheduling class."""
        return WireVersion.from_json(self._ask("version"))

    def shutdown(self, *, keep_taps: bool = False) -> None:
        """End the daemon and remove all its interfaces, or leave them to their namespaces' end."""
        self._run("shutdown taps=keep" if keep_taps else "shutdown")

    def _ask(self, line: str) -> dict[str, Any]:
        answer = json.loads(self._run(line).text)
        if not isinstance(answer, dict):
            raise self._lost(f"an answer to {line!r} that is no object")
        return answer

    def _run(self, line: str) -> CommandResult:
        return self.batch([line])[0].check()

    def _read_lines(self) -> list[bytes]:
        part = self._socket.recv(1 << 18)
        if not part:
            raise ConnectionResetError("the daemon closed the connection")
        *lines, self._received = (self._received + part).split(b"\n")
        return lines

    def _lost(self, why: str) -> LabError:
        # Replies that still come would be taken for those of the next batch.
        self._socket.close()
        return LabError(
            f"the wire daemon in {self.run_dir} does not answer: {why}",
            remedy=f"look into {self.run_dir / 'wire.log'}; connect again, or start it again",
        )


def _connect(run_dir: Path, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        # The path through a descriptor is short, whatever the directory's own length (108 bytes).
        directory = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            connection.connect(f"/proc/self/fd/{directory}/{SOCKET_NAME}")
        finally:
            os.close(directory)
    except OSError as error:
        connection.close()
        raise LabError(
            f"no wire daemon answers in {run_dir}: {error.strerror or error}",
            remedy="deploy the lab, or start its daemon again with ensure_running()",
        ) from error
    connection.setblocking(False)
    return connection
