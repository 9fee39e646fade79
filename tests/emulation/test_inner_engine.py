"""The inner engine: started on demand, applications outlive a reload but not a stop."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minidocknet.model.errors import ApplyError, LabError
from minidocknet.runtime import inner_engine
from minidocknet.runtime.engine import Engine

from .app_image import import_image
from .inner_nodes import InnerNode

IMAGE = "mdn-test/inner"
# Counts into a file and ends at SIGTERM.
COUNTER = "trap 'echo ended > /end; exit 0' TERM; while :; do echo x >> /count; sleep 0.05; done"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def saved_image(engine: Engine) -> Iterator[bytes]:
    import_image(engine.api, IMAGE, "inner")
    try:
        yield b"".join(engine.api.get_image(f"{IMAGE}:latest"))
    finally:
        engine.api.remove_image(f"{IMAGE}:latest", force=True)


@pytest.fixture
def make_node(
    engine: Engine, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., InnerNode]:
    def make(**host: object) -> InnerNode:
        number = next(_numbers)
        node = InnerNode(engine, f"mdn.inner-{os.getpid()}.node.n{number}", tmp_path / f"n{number}")
        request.addfinalizer(node.remove)
        node.create(**host)
        return node

    return make


def start_with_image(node: InnerNode, image: bytes) -> None:
    pid = inner_engine.ensure_running(node.engine, node.name)
    with inner_engine.inner_api(pid) as api:
        assert not [message for message in api.load_image(image) if "error" in message]


def processes(node: InnerNode, name: str) -> list[str]:
    return node.run("pgrep", "-x", name)[1].split()


def lines(node: InnerNode, application: str) -> int:
    return node.docker("exec", application, "sh", "-c", ": >> /count; cat /count").count("x")


def goes_on_counting(node: InnerNode, application: str) -> bool:
    counted = lines(node, application)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if lines(node, application) > counted:
            return True
    return False


def test_starts_once_for_callers_at_the_same_time(make_node: Callable[..., InnerNode]) -> None:
    node = make_node()
    assert inner_engine.status(node.pid) == "stopped"
    assert node.run("/etc/mdn/inner-engine", "status") == (3, "stopped\n")
    failures: list[Exception] = []

    def start() -> None:
        try:
            inner_engine.run_script(node.engine, node.name, "start")
        except Exception as error:
            failures.append(error)

    callers = [threading.Thread(target=start) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures
    assert inner_engine.status(node.pid) == "running"
    assert node.run("/etc/mdn/inner-engine", "status") == (0, "running\n")
    assert len(processes(node, "dockerd")) == 1
    assert len(processes(node, "containerd")) == 1


def test_runs_in_the_nodes_own_cgroup(make_node: Callable[..., InnerNode]) -> None:
    """Memory limits of a node would not hold for an engine that stayed in its caller's."""
    node = make_node()
    inner_engine.ensure_running(node.engine, node.name)
    for name in ("dockerd", "containerd"):
        (process,) = processes(node, name)
        engine_groups = node.check("cat", f"/proc/{process}/cgroup")
        assert engine_groups == node.check("cat", "/proc/1/cgroup")


def test_applications_have_limits_and_outlive_a_reload(
    make_node: Callable[..., InnerNode], saved_image: bytes
) -> None:
    node = make_node()
    start_with_image(node, saved_image)
    node.docker(
        "run", "-d", "--net=none", "--memory=32m", "--cpus=0.5", "--name=app",
        IMAGE, "sh", "-c", COUNTER,
    )  # fmt: skip
    before = node.docker("inspect", "-f", "{{.State.Pid}}", "app")
    (engine_before,) = processes(node, "dockerd")
    inner_engine.run_script(node.engine, node.name, "reload")
    assert processes(node, "dockerd") != [engine_before]
    assert node.docker("inspect", "-f", "{{.State.Pid}} {{.State.Running}}", "app") == (
        f"{before} true"
    )
    assert goes_on_counting(node, "app")
    assert node.docker("inspect", "-f", "{{.HostConfig.Memory}}", "app") == str(32 << 20)


def test_stop_ends_applications_and_start_has_them_again(
    make_node: Callable[..., InnerNode], saved_image: bytes
) -> None:
    node = make_node()
    start_with_image(node, saved_image)
    run = ("run", "-d", "--net=none")
    node.docker(*run, "--name=once", IMAGE, "sh", "-c", COUNTER)
    node.docker(*run, "--name=always", "--restart=always", IMAGE, "sh", "-c", COUNTER)
    inner_engine.stop(node.engine, node.name)
    inner_engine.stop(node.engine, node.name)
    for name in ("dockerd", "containerd", "containerd-shim"):
        assert not processes(node, name), name
    mounted = [line.split()[1] for line in node.check("cat", "/proc/mounts").splitlines()]
    assert not [folder for folder in mounted if folder.startswith("/var/lib/docker/")]
    pid = inner_engine.ensure_running(node.engine, node.name)
    with inner_engine.inner_api(pid) as api:
        states = {entry["Names"][0]: entry["State"] for entry in api.containers(all=True)}
    assert states == {"/once": "exited", "/always": "running"}
    assert node.docker("exec", "always", "cat", "/end") == "ended"


