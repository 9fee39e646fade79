"""Takes a lab down: every object that carries its name, and nothing else."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from minidocknet.core.interrupts import held
from minidocknet.core.lab import Lab
from minidocknet.core.state import save_state
from minidocknet.links.wire.orphans import kill_daemons
from minidocknet.model.events import LabDestroyed
from minidocknet.runtime.engine import Engine
from minidocknet.runtime.paths import LabPaths, run_root

_WORKERS = 8


def destroy_lab(lab: Lab) -> float:
    """Remove the lab; returns the seconds it took.  The caller holds the lab's lock.

    Ctrl-C, SIGTERM and SIGHUP take effect when the lab is gone.
    """
    started = time.monotonic()
    timings: dict[str, float] = {}
    with held():
        save_state(replace(lab.state, status="destroying"))
        with lab.events.phase("destroy", timings):
            remove_objects(lab.name, lab.engine)
    seconds = round(time.monotonic() - started, 3)
    lab.events.emit(LabDestroyed(lab=lab.name, seconds=seconds))
    return seconds


def remove_objects(name: str, engine: Engine) -> list[str]:
    """Remove whatever exists of lab ``name``, known to a state file or not; says what it was."""
    paths = LabPaths(name)
    removed = []
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="remove") as pool:
        # Nothing is lost by a kill: its interfaces go with the containers' namespaces.
        daemon = pool.submit(kill_daemons, run_root(), name)
        containers = [summary["Id"] for summary in engine.containers(name)]
        for identity, _ in zip(containers, pool.map(engine.remove, containers), strict=True):
            removed.append(f"container {identity[:12]}")
        if daemon.result():
            removed.append("wire daemon")
    for network in engine.networks(name):
        engine.remove_network(network["Id"])
        removed.append(f"network {network['Name']}")
    for folder in (paths.run_dir, paths.state_dir):
        if folder.exists():
            shutil.rmtree(folder)
            removed.append(f"folder {folder.name}")
    return removed
