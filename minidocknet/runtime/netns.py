"""Network operations in nodes' namespaces: one batch a namespace, never a process a command."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from minidocknet.model.errors import ApplyError

_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines for ``ip -batch`` or ``tc -batch`` in the namespace of ``home``'s container."""

    home: str
    tool: Literal["ip", "tc"]
    lines: tuple[str, ...]


def netns_path(pid: int) -> str:
    return f"/proc/{pid}/ns/net"


def netns_inode(pid: int) -> int:
    """What tells this namespace from a later one under a reused pid."""
    return Path(netns_path(pid)).stat().st_ino


def enter_command(pid: int) -> list[str]:
    """The command prefix that runs a host's tool in the network namespace of ``pid``."""
    return ["nsenter", f"--net={netns_path(pid)}"]


def run_batch(pid: int, batch: Batch, *, force: bool = False) -> None:
    """Apply one batch.  ``force`` goes on over lines that fail (for undoing); else ApplyError."""
    if not batch.lines:
        return
    command = [*enter_command(pid), batch.tool, *(["-force"] if force else []), "-batch", "-"]
    done = subprocess.run(
        command,
        input="\n".join(batch.lines) + "\n",
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode and not force:
        raise ApplyError(
            f"{batch.tool} failed in {batch.home}: {done.stderr.strip()}\n  of the lines:\n    "
            + "\n    ".join(batch.lines[:20])
        )


def run_batches(
    pids: dict[str, int], batches: Iterable[Batch], *, workers: int = 4, force: bool = False
) -> None:
    """Apply batches of different namespaces in parallel; those of one keep their order."""
    per_home: dict[str, list[Batch]] = {}
    for batch in batches:
        per_home.setdefault(batch.home, []).append(batch)

    def run_home(item: tuple[str, Sequence[Batch]]) -> None:
        for batch in item[1]:
            run_batch(pids[item[0]], batch, force=force)

    with ThreadPoolExecutor(workers, thread_name_prefix="netns") as pool:
        for _ in pool.map(run_home, per_home.items()):
            pass
