"""Measures what the emulation itself takes on this machine, and keeps it for later labs."""

from __future__ import annotations

import json
import os
import platform
import statistics
from pathlib import Path
from typing import Any

from minidocknet.core.ping import PingJob, ping_all
from minidocknet.model.errors import ApplyError
from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import LinkSpec, NodeSpec, SwitchMode, Topology
from minidocknet.plan.allowance import UNCALIBRATED, Calibration, calibration_of
from minidocknet.plan.options import DeployOptions
from minidocknet.runtime.paths import state_root

_LAB = "calibration"
_DELAY_MS = 3.0
_PINGS = 40
_INTERVAL_S = 0.1
_SCHEMA = 1


def calibration_file() -> Path:
    return state_root() / "calibration.json"


def machine_key() -> dict[str, str]:
    """What the figures depend on; where it changes they no longer hold."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "kernel": platform.release(),
        "processor": models[0] if models else platform.machine(),
        "cores": str(os.cpu_count()),
    }


def load_calibration() -> Calibration:
    """The figures of this machine, :data:`UNCALIBRATED` where there are none that hold."""
    try:
        data: dict[str, Any] = json.loads(calibration_file().read_text())
        if data["schema"] == _SCHEMA and data["machine"] == machine_key():
            return Calibration(float(data["tap_ms"]), float(data["switch_ms"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return UNCALIBRATED


def calibrate() -> Calibration:
    """Measure with two labs of two nodes each, keep the result and return it; some 12 s.

    ApplyError where no reply came back.
    """
    plain, switched = _round_trip_ms("none"), _round_trip_ms("node")
    calibration = calibration_of(plain, switched, 2 * _DELAY_MS)
    path = calibration_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "schema": _SCHEMA,
        "machine": machine_key(),
        "tap_ms": round(calibration.tap_ms, 4),
        "switch_ms": round(calibration.switch_ms, 4),
    }
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content) + "\n")
    temporary.replace(path)
    return calibration


def _round_trip_ms(switch: SwitchMode) -> float:
    """The median over one link of the daemon's, with nothing taken off its delay."""
    from minidocknet.core.network import Network

    link = LinkSpec("a", "b").with_shaping(Shaping(delay_ms=_DELAY_MS))
    topology = Topology(_LAB, (NodeSpec("a"), NodeSpec("b")), (link,))
    options = DeployOptions(link="wire", switch=switch, compensate=False)
    with Network(topology, lab=f"{_LAB}-{switch}-{os.getpid()}", options=options) as network:
        target = network.node("b").ip
        job = PingJob("a", "b", network.lab.homes(["a"])["a"], target)
        ping_all([job], count=5, interval_s=_INTERVAL_S)  # ARP, flows, caches
        (ping,) = ping_all([job], count=_PINGS, interval_s=_INTERVAL_S)
    if not ping.rtts_ms:
        raise ApplyError("no reply came back over a link that was made to calibrate")
    return statistics.median(ping.rtts_ms)
