"""Whether and how an application can be moved, decided before anything is stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from minidocknet.core.apps.containers import Container
from minidocknet.core.lab import Lab
from minidocknet.migrate.preflight import Kernel, Obstacle, obstacles_to
from minidocknet.migrate.survey import survey
from minidocknet.model.errors import CapabilityError, UsageError
from minidocknet.model.moves import Mode, Via
from minidocknet.plan.model import AppPlan, Plan
from minidocknet.runtime.probe import probe

# Images in memory leave at least this much of it free.
_SPARE_BYTES = 256 * 1024**2
_IN_MEMORY = "/run/mdn-move"
_ON_DISK = "/var/lib/docker/mdn-move"


@dataclass(frozen=True, slots=True)
class Choice:
    """``folder``: where images lie in the nodes.  ``always``: paths in the container that are
    copied whatever their times say.  ``memory_bytes``: how much is to be dumped, about.
    """

    mode: Mode
    folder: str
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    always: frozenset[str] = field(default=frozenset())
    memory_bytes: int = 0


def choose(
    lab: Lab,
    app: AppPlan,
    target: str,
    found: Container,
    asked: Mode | Literal["auto"],
    via: Via,
    *,
    stays: bool = False,
) -> Choice:
    """Survey the application, then decide.  ``stays``: it is frozen, but goes nowhere.

    Raises UsageError (its policy, a shared volume) or CapabilityError (what CRIU or the kernel
    cannot do), each with what would work.
    """
    if via == "network":
        raise CapabilityError(
            "files and images cannot be copied over the emulated network yet",
            remedy="leave --via out: they are copied beside it",
        )
    if not stays:
        check_policy(lab.plan, app, target, asked)
    if not found.running:
        if asked not in ("auto", "cold"):
            raise UsageError(
                f"application {app.name} does not run, so it has no memory to move",
                remedy=f"mdn app start {app.name} first, or --mode cold",
            )
        return Choice("cold", _IN_MEMORY, ("it does not run",))
    pid = lab.homes([app.node])[app.node]
    seen = survey(pid, found.pid)
    kernel = kernel_facts(lab)
    wanted: tuple[Mode, ...]
    if asked == "auto":
        wanted = ("cold",) if app.spec.policy == "cold" else ("checkpoint", "cold")
    else:
        wanted = (asked,)
    refused: list[Obstacle] = []
    reasons: list[str] = []
    for mode in wanted:
        obstacles, warnings = obstacles_to(mode, seen, lab.state.granted, kernel)
        if obstacles:
            refused += obstacles
            reasons += [f"not {mode}: {obstacle.message}" for obstacle in obstacles]
            continue
        reasons.insert(0, _why(asked, mode, app))
        folder, place = image_folder(lab, app, target, seen.memory_bytes)
        if mode != "cold":
            reasons.append(place)
        return Choice(
            mode,
            f"{folder}/{app.name}",
            tuple(reasons),
            tuple(warnings),
            seen.shared_files,
            seen.memory_bytes,
        )
    raise CapabilityError(
        f"application {app.name} cannot be moved by {wanted[0]}: "
        + "; ".join(obstacle.message for obstacle in refused),
        remedy="; ".join(dict.fromkeys(obstacle.remedy for obstacle in refused)),
    )


def kernel_facts(lab: Lab) -> Kernel:
    capabilities = probe(lab.engine.client)
    return Kernel(
        userfaultfd=bool(capabilities.userfaultfd),
        soft_dirty=bool(capabilities.soft_dirty),
        pipe_max_bytes=int(Path("/proc/sys/fs/pipe-max-size").read_text()),
    )


def _why(asked: str, mode: Mode, app: AppPlan) -> str:
    if asked != "auto":
        return f"{mode}: asked for"
    if mode == "cold" and app.spec.policy == "cold":
        return "cold: the application's policy"
    return f"{mode}: its memory moves with it" if mode == "checkpoint" else f"{mode}: all that can"


def check_policy(plan: Plan, app: AppPlan, target: str, asked: str) -> None:
    """UsageError where the application's policy or a shared volume forbids the move.  Pure."""
    if app.spec.policy == "pinned":
        raise UsageError(
            f"application {app.name} is pinned to {app.node}",
            remedy="run it with --policy live or cold to move it",
        )
    if app.spec.policy == "cold" and asked not in ("auto", "cold"):
        raise UsageError(
            f"application {app.name} has the policy cold, which mode {asked} is not",
            remedy="leave --mode out",
        )
    own = {volume.name for volume in app.spec.volumes}
    for node, what in ((app.node, "is used by"), (target, "would meet that of")):
        for other in plan.apps_on(node):
            shared = own & {volume.name for volume in other.spec.volumes}
            if other.name != app.name and shared:
                raise UsageError(
                    f"volume {min(shared)} of application {app.name} {what} {other.name} on {node}",
                    remedy="give each application volumes of its own names",
                )


def image_folder(lab: Lab, app: AppPlan, target: str, memory_bytes: int) -> tuple[str, str]:
    """Where images lie in both nodes, and why there."""
    for node in (app.node, target):
        limit = lab.plan.node(node).spec.memory_bytes
        if limit is not None and memory_bytes + _SPARE_BYTES > limit:
            return _ON_DISK, f"images on disk: node {node} has {limit >> 20} MiB of memory"
    free = _available_memory()
    if 2 * memory_bytes + _SPARE_BYTES > free:
        return _ON_DISK, f"images on disk: the machine has {free >> 20} MiB of memory left"
    return _IN_MEMORY, "images in memory"


def _available_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0
