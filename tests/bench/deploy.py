"""How fast the papers' map comes up and goes, beside the engine itself and the peers."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from minidocknet.core.network import Network
from minidocknet.plan.names import LABEL_LAB
from minidocknet.plan.options import DeployOptions
from minidocknet.runtime.engine import Engine
from minidocknet.runtime.image import node_image_tag

from .report import Figure

MAP = "rocketfuel-68"
NODES = 68
WORKERS = 4
ROUNDS = 3
# A Python in whose environment Containernet is installed, for the comparison with it, and an image
# for its hosts: Containernet runs ifconfig in them.
CONTAINERNET_PYTHON = os.environ.get("MDN_BENCH_CONTAINERNET_PYTHON")
CONTAINERNET_IMAGE = os.environ.get("MDN_BENCH_CONTAINERNET_IMAGE", "ubuntu:trusty")


def bare_containers(engine: Engine, number: int) -> tuple[float, float]:
    """Seconds to start and to remove ``number`` containers that only sleep, by the engine alone."""
    config = {
        "Image": node_image_tag(),
        "Entrypoint": ["sleep", "infinity"],
        "Labels": {LABEL_LAB: "bench-bare"},
    }

    def start(index: int) -> str:
        container = engine.create(f"mdn.bench-bare.{index}", config)
        engine.api.start(container)
        return container

    with ThreadPoolExecutor(WORKERS) as pool:
        begun = time.monotonic()
        containers = list(pool.map(start, range(number)))
        up = time.monotonic() - begun
        begun = time.monotonic()
        list(pool.map(engine.remove, containers))
        return up, time.monotonic() - begun


def our_lab(topology: str = MAP, **options: object) -> tuple[float, float]:
    network = Network(topology, lab="bench", options=DeployOptions(**options))  # type: ignore[arg-type]
    begun = time.monotonic()
    network.deploy()
    up = time.monotonic() - begun
    return up, network.destroy()


def run(engine: Engine) -> Iterator[Figure]:
    """Rounds of each in turn, so that a drift of the machine's speed meets all alike."""
    our_lab("linear,2")  # warms the image's pages
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(bare_containers(engine, NODES))
        ours.append(our_lab())
    bare_up = statistics.median(up for up, _ in bare)
    our_up = statistics.median(up for up, _ in ours)
    our_down = statistics.median(down for _, down in ours)
    yield Figure("68 bare containers by 4 workers, up", bare_up, "s")
    yield Figure("68 bare containers, down", statistics.median(d for _, d in bare), "s")
    yield Figure("rocketfuel-68, up", our_up, "s")
    ratios = [up / reference for (up, _), (reference, _) in zip(ours, bare, strict=True)]
    yield Figure("rocketfuel-68 up / bare containers up", statistics.median(ratios), "x", 1.4)
    yield Figure("rocketfuel-68, down", our_down, "s")
    yield Figure("rocketfuel-68 down / up", our_down / our_up, "x", 0.5)
    yield from containernet(our_up)
    yield from mininet(our_up)


def containernet(our_up: float) -> Iterator[Figure]:
    if CONTAINERNET_PYTHON is None:
        print("Containernet: not run; MDN_BENCH_CONTAINERNET_PYTHON names no Python that has it")
        return
    up, down = _peer(CONTAINERNET_PYTHON, "containernet", CONTAINERNET_IMAGE)
    yield Figure("Containernet on the same map, up", up, "s")
    yield Figure("Containernet on the same map, down", down, "s")
    yield Figure("Containernet up / rocketfuel-68 up", up / our_up, "x", 3.0, at_most=False)


def mininet(our_up: float) -> Iterator[Figure]:
    missing = [tool for tool in ("mnexec", "ovs-vsctl") if shutil.which(tool) is None]
    if missing:
        print(f"Mininet: not run; this machine lacks {' and '.join(missing)}")
        return
    up, down = _peer(sys.executable, "mininet")
    yield Figure("Mininet on the same map (processes), up", up, "s")
    yield Figure("Mininet on the same map, down", down, "s")
    yield Figure("rocketfuel-68 up / Mininet up", our_up / up, "x", note=" (the aim beyond: 1)")


def _peer(python: str, peer: str, image: str = "") -> tuple[float, float]:
    script = Path(__file__).with_name("peer.py")
    done = subprocess.run(
        [python, str(script), peer, image], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{peer} failed: {done.stderr[-2000:]}")
    up, down = done.stdout.split()[-2:]
    return float(up), float(down)
