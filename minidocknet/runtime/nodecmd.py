"""Short tools of ours inside a node, by joining its namespaces: 5 ms where an engine's exec takes
over 100.  What users run goes through the engine instead (:meth:`Engine.exec`), because a process
that only joins namespaces stays in the caller's cgroup.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from minidocknet.model.errors import ApplyError

_TIMEOUT_S = 120


def node_command(pid: int, command: Sequence[str]) -> list[str]:
    """The host's command line that runs ``command`` inside the node whose PID 1 is ``pid``."""
    namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid"]
    return ["nsenter", f"--target={pid}", *namespaces, "--", *command]


def run_in_node(pid: int, command: Sequence[str], *, what: str) -> str:
    """Run it and return its standard output; ApplyError with its standard error where it fails."""
    done = subprocess.run(
        node_command(pid, command),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise ApplyError(f"{what} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
