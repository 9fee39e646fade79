"""What stands against a move, in plain words, before anything is stopped.  Pure.

Each rule was found by trying CRIU 4.2 on it (docs/migration-limits.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from minidocknet.migrate.survey import Survey
from minidocknet.model.moves import Mode

_COLD = "--mode cold starts it afresh at the target, with its files"
# The size of CRIU's pipe for pages on demand (criu/page-pipe.c: PIPE_MAX_SIZE pages).
LAZY_PIPE_BYTES = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Obstacle:
    """``message``: what stands against it; ``remedy``: what would work."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Kernel:
    """What of the machine counts: userfaultfd(2), soft-dirty page tracking, fs.pipe-max-size."""

    userfaultfd: bool
    soft_dirty: bool
    pipe_max_bytes: int


def obstacles_to(
    mode: Mode, seen: Survey, granted: Iterable[str], kernel: Kernel
) -> tuple[list[Obstacle], list[str]]:
    """What keeps ``mode`` from working, and warnings about what will be different after it.

    ``granted``: the nodes' capabilities (capabilities(7), without ``CAP_``).
    """
    if mode == "cold":
        return [], []
    privileged = "SYS_RESOURCE" in frozenset(granted)
    found = [
        *_process_obstacles(seen, privileged),
        *_handle_obstacles(seen),
        *_mode_obstacles(mode, privileged, kernel),
    ]
    return found, []


def _process_obstacles(seen: Survey, privileged: bool) -> Iterable[Obstacle]:
    for process in seen.processes:
        who = f"process {process.pid} ({process.name})"
        if process.tracer:
            yield Obstacle(
                "traced",
                f"{who} is traced by a debugger, and only one process can trace it",
                "end the debugger (strace, gdb) first, or " + _COLD,
            )
        if not process.ours:
            yield Obstacle(
                "exec",
                f"{who} was started by mdn app exec and does not belong to the application's tree",
                "wait for it, or end it, first",
            )
        if not privileged and any(process.uids):
            yield Obstacle(
                "limits",
                f"{who} runs as user {process.uids[0]}, whose limits CRIU cannot read without "
                "CAP_SYS_RESOURCE, which this machine does not grant",
                "run the application as root inside its container, give the machine that "
                "capability, or " + _COLD,
            )
        if not process.same_namespaces and not process.zombie:
            yield Obstacle(
                "namespaces",
                f"{who} has namespaces of its own, which CRIU takes apart from the container's "
                "only in part",
                _COLD,
            )


_HANDLES = {
    "anon_inode:[io_uring]": ("io_uring", "uses io_uring, whose rings CRIU cannot dump",
                              "switch io_uring off in the application's settings"),
    "anon_inode:[perf_event]": ("perf", "measures with perf_event_open", "end the measurement"),
    "anon_inode:[userfaultfd]": ("userfaultfd", "handles page faults itself (userfaultfd)", ""),
    "anon_inode:[fanotify]": ("fanotify", "watches file systems (fanotify)", ""),
    "anon_inode:bpf-prog": ("bpf", "holds a BPF program", ""),
}  # fmt: skip


def _handle_obstacles(seen: Survey) -> Iterable[Obstacle]:
    for process in seen.processes:
        who = f"process {process.pid} ({process.name})"
        for handle in sorted(process.handles):
            if handle in _HANDLES:
                code, words, remedy = _HANDLES[handle]
                yield Obstacle(code, f"{who} {words}", f"{remedy}, or {_COLD}" if remedy else _COLD)
            elif handle == "terminal":
                yield Obstacle("terminal", f"{who} holds a terminal of outside", _COLD)
            elif handle.startswith("/dev/"):
                yield Obstacle(
                    "device",
                    f"{who} has {handle} open; the state of a device stays with its machine",
                    _COLD,
                )


def _mode_obstacles(mode: Mode, privileged: bool, kernel: Kernel) -> Iterable[Obstacle]:
    if mode == "precopy" and not kernel.soft_dirty:
        yield Obstacle(
            "soft-dirty",
            "the kernel does not track written pages (CONFIG_MEM_SOFT_DIRTY)",
            "--mode checkpoint copies the memory in one piece, --mode lazy afterwards",
        )
    if mode == "lazy" and not kernel.userfaultfd:
        yield Obstacle(
            "no-userfaultfd",
            "the kernel has no userfaultfd(2), by which pages are fetched on demand",
            "--mode checkpoint copies all memory first",
        )
    if mode == "lazy" and not privileged and kernel.pipe_max_bytes < LAZY_PIPE_BYTES:
        yield Obstacle(
            "pipe-size",
            f"CRIU's page server needs a pipe of {LAZY_PIPE_BYTES >> 20} MiB, and without "
            f"CAP_SYS_RESOURCE a process here gets {kernel.pipe_max_bytes >> 10} KiB",
            f"sysctl fs.pipe-max-size={LAZY_PIPE_BYTES}, or --mode checkpoint",
        )
