"""Applications as people and scripts run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from minidocknet.core.apps.listing import list_apps
from minidocknet.core.apps.stats import app_stats
from minidocknet.core.network import Network
from minidocknet.core.wipe import wipe
from minidocknet.runtime.engine import Engine

from ..leftovers import leftovers
from .conftest import Apps

MDN = [sys.executable, "-m", "minidocknet"]


@pytest.fixture(scope="module")
def net(engine: Engine) -> Iterator[Network]:
    name = f"test-run-{os.getpid()}"
    try:
        yield Network("linear,3", lab=name, delay="1ms").deploy()
    finally:
        wipe(engine, name)


def mdn(*words: str, code: int = 0, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*MDN, *words], capture_output=True, input=stdin, timeout=120, check=False
    )
    result = subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )
    assert result.returncode == code, result.stderr
    return result


def listed(lab: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        mdn("app", "list", "--lab", lab, "--format", "json").stdout
    )
    return found


def test_the_whole_life_of_an_application(net: Network, engine: Engine) -> None:
    lab = net.name
    program = "echo said; echo worse >&2; sleep 1000"
    options = ("--name", "A", "-e", "WORD=kept", "--volume", "data:/data")
    mdn("app", "run", "--lab", lab, "n1", "node", *options, "--", "sh", "-c", program)
    (app,) = listed(lab)
    assert (app["name"], app["node"], app["state"]) == ("A", "n1", "running")
    assert app["command"] == ["sh", "-c", program]
    assert mdn("app", "exec", "--lab", lab, "A", "--", "sh", "-c", "echo $WORD").stdout == "kept\n"
    assert mdn("app", "exec", "--lab", lab, "A", "--", "cat", stdin=b"in\n").stdout == "in\n"
    mdn("app", "exec", "--lab", lab, "A", "--", "sh", "-c", "exit 7", code=7)
    mdn("app", "exec", "--lab", lab, "A", "--", "no-such-program", code=127)
    address = mdn(
        "app", "exec", "--lab", lab, "A", "--", "ip", "-br", "addr", "show", "eth0"
    ).stdout
    assert app["ip"] in address
    logs = mdn("app", "logs", "--lab", lab, "A")
    assert (logs.stdout, logs.stderr) == ("said\n", "worse\n")
    mdn("app", "exec", "--lab", lab, "A", "--", "sh", "-c", "echo 1 > /data/f; echo 2 > /tmp/f")
    mdn("app", "stop", "--lab", lab, "--time", "0", "A")
    assert listed(lab)[0]["state"] == "stopped"
    assert "does not run" in mdn("app", "exec", "--lab", lab, "A", "--", "true", code=4).stderr
    mdn("app", "start", "--lab", lab, "A")
    assert (
        mdn("app", "exec", "--lab", lab, "A", "--", "cat", "/data/f", "/tmp/f").stdout == "1\n2\n"
    )
    mdn("app", "rm", "--lab", lab, "A")
    assert listed(lab) == []
    rest = net.node("n1").exec(
        "docker ps -aq; docker volume ls -q; find /run/netns /etc/mdn/apps -mindepth 1; "
        "ovs-vsctl list-ports br0 | grep app"
    )
    assert not rest.stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("n9", "node"), 2, "no node 'n9'"),
        (("n1", "no-such-image"), 2, "no-such-image"),
        (("n1", "node", "--ip", "192.168.0.1"), 2, "lies outside"),
        (("n1", "node", "--name", "n2"), 2, "already"),
        (("n1", "node", "--name", "bad_name"), 3, "bad_name"),
        (("n1", "node", "--volume", "/etc:/etc"), 2, "volume"),
        (("n1", "node", "--memory", "1M"), 3, "too little"),
        (("n1", "node", "--env", "WORD"), 2, "KEY=VALUE"),
        (("n1", "node", "--", "no-such-program"), 6, "no-such-program"),
    ],
)
def test_what_cannot_run_leaves_nothing(
    net: Network, words: tuple[str, ...], code: int, message: str
) -> None:
    done = mdn("app", "run", "--lab", net.name, *words, code=code)
    assert message in done.stderr
    assert listed(net.name) == []
    folder = net.lab.paths.node_etc("n1") / "apps"
    assert not folder.exists() or not any(folder.iterdir())


def test_names_and_addresses_reach_it_from_everywhere(apps: Apps) -> None:
    apps.run("web", "n1", "python3", "-m", "http.server", "80", mac="02:00:00:00:88:01")
    apps.run("client", "n3", "sleep", "1000")
    fetch = "curl -s -m 5 -o /dev/null -w '%{http_code}' http://web/"
    apps.until(lambda: apps.net.node("n1").exec(fetch).stdout == "200")
    for node in apps.net.nodes:
        assert node.exec(fetch).stdout == "200"
        # Its own node's switch delivers by address as well.
        seen = node.exec("ip neigh").stdout
        assert f"{apps.lab.plan.app('web').ip.ip} " in seen and "02:00:00:00:88:01" in seen
    assert apps.exec("client", fetch) == "200"
    assert apps.exec("client", "ping -c 1 -W 2 n2 >/dev/null && hostname") == "client"


def test_a_processor_hog_gets_its_share(apps: Apps) -> None:
    apps.python("hog", "n1", "while True: pass", cpus=0.3)
    used = "cut -d' ' -f14,15 /proc/1/stat"
    before, began = sum(map(int, apps.exec("hog", used).split())), time.monotonic()
    time.sleep(4)
    after, ended = sum(map(int, apps.exec("hog", used).split())), time.monotonic()
    share = (after - before) / os.sysconf("SC_CLK_TCK") / (ended - began)
    assert share == pytest.approx(0.3, rel=0.1)
    (stats,) = app_stats(apps.lab, ["hog"])
    assert stats.cpu_pct == pytest.approx(30, rel=0.25)


GROW = (
    "held = []\nwhile len(held) < {}: held.append(bytearray(1 << 20))\nprint('held', flush=True)\n"
)


def test_a_memory_hog_is_ended_and_a_modest_one_lives(apps: Apps) -> None:
    wait = "import time\ntime.sleep(1000)"
    apps.python("hog", "n1", GROW.format(200) + wait, memory_bytes=64 << 20)
    apps.python("modest", "n1", GROW.format(20) + wait, memory_bytes=64 << 20)
    apps.until(lambda: list_apps(apps.lab, ["hog"])[0].state == "exited")
    (hog,) = list_apps(apps.lab, ["hog"])
    assert hog.container is not None and hog.container.exit_code == 137
    assert apps.log("hog") == []
    apps.until(lambda: apps.log("modest") == ["held"])
    (stats,) = app_stats(apps.lab, ["modest"])
    assert 20 << 20 < stats.memory_bytes < 64 << 20
    assert stats.memory_limit == 64 << 20


def test_a_killed_application_is_started_again(apps: Apps) -> None:
    apps.run("phoenix", "n1", "sh", "-c", "echo up; sleep 1000", restart="always")
    apps.until(lambda: apps.log("phoenix") == ["up"])
    (status,) = list_apps(apps.lab, ["phoenix"])
    assert status.container is not None
    apps.net.node("n1").exec(f"kill -9 {status.container.pid}").check()
    apps.until(lambda: apps.log("phoenix") == ["up", "up"])
    assert apps.net.node("n3").exec("ping -c 1 -W 3 phoenix").exit_code == 0


def test_a_node_that_starts_again_has_its_applications(apps: Apps) -> None:
    apps.run("service", "n2", "sh", "-c", "echo up; sleep 1000", restart="always")
    apps.run("job", "n2", "sleep", "1000")
    apps.net.node("n2").stop()
    assert [status.state for status in list_apps(apps.lab)] == ["node off", "node off"]
    apps.net.node("n2").start()
    states = {status.app.name: status.state for status in list_apps(apps.lab)}
    assert states == {"service": "running", "job": "exited"}
    assert apps.net.node("n3").exec("ping -c 1 -W 3 service").exit_code == 0


def test_applications_of_a_topology(engine: Engine, lab_name: str, tmp_path: object) -> None:
    text = """
