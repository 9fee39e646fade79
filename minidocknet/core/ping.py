"""Round-trip times between nodes, many pairs at once, by the host's ping(8) in their namespaces."""

from __future__ import annotations

import re
import statistics
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from minidocknet.model.errors import ApplyError
from minidocknet.runtime.netns import enter_command

_REPLY = re.compile(rb"time=([0-9.]+) ms")
_SENT = re.compile(rb"(\d+) packets transmitted")


@dataclass(frozen=True, slots=True)
class Ping:
    """One series.  ``rtts_ms``: round trips of the replies that came, in order."""

    source: str
    target: str
    sent: int
    rtts_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float | None:
        return statistics.median(self.rtts_ms) if self.rtts_ms else None

    @property
    def loss_pct(self) -> float:
        return 100.0 * (1 - min(len(self.rtts_ms), self.sent) / self.sent) if self.sent else 100.0


@dataclass(frozen=True, slots=True)
class PingJob:
    """``pid``: of the node that pings; ``address``: what it pings."""

    source: str
    target: str
    pid: int
    address: str


def ping_all(
    jobs: Iterable[PingJob], *, count: int = 10, interval_s: float = 0.2, timeout_s: float = 5.0
) -> list[Ping]:
    """All series at the same time; ``timeout_s``: how long to wait for the last reply."""
    running = []
    try:
        for job in jobs:
            ping = ["ping", "-n", "-c", str(count), "-i", f"{interval_s:g}"]
            command = [*enter_command(job.pid), *ping, "-W", f"{timeout_s:g}", job.address]
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
            )
            running.append((job, process))
        return [_result(job, process) for job, process in running]
    finally:
        for _, process in running:
            if process.poll() is None:
                process.kill()
                process.wait()


def _result(job: PingJob, process: subprocess.Popen[bytes]) -> Ping:
    output, errors = process.communicate()
    sent = _SENT.search(output)
    if sent is None:
        raise ApplyError(
            f"ping from {job.source} to {job.target} failed: {errors.decode().strip()}"
        )
    rtts = tuple(float(text) for text in _REPLY.findall(output))
    return Ping(job.source, job.target, int(sent[1]), rtts)
