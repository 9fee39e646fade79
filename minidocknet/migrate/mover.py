"""The host's end of a node's app-mover: one request a line, one answer a line."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minidocknet.core.lab import Lab
from minidocknet.core.stream import host_engine, start_exec
from minidocknet.model.errors import ApplyError, CapabilityError

SCRIPT = "/etc/mdn/app-mover"
_HEADER = 8
_STDERR = 2
_TIMEOUT_S = 600.0


class MoverRefusal(ApplyError):  # noqa: N818  # reads as what it is
    """The node could not do what was asked.  ``log``: the lines of CRIU's log that tell why."""

    def __init__(self, message: str, log: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.log = log


class Mover:
    """A running app-mover.  It ends with the connection, whatever becomes of this process."""

    def __init__(self, node: str, connection: socket.socket, early: bytes) -> None:
        self.node = node
        self._connection = connection
        self._frames = bytearray(early)
        self._output = bytearray()
        self._errors = bytearray()
        connection.settimeout(_TIMEOUT_S)

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """The node's answer.

        Raises :class:`MoverRefusal` where it could not be done, ApplyError where the node does not
        answer any more.
        """
        try:
            self._connection.sendall(json.dumps({"do": do, **details}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(self._line())
        except (OSError, EOFError) as error:
            words = self._errors.decode(errors="replace").strip()
            raise ApplyError(
                f"node {self.node} does not answer while it was to {do}: {words or error}"
            ) from error
        if not answer.pop("ok"):
            raise MoverRefusal(f"{do} on {self.node}: {answer['error']}", tuple(answer["log"]))
        return answer

    def close(self) -> None:
        self._connection.close()

    def _line(self) -> bytes:
        while b"\n" not in self._output:
            data = self._connection.recv(65536)
            if not data:
                raise EOFError("it has ended")
            self._frames += data
            self._unframe()
        line, _, rest = self._output.partition(b"\n")
        self._output = bytearray(rest)
        return bytes(line)

    def _unframe(self) -> None:
        """Docker Engine API, "Attach to a container", stream format."""
        while len(self._frames) >= _HEADER:
            length = int.from_bytes(self._frames[4:_HEADER], "big")
            if len(self._frames) < _HEADER + length:
                return
            payload = self._frames[_HEADER : _HEADER + length]
            (self._errors if self._frames[0] == _STDERR else self._output).extend(payload)
            del self._frames[: _HEADER + length]


@contextmanager
def mover(lab: Lab, node: str) -> Iterator[Mover]:
    """An app-mover in ``node``; CapabilityError where the node's image cannot run one."""
    container = lab.running_container(node)
    api = lab.engine.api
    command = api.exec_create(container, ["python3", SCRIPT], stdin=True)["Id"]
    connection, early = start_exec(command, host_engine())
    made = Mover(node, connection, early)
    try:
        try:
            made.ask("hello")
        except ApplyError as error:
            raise CapabilityError(
                f"applications of node {node} cannot be moved: {error.message}",
                remedy="the node's image needs criu, runc, python3 and python3-pycriu, "
                "as mdn's own has them",
            ) from error
        yield made
    finally:
        made.close()
