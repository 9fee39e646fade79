"""What an application's processes hold, read from /proc before they are to be frozen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from minidocknet.model.errors import LabError

# Descriptors that CRIU knows how to bring back; every other device stops it.
_KNOWN_DEVICES = frozenset(
    f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx")
)


@dataclass(frozen=True, slots=True)
class Process:
    """One process.  ``pid``: in the container's pid namespace; ``uids``: real, effective, saved,
    file system; ``tracer``: pid of a debugger, 0 without; ``ours``: a descendant of the first
    process (a command of ``exec`` is not).  ``handles``: what its descriptors are, as /proc/PID/fd
    shows them, without plain files, pipes and sockets.
    """

    pid: int
    name: str
    uids: tuple[int, ...]
    threads: int
    tracer: int
    ours: bool
    zombie: bool
    same_namespaces: bool
    handles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Survey:
    """All processes of a container.

    ``memory_bytes``: anonymous and dirty memory, about what a dump writes.  ``shared_files``: paths
    of files that are mapped shared and writable.  ``deleted_bytes``: by path, sizes of open files
    without a name.  ``socket_kinds``: families of sockets that it has, as in /proc/net.
    """

    processes: tuple[Process, ...]
    memory_bytes: int
    shared_files: frozenset[str] = frozenset()
    deleted_bytes: dict[str, int] = field(default_factory=dict)
    socket_kinds: frozenset[str] = frozenset()


def survey(node_pid: int, first_pid: int) -> Survey:
    """The container whose first process is ``first_pid`` in the pid namespace of the node, whose
    own first process is ``node_pid`` on the host.  LabError where it has ended.
    """
    found = list(_container_processes(node_pid, first_pid))
    if not found:
        raise LabError("the application has just ended", remedy="mdn app logs tells why")
    parents = {int(_field(status, "Pid")): int(_field(status, "PPid")) for _, status in found}
    root = next(proc for proc, status in found if _inner(status) == 1)
    namespaces = _namespaces(root)
    processes, memory = [], 0
    shared: set[str] = set()
    deleted: dict[str, int] = {}
    for proc, status in found:
        handles, gone = _handles(proc)
        deleted.update(gone)
        shared |= _shared_files(proc)
        memory += int(_field(status, "RssAnon", "0").split()[0]) * 1024
        memory += int(_field(status, "RssShmem", "0").split()[0]) * 1024
        processes.append(
            Process(
                pid=_inner(status),
                name=_field(status, "Name"),
                uids=tuple(int(word) for word in _field(status, "Uid").split()),
                threads=int(_field(status, "Threads", "1")),
                tracer=int(_field(status, "TracerPid", "0")),
                ours=_descends(int(proc.name), int(root.name), parents),
                zombie=_field(status, "State").startswith("Z"),
                same_namespaces=_namespaces(proc) in (namespaces, {}),
                handles=frozenset(handles),
            )
        )
    return Survey(
        tuple(sorted(processes, key=lambda process: process.pid)),
        memory,
        frozenset(shared),
        deleted,
        _socket_kinds(root),
    )


def _container_processes(node_pid: int, first_pid: int) -> Iterator[tuple[Path, dict[str, str]]]:
    """/proc folders of the container's processes, with their status.

    ``NSpid`` lists a process's number in each namespace from the host's down: the container's
    first process has the node's number ``first_pid`` next to last.
    """
    node = _readlink(Path(f"/proc/{node_pid}/ns/pid_for_children"))
    candidates = []
    wanted = ""
    for proc in Path("/proc").iterdir():
        if not proc.name.isdigit():
            continue
        try:
            status = _status(proc)
        except OSError:
            continue
        numbers = _field(status, "NSpid").split()
        if len(numbers) < 3:
            continue
        candidates.append((proc, status))
        if numbers[-1] == "1" and numbers[-2] == str(first_pid) and _inside(proc, node_pid, node):
            wanted = _readlink(proc / "ns/pid")
    for proc, status in candidates:
        # A zombie's namespaces cannot be read; its parent's can.
        own = _readlink(proc / "ns/pid") or _readlink(
            Path(f"/proc/{_field(status, 'PPid')}/ns/pid")
        )
        if wanted and own == wanted:
            yield proc, status


def _inside(proc: Path, node_pid: int, node: str) -> bool:
    """The process's pid namespace is a child of the node's: an ancestor of it is in that."""
    with suppress(OSError, ValueError):
        pid = int(proc.name)
        while pid > 1:
            if pid == node_pid or _readlink(Path(f"/proc/{pid}/ns/pid")) == node:
                return True
            pid = int(_field(_status(Path(f"/proc/{pid}")), "PPid"))
    return False


def _status(proc: Path) -> dict[str, str]:
    lines = (proc / "status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _field(status: dict[str, str], name: str, default: str | None = None) -> str:
    return status[name] if default is None else status.get(name, default)


def _inner(status: dict[str, str]) -> int:
    return int(_field(status, "NSpid").split()[-1])


def _descends(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        if pid == root:
            return True
        pid = parents[pid]
    return False


def _namespaces(proc: Path) -> dict[str, str]:
    kinds = ("mnt", "pid", "net", "ipc", "uts", "user")
    found = {kind: _readlink(proc / "ns" / kind) for kind in kinds}
    return found if all(found.values()) else {}


def _readlink(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _handles(proc: Path) -> tuple[set[str], dict[str, int]]:
    """Descriptors worth a look, and sizes of open files without a name."""
    handles: set[str] = set()
    deleted: dict[str, int] = {}
    with suppress(OSError):
        for entry in (proc / "fd").iterdir():
            target = _readlink(entry)
            if target.startswith("anon_inode:"):
                handles.add(target)
            elif target.startswith("/dev/") and not target.startswith(("/dev/pts", "/dev/shm")):
                if target not in _KNOWN_DEVICES:
                    handles.add(target)
            elif target.startswith("/dev/pts") or target == "/dev/console":
                handles.add("terminal")
            elif target.endswith(" (deleted)") and not target.startswith("/memfd:"):
                with suppress(OSError):
                    deleted[target.removesuffix(" (deleted)")] = entry.stat().st_size
    return handles, deleted


def _shared_files(proc: Path) -> set[str]:
    found = set()
    with suppress(OSError):
        for line in (proc / "maps").read_text().splitlines():
            fields = line.split(None, 5)
            if len(fields) < 6 or fields[1][1] != "w" or fields[1][3] != "s":
                continue
            path = fields[5].removesuffix(" (deleted)")
            if path.startswith("/") and not path.startswith(("/dev/", "/memfd:")):
                found.add(path)
    return found


def _socket_kinds(proc: Path) -> frozenset[str]:
    """Tables of /proc/PID/net that have an entry: all of the container's sockets."""
    found = set()
    for name in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet", "sctp/assocs", "xdp"):
        with suppress(OSError):
            if len((proc / "net" / name).read_text().splitlines()) > 1:
                found.add(name.split("/")[0])
    return frozenset(found)
