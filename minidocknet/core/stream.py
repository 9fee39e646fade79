"""A command in a node with live streams: bytes in while they come, bytes out as they appear.

docker-py cannot do this whole: the reader of its HTTP answer may hold the first bytes of the
stream, and it has no way to say that standard input has ended.  So the one request that starts
the command goes over a socket of our own (Docker Engine API, "Exec start": after status 101 the
connection carries the streams, output in frames with an eight-byte header).
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from minidocknet.core.lab import Lab
from minidocknet.model.errors import ApplyError, CapabilityError, UsageError

_CHUNK = 65536
_POLL_S = 0.1
# Where the engine takes no more input, this much of it waits here before reading stops.
_MOST_PENDING = 4 * _CHUNK
_STDERR = 2
# How the engine's words begin, on standard output, where the command cannot be run at all.
_REFUSAL = b"OCI runtime exec failed: "
_CANNOT_RUN, _NOT_FOUND = 126, 127

Sink = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class ExecPlace:
    """Where a command runs: ``container`` of the engine that ``api`` speaks to at ``address`` (as
    DOCKER_HOST writes it).  ``what``: for messages.  ``enter``: the words before a host's command
    that put it into the engine's pid namespace; none for the host's own engine.
    """

    api: Any
    address: str
    container: str
    what: str
    enter: tuple[str, ...] = ()


def stream_exec(
    lab: Lab,
    node: str,
    command: Sequence[str],
    *,
    on_stdout: Sink,
    on_stderr: Sink,
    stdin: int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    signals: list[int] | None = None,
) -> int:
    """Run ``command`` in a node as root; see :func:`stream_exec_at`.  LabError where it is off."""
    check_command(command)
    container = lab.running_container(node)
    return stream_exec_at(
        ExecPlace(lab.engine.api, host_engine(), container, node),
        command,
        on_stdout=on_stdout,
        on_stderr=on_stderr,
        stdin=stdin,
        env=env,
        cwd=cwd,
        signals=signals,
    )


def check_command(command: Sequence[str]) -> None:
    """UsageError for an empty command."""
    if not command:
        raise UsageError("there is no command to run", remedy="give one: ... -- ip address")


def stream_exec_at(
    place: ExecPlace,
    command: Sequence[str],
    *,
    on_stdout: Sink,
    on_stderr: Sink,
    stdin: int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    signals: list[int] | None = None,
) -> int:
    """Run ``command`` as the container's user; returns its exit status, as a shell has it.

    ``stdin``: a file descriptor to read until its end.  ``signals``: numbers that appear in this
    list while the command runs are taken out and sent to it; it is killed if a sink raises.
    """
    api = place.api
    made = api.exec_create(
        place.container,
        list(command),
        stdin=stdin is not None,
        environment=dict(env or {}),
        workdir=cwd,
    )["Id"]
    connection, early = start_exec(made, place.address)

    def deliver(number: int) -> None:
        """To the command and its children: it leads a session of its own."""
        pid = int(api.exec_inspect(made)["Pid"])
        if pid and place.enter:
            kill = [*place.enter, "kill", f"-{number}", "--", f"-{pid}"]
            subprocess.run(kill, check=False, stderr=subprocess.DEVNULL)
        elif pid:
            with suppress(ProcessLookupError):
                os.killpg(pid, number)

    streams = _Streams(connection, early, stdin, on_stdout, on_stderr)
    try:
        with connection:
            streams.run(signals if signals is not None else [], deliver)
    except BaseException:
        deliver(signal.SIGKILL)
        raise
    code = api.exec_inspect(made)["ExitCode"]
    if code is None:
        raise ApplyError(f"the engine lost the command in {place.what}: it has no exit status")
    return streams.finish(int(code))


class _Streams:
    """Moves bytes between the connection, standard input and the two sinks."""

    def __init__(
        self,
        connection: socket.socket,
        early: bytes,
        stdin: int | None,
        on_stdout: Sink,
        on_stderr: Sink,
    ) -> None:
        self._connection = connection
        self._received = bytearray(early)
        self._stdin = stdin
        self._on_stdout, self._on_stderr = on_stdout, on_stderr
        self._pending = bytearray()
        self._first = True
        self._refusal = b""
        # select, because epoll refuses regular files.
        self._selector = selectors.SelectSelector()

    def run(self, signals: list[int], deliver: Callable[[int], None]) -> None:
        """Until the command has closed its output."""
        self._connection.setblocking(False)
        with self._selector:
            self._deliver_frames()
            while True:
                while signals:
                    deliver(signals.pop(0))
                self._watch()
                for key, events in self._selector.select(_POLL_S):
                    if key.fileobj is not self._connection:
                        self._read_stdin()
                        continue
                    if events & selectors.EVENT_WRITE:
                        self._send()
                    if events & selectors.EVENT_READ and not self._receive():
                        return

    def _watch(self) -> None:
        """Wait for just what can be dealt with."""
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._pending else 0)
        self._register(self._connection, wanted)
        if self._stdin is not None:
            room = len(self._pending) < _MOST_PENDING
            self._register(self._stdin, selectors.EVENT_READ if room else 0)

    def _register(self, what: socket.socket | int, events: int) -> None:
        known = self._selector.get_map().get(what)
        if known is None and events:
            self._selector.register(what, events)
        elif known is not None and not events:
            self._selector.unregister(what)
        elif known is not None and known.events != events:
            self._selector.modify(what, events)

    def _read_stdin(self) -> None:
        assert self._stdin is not None
        data = os.read(self._stdin, _CHUNK)
        self._pending += data
        if not data:
            self._selector.unregister(self._stdin)
            self._stdin = None
            if not self._pending:
                self._end_input()

    def _send(self) -> None:
        try:
            sent = self._connection.send(self._pending)
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):  # the command reads no more
            sent = len(self._pending)
        del self._pending[:sent]
        if not self._pending and self._stdin is None:
            self._end_input()

    def _end_input(self) -> None:
        with suppress(OSError):  # the command may have ended meanwhile
            self._connection.shutdown(socket.SHUT_WR)

    def _receive(self) -> bool:
        """False at the end of the output."""
        try:
            data = self._connection.recv(_CHUNK)
        except BlockingIOError:
            return True
        self._received += data
        self._deliver_frames()
        return bool(data)

    def _deliver_frames(self) -> None:
        while len(self._received) >= 8:
            stream, length = struct.unpack_from(">BxxxI", self._received)
            if len(self._received) < 8 + length:
                return
            payload = bytes(self._received[8 : 8 + length])
            del self._received[: 8 + length]
            if self._first and stream != _STDERR and payload.startswith(_REFUSAL):
                self._refusal = payload
            else:
                self._release()
                (self._on_stderr if stream == _STDERR else self._on_stdout)(payload)
            self._first = False

    def _release(self) -> None:
        """The engine says its words alone: what has more to say is a command after all."""
        if self._refusal:
            self._on_stdout(self._refusal)
            self._refusal = b""

    def finish(self, code: int) -> int:
        """The exit status as a shell has it, after the engine's own words went to their place."""
        if not self._refusal:
            return code
        if code not in (_CANNOT_RUN, _NOT_FOUND):
            self._release()
            return code
        self._on_stderr(self._refusal)
        missing = b"executable file not found", b"no such file or directory"
        of_command = b' exec: "' in self._refusal  # not of the folder, say
        found = any(words in self._refusal for words in missing)
        return _NOT_FOUND if of_command and found else _CANNOT_RUN


