"""What a lab costs while nobody uses it, and how the cost grows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from minidocknet.core.network import Network
from minidocknet.plan.options import DeployOptions
from minidocknet.runtime.engine import Engine
from minidocknet.runtime.image import node_image_tag

from .deploy import MAP, NODES, bare_containers, our_lab
from .report import Figure

IDLE_S = 20.0
LARGE = 200


def run(engine: Engine) -> Iterator[Figure]:
    yield from idle()
    yield from large()
    yield from eager(engine)


def idle() -> Iterator[Figure]:
    before, without = available_mib(), busy_share()
    with Network(MAP, lab="bench"):
        time.sleep(10)  # what starting took settles
        used = before - available_mib()
        share = busy_share()
    yield Figure("68 idle nodes with switches, memory", used / 1024, "GiB", 1.6)
    yield Figure("the machine without a lab, of one core", without, "%")
    yield Figure("the machine with 68 idle nodes, of one core", share, "%")
    yield Figure("68 idle nodes with switches, of one core", share - without, "%", 10)


def large() -> Iterator[Figure]:
    small = [our_lab(MAP)[0] / NODES for _ in range(2)]
    up, down = our_lab(f"barabasi-albert,{LARGE},1,1")
    yield Figure(f"{LARGE} nodes, up", up, "s")
    yield Figure(f"{LARGE} nodes, down", down, "s")
    ratio = up / LARGE / statistics.median(small)
    yield Figure(f"time a node, {LARGE} nodes / 68 nodes", ratio, "x", 1.3)


def eager(engine: Engine) -> Iterator[Figure]:
    """Every node with its own engine running and one application image in it."""
    options = DeployOptions(inner_engine="eager", preload=(node_image_tag(),))
    with Network("linear,1", lab="bench", options=options):
        pass  # the image's golden store is made once a machine
    bare, _ = bare_containers(engine, NODES)
    before = available_mib()
    begun = time.monotonic()
    with Network(MAP, lab="bench", options=options) as network:
        up = time.monotonic() - begun
        time.sleep(5)
        used = before - available_mib()
        images = network.nodes[-1].exec("docker images -q").stdout.split()
    yield Figure("68 nodes with inner engines, up", up, "s")
    yield Figure("68 nodes with inner engines up / bare containers", up / bare, "x", 4.0)
    yield Figure("68 nodes with inner engines, memory", used / 1024, "GiB", 3.0)
    yield Figure("images in each inner engine", float(len(images)), "", 1, at_most=False)


def available_mib() -> float:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/meminfo has no MemAvailable")


def busy_share() -> float:
    """What all cores do but idling, over :data:`IDLE_S`, in percent of one core."""
    begun = busy_s()
    time.sleep(IDLE_S)
    return (busy_s() - begun) / IDLE_S * 100


def busy_s() -> float:
    """Processor seconds that all cores have spent on anything but idling."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / 100
