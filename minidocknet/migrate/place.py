"""Small steps that moves, recovery and restores share: where an application is, and its policy."""

from __future__ import annotations

from dataclasses import replace

from minidocknet.core.apps import containers
from minidocknet.core.lab import Lab
from minidocknet.core.locks import lab_lock
from minidocknet.core.switches import move_app_rules
from minidocknet.plan.apps import moved
from minidocknet.plan.names import app_container


def put_plan(lab: Lab, name: str, node: str) -> None:
    """Make ``node`` the application's place in the lab's state and in the switches' rules."""
    with lab_lock(lab.name):
        lab.reload()
        old = lab.plan
        if old.app(name).node == node:
            return
        lab.update(replace(lab.state, plan=moved(old, name, node)))
        move_app_rules(lab, old, lab.homes())


def set_policy(lab: Lab, app: str, node: str, policy: dict[str, object]) -> None:
    """The container's restart policy in the engine; ``no`` while no engine may start it."""
    with (
        containers.engine_of(lab, node) as api,
        containers.refusals(f"setting the restart policy of {app} on {node}"),
    ):
        api.update_container(app_container(app), restart_policy=policy)