def test_containers_survive_a_restart_of_the_node(
    make_node: Callable[..., InnerNode], saved_image: bytes
) -> None:
    node = make_node()
    start_with_image(node, saved_image)
    node.docker("run", "--net=none", "--name=app", IMAGE, "sh", "-c", "echo kept > /kept")
    node.engine.stop(node.name, timeout_s=1)
    with pytest.raises(LabError, match="does not run"):
        inner_engine.ensure_running(node.engine, node.name)
    node.engine.start(node.name)
    inner_engine.ensure_running(node.engine, node.name)
    assert node.docker("inspect", "-f", "{{.State.Status}}", "app") == "exited"
    assert node.docker("images", "-q", IMAGE)


@pytest.mark.parametrize("victims", [("dockerd",), ("containerd",), ("dockerd", "containerd")])
def test_start_mends_a_killed_engine(
    make_node: Callable[..., InnerNode], saved_image: bytes, victims: tuple[str, ...]
) -> None:
    node = make_node()
    start_with_image(node, saved_image)
    node.docker("run", "-d", "--net=none", "--name=app", IMAGE, "sh", "-c", COUNTER)
    application = node.docker("inspect", "-f", "{{.State.Pid}}", "app")
    for victim in victims:
        node.check("kill", "-9", *processes(node, victim))
    inner_engine.run_script(node.engine, node.name, "start")
    assert node.docker("inspect", "-f", "{{.State.Pid}} {{.State.Running}}", "app") == (
        f"{application} true"
    )
    assert goes_on_counting(node, "app")


def test_a_pid_file_that_names_another_program_is_no_hindrance(
    make_node: Callable[..., InnerNode],
) -> None:
    node = make_node()
    node.check("sh", "-c", "echo 1 > /run/docker.pid")
    inner_engine.ensure_running(node.engine, node.name)


def test_says_why_it_does_not_start(make_node: Callable[..., InnerNode]) -> None:
    node = make_node()
    # A folder's place taken by a file: dockerd cannot go on.
    (node.data_root / "image").write_text("in the way")
    with pytest.raises(ApplyError, match="dockerd ended with status 1") as caught:
        inner_engine.ensure_running(node.engine, node.name)
    assert "mkdir /var/lib/docker/image: not a directory" in str(caught.value)
    (node.data_root / "image").unlink()
    inner_engine.ensure_running(node.engine, node.name)


def test_leaves_the_nodes_network_alone(make_node: Callable[..., InnerNode]) -> None:
    node = make_node()
    facts = "cat /proc/sys/net/ipv4/ip_forward; ip -o link; nft list ruleset; ip route"
    before = node.check("sh", "-c", facts)
    inner_engine.ensure_running(node.engine, node.name)
    assert node.check("sh", "-c", facts) == before


def test_killing_the_node_leaves_nothing(
    make_node: Callable[..., InnerNode], saved_image: bytes
) -> None:
    node = make_node()
    start_with_image(node, saved_image)
    node.docker("run", "-d", "--net=none", "--name=app", IMAGE, "sh", "-c", COUNTER)
    os.kill(node.pid, signal.SIGKILL)
    node.remove()
    assert str(node.folder) not in Path("/proc/mounts").read_text()
    assert not node.folder.exists()


UNIFIED = Path("/sys/fs/cgroup/unified")
# In a node whose processes are in a group of the host's version 2 tree: show it to the engine as
# a host with nothing else would, then start the engine from the root of the private tree.
ON_CGROUP2 = """
umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit 1
mount -o remount,bind,ro /sys/fs/cgroup
/etc/mdn/inner-engine start || exit 1
echo "self $(cat /proc/self/cgroup | sed -n s/^0:://p)"
docker info -f 'version {{.CgroupVersion}}' 2>/dev/null
docker load -q -i /etc/mdn/image.tar
docker run -d --net=none --name=app IMAGE sleep 1000
echo "app $(sed -n s/^0:://p /proc/$(docker inspect -f '{{.State.Pid}}' app)/cgroup)"
docker rm -f app
/etc/mdn/inner-engine stop
"""


@pytest.mark.skipif(not UNIFIED.is_dir(), reason="on a cgroup v2 host all tests show it")
def test_starts_on_cgroup_v2(make_node: Callable[..., InnerNode], saved_image: bytes) -> None:
    """Processes leave the private tree's root, and applications get groups beside theirs."""
    node = make_node()
    (node.folder / "etc/image.tar").write_bytes(saved_image)
    group = UNIFIED / f"mdn-test-{os.getpid()}"
    group.mkdir()
    join = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]
    enter = ["nsenter", f"--target={node.pid}", "--mount", "--uts", "--ipc", "--net", "--pid"]
    script = ON_CGROUP2.replace("IMAGE", IMAGE)
    try:
        done = subprocess.run(
            [*join, *enter, "unshare", "--cgroup", "--mount", "sh", "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        told = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " /" in line)
        assert told["self"] == "/init"
        assert told["app"].startswith("/docker/")
        assert "version 2" in done.stdout.splitlines()
    finally:
        node.remove()
        for folder in sorted(group.rglob("*/"), reverse=True):
            if folder.is_dir():
                folder.rmdir()
        group.rmdir()
