"""``kill -9`` at any moment of a deployment, then a wipe: nothing may be left."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

from minidocknet.core.wipe import wipe

from .leftovers import host_interfaces, leftovers, ownerless_namespaces

MOMENTS = 20
DEPLOY = "import sys; from minidocknet.core.network import Network; "
DEPLOY += "Network('tree,2,2', lab=sys.argv[1], delay='1ms').deploy()"


def deploy_process(lab: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", DEPLOY, lab],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_nothing_is_left_after_a_kill_at_any_moment(engine, lab_name):
    interfaces, namespaces = host_interfaces(), ownerless_namespaces(engine)
    started = time.monotonic()
    assert deploy_process(lab_name).wait() == 0
    duration = time.monotonic() - started
    wipe(engine, lab_name)
    assert leftovers(engine, lab_name) == []

    seed = random.randrange(2**32)
    print(f"seed {seed}, a whole deployment takes {duration:.2f} s")
    moments = random.Random(seed)
    cut_short = 0
    for _ in range(MOMENTS):
        deploying = deploy_process(lab_name)
        time.sleep(moments.uniform(0, duration))
        cut_short += deploying.poll() is None
        deploying.kill()
        deploying.wait()
        wipe(engine, lab_name)
        assert leftovers(engine, lab_name) == []
    assert cut_short >= MOMENTS // 2
    assert host_interfaces() == interfaces
    assert ownerless_namespaces(engine) <= namespaces


def test_a_wipe_of_one_lab_leaves_the_others(engine, make_lab, lab_name):
    other = make_lab("linear,2", delay="1ms")
    deploying = deploy_process(lab_name)
    time.sleep(0.8)
    os.kill(deploying.pid, 9)
    deploying.wait()
    wipe(engine, lab_name)
    assert leftovers(engine, lab_name) == []
    a, b = (node.name for node in other.nodes)
    assert other.node(a).exec(["ping", "-c", "1", b]).exit_code == 0
