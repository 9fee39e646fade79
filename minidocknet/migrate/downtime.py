"""The downtime that a peer sees: it pings the application every millisecond during a move."""

from __future__ import annotations

import ctypes
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Container
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType

from minidocknet.plan.model import Plan
from minidocknet.plan.routing import plan_graph
from minidocknet.runtime.netns import netns_path

_CLONE_NEWNET = 0x40000000
_ECHO_REQUEST, _ECHO_REPLY = 8, 0


@dataclass(frozen=True, slots=True)
class Downtime:
    """``downtime_s``: the longest time between two answers that followed each other, less the
    interval of the requests; None where there were fewer than two.  ``sent`` and ``answered``:
    requests.
    """

    downtime_s: float | None
    sent: int
    answered: int


def probe_peer(
    plan: Plan, running: Container[str], app: str, source: str, target: str
) -> str | None:
    """The running node from which the downtime is measured: the nearest to both ends that is
    neither of them, else the target, whose own switch the frames pass; None where none runs.
    """
    import networkx as nx

    graph = plan_graph(plan)
    distances = [nx.single_source_shortest_path_length(graph, node) for node in (source, target)]
    candidates = sorted(
        (sum(distance[node.name] for distance in distances), node.index, node.name)
        for node in plan.nodes
        if node.name in running
        and node.name not in (source, target)
        and all(node.name in distance for distance in distances)
    )
    if candidates:
        return candidates[0][2]
    return target if target in running else None


class DowntimeProbe:
    """Pings ``address`` from the network namespace of the node ``peer_pid`` while in context."""

    def __init__(self, peer_pid: int, address: str, interval_s: float = 0.001) -> None:
        self._peer, self._address, self._interval = peer_pid, address, interval_s
        self._answers: list[float] = []
        self._sent = 0
        self._end = threading.Event()
        self._socket = _socket_in(peer_pid)
        self._thread = threading.Thread(target=self._run, name="downtime", daemon=True)

    def __enter__(self) -> DowntimeProbe:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            # What was answered last must have come after the move.
            self._await_answer(time.monotonic(), 2.0)
        self._end.set()
        self._thread.join()
        self._socket.close()

    def result(self) -> Downtime:
        gaps = [later - earlier for earlier, later in pairwise(self._answers)]
        longest = max(0.0, max(gaps) - self._interval) if gaps else None
        return Downtime(longest, self._sent, len(self._answers))

    def _await_answer(self, since: float, patience_s: float) -> None:
        deadline = since + patience_s
        while time.monotonic() < deadline:
            if self._answers and self._answers[-1] > since:
                return
            time.sleep(self._interval)

    def _run(self) -> None:
        identity = os.getpid() & 0xFFFF
        self._socket.setblocking(False)
        due = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while not self._end.is_set():
                now = time.monotonic()
                if now >= due:
                    self._send(identity)
                    # Requests that were missed while the machine was busy are not made up for.
                    due = max(due + self._interval, now)
                    continue
                if selector.select(due - now):
                    self._receive(identity)

    def _send(self, identity: int) -> None:
        self._sent += 1
        sequence = self._sent & 0xFFFF
        head = struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0, identity, sequence)
        packet = struct.pack("!BBHHH", _ECHO_REQUEST, 0, _checksum(head), identity, sequence)
        try:
            self._socket.sendto(packet, (self._address, 0))
        except OSError:
            return  # no neighbour answers ARP while the wire is cut

    def _receive(self, identity: int) -> None:
        try:
            packet = self._socket.recv(2048)
        except OSError:
            return
        header = (packet[0] & 0xF) * 4
        kind, _, _, found, _ = struct.unpack_from("!BBHHH", packet, header)
        if kind == _ECHO_REPLY and found == identity:
            self._answers.append(time.monotonic())


def _checksum(data: bytes) -> int:
    """RFC 1071, over an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _socket_in(pid: int) -> socket.socket:
    """A raw ICMP socket that belongs to the network namespace of ``pid``."""
    made: list[socket.socket | OSError] = []

    def make() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            handle = os.open(netns_path(pid), os.O_RDONLY | os.O_CLOEXEC)
            try:
                # Of this thread alone, which ends here.
                if libc.setns(handle, _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns to the network of {pid}")
            finally:
                os.close(handle)
            made.append(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=make, name="enter-netns")
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]
