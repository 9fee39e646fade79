"""Commands in nodes, and captures on their interfaces."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from minidocknet.core.lab import Lab
from minidocknet.core.stream import stream_exec
from minidocknet.model.errors import ApplyError, UsageError
from minidocknet.runtime.netns import enter_command


@dataclass(frozen=True, slots=True)
class ExecResult:
    """``exit_code`` as a shell has it: 127 for a missing command, 128 + n for signal n."""

    exit_code: int
    stdout: str
    stderr: str

    def check(self) -> ExecResult:
        """Itself; ApplyError where the command failed."""
        if self.exit_code:
            raise ApplyError(
                f"the command ended with status {self.exit_code}: {self.stderr or self.stdout}"
            )
        return self


def exec_in_node(
    lab: Lab,
    node: str,
    command: str | Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> ExecResult:
    """Run ``command`` (text goes through ``sh -c``) in the node, as root, and wait for it."""
    words = ["sh", "-c", command] if isinstance(command, str) else command
    stdout, stderr = bytearray(), bytearray()
    exit_code = stream_exec(
        lab, node, words, on_stdout=stdout.extend, on_stderr=stderr.extend, env=env, cwd=cwd
    )
    return ExecResult(exit_code, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


@contextmanager
def capture_process(
    lab: Lab, node: str, iface: str, *, expression: Sequence[str] = (), count: int | None = None
) -> Iterator[IO[bytes]]:
    """tcpdump(8) in the node's namespace; yields the stream of its pcap.

    ``expression``: pcap-filter(7).  Raises UsageError for an interface that the node has not.
    """
    homes = lab.homes([node])
    lab.running_container(node)
    known = interfaces(lab, node)
    if iface not in known:
        raise UsageError(
            f"node {node} has no interface {iface!r}", remedy=f"take one of: {', '.join(known)}"
        )
    tcpdump = ["tcpdump", "-i", iface, "-U", "-w", "-", "--immediate-mode"]
    tcpdump += [] if count is None else ["-c", str(count)]
    process = subprocess.Popen(
        [*enter_command(homes[node]), *tcpdump, *expression],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    assert process.stdout is not None and process.stderr is not None
    try:
        yield process.stdout
    finally:
        if process.poll() is None:
            process.terminate()
        # A tcpdump that waits for room in the pipe would not see the signal.
        process.stdout.close()
        process.wait()
        errors = process.stderr.read().decode(errors="replace").strip()
    if "parse filter expression" in errors:
        raise UsageError(f"the filter {' '.join(expression)!r} is none: {errors}")
    if process.returncode not in (0, -signal.SIGTERM, -signal.SIGPIPE, -signal.SIGINT):
        raise ApplyError(f"tcpdump failed in {node}: {errors}")


def interfaces(lab: Lab, node: str) -> list[str]:
    """Names of the interfaces in the node's namespace."""
    homes = lab.homes([node])
    listing = subprocess.run(
        [*enter_command(homes[node]), "ip", "-brief", "link", "show"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return [line.split()[0].split("@")[0] for line in listing.stdout.splitlines()]
