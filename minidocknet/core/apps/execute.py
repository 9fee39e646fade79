"""Commands in applications, and what applications say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from minidocknet.core.apps import containers
from minidocknet.core.lab import Lab
from minidocknet.core.stream import ExecPlace, Sink, check_command, stream_exec_at
from minidocknet.model.errors import LabError
from minidocknet.runtime.inner_engine import inner_api, socket_path
from minidocknet.runtime.nodecmd import node_command


def exec_in_app(
    lab: Lab,
    name: str,
    command: Sequence[str],
    *,
    on_stdout: Sink,
    on_stderr: Sink,
    stdin: int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    signals: list[int] | None = None,
) -> int:
    """Run ``command`` in the application's container; see :func:`core.stream.stream_exec_at`.

    LabError where it does not run.
    """
    check_command(command)
    app = lab.plan.app(name)
    found = containers.find(lab, app.node, name)
    if found is None or not found.running:
        raise LabError(
            f"application {name} does not run on {app.node}",
            remedy=f"mdn app list --lab {lab.name} shows it; start it: mdn app start {name}",
        )
    pid = lab.homes([app.node])[app.node]
    with inner_api(pid) as api:
        place = ExecPlace(
            api, f"unix://{socket_path(pid)}", found.id, name, tuple(node_command(pid, []))
        )
        return stream_exec_at(
            place,
            command,
            on_stdout=on_stdout,
            on_stderr=on_stderr,
            stdin=stdin,
            env=env,
            cwd=cwd,
            signals=signals,
        )


@contextmanager
def app_logs(
    lab: Lab,
    name: str,
    *,
    follow: bool = False,
    tail: int | None = None,
    timestamps: bool = False,
) -> Iterator[Iterator[tuple[bytes | None, bytes | None]]]:
    """What the application said, as (standard output, standard error) pieces in order.

    LabError where its container is not to be had.
    """
    app = lab.plan.app(name)
    found = containers.find(lab, app.node, name)
    if found is None:
        raise LabError(
            f"application {name} has no container on {app.node} whose log could be read",
            remedy=f"mdn app list --lab {lab.name} shows where it is",
        )
    pid = lab.homes([app.node])[app.node]
    with inner_api(pid) as connection, containers.refusals(f"reading the log of {name}"):
        api: Any = connection
        yield _lines(api, found.id, follow, tail, timestamps)


def _lines(
    api: Any, identity: str, follow: bool, tail: int | None, timestamps: bool
) -> Iterator[tuple[bytes | None, bytes | None]]:
    parameters = {
        "stdout": 1,
        "stderr": 1,
        "follow": int(follow),
        "timestamps": int(timestamps),
        "tail": "all" if tail is None else tail,
    }
    # Without a time-out: an application may be silent for long.
    response = api._get(
        api._url("/containers/{0}/logs", identity), params=parameters, stream=True, timeout=None
    )
    api._raise_for_status(response)
    for kind, payload in _frames(response):
        yield (None, payload) if kind == 2 else (payload, None)


def _frames(response: Any) -> Iterator[tuple[int, bytes]]:
    """Docker Engine API, "Attach to a container", stream format."""
    pending = bytearray()
    for piece in response.iter_content(None):
        pending += piece
        while len(pending) >= 8:
            length = int.from_bytes(pending[4:8], "big")
            if len(pending) < 8 + length:
                break
            yield pending[0], bytes(pending[8 : 8 + length])
            del pending[: 8 + length]
