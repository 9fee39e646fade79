"""Everything of labs that can be found on a machine, by looking where it would be."""

from __future__ import annotations

import subprocess
from pathlib import Path

from minidocknet.plan.names import LABEL_LAB
from minidocknet.runtime.engine import Engine
from minidocknet.runtime.paths import run_root, state_root


def leftovers(engine: Engine, lab: str) -> list[str]:
    """What exists of ``lab``: containers, networks, volumes, folders, mounts, processes, links."""
    found = [f"container {c['Names']}" for c in engine.containers(lab)]
    found += [f"network {n['Name']}" for n in engine.networks(lab)]
    volumes = engine.api.volumes(filters={"label": [f"{LABEL_LAB}={lab}"]})["Volumes"] or []
    found += [f"volume {v['Name']}" for v in volumes]
    for folder in (state_root() / "labs" / lab, run_root() / lab):
        found += [f"path {path}" for path in (folder, *folder.rglob("*")) if path.exists()]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    found += [f"mount {line}" for line in mounts if f"/{lab}/" in line or f"mdn.{lab}." in line]
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _mentions(process, lab):
            found.append(f"process {process.name}")
    return found


def host_interfaces() -> set[str]:
    listing = subprocess.run(
        ["ip", "-brief", "link"], capture_output=True, text=True, check=True
    ).stdout
    return {line.split()[0].split("@")[0] for line in listing.splitlines()}


def named_namespaces() -> set[str]:
    folders = (Path("/run/netns"), Path("/run/docker/netns"), Path("/var/run/docker/netns"))
    return {str(path) for folder in folders if folder.is_dir() for path in folder.iterdir()}


def _mentions(process: Path, lab: str) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    daemon = words[0].endswith(b"mdn-wired") and lab.encode() in words
    shim = b"containerd-shim" in words[0] and any(f"mdn.{lab}.".encode() in w for w in words)
    return daemon or shim
