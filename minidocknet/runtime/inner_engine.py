"""A node's own Docker engine, from outside: started on demand, spoken to through its socket.

The work is done by ``inner-engine.sh`` in the node; what must run in the node's cgroup goes
through the outer engine's exec.  Questions go straight to the inner engine's socket, which the
host reaches through the file system of the node's PID 1.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Literal

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from minidocknet.model.errors import ApplyError, LabError
from minidocknet.runtime.engine import Engine
from minidocknet.runtime.golden_layout import GoldenStore, populate_data_root

SCRIPT = "/etc/mdn/inner-engine"
Status = Literal["running", "stopped"]

_API_VERSION = "1.41"  # Docker 20.10, the oldest engine that nodes are made with
_PING_TIMEOUT_S = 5
_CALL_TIMEOUT_S = 300
_POLL_S = 0.01


def script_text() -> str:
    """What lies in the node as :data:`SCRIPT`."""
    return resources.files("minidocknet.runtime").joinpath("inner-engine.sh").read_text()


def socket_path(pid: int) -> Path:
    """The inner engine's socket as the host sees it.  ``pid``: the host's, of the node's PID 1."""
    return Path(f"/proc/{pid}/root/run/docker.sock")


def status(pid: int) -> Status:
    """``running`` when the engine answers."""
    if not socket_path(pid).exists():
        return "stopped"
    try:
        with inner_api(pid, timeout_s=_PING_TIMEOUT_S) as api:
            api.ping()
    except (DockerException, requests.RequestException):
        return "stopped"
    return "running"


@contextmanager
def inner_api(pid: int, *, timeout_s: float = _CALL_TIMEOUT_S) -> Iterator[docker.APIClient]:
    """The low-level API of the inner engine of the node whose PID 1 is ``pid``.

    Errors of calls are docker-py's own: callers know what they asked for.
    """
    api = docker.APIClient(
        base_url=f"unix://{socket_path(pid)}",
        version=_API_VERSION,
        timeout=timeout_s,  # type: ignore[arg-type]
    )
    try:
        yield api
    finally:
        api.close()


def ensure_running(engine: Engine, container: str) -> int:
    """Start the inner engine of a node where it does not run; returns the node's host pid.

    ApplyError with the end of the engine's log where it does not start; LabError where the node
    itself does not run.
    """
    pid = node_pid(engine, container)
    if status(pid) != "running":
        run_script(engine, container, "start")
    return pid


def stop(engine: Engine, container: str) -> None:
    """End the node's applications as a shutdown does, then its engine.  Fine where none runs."""
    run_script(engine, container, "stop")


def wait_running(pid: int, *, timeout_s: float = 60.0) -> None:
    """Until an eager engine, which the node's init starts, answers.  ApplyError after the time."""
    deadline = time.monotonic() + timeout_s
    while status(pid) != "running":
        if time.monotonic() > deadline:
            raise ApplyError(
                f"an inner engine did not answer within {timeout_s:g} s",
                remedy="read inner-engine.log and dockerd.log in the node's /etc/mdn",
            )
        time.sleep(_POLL_S)


def add_images(
    engine: Engine, container: str, data_root: Path, stores: Sequence[GoldenStore]
) -> int:
    """Make the stores' images known to a running node; returns how many it lacked.

    Milliseconds where the inner engine does not run.  Where it does, it is started again below
    its applications, which go on running.
    """
    pid = node_pid(engine, container)
    added = populate_data_root(stores, data_root)
    if not added or status(pid) != "running":
        return added
    run_script(engine, container, "reload")
    # The engine may have written its own list of names over ours before it ended.
    with inner_api(pid) as api:
        for store in stores:
            for image in store.images:
                for reference in image.references:
                    repository, _, tag = reference.rpartition(":")
                    try:
                        api.tag(image.id, repository, tag)
                    except APIError as error:
                        raise ApplyError(
                            f"{container} does not see image {reference}: {error.explanation}"
                        ) from error
    return added


def node_pid(engine: Engine, container: str) -> int:
    """The host's pid of a node's PID 1; LabError where the node does not run."""
    state = engine.state(container)
    if state is None or not state["Running"]:
        raise LabError(f"{container} does not run", remedy="start the node first")
    return int(state["Pid"])


def run_script(engine: Engine, container: str, verb: str) -> str:
    """Run the node's script in the node's cgroup; ApplyError with its words where it fails."""
    try:
        command = engine.api.exec_create(container, [SCRIPT, verb])["Id"]
        output = bytes(engine.api.exec_start(command)).decode(errors="replace").strip()
        code = engine.api.exec_inspect(command)["ExitCode"]
    except NotFound as error:
        raise LabError(f"there is no container {container}") from error
    except (APIError, requests.RequestException) as error:
        raise ApplyError(f"inner engine of {container}: {verb} was refused: {error}") from error
    if code:
        raise ApplyError(f"inner engine of {container}: {verb} failed: {output}")
    return output
