"""Everything of labs that can be found on a machine, by looking where it would be."""

from __future__ import annotations

import json
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
    """Interfaces of the host's namespace, without those of others' containers on docker0."""
    listing = json.loads(
        subprocess.run(["ip", "-json", "link"], capture_output=True, text=True, check=True).stdout
    )
    return {link["ifname"] for link in listing if link.get("master") != "docker0"}


def ownerless_namespaces(engine: Engine) -> set[str]:
    """The engine's network namespaces that no container has.

    Only mounted ones: the engine removes the empty files of those that are gone once a minute.
    """
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    names = {
        Path(place).name for _, place, kind, *_ in mounts if kind == "nsfs" and "/docker/" in place
    }
    for container in engine.api.containers(all=True):
        state = engine.api.inspect_container(container["Id"])
        names.discard(Path(state["NetworkSettings"]["SandboxKey"]).name)
    return names


def _mentions(process: Path, lab: str) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    daemon = words[0].endswith(b"mdn-wired") and lab.encode() in words
    shim = b"containerd-shim" in words[0] and any(f"mdn.{lab}.".encode() in w for w in words)
    return daemon or shim
