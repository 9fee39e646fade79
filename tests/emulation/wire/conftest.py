"""A wire daemon of its own and network namespaces for each test, all removed afterwards."""

from __future__ import annotations

import itertools
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from minidocknet.links.wire import (
    L2tpEnd,
    TapEnd,
    WireClient,
    WireLink,
    daemon,
    ensure_running,
    start,
    stop,
)
from minidocknet.model.shaping import PLAIN, Shaping

PROBE = Path(__file__).parent / "probe.py"


def run(*command: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if check and result.returncode != 0:
        raise AssertionError(f"{command} failed: {result.stderr or result.stdout}")
    return result


def wait_until(condition: Callable[[], object], timeout_s: float = 10) -> None:
    """Poll until ``condition()`` holds; the bound only ends a wait that has failed."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come about"
        time.sleep(0.01)


@dataclass
class Packets:
    """What a probe saw: sequence numbers in order of arrival, with one-way delays in ms."""

    sent: int
    sequence: list[int]
    delay_ms: list[float]

    @property
    def lost_pct(self) -> float:
        return 100 * (self.sent - len(set(self.sequence))) / self.sent

    @property
    def bursts(self) -> list[int]:
        """Lengths of the runs of lost packets."""
        seen = set(self.sequence)
        groups = itertools.groupby(range(self.sent), key=lambda number: number in seen)
        return [len(list(group)) for present, group in groups if not present]


@dataclass
class Lab:
    """Namespaces named after the test run, a daemon, and its client."""

    run_dir: Path
    name: str = field(default_factory=lambda: f"mdnt{secrets.token_hex(3)}")
    namespaces: list[str] = field(default_factory=list)
    children: list[subprocess.Popen[str]] = field(default_factory=list)
    directories: list[Path] = field(default_factory=list)
    _client: WireClient | None = None
    _subnets: int = 0
    _nodes: int = 0

    @property
    def client(self) -> WireClient:
        if self._client is None:
            self._client = ensure_running(self.run_dir, self.name)
            self.directories.append(self.run_dir)
        return self._client

    def reconnect(self) -> WireClient:
        """A new connection, after the daemon was killed; waits for the next worker."""
        if self._client is not None:
            self._client.close()
        self._client = None
        return self.client

    def second_daemon(self) -> WireClient:
        directory = self.run_dir.with_name("second")
        start(directory, self.name)
        self.directories.append(directory)
        return WireClient(directory)

    def nodes(self, count: int) -> list[str]:
        names = [f"{self.name}-{self._nodes + index}" for index in range(count)]
        self._nodes += count
        for name in names:
            run("ip", "netns", "add", name)
            self.namespaces.append(name)
            run("ip", "-n", name, "link", "set", "lo", "up")
            # Its own solicitations would mix with the frames that tests count.
            for scope in ("all", "default"):
                knob = f"net.ipv6.conf.{scope}.disable_ipv6=1"
                run("ip", "netns", "exec", name, "sysctl", "-qw", knob)
        return names

    def remove_node(self, name: str) -> None:
        run("ip", "netns", "del", name)
        self.namespaces.remove(name)

    def tap(self, node: str, interface: str = "eth0", mtu: int = 1500) -> TapEnd:
        path = f"/run/netns/{node}"
        return TapEnd(path, interface, Path(path).stat().st_ino, mtu=mtu)

    def address(self, node: str, address: str, interface: str = "eth0") -> None:
        run("ip", "-n", node, "addr", "add", f"{address}/24", "dev", interface)

    def pair(
        self, link_id: str, there: Shaping = PLAIN, back: Shaping = PLAIN, *, seed: int = 1
    ) -> tuple[str, str, str]:
        """Two nodes joined by a link: their names and the second one's address."""
        a, b = self.nodes(2)
        link = WireLink(link_id, self.tap(a), self.tap(b), there, back, seed=seed)
        self.client.add(link)
        self._subnets += 1
        self.address(a, f"10.9.{self._subnets}.1")
        self.address(b, f"10.9.{self._subnets}.2")
        return a, b, f"10.9.{self._subnets}.2"

    def spawn(self, node: str, *command: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            ["ip", "netns", "exec", node, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.children.append(child)
        return child

    def ping(self, node: str, address: str, count: int = 3, interval: str = "0.1") -> list[float]:
        """Round trips in ms of the pings that were answered."""
        result = run(
            *("ip", "netns", "exec", node, "ping", "-n", "-c", str(count)),
            *("-i", interval, "-W", "1", address),
            check=False,
        )
        return [float(value) for value in re.findall(r"time=([\d.]+)", result.stdout)]

    def probe(
        self,
        sender: str,
        receiver: str,
        address: str,
        *,
        count: int,
        rate_pps: float,
        size: int = 100,
        while_sending: Callable[[], None] | None = None,
    ) -> Packets:
        """Send numbered UDP packets and see which arrive when."""
        assert self.ping(sender, address, count=1, interval="0.2"), "no way between the nodes"
        listening = self.spawn(receiver, sys.executable, str(PROBE), "receive", str(count))
        assert listening.stdout is not None
        assert listening.stdout.readline() == "ready\n"
        sending = self.spawn(
            sender,
            sys.executable,
            str(PROBE),
            "send",
            address,
            str(count),
            str(rate_pps),
            str(size),
        )
        if while_sending is not None:
            while_sending()
        assert sending.wait(60) == 0, sending.stdout.read() if sending.stdout else ""
        data = json.loads(listening.communicate(timeout=60)[0])
        return Packets(count, data["sequence"], data["delay_ms"])

    def iperf(self, client: str, server: str, address: str, *options: str) -> dict[str, Any]:
        """An iperf3 run's JSON."""
        serving = self.spawn(server, "iperf3", "-s", "-1", "--forceflush")
        assert serving.stdout is not None
        while "listening" not in serving.stdout.readline():
            assert serving.poll() is None
        result = run("ip", "netns", "exec", client, "iperf3", "-J", "-c", address, *options)
        serving.communicate(timeout=30)
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    def interface(self, node: str, name: str = "eth0") -> dict[str, Any] | None:
        """``ip -j link`` of one interface, None where there is none."""
        entries = json.loads(run("ip", "-n", node, "-j", "link").stdout)
        return next((entry for entry in entries if entry["ifname"] == name), None)

    def has_carrier(self, node: str) -> bool:
        found = self.interface(node)
        return found is not None and "LOWER_UP" in found["flags"]

    def pids(self) -> dict[str, int]:
        return {process.role: process.pid for process in daemon.processes(self.run_dir)}

    def close(self) -> None:
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        if self._client is not None:
            self._client.close()
        for directory in self.directories:
            stop(directory)
        for name in self.namespaces:
            run("ip", "netns", "del", name)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "run")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def until() -> Callable[..., None]:
    return wait_until


@pytest.fixture
def resident_bytes() -> Callable[[int], int]:
    """Memory that a process holds, by pid."""

    def read(pid: int) -> int:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    return read


@pytest.fixture
def l2tp_pair() -> Callable[..., tuple[L2tpEnd, L2tpEnd]]:
    """Both sides of a pseudowire between two loopback addresses."""

    def make(**options: Any) -> tuple[L2tpEnd, L2tpEnd]:
        near = L2tpEnd(
            "127.99.0.1",
            "127.99.0.2",
            session=0x1111,
            peer_session=0x2222,
            local_port=17011,
            remote_port=17012,
            cookie=bytes.fromhex("0102030405060708"),
            peer_cookie=bytes.fromhex("deadbeef"),
            **options,
        )
        far = L2tpEnd(
            near.remote,
            near.local,
            session=near.peer_session,
            peer_session=near.session,
            local_port=near.remote_port,
            remote_port=near.local_port,
            cookie=near.peer_cookie,
            peer_cookie=near.cookie,
            **options,
        )
        return near, far

    return make
