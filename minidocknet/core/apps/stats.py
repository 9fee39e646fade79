"""What applications take of their nodes: processor, memory, network, processes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from minidocknet.core.apps import containers
from minidocknet.core.apps.listing import list_apps
from minidocknet.core.lab import Lab
from minidocknet.plan.model import AppPlan
from minidocknet.plan.names import app_container


@dataclass(frozen=True, slots=True)
class AppStats:
    """``cpu_pct``: of one core, over the last second.  ``memory_limit``: None without."""

    name: str
    node: str
    cpu_pct: float
    memory_bytes: int
    memory_limit: int | None
    processes: int


def app_stats(lab: Lab, names: list[str] | None = None) -> list[AppStats]:
    """Of the applications that run; all of them, or those of ``names``.  Takes a second."""
    running = [
        status.app
        for status in list_apps(lab, names)
        if status.container is not None and status.container.running
    ]

    def one(app: AppPlan) -> AppStats:
        with (
            containers.engine_of(lab, app.node) as api,
            containers.refusals(f"asking for the statistics of {app.name}"),
        ):
            return parse_stats(app, api.stats(app_container(app.name), stream=False))

    if not running:
        return []
    with ThreadPoolExecutor(len(running), thread_name_prefix="stats") as pool:
        return list(pool.map(one, running))


def parse_stats(app: AppPlan, found: Mapping[str, Any]) -> AppStats:
    """From the engine's two samples, a second apart.  Pure."""
    now, before = found["cpu_stats"], found["precpu_stats"]
    used = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    machine = now["system_cpu_usage"] - before.get("system_cpu_usage", now["system_cpu_usage"])
    cores = now.get("online_cpus") or 1
    memory = found["memory_stats"]
    details = memory.get("stats", {})
    # What the kernel would give back at once does not count (docker stats leaves it out as well).
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return AppStats(
        name=app.name,
        node=app.node,
        cpu_pct=round(100 * cores * used / machine, 2) if machine > 0 else 0.0,
        memory_bytes=max(0, memory.get("usage", 0) - cache),
        memory_limit=app.spec.memory_bytes,
        processes=found.get("pids_stats", {}).get("current", 0),
    )
