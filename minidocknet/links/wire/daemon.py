"""Finding, starting and ending a lab's wire daemon.

Files in the run directory: ``wire.sock`` (commands), ``wire.pid`` (supervisor and worker with their
start times), ``wire.journal`` (what a new worker restores), ``wire.log``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from minidocknet.links.wire.client import WireClient
from minidocknet.model.errors import ApplyError, CapabilityError, LabError

BINARY_NAME = "mdn-wired"
ENVIRONMENT = "MDN_WIRED"
_EXIT_ALREADY_RUNNING = 3
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 60.0
_SHUTDOWN_GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class DaemonProcess:
    """A line of ``wire.pid``.  ``start_time``: proc(5), field 22 of stat: never used again."""

    role: str
    pid: int
    start_time: int

    @property
    def is_running(self) -> bool:
        return process_start_time(self.pid) == self.start_time


def find_binary() -> Path:
    """The daemon's program: ``MDN_WIRED``, the checkout's build, or the package's own data.

    Raises :class:`CapabilityError` where none is executable.
    """
    override = os.environ.get(ENVIRONMENT)
    if override:
        candidates = [Path(override)]
    else:
        package = Path(__file__).resolve().parent
        candidates = [
            package.parents[2] / "build" / "wire" / BINARY_NAME,
            package / "bin" / BINARY_NAME,
        ]
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise CapabilityError(
        f"the wire daemon {BINARY_NAME} is not at {' or '.join(map(str, candidates))}",
        remedy="build it with `make -C minidocknet/links/wire/src`, "
        f"or let {ENVIRONMENT} name the program",
    )


def start(run_dir: Path, lab: str, *, memory_limit_mib: int | None = None) -> None:
    """Start a daemon for ``lab`` in ``run_dir`` (made if need be); returns when it serves.

    Links in a journal that a killed daemon left are restored.  Raises :class:`LabError` where one
    runs there already and :class:`ApplyError` where it does not come up.
    """
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [str(find_binary()), "--lab", lab, "--run-dir", str(run_dir)]
    if memory_limit_mib is not None:
        command += ["--memory-limit", str(memory_limit_mib)]
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=_START_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ApplyError(
            f"the wire daemon of lab {lab} did not start: {error}",
            remedy=f"look into {run_dir / 'wire.log'}",
        ) from error
    if result.returncode == _EXIT_ALREADY_RUNNING:
        raise LabError(f"a wire daemon runs in {run_dir} already", remedy="use it, or stop it")
    if result.returncode != 0:
        raise ApplyError(
            f"the wire daemon of lab {lab} did not start: {result.stderr.strip()}",
            remedy=f"look into {run_dir / 'wire.log'}",
        )


def ensure_running(run_dir: Path, lab: str) -> WireClient:
    """A client of the daemon in ``run_dir``, which is started where none runs.

    Raises :class:`LabError` where the daemon there is another lab's.
    """
    with contextlib.suppress(LabError):
        if not processes(run_dir):
            start(run_dir, lab)
    client = WireClient(run_dir)
    owner = client.version().lab
    if owner != lab:
        client.close()
        raise LabError(
            f"the wire daemon in {run_dir} is lab {owner}'s, not {lab}'s",
            remedy="give each lab a run directory of its own",
        )
    return client


def is_alive(run_dir: Path) -> bool:
    """Does a daemon answer in ``run_dir``?"""
    try:
        with WireClient(run_dir, timeout_s=5) as client:
            client.version()
    except LabError:
        return False
    return True


def stop(run_dir: Path, *, keep_taps: bool = False) -> bool:
    """End the daemon, with its interfaces; False where none ran.

    ``keep_taps``: faster, for a lab whose namespaces are removed as well; interfaces that remain
    vanish with them.  A daemon that does not end by itself is killed; that leaves them, too.
    """
    running = processes(run_dir)
    if not running:
        return False
    with contextlib.suppress(LabError), WireClient(run_dir) as client:
        client.shutdown(keep_taps=keep_taps)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    asked = time.monotonic() + _SHUTDOWN_GRACE_S
    while any(process.is_running for process in running):
        now = time.monotonic()
        if now > deadline:
            raise ApplyError(f"the wire daemon in {run_dir} cannot be ended: {running}")
        if now > asked:
            for process in running:
                _kill(process)
        time.sleep(0.005)
    for name in ("wire.sock", "wire.pid", "wire.journal", "wire.journal.new"):
        (run_dir / name).unlink(missing_ok=True)
    return True


def processes(run_dir: Path) -> list[DaemonProcess]:
    """The daemon's processes that run, from ``wire.pid``; empty where there are none."""
    try:
        lines = (run_dir / "wire.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = []
    for line in lines:
        parts = line.split()
        if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
            found.append(DaemonProcess(parts[0], int(parts[1]), int(parts[2])))
    return [process for process in found if process.is_running]


def process_start_time(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat; None for no such process and for a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _kill(process: DaemonProcess) -> None:
    with contextlib.suppress(ProcessLookupError):
        if process.is_running:
            os.kill(process.pid, signal.SIGKILL)