def host_engine() -> str:
    """The address of the host's engine."""
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def start_exec(identity: str, address: str) -> tuple[socket.socket, bytes]:
    """Start an exec of the engine at ``address``; returns the connection and what of the command's
    streams came with the answer.
    """
    body = json.dumps({"Detach": False, "Tty": False})
    request = (
        f"POST /exec/{identity}/start HTTP/1.1\r\nHost: docker\r\n"
        "Content-Type: application/json\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    connection = _connect(address)
    try:
        connection.sendall(request.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = connection.recv(_CHUNK)
            if not data:
                raise ApplyError(f"the engine closed the connection: {_text(answer)}")
            answer += data
        head, _, rest = answer.partition(b"\r\n\r\n")
        status = head.split(b" ", 2)[1:2]
        # Older engines answer 200 where they switch to the streams all the same.
        if status not in ([b"101"], [b"200"]):
            raise ApplyError(f"the engine refused to run the command: {_text(rest or head)}")
        return connection, rest
    except BaseException:
        connection.close()
        raise


def _text(answer: bytes) -> str:
    """The engine's own words, which its errors carry as JSON."""
    text = answer.decode(errors="replace").strip()
    with suppress(ValueError, TypeError, KeyError):
        text = str(json.loads(text[text.index("{") : text.rindex("}") + 1])["message"])
    return text


def _connect(address: str) -> socket.socket:
    """A connection to the engine at ``address``, as DOCKER_HOST writes it."""
    scheme, _, rest = address.partition("://")
    try:
        if scheme == "unix":
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(rest)
            except OSError:
                connection.close()
                raise
            return connection
        if scheme == "tcp" and not os.environ.get("DOCKER_TLS_VERIFY"):
            host, _, port = rest.rstrip("/").rpartition(":")
            return socket.create_connection((host.strip("[]"), int(port)))
    except (OSError, ValueError) as error:
        raise CapabilityError(f"the engine at {address} does not answer: {error}") from error
    raise CapabilityError(
        f"live streams from an engine at {address} cannot be had",
        remedy="use one at unix:// or at tcp:// without TLS (DOCKER_HOST)",
    )
