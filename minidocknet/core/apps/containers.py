"""An application's container in a node's engine, its folder in /etc/mdn/apps and its port."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from docker.errors import APIError, DockerException, NotFound

from minidocknet.core.lab import Lab
from minidocknet.model.errors import ApplyError
from minidocknet.plan.apps import PORT, port_file
from minidocknet.plan.model import AppPlan
from minidocknet.plan.names import app_container, container_name
from minidocknet.runtime import inner_engine
from minidocknet.runtime.app_config import app_config
from minidocknet.runtime.nodecmd import run_in_node

# In the node.
RUNTIME_SCRIPT = "/etc/mdn/app-runtime"
APPS_FOLDER = "/etc/mdn/apps"


@dataclass(frozen=True, slots=True)
class Container:
    """What an inner engine says of a container.

    ``state``: the engine's word (created, running, paused, restarting, exited, dead).  ``pid``: of
    its first process in the node's pid namespace, 0 where none runs.  ``error``: why the engine
    could not start it, or empty.
    """

    id: str
    state: str
    pid: int
    exit_code: int
    started_at: str
    restarts: int
    image: str
    error: str = ""

    @property
    def running(self) -> bool:
        return self.state in ("running", "paused")


@contextmanager
def engine_of(lab: Lab, node: str) -> Iterator[Any]:
    """The low-level API of the node's engine, which is started where it does not run.

    LabError where the node is off.
    """
    lab.running_container(node)
    pid = inner_engine.ensure_running(lab.engine, container_name(lab.name, node))
    with inner_engine.inner_api(pid) as api:
        yield api


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Turn what an engine refuses into an ApplyError that says ``what`` was asked."""
    try:
        yield
    except APIError as error:
        raise ApplyError(f"{what} was refused: {error.explanation or error}") from error
    except (DockerException, requests.RequestException) as error:
        raise ApplyError(f"{what} failed: {error}") from error


def find(lab: Lab, node: str, app: str) -> Container | None:
    """The application's container on ``node``; None where there is none or no engine runs."""
    pid = lab.homes([node]).get(node)
    if pid is None or inner_engine.status(pid) != "running":
        return None
    with inner_engine.inner_api(pid) as api, refusals(f"looking for {app} on {node}"):
        try:
            return parse(api.inspect_container(app_container(app)))
        except NotFound:
            return None


def parse(found: dict[str, Any]) -> Container:
    """From the engine's JSON."""
    state = found["State"]
    return Container(
        id=found["Id"],
        state=state["Status"],
        pid=int(state["Pid"]),
        exit_code=int(state["ExitCode"]),
        started_at=state["StartedAt"],
        restarts=int(found["RestartCount"]),
        image=found["Image"],
        error=state.get("Error", ""),
    )


def create(lab: Lab, app: AppPlan, node: str, image: str, *, restarts: bool = True) -> str:
    """Create the container of ``app`` on ``node``, with its folder; returns its id.

    ``image``: the id as the node's engine shows it.
    """
    config = app_config(lab.name, app.spec, image, restarts=restarts)
    with engine_of(lab, node) as api, refusals(f"creating {app.name} on {node}"):
        identity = str(api.create_container_from_config(config, app_container(app.name))["Id"])
    write_port(lab, app, node, identity)
    return identity


def write_port(lab: Lab, app: AppPlan, node: str, identity: str) -> None:
    """The folder from which the node's runtime makes the application's interface."""
    folder = app_folder(lab, node, identity)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PORT).write_text(port_file(lab.plan, app))


def app_folder(lab: Lab, node: str, identity: str) -> Path:
    """The container's folder in the node's /etc/mdn, as the host sees it."""
    return lab.paths.node_etc(node) / "apps" / identity


def start(lab: Lab, app: str, node: str) -> None:
    with engine_of(lab, node) as api, refusals(f"starting {app} on {node}"):
        api.start(app_container(app))


def stop(lab: Lab, app: str, node: str, *, timeout_s: int = 10) -> None:
    """By its stop signal, killed after ``timeout_s``.  Fine where it does not run."""
    with engine_of(lab, node) as api, refusals(f"stopping {app} on {node}"):
        api.stop(app_container(app), timeout=timeout_s)


def remove(lab: Lab, node: str, app: str, *, volumes: tuple[str, ...] = ()) -> None:
    """Remove the application's container, port, namespace and ``volumes`` from a node that runs.

    Fine where they are gone.  Where the node is off, its engine removes nothing: the folder goes,
    so that the container cannot be taken for the application later.
    """
    pid = lab.homes([node]).get(node)
    if pid is None:
        return
    with engine_of(lab, node) as api, refusals(f"removing {app} from {node}"):
        try:
            identity = str(api.inspect_container(app_container(app))["Id"])
            api.remove_container(identity, force=True, v=True)
        except NotFound:
            identity = ""
        for volume in volumes:
            try:
                api.remove_volume(volume)
            except NotFound:
                continue
            except APIError as error:
                if error.status_code != 409:  # another container uses it
                    raise
    if identity:
        unplug(lab, node, identity)
        shutil.rmtree(app_folder(lab, node, identity), ignore_errors=True)


def unplug(lab: Lab, node: str, identity: str) -> None:
    """Remove the container's port and network namespace from the node."""
    pid = lab.homes([node]).get(node)
    if pid is not None and app_folder(lab, node, identity).exists():
        command = [RUNTIME_SCRIPT, "unplug", f"{APPS_FOLDER}/{identity}"]
        run_in_node(pid, command, what=f"unplugging {identity[:12]} from {node}")
