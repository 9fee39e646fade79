"""A benchmark's figures with the bar that each one has to meet, and where they were measured."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from minidocknet.runtime.engine import Engine

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks"


@dataclass(frozen=True, slots=True)
class Figure:
    """``bar``: what the figure must not exceed (``at_most``) or fall below; None: for reading."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    at_most: bool = True
    note: str = ""

    @property
    def ok(self) -> bool:
        if self.bar is None:
            return True
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    def line(self) -> str:
        bar = "" if self.bar is None else f"{'<=' if self.at_most else '>='} {self.bar:g}"
        verdict = "" if self.bar is None else ("ok" if self.ok else "MISSED")
        return (
            f"{self.name:<58} {self.value:>9.3f} {self.unit:<8} {bar:<10} {verdict:<7}{self.note}"
        )


def machine_facts(engine: Engine) -> dict[str, str]:
    info = engine.api.info()
    model = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "kernel": platform.release(),
        "processor": f"{os.cpu_count()} x {model[0] if model else platform.machine()}",
        "memory": f"{memory_kib / 1024**2:.1f} GiB",
        "system": str(info.get("OperatingSystem")),
        "engine": str(info.get("ServerVersion")),
        "cgroup": f"v{info.get('CgroupVersion', '1')}",
        "load_at_start": f"{os.getloadavg()[0]:.2f}",
    }


def save(bench: str, facts: dict[str, str], figures: Iterable[Figure]) -> Path:
    """Write ``benchmarks/<bench>.json``, the last run's figures."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{bench}.json"
    content = {
        "schema": 1,
        "bench": bench,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": facts,
        "figures": [asdict(figure) | {"ok": figure.ok} for figure in figures],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path
