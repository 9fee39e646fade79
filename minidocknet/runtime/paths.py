"""Where a lab's files lie on the machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


def state_root() -> Path:
    """Labs' state, kept over reboots: ``MDN_STATE_DIR``, else /var/lib/mdn."""
    return Path(os.environ.get("MDN_STATE_DIR", "/var/lib/mdn"))


def run_root() -> Path:
    """Sockets and pid files: ``MDN_RUN_DIR``, else /run/mdn."""
    return Path(os.environ.get("MDN_RUN_DIR", "/run/mdn"))


@dataclass(frozen=True, slots=True)
class LabPaths:
    """One lab's files.  All of them are the lab's own and go with it."""

    lab: str

    @property
    def state_dir(self) -> Path:
        return state_root() / "labs" / self.lab

    @property
    def state_file(self) -> Path:
        return self.state_dir / "lab.json"

    @property
    def events_file(self) -> Path:
        return self.state_dir / "events.jsonl"

    @property
    def hosts_file(self) -> Path:
        return self.state_dir / "hosts"

    @property
    def run_dir(self) -> Path:
        """The wire daemon's folder."""
        return run_root() / self.lab

    def node_dir(self, node: str) -> Path:
        return self.state_dir / "nodes" / node

    def node_etc(self, node: str) -> Path:
        """/etc/mdn in the node."""
        return self.node_dir(node) / "etc"

    def node_docker(self, node: str) -> Path:
        """/var/lib/docker in the node."""
        return self.node_dir(node) / "docker"


def lab_names() -> list[str]:
    """Labs that have a state or a run folder here, whole or not."""
    found: set[str] = set()
    for folder in (state_root() / "labs", run_root()):
        if folder.is_dir():
            found.update(entry.name for entry in folder.iterdir() if entry.is_dir())
    return sorted(found)
