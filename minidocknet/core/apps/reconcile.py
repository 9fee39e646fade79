"""A node that starts again: its applications come back, and those that have left do not."""

from __future__ import annotations

import shutil
from typing import Any

from minidocknet.core.apps import containers
from minidocknet.core.apps.journal import read_move
from minidocknet.core.lab import Lab
from minidocknet.plan.names import LABEL_LAB, LABEL_NODE, LABEL_ROLE
from minidocknet.runtime.app_config import ROLE, restart_policy


def bring_back(lab: Lab, node: str) -> None:
    """Start the engine of a node that was started, where it has had applications.

    The engine starts those whose restart policy says so.  Containers of applications that were
    removed or moved away while the node was off are removed.  What belongs to an unfinished move
    is left alone: whoever finishes it decides.
    """
    folder = lab.paths.node_etc(node) / "apps"
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    placed = {app.name: app for app in lab.plan.apps_on(node)}
    with containers.engine_of(lab, node) as api, containers.refusals(f"looking through {node}"):
        labels = [f"{LABEL_LAB}={lab.name}", f"{LABEL_ROLE}={ROLE}"]
        found: list[dict[str, Any]] = api.containers(all=True, filters={"label": labels})
        kept = set()
        for container in found:
            name = container["Labels"][LABEL_NODE]
            if name in placed or read_move(lab, name) is not None:
                kept.add(container["Id"])
                continue
            api.remove_container(container["Id"], force=True, v=True)
            containers.unplug(lab, node, container["Id"])
        for container in found:
            app = placed.get(container["Labels"][LABEL_NODE])
            policy = restart_policy(app.spec)["Name"] if app is not None else "no"
            # The engine does this for "always" where it was shut down in order; a node that was
            # killed left its containers as exited.
            wanted = policy == "always" or (
                policy == "unless-stopped"
                and app is not None
                and app.name not in lab.state.stopped_apps
            )
            if app is not None and wanted and container["State"] != "running":
                api.start(container["Id"])
    for entry in folder.iterdir():
        if entry.name not in kept:
            shutil.rmtree(entry)
