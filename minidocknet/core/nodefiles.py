"""Puts the planned files where nodes read them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import resources

from minidocknet.plan.files import hosts_file, node_files
from minidocknet.plan.model import Plan
from minidocknet.runtime.paths import LabPaths

# Into every home: name in /etc/mdn -> script of the runtime package.
_SCRIPTS = {
    "init": "node-init.sh",
    "inner-engine": "inner-engine.sh",
    "app-runtime": "app-runtime.sh",
    "app-mover": "app_mover.py",
}


def write_files(plan: Plan, *, kernel_datapath: bool, homes: Iterable[str] | None = None) -> None:
    """Write the files of ``homes`` (all: None) and the hosts file that all nodes share."""
    paths = LabPaths(plan.lab)
    scripts = {
        name: resources.files("minidocknet.runtime").joinpath(source).read_text()
        for name, source in _SCRIPTS.items()
    }
    write_hosts(plan)
    files = node_files(plan, kernel_datapath=kernel_datapath)
    for home in files if homes is None else homes:
        etc = paths.node_etc(home)
        etc.mkdir(parents=True, exist_ok=True)
        paths.node_docker(home).mkdir(exist_ok=True)
        for name, text in files[home].items():
            (etc / name).write_text(text)
        for name, text in scripts.items():
            (etc / name).write_text(text)
            (etc / name).chmod(0o755)


def write_hosts(plan: Plan) -> None:
    """In place, because the file is bind-mounted into the nodes: a new inode would not be seen."""
    paths = LabPaths(plan.lab)
    text = hosts_file(plan).encode()
    handle = os.open(paths.hosts_file, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(handle, text, 0)
        os.ftruncate(handle, len(text))
    finally:
        os.close(handle)