name: with-apps
nodes: [r1, r2]
links: [{a: r1, b: r2, delay: 1ms}]
apps:
  web: {node: r1, image: node, command: python3 -m http.server 80, memory: 64M}
  client: {node: r2, image: node, command: [sleep, "1000"], volumes: ["data:/data"]}
"""
    path = f"{tmp_path}/apps.yaml"
    with open(path, "w") as file:  # noqa: PTH123
        file.write(text)
    mdn("deploy", path, "--lab", lab_name)
    assert {app["name"]: app["state"] for app in listed(lab_name)} == {
        "web": "running",
        "client": "running",
    }
    fetch = ["curl", "-s", "-m", "5", "--retry", "5", "--retry-connrefused", "http://web/"]
    assert "Directory" in mdn("app", "exec", "--lab", lab_name, "client", "--", *fetch).stdout
    mdn("migrate", "--lab", lab_name, "web", "--to", "r2")
    saved = mdn("save", "--lab", lab_name).stdout
    assert "web:" in saved and "node: r2" in saved
    mdn("destroy", "--lab", lab_name, "--yes")
    assert leftovers(engine, lab_name) == []


def test_migrate_tells_what_it_did(net: Network, apps: Apps) -> None:
    apps.run("quiet", "n1", "sleep", "1000")
    done = mdn("migrate", "--lab", net.name, "quiet", "--to", "n2", "--mode", "checkpoint",
               "--format", "json")  # fmt: skip
    report = json.loads(done.stdout)
    assert report["ok"] is True
    assert (report["mode"], report["from"], report["to"]) == ("checkpoint", "n1", "n2")
    parts = [report[f"{name}_s"] for name in ("dump", "transfer", "restore", "overhead")]
    assert report["frozen_s"] == pytest.approx(sum(parts), abs=0.001)
    assert report["bytes"] >= report["memory_bytes"] > 0
    assert report["criu"]["dump"]["frozen_s"] > 0
    assert report["overhead_s"] < 1
    for words, code, message in (
        (("quiet", "--to", "n2"), 2, "already"),
        (("quiet", "--to", "n9"), 2, "no node 'n9'"),
        (("nobody", "--to", "n1"), 2, "no application 'nobody'"),
        (("quiet", "--to", "n1", "--mode", "precopy"), 5, "written pages"),
    ):
        assert message in mdn("migrate", "--lab", net.name, *words, code=code).stderr
    apps.lab.reload()
