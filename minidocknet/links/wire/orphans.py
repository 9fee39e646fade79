"""Daemons found in the process table, whatever became of their files."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from itertools import pairwise
from pathlib import Path

from minidocknet.links.wire.daemon import BINARY_NAME, DaemonProcess, process_start_time

_END_TIMEOUT_S = 10.0


def daemon_processes(run_root: Path) -> dict[str, list[DaemonProcess]]:
    """By lab, the processes of daemons whose run directory lies in ``run_root``."""
    found: dict[str, list[DaemonProcess]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if Path(words[0]).name != BINARY_NAME:
            continue
        options = dict(pairwise(words))
        lab, run_dir = options.get("--lab"), options.get("--run-dir")
        started = process_start_time(int(entry.name))
        if lab and run_dir and Path(run_dir).parent == run_root and started is not None:
            found.setdefault(lab, []).append(DaemonProcess("found", int(entry.name), started))
    return found


def kill_daemons(run_root: Path, lab: str) -> bool:
    """Kill what :func:`daemon_processes` finds of ``lab``; True where there was any."""
    killed = False
    deadline = time.monotonic() + _END_TIMEOUT_S
    # A supervisor may start another worker between two looks.
    while (processes := daemon_processes(run_root).get(lab)) and time.monotonic() < deadline:
        killed = True
        for process in sorted(processes, key=lambda process: process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.01)
    return killed
