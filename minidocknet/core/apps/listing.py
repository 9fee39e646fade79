"""What a lab's applications are like now."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from minidocknet.core.apps import containers
from minidocknet.core.apps.containers import Container
from minidocknet.core.apps.journal import read_move
from minidocknet.core.lab import Lab
from minidocknet.model.moves import MoveRecord
from minidocknet.plan.model import AppPlan

_WORKERS = 8


@dataclass(frozen=True, slots=True)
class AppStatus:
    """``state``: running, paused, restarting, created, exited (by itself), stopped (by request),
    moving, ``node off``, or missing.  ``move``: the move under way.
    """

    app: AppPlan
    state: str
    container: Container | None
    move: MoveRecord | None


def list_apps(lab: Lab, names: Iterable[str] | None = None) -> list[AppStatus]:
    """The applications, in the order in which they were made; UsageError for an unknown name."""
    chosen = lab.plan.apps if names is None else [lab.plan.app(name) for name in names]
    if not chosen:
        return []
    running = lab.homes({app.node for app in chosen}).keys()

    def status(app: AppPlan) -> AppStatus:
        on = app.node in running
        found = containers.find(lab, app.node, app.name) if on else None
        move = read_move(lab, app.name)
        return AppStatus(app, _state(lab, app, on, found, move), found, move)

    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="apps") as pool:
        return list(pool.map(status, chosen))


def _state(
    lab: Lab, app: AppPlan, on: bool, found: Container | None, move: MoveRecord | None
) -> str:
    if move is not None:
        return "moving"
    if not on:
        return "node off"
    if found is None:
        # Its engine does not run, and with it nothing of the application.
        return "stopped" if app.name in lab.state.stopped_apps else "missing"
    if found.state == "exited" and app.name in lab.state.stopped_apps:
        return "stopped"
    return found.state
