"""A node's list of capabilities is enough for what nodes do, and none of it is superfluous."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import docker
import pytest

from minidocknet.plan.privileges import NODE_CAPABILITIES, granted_capabilities
from minidocknet.runtime.probe import bounding_set

from .exercise import application_archive, exercise_node

RUN = ("engine", "image", "run")
MIGRATE = ("engine", "image", "application", "migrate")

# Without the capability, the last of these features fails; those before prepare it.
FAILS_WITHOUT: dict[str, tuple[str, ...]] = {
    "AUDIT_WRITE": RUN,
    "CHOWN": ("engine",),
    "DAC_OVERRIDE": ("engine",),
    "DAC_READ_SEARCH": MIGRATE,
    "FOWNER": ("engine", "image"),
    "FSETID": RUN,
    "IPC_OWNER": MIGRATE,
    "KILL": RUN,
    "MKNOD": ("engine", "image"),
    "NET_ADMIN": ("network",),
    "NET_BIND_SERVICE": RUN,
    "NET_RAW": ("capture",),
    "SETFCAP": RUN,
    "SETGID": ("capture",),
    "SETPCAP": RUN,
    "SETUID": ("capture",),
    "SYS_ADMIN": ("engine", "image"),
    "SYS_CHROOT": ("neighbours",),
    "SYS_NICE": ("priorities",),
    "SYS_PTRACE": ("engine", "image", "enter"),
    "SYS_TIME": MIGRATE,
}
# Migrating a process of another user than root needs it; the exercise leaves that out, so that it
# passes on hosts that lack the capability.
NOT_EXERCISED = {"SYS_RESOURCE"}


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=300)
    yield client
    client.close()


@pytest.fixture(scope="module")
def archive() -> bytes:
    return application_archive()


def test_the_list_is_enough(client: docker.DockerClient, archive: bytes) -> None:
    outcome = exercise_node(client, granted_capabilities(bounding_set()), archive)
    assert {name: result for name, result in outcome.items() if result != "ok"} == {}
    assert {"network", "switch", "engine", "run", "enter", "migrate"} <= outcome.keys()


def test_each_entry_is_needed(client: docker.DockerClient, archive: bytes) -> None:
    granted = granted_capabilities(bounding_set())
    assert set(FAILS_WITHOUT) | NOT_EXERCISED == set(NODE_CAPABILITIES)

    def works_without(item: tuple[str, tuple[str, ...]]) -> str | None:
        capability, features = item
        rest = [name for name in granted if name != capability]
        outcome = exercise_node(client, rest, archive, features)
        if outcome.get(features[-1], "fail") == "ok":
            return f"{features[-1]} works without {capability}"
        return None

    cases = [item for item in FAILS_WITHOUT.items() if item[0] in granted]
    with ThreadPoolExecutor(3) as pool:
        superfluous = [found for found in pool.map(works_without, cases) if found]
    assert superfluous == []
