"""Kept checkpoints: back to a moment, here or on another node."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from minidocknet.core.network import Network
from minidocknet.core.wipe import wipe
from minidocknet.migrate.checkpoints import kept
from minidocknet.migrate.keep import checkpoint_app, restore_app
from minidocknet.model.apps import parse_volume
from minidocknet.model.errors import LabError, MdnError, UsageError
from minidocknet.runtime.engine import Engine

from .conftest import Apps
from .test_move_faults import answers, at_phase, kill_node, places

COUNT = """
import time
n = 0
while True:
    n += 1
    open("/data/n", "w").write(str(n))
    open("/tmp/n", "w").write(str(n))
    print(n, flush=True)
    time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def net(engine: Engine) -> Iterator[Network]:
    name = f"test-kept-{os.getpid()}"
    try:
        yield Network("linear,3", lab=name, delay="1ms").deploy()
    finally:
        wipe(engine, name)


def test_back_to_a_moment_here_and_elsewhere(apps: Apps) -> None:
    apps.python("counter", "n1", COUNT, volumes=(parse_volume("data:/data"),))
    apps.says("counter", 5)
    first = checkpoint_app(apps.lab, "counter", "first")
    moment = int(apps.log("counter")[-1])
    apps.says("counter", 20)
    # It went on by itself, without a gap.
    counts = [int(line) for line in apps.log("counter")]
    assert counts == list(range(1, len(counts) + 1))
    checkpoint_app(apps.lab, "counter")
    assert [one.label for one in kept(apps.lab, "counter")] == ["first", "1"]
    assert first.bytes > 1_000_000

    restore_app(apps.lab, "counter", "first")
    assert places(apps, "counter") == ["n1"]
    apps.says("counter", 2)
    assert moment - 2 <= int(apps.log("counter")[0]) <= moment + 5

    restore_app(apps.lab, "counter", "first", node="n2")
    assert places(apps, "counter") == ["n2"]
    apps.says("counter", 2)
    assert moment - 2 <= int(apps.log("counter")[0]) <= moment + 5
    # Files are those of the moment, too, and go on from there.
    apps.until(lambda: apps.exec("counter", "cat /data/n") != "")
    assert int(apps.exec("counter", "cat /data/n")) <= moment + 60
    answers(apps, "counter")
    apps.move("counter", "n1")
    apps.says("counter", 2)


def test_a_checkpoint_may_leave_the_application_stopped(apps: Apps) -> None:
    apps.python("counter", "n1", COUNT, volumes=(parse_volume("data:/data"),))
    apps.says("counter", 5)
    checkpoint_app(apps.lab, "counter", leave_running=False)
    assert places(apps, "counter") == []
    restore_app(apps.lab, "counter")
    apps.says("counter", 5)
    assert places(apps, "counter") == ["n1"]


def test_the_source_dies_and_a_kept_checkpoint_goes_on(apps: Apps) -> None:
    apps.python("counter", "n1", COUNT, volumes=(parse_volume("data:/data"),))
    apps.says("counter", 5)
    checkpoint_app(apps.lab, "counter", "safe")
    moment = int(apps.log("counter")[-1])
    at_phase(apps, "transfer", lambda: kill_node(apps, "n1"))
    with pytest.raises(MdnError, match="n1"):
        apps.move("counter", "n2")
    assert places(apps, "counter") == ["n2"]
    apps.says("counter", 2)
    assert int(apps.log("counter")[0]) <= moment + 5
    apps.net.node("n1").start()
    assert places(apps, "counter") == ["n2"]
    apps.move("counter", "n1")
    answers(apps, "counter")


def test_what_cannot_be(apps: Apps) -> None:
    apps.run("quiet", "n1", "sleep", "1000")
    with pytest.raises(LabError, match="no checkpoint"):
        restore_app(apps.lab, "quiet")
    with pytest.raises(UsageError, match="cannot be called"):
        checkpoint_app(apps.lab, "quiet", "../up")
    checkpoint_app(apps.lab, "quiet", "one")
    with pytest.raises(UsageError, match="already"):
        checkpoint_app(apps.lab, "quiet", "one")
    with pytest.raises(LabError, match="no checkpoint 'two'"):
        restore_app(apps.lab, "quiet", "two")
    assert places(apps, "quiet") == ["n1"]
