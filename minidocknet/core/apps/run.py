"""Starts applications and takes them away again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from minidocknet.core.apps import containers
from minidocknet.core.apps.journal import end_move, read_move
from minidocknet.core.images import image_for_node
from minidocknet.core.interrupts import held
from minidocknet.core.lab import Lab
from minidocknet.core.locks import app_lock, lab_lock
from minidocknet.core.switches import update_switches
from minidocknet.model.apps import AppSpec
from minidocknet.model.errors import LabError
from minidocknet.model.events import AppChanged
from minidocknet.plan.apps import plan_app, with_app, without_app
from minidocknet.plan.model import AppPlan


def run_app(lab: Lab, spec: AppSpec) -> AppPlan:
    """Plan ``spec``, create its container and start it.

    Raises UsageError for a name, node, address or image that cannot be, LabError where the node is
    off, ApplyError where the engine refuses.  On any failure nothing of the application stays.
    """
    with app_lock(lab.name, spec.name):
        with lab_lock(lab.name):
            lab.reload()
            lab.running_container(spec.node)
            app = plan_app(lab.plan, spec, lab.state.next_app)
            old = lab.plan
            grown = replace(
                lab.state, plan=with_app(lab.plan, app), next_app=lab.state.next_app + 1
            )
            lab.update(grown)
            update_switches(lab, old, lab.homes())
        try:
            _make(lab, app)
        except BaseException:
            with held():
                _unmake(lab, app)
            raise
    lab.events.emit(AppChanged(lab=lab.name, app=app.name, node=app.node, change="added"))
    return app


def start_planned(
    lab: Lab, apps: Iterable[AppPlan], on_started: Callable[[], None] = lambda: None
) -> None:
    """Create and start applications that are in the lab's plan already, as a deployment does.

    One image after the other is made known first, so that no two threads build a store for it.
    """
    listed = list(apps)
    for app in listed:
        image_for_node(lab, app.node, app.spec.image)
    with ThreadPoolExecutor(lab.state.options.workers, thread_name_prefix="app") as pool:
        for _ in pool.map(lambda app: _make(lab, app), listed):
            on_started()


def _make(lab: Lab, app: AppPlan) -> None:
    image = image_for_node(lab, app.node, app.spec.image)
    containers.create(lab, app, app.node, image)
    containers.start(lab, app.name, app.node)


def _unmake(lab: Lab, app: AppPlan) -> None:
    containers.remove(lab, app.node, app.name, volumes=own_volumes(lab, app))
    _forget(lab, app.name)


def _forget(lab: Lab, name: str) -> None:
    end_move(lab, name)
    shutil.rmtree(lab.paths.state_dir / "checkpoints" / name, ignore_errors=True)
    with lab_lock(lab.name):
        lab.reload()
        old = lab.plan
        lab.update(
            replace(
                lab.state,
                plan=without_app(old, name),
                stopped_apps=lab.state.stopped_apps - {name},
            )
        )
        update_switches(lab, old, lab.homes())


def own_volumes(lab: Lab, app: AppPlan) -> tuple[str, ...]:
    """Volumes that no other application on its node names."""
    others = {
        volume.name
        for other in lab.plan.apps_on(app.node)
        if other.name != app.name
        for volume in other.spec.volumes
    }
    return tuple(volume.name for volume in app.spec.volumes if volume.name not in others)


def remove_app(lab: Lab, name: str) -> None:
    """End the application and remove it with its volumes.

    Where its node is off, it is forgotten, and its container goes when the node starts.
    """
    with app_lock(lab.name, name):
        lab.reload()
        app = lab.plan.app(name)
        with held():
            _unmake(lab, app)
    lab.events.emit(AppChanged(lab=lab.name, app=name, node=app.node, change="removed"))


def stop_app(lab: Lab, name: str, *, timeout_s: int = 10) -> None:
    """End its processes; disk, addresses and place stay.  Fine where it is stopped."""
    with app_lock(lab.name, name):
        lab.reload()
        app = settled(lab, name)
        containers.stop(lab, name, app.node, timeout_s=timeout_s)
        _note_stopped(lab, name, stopped=True)
    lab.events.emit(AppChanged(lab=lab.name, app=name, node=app.node, change="stopped"))


def start_app(lab: Lab, name: str) -> None:
    """Start it again where it stopped or was stopped.  Fine where it runs."""
    with app_lock(lab.name, name):
        lab.reload()
        app = settled(lab, name)
        containers.start(lab, name, app.node)
        _note_stopped(lab, name, stopped=False)
    lab.events.emit(AppChanged(lab=lab.name, app=name, node=app.node, change="started"))


def settled(lab: Lab, name: str) -> AppPlan:
    """The application; LabError while a move of it is unfinished.  Under the app's lock."""
    app = lab.plan.app(name)
    if read_move(lab, name) is not None:
        raise LabError(
            f"a move of application {name} was cut short",
            remedy=f"mdn app list --lab {lab.name} brings it to an end",
        )
    return app


def _note_stopped(lab: Lab, name: str, *, stopped: bool) -> None:
    with lab_lock(lab.name):
        lab.reload()
        names = lab.state.stopped_apps
        lab.update(replace(lab.state, stopped_apps=names | {name} if stopped else names - {name}))
