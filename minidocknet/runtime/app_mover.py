#!/usr/bin/python3
"""app-mover: a node's part in moving an application, told what to do line by line.

Lies in the node as /etc/mdn/app-mover and runs through the outer engine's exec, so that what it
does counts to the node.  It is started before the application is frozen, one at the source and one
at the target, because starting anything takes longer than freezing.  Each line of its input is a
JSON object {"do": NAME, ...}; each line of its output answers one: {"ok": true, ...} or
{"ok": false, "error": ..., "log": [lines]}.  It ends with its input.

Needs runc, CRIU and pycriu, and nothing of MiniDockNet.  Times are seconds since the epoch.
"""

import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pycriu

Answer = dict[str, Any]
# [[pid, [tid, ...]], ...], sorted, as the container's pid namespace counts them.
Processes = list[list[Any]]

RUNC = ["runc", "--root", "/run/docker/runtime-runc/moby"]
CRIU_OPTIONS = ["--tcp-established", "--file-locks", "--manage-cgroups-mode", "ignore"]
APPS = Path("/etc/mdn/apps")
NETNS = Path("/run/netns")

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
ETH_P_ARP, ETH_P_RARP = 0x0806, 0x8035
LOG_LINES = 40
LAZY_LOG = "work/lazy-pages.log"


