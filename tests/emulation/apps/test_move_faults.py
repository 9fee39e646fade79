"""Moves that fail half-way: the application runs in one place, and a second try works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from minidocknet.core.apps.listing import list_apps
from minidocknet.core.network import Network
from minidocknet.core.wipe import wipe
from minidocknet.model.errors import MdnError
from minidocknet.model.events import AppMovePhase, Event
from minidocknet.plan.names import container_name
from minidocknet.runtime.engine import Engine

from .conftest import Apps
from .test_moves import COUNTER

MDN = [sys.executable, "-m", "minidocknet"]
PHASES = ["prepare", "freeze", "transfer", "restore"]


@pytest.fixture(scope="module")
def net(engine: Engine) -> Iterator[Network]:
    name = f"test-faults-{os.getpid()}"
    try:
        yield Network("linear,3", lab=name, delay="1ms").deploy()
    finally:
        wipe(engine, name)


@pytest.fixture
def apps(net: Network) -> Iterator[Apps]:
    for node in net.nodes:
        if not node.running:
            node.start()
    made = Apps(net)
    made.lab.events._subscribers.clear()
    yield made
    made.lab.events._subscribers.clear()
    for node in net.nodes:
        if not node.running:
            node.start()
    made.clean()


def at_phase(apps: Apps, phase: str, act: Callable[[], None]) -> None:
    """Have ``act`` called when the next move enters ``phase``."""

    def watch(event: Event) -> None:
        if isinstance(event, AppMovePhase) and event.phase == phase:
            apps.lab.events._subscribers.clear()
            act()

    apps.net.subscribe(watch)


def kill_node(apps: Apps, node: str) -> None:
    apps.lab.engine.api.kill(container_name(apps.lab.name, node))


def places(apps: Apps, name: str) -> list[str]:
    """Nodes on which a container of the application runs, asked of each node's engine."""
    found = []
    for node in apps.net.nodes:
        if node.running:
            listed = node.exec(["docker", "ps", "-q", "-f", f"name=^app.{name}$"]).stdout
            found += [node.name] if listed.strip() else []
    return found


def counts_on(apps: Apps, name: str) -> None:
    """It counts from where it was, without a gap or a second start."""
    apps.says(name, 5)
    counts = [int(line.split()[0]) for line in apps.log(name)]
    assert counts == list(range(1, len(counts) + 1))


def answers(apps: Apps, name: str) -> None:
    assert apps.net.node("n3").exec(["ping", "-c", "1", "-W", "3", name]).exit_code == 0


@pytest.mark.parametrize("phase", PHASES)
def test_the_target_dies(apps: Apps, phase: str) -> None:
    apps.python("counter", "n1", COUNTER)
    apps.says("counter", 5)
    at_phase(apps, phase, lambda: kill_node(apps, "n2"))
    with pytest.raises(MdnError):
        apps.move("counter", "n2")
    assert places(apps, "counter") == ["n1"]
    assert apps.node_of("counter") == "n1"
    (status,) = list_apps(apps.lab, ["counter"])
    assert status.state == "running"
    counts_on(apps, "counter")
    apps.net.node("n2").start()
    apps.move("counter", "n2")
    assert places(apps, "counter") == ["n2"]
    counts_on(apps, "counter")
    answers(apps, "counter")


def test_the_source_dies_when_the_checkpoint_is_at_the_target(apps: Apps) -> None:
    apps.python("counter", "n1", COUNTER)
    apps.says("counter", 5)
    at_phase(apps, "restore", lambda: kill_node(apps, "n1"))
    apps.move("counter", "n2")
    assert places(apps, "counter") == ["n2"]
    counts_on(apps, "counter")
    answers(apps, "counter")
    # When the source is back, what it had of the application goes.
    apps.net.node("n1").start()
    assert places(apps, "counter") == ["n2"]
    assert not apps.net.node("n1").exec("docker ps -aq; ls /etc/mdn/apps").stdout
    apps.move("counter", "n1")
    counts_on(apps, "counter")


def test_the_source_dies_with_the_checkpoint(apps: Apps) -> None:
    apps.python("counter", "n1", COUNTER)
    apps.says("counter", 5)
    at_phase(apps, "transfer", lambda: kill_node(apps, "n1"))
    with pytest.raises(MdnError, match="n1 is off"):
        apps.move("counter", "n2")
    assert places(apps, "counter") == []
    done = subprocess.run(
        [*MDN, "app", "list", "--lab", apps.lab.name, "--format", "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)[0]["state"] == "moving"
    assert "mdn node start" in done.stderr
    # Its memory died with its node; the application starts afresh when that is back.
    apps.net.node("n1").start()
    subprocess.run([*MDN, "app", "list", "--lab", apps.lab.name], check=True)
    assert places(apps, "counter") == ["n1"]
    apps.says("counter", 5)
    apps.move("counter", "n2")
    assert places(apps, "counter") == ["n2"]


@pytest.mark.parametrize("node", ["n1", "n2"])
def test_the_room_for_images_is_full(apps: Apps, node: str) -> None:
    apps.python("counter", "n1", COUNTER)
    apps.says("counter", 5)
    full = apps.net.node(node)
    full.exec("mount -o remount,size=6m /run").check()
    try:
        with pytest.raises(MdnError, match=r"room|space"):
            apps.move("counter", "n2")
    finally:
        full.exec("mount -o remount,size=50% /run").check()
    assert places(apps, "counter") == ["n1"]
    counts_on(apps, "counter")
    apps.move("counter", "n2")
    counts_on(apps, "counter")
    answers(apps, "counter")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("phase", PHASES)
def test_mdn_is_ended(apps: Apps, phase: str, number: signal.Signals) -> None:
    apps.python("counter", "n1", COUNTER)
    apps.says("counter", 5)
    log = apps.lab.paths.events_file
    seen = log.stat().st_size
    command = [*MDN, "migrate", "--lab", apps.lab.name, "counter", "--to", "n2"]
    mdn = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while f'"phase": "{phase}"' not in log.read_text()[seen:]:
        assert time.monotonic() < deadline
        assert mdn.poll() is None, mdn.communicate()
    mdn.send_signal(number)
    errors = mdn.communicate(timeout=60)[1]
    if number == signal.SIGINT:
        # It may have been through when the signal came.
        assert mdn.returncode in (130, 0), errors
    else:
        assert mdn.returncode == -number
    done = subprocess.run(
        [*MDN, "app", "list", "--lab", apps.lab.name, "--format", "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (listed,) = json.loads(done.stdout)
    assert listed["state"] == "running", done.stderr
    assert places(apps, "counter") == [listed["node"]]
    counts_on(apps, "counter")
    answers(apps, "counter")
    target = "n2" if listed["node"] == "n1" else "n1"
    apps.lab.reload()
    apps.move("counter", target)
    assert places(apps, "counter") == [target]
    counts_on(apps, "counter")