class MoverError(Exception):
    def __init__(self, message: str, log: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.log = list(log)


# --- the wire -------------------------------------------------------------------------------------


def set_up(iface: str, up: bool) -> None:
    """By ioctl(2), netdevice(7): no process has to be started."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh14x", iface.encode(), 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(handle, SIOCGIFFLAGS, request))[1]
        flags = flags | IFF_UP if up else flags & ~IFF_UP
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sh14x", iface.encode(), flags))


def announcements(mac: str, ip: str) -> tuple[bytes, bytes]:
    """For the neighbours, an ARP Announcement (RFC 5227).  For the switches, a frame of the same
    source to a group address that nobody has used: a flow that Open vSwitch has cached from a
    former stay here takes frames along without telling the table of MAC addresses, for seconds.
    """
    raw_mac = bytes.fromhex(mac.replace(":", ""))
    raw_ip = socket.inet_aton(ip)
    arp = b"\xff" * 6 + raw_mac + struct.pack("!HHHBBH", ETH_P_ARP, 1, 0x0800, 6, 4, 1)
    arp += raw_mac + raw_ip + b"\0" * 6 + raw_ip
    # A request of reverse ARP (RFC 903), with which virtual machines announce a move as well.
    group = b"\x03" + os.urandom(5)
    rarp = group + raw_mac + struct.pack("!HHHBBH", ETH_P_RARP, 1, 0x0800, 6, 4, 3)
    rarp += raw_mac + b"\0" * 4 + raw_mac + b"\0" * 4
    return rarp, arp


def announce(app: str, mac: str, ip: str, times: int = 3, gap_s: float = 0.05) -> None:
    """Out of the application's namespace; frames may be lost on the way, hence ``times``."""
    with (NETNS / app).open() as namespace, Path("/proc/self/ns/net").open() as own:
        enter_network(namespace.fileno())
        try:
            handle = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
        finally:
            enter_network(own.fileno())
    handle.bind(("eth0", ETH_P_ARP))

    def send() -> None:
        for frame in announcements(mac, ip):
            handle.send(frame)

    def repeat() -> None:
        with handle:
            for _ in range(times - 1):
                time.sleep(gap_s)
                send()

    send()
    # The application need not wait for the others.
    threading.Thread(target=repeat, daemon=True).start()


def enter_network(namespace: int) -> None:
    # Nodes have Python 3.12 or newer, mdn itself runs on 3.11 as well.
    os.setns(namespace, os.CLONE_NEWNET)  # type: ignore[attr-defined]


# --- images ---------------------------------------------------------------------------------------


def read_image(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as image:
        return list(pycriu.images.load(image)["entries"])


def processes_in(images: Path) -> Processes:
    """The process tree of the images."""
    tree = read_image(images / "pstree.img")
    return sorted([entry["pid"], sorted(entry["threads"])] for entry in tree)


def stats_in(folder: Path, kind: str) -> Answer | None:
    """CRIU's own statistics as they are: times in microseconds."""
    try:
        return dict(read_image(folder / f"stats-{kind}")[0][kind])
    except (OSError, KeyError, IndexError):
        return None


def size_of(folder: Path) -> int:
    return sum(entry.stat().st_size for entry in folder.iterdir() if entry.is_file())


def log_end(path: Path) -> list[str]:
    """CRIU's errors and the end of its log."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return []
    errors = [line for line in lines if "Error" in line or "Warn" in line]
    return (errors or lines)[-LOG_LINES:]


# --- processes ------------------------------------------------------------------------------------


def processes_under(pid: int) -> Processes:
    """The live process tree in the pid namespace of ``pid``, as it is now."""
    namespace = Path(f"/proc/{pid}/ns/pid").readlink()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "ns/pid").readlink() != namespace:
                continue
            inner = inner_pid(entry)
            threads = sorted(inner_pid(task) for task in (entry / "task").iterdir())
        except OSError:
            continue  # ended meanwhile
        found.append([inner, threads])
    return sorted(found)


def dumping(id: str) -> bool:
    """True while runc checkpoints the container."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"runc") and b"checkpoint" in words and id.encode() in words:
            return True
    return False


def inner_pid(entry: Path) -> int:
    for line in (entry / "status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    raise OSError(f"{entry} has no NSpid")


# --- what can be asked ----------------------------------------------------------------------------


class Mover:
    def __init__(self) -> None:
        self.lazy_dump: subprocess.Popen[bytes] | None = None
        self.lazy_pages: subprocess.Popen[bytes] | None = None
        # Open FIFOs of starts that wait: when this process ends, those starts are called off.
        self.waiting: dict[str, int] = {}

    def hello(self) -> Answer:
        """Answered once everything that an order needs is loaded."""
        return {}

    def prepare(self, folder: str) -> Answer:
        """A fresh folder for images; ``room``: bytes that fit there."""
        path = Path(folder)
        shutil.rmtree(path, ignore_errors=True)
        (path / "images").mkdir(parents=True)
        (path / "work").mkdir()
        return {"room": shutil.disk_usage(path).free}

    def discard(self, folder: str) -> Answer:
        shutil.rmtree(folder, ignore_errors=True)
        return {}

    def cut(self, iface: str) -> Answer:
        set_up(iface, False)
        return {"at": time.time()}

    def open(self, iface: str, app: str, mac: str, ip: str) -> Answer:
        set_up(iface, True)
        at = time.time()
        announce(app, mac, ip)
        return {"at": at}

    def dump(
        self,
        id: str,
        folder: str,
        iface: str | None = None,
        parent: str | None = None,
        leave_running: bool = False,
        lazy: list[Any] | None = None,
    ) -> Answer:
        """Cut the wire, freeze and dump.  ``lazy``: [address, port] of the page server to be."""
        path = Path(folder)
        if iface is not None:
            set_up(iface, False)
        began = time.time()
        command = [*RUNC, "checkpoint", "--image-path", str(path / "images")]
        command += ["--work-path", str(path / "work"), *CRIU_OPTIONS]
        command += ["--leave-running"] if leave_running else []
        command += ["--parent-path", parent] if parent else []
        if lazy is None:
            done = subprocess.run([*command, id], capture_output=True, text=True)
            if done.returncode:
                raise MoverError(done.stderr.strip(), log_end(path / "work/dump.log"))
        else:
            self._dump_lazily(command, id, path, lazy)
        ended = time.time()
        # Whoever finds the images tells by this that they are whole.
        (path / "complete").touch()
        return {
            "began": began,
            "ended": ended,
            "bytes": size_of(path / "images"),
            "processes": processes_in(path / "images"),
        }

    def _dump_lazily(self, command: list[str], id: str, path: Path, lazy: list[Any]) -> None:
        ready, told = os.pipe()
        address, port = lazy
        command += ["--lazy-pages", "--page-server", f"{address}:{port}", "--status-fd", str(told)]
        with (path / "work/runc.log").open("w") as log:
            self.lazy_dump = subprocess.Popen(
                [*command, id], stdout=log, stderr=log, pass_fds=[told]
            )
        os.close(told)
        with os.fdopen(ready, "rb") as status:
            if not status.read(1):
                self.lazy_dump.wait()
                raise MoverError(
                    (path / "work/runc.log").read_text().strip(), log_end(path / "work/dump.log")
                )

    def predump(self, id: str, folder: str, parent: str | None = None) -> Answer:
        """One round of pre-copy: the memory as it is, while the processes run."""
        path = Path(folder)
        (path / "work").mkdir(parents=True, exist_ok=True)
        command = [*RUNC, "checkpoint", "--pre-dump", "--image-path", str(path / "images")]
        command += ["--work-path", str(path / "work"), *CRIU_OPTIONS]
        command += ["--parent-path", parent] if parent else []
        done = subprocess.run([*command, id], capture_output=True, text=True)
        if done.returncode:
            raise MoverError(done.stderr.strip(), log_end(path / "work/dump.log"))
        return {"bytes": size_of(path / "images")}

    def pages(self, folder: str, address: str, port: int) -> Answer:
        """Start the daemon that fetches pages from the source's page server."""
        path = Path(folder)
        with (path / "work/lazy.out").open("w") as log:
            self.lazy_pages = subprocess.Popen(
                [
                    *("criu", "lazy-pages", "--page-server"),
                    *("--address", address, "--port", str(port)),
                    *("--images-dir", str(path / "images"), "--work-dir", str(path / "work")),
                    *("-o", "lazy-pages.log"),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while not (path / "work/lazy-pages.socket").exists():
            if self.lazy_pages.poll() is not None or time.monotonic() > deadline:
                raise MoverError(
                    "the lazy-pages daemon did not start", log_end(path / "work/lazy-pages.log")
                )
            time.sleep(0.001)
        return {}

    def pages_wait(self, folder: str, timeout_s: float) -> Answer:
        """Until all pages are here."""
        assert self.lazy_pages is not None
        try:
            code = self.lazy_pages.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise MoverError(f"pages were still missing after {timeout_s:g} s") from None
        if code:
            raise MoverError("the lazy-pages daemon failed", log_end(Path(folder) / LAZY_LOG))
        return {"ended": time.time()}

    def dump_wait(self, folder: str, timeout_s: float) -> Answer:
        """Until the source's page server has given all pages away and the processes are gone."""
        assert self.lazy_dump is not None
        try:
            code = self.lazy_dump.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise MoverError(f"the page server still ran after {timeout_s:g} s") from None
        if code:
            raise MoverError("the page server failed", log_end(Path(folder) / "work/dump.log"))
        return {"ended": time.time()}

    def restore(self, id: str, folder: str, lazy: bool = False, timeout_s: float = 120) -> Answer:
        """Let the start that waits in app-runtime go on; until the processes run again."""
        path = Path(folder)
        (path / "status").unlink(missing_ok=True)
        words = ["go", folder, *CRIU_OPTIONS, *(["--lazy-pages"] if lazy else [])]
        began = time.time()
        self._tell(id, " ".join(words))
        status = path / "status"
        deadline = time.monotonic() + timeout_s
        while not status.exists():
            if time.monotonic() > deadline:
                raise MoverError(f"the restore took more than {timeout_s:g} s")
            time.sleep(0.001)
        ended = time.time()
        code = int(status.read_text())
        if code:
            raise MoverError(
                f"runc restore ended with status {code}", log_end(path / "work/restore.log")
            )
        pid = json.loads((Path(RUNC[2]) / id / "state.json").read_text())["init_process_pid"]
        return {"began": began, "ended": ended, "pid": pid, "processes": processes_under(pid)}

    def call_off(self, id: str) -> Answer:
        """End a start that waits in app-runtime; fine where none does."""
        try:
            self.waits(id, timeout_s=0)
        except MoverError:
            return {"waited": False}
        self._tell(id, "stop")
        return {"waited": True}

    def _tell(self, id: str, words: str) -> None:
        """One line into the FIFO at which the start waits."""
        handle = self.waiting.pop(id)
        os.write(handle, words.encode() + b"\n")
        os.close(handle)

    def arm(self, id: str) -> Answer:
        """Make the FIFO, so that the container's next start waits for images."""
        fifo = APPS / id / "restore"
        fifo.unlink(missing_ok=True)
        (APPS / id / "restored").unlink(missing_ok=True)
        os.mkfifo(fifo, 0o600)
        return {}

    def waits(self, id: str, timeout_s: float = 60) -> Answer:
        """Until a start waits at the FIFO: all that the engine does for it is done then."""
        deadline = time.monotonic() + timeout_s
        while id not in self.waiting:
            try:
                # ENXIO until app-runtime reads.
                self.waiting[id] = os.open(APPS / id / "restore", os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if time.monotonic() > deadline:
                    raise MoverError(f"no start of {id[:12]} waits for images: {error}") from None
                time.sleep(0.002)
        return {}

    def look(self, id: str, folder: str) -> Answer:
        """What exists, for whoever finishes a move that was cut short.

        Waits for a dump of the container that still goes on.
        """
        while dumping(id):
            time.sleep(0.02)
        path = Path(folder)
        whole = (path / "complete").exists()
        return {
            "complete": whole,
            "processes": processes_in(path / "images") if whole else [],
        }

    def live(self, pid: int) -> Answer:
        return {"processes": processes_under(pid)}

    def stats(self, folder: str) -> Answer:
        work = Path(folder) / "work"
        return {"dump": stats_in(work, "dump"), "restore": stats_in(work, "restore")}


def main() -> None:
    mover = Mover()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": True, **getattr(mover, request.pop("do"))(**request)}
        except MoverError as failure:
            answer = {"ok": False, "error": str(failure), "log": failure.log}
        except Exception as error:
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}", "log": []}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
