"""What survives a move, with real software: nothing of it is told that it is moved."""

from __future__ import annotations

import hashlib
import re
import threading
from itertools import pairwise

import pytest

from minidocknet.core.apps.listing import list_apps
from minidocknet.core.network import Network
from minidocknet.model.apps import parse_volume

from .conftest import Apps

LIVE = ["checkpoint", "lazy"]

COUNTER = """
import time
held = bytearray(b"x" * (16 << 20))
n = 0
while True:
    n += 1
    print(n, len(held), flush=True)
    time.sleep(0.02)
"""


@pytest.mark.parametrize("mode", LIVE)
def test_a_python_process_goes_on_counting(apps: Apps, mode: str) -> None:
    apps.python("counter", "n1", COUNTER)
    apps.says("counter", 10)
    report = apps.move("counter", "n2", mode)
    apps.says("counter", 10)
    counts = [int(line.split()[0]) for line in apps.log("counter")]
    # What it said before the move is there as well, once.
    assert counts == list(range(1, len(counts) + 1))
    assert apps.node_of("counter") == "n2"
    assert report.mode == mode
    assert 0 < report.frozen_s < 5
    assert report.downtime_s is not None
    assert report.downtime_s == pytest.approx(report.frozen_s, abs=0.25)
    assert report.restore is not None
    if mode == "lazy":
        assert report.lazy_s is not None
        assert report.memory_bytes < 16 << 20
    else:
        assert report.dump is not None
        assert report.dump.pages_written > 4096
        assert report.bytes >= report.memory_bytes > 16 << 20


@pytest.mark.parametrize("mode", LIVE)
def test_a_threaded_c_process_goes_on_counting(apps: Apps, servers: str, mode: str) -> None:
    apps.run("counter", "n1", "counter", image=servers)
    apps.says("counter", 10)
    before = int(apps.log("counter")[-1])
    apps.move("counter", "n3", mode)
    apps.says("counter", 10)
    counts = [int(line) for line in apps.log("counter")]
    assert counts == sorted(counts)
    assert counts[-1] > before > 0
    # The thread counts on as well, at its old pace: 20 steps a line.
    assert counts[-1] - counts[-5] >= 20


FAMILY = """
import os, threading, time
def count(path):
    n = 0
    while True:
        n += 1
        with open(path, "w") as file:
            file.write(str(n))
        time.sleep(0.02)
for child in range(3):
    if os.fork() == 0:
        for thread in range(2):
            threading.Thread(target=count, args=(f"/tmp/{child}.{thread}",)).start()
        count(f"/tmp/{child}.main")
print("ready", flush=True)
while True:
    os.wait()
"""


@pytest.mark.parametrize("mode", LIVE)
def test_processes_and_threads_all_go_on(apps: Apps, mode: str) -> None:
    apps.python("family", "n1", FAMILY)
    apps.until(lambda: len(apps.exec("family", "ls /tmp").split()) == 9)
    look = "for p in $(pgrep python3); do echo $p $(ls /proc/$p/task); done"
    tree = apps.exec("family", look).splitlines()
    apps.move("family", "n2", mode)
    assert apps.exec("family", look).splitlines() == tree
    assert sorted(len(line.split()) for line in tree) == [2, 4, 4, 4]

    def values() -> list[int]:
        shown = apps.exec("family", "for f in /tmp/*; do cat $f; echo; done")
        return [int(word) for word in shown.split()]

    # A file that is being written anew is empty for a moment.
    seen: list[list[int]] = []

    def all_went_on() -> bool:
        if len(now := values()) == 9:
            seen.append(now)
        return len(seen) > 1 and all(b > a for a, b in zip(seen[0], seen[-1], strict=True))

    apps.until(all_went_on)


WRITER = """
import os, time
layer = open("/tmp/layer", "w", buffering=1 << 16)
volume = open("/data/volume", "w", buffering=1 << 16)
gone = open("/tmp/gone", "w+")
os.unlink("/tmp/gone")
gone.write("kept\\n")
gone.flush()
n = 0
while True:
    n += 1
    layer.write(f"{n}\\n")
    volume.write(f"{n}\\n")
    if n % 7 == 0:
        layer.flush()
        volume.flush()
    gone.seek(0)
    print(n, gone.read().strip(), flush=True)
    time.sleep(0.01)
"""


def test_open_files_with_unsynced_data(apps: Apps) -> None:
    apps.python("writer", "n1", WRITER, volumes=(parse_volume("data:/data"),))
    apps.says("writer", 20)
    for target in ("n2", "n3"):
        apps.move("writer", target)
        apps.says("writer", 20)
    for path in ("/tmp/layer", "/data/volume"):
        numbers = [int(line) for line in apps.exec("writer", f"cat {path}").split()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) > 40
    assert {line.split()[1] for line in apps.log("writer")} == {"kept"}
    nodes = [apps.net.node(node) for node in ("n1", "n2")]
    assert not any("data" in node.exec("docker volume ls -q").stdout for node in nodes)


SENDER = """
import socket
block = bytes(range(256)) * 256
server = socket.create_server(("", 7000))
print("ready", flush=True)
while True:
    peer, _ = server.accept()
    with peer:
        for _ in range(1600):
            peer.sendall(block)
"""
CLIENT = """
import hashlib, socket, sys, time
digest, size, gap, last = hashlib.sha256(), 0, 0, time.monotonic()
with socket.create_connection((sys.argv[1], 7000)) as peer:
    while data := peer.recv(1 << 16):
        now = time.monotonic()
        gap, last = max(gap, now - last), now
        digest.update(data)
        size += len(data)
print(size, digest.hexdigest(), round(gap, 3))
"""


@pytest.mark.parametrize("mode", LIVE)
def test_a_transfer_of_100_mb_goes_on(apps: Apps, mode: str) -> None:
    apps.python("sender", "n1", SENDER)
    apps.says("sender", 1)
    for ends in (("n1", "n2"), ("n2", "n3"), ("n3", "n4"), ("n4", "n1")):
        apps.net.link(*ends).set(bw="300mbit")
    result: list[str] = []

    def fetch() -> None:
        result.append(apps.net.node("n4").exec(["python3", "-c", CLIENT, "sender"]).stdout)

    client = threading.Thread(target=fetch)
    client.start()
    apps.until(lambda: "ESTAB" in apps.net.node("n4").exec("ss -tn").stdout)
    apps.move("sender", "n2", mode)
    assert client.is_alive(), "the transfer was over before the move"
    client.join(60)
    size, digest, gap = result[0].split()
    expected = hashlib.sha256(bytes(range(256)) * 256 * 1600).hexdigest()
    assert (int(size), digest) == (1600 * 65536, expected)
    # The silence is the move and what TCP's timer adds to it.
    assert 0.05 < float(gap) < 3
    # It listens on, too.
    assert (
        apps.net.node("n3").exec(["python3", "-c", CLIENT, "sender"]).stdout.split()[1] == expected
    )


ECHO = """
import socket
echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
echo.bind(("", 7001))
seen = 0
while True:
    data, peer = echo.recvfrom(2048)
    seen += 1
    echo.sendto(data + b" %d" % seen, peer)
"""
ASK = """
import socket, sys, time
ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ask.connect((sys.argv[1], 7001))
ask.settimeout(0.05)
for n in range(int(sys.argv[2])):
    ask.send(b"%d" % n)
    try:
        while True:
            print(ask.recv(2048).decode())
            break
    except OSError:
        pass
    time.sleep(0.005)
"""


def test_a_udp_service_keeps_its_count(apps: Apps) -> None:
    apps.python("echo", "n1", ECHO)
    answers: list[str] = []

    def ask() -> None:
        answers.append(apps.net.node("n3").exec(["python3", "-c", ASK, "echo", "300"]).stdout)

    client = threading.Thread(target=ask)
    client.start()
    apps.until(lambda: apps.net.node("n3").exec("ss -un").stdout.count("7001"))
    apps.move("echo", "n2")
    client.join(60)
    pairs = [tuple(map(int, line.split())) for line in answers[0].splitlines()]
    assert len(pairs) > 150
    assert pairs[-1][0] == 299, "it answers after the move"
    # Each answer counts on from the one before: the memory moved along.
    assert all(later[1] > earlier[1] for earlier, later in pairwise(pairs))
    assert pairs[-1][1] <= 300


def test_ten_moves_around_the_ring_and_back(apps: Apps) -> None:
    apps.python("counter", "n1", COUNTER)
    apps.says("counter", 5)
    for target in ("n2", "n3", "n4", "n1", "n2", "n1", "n4", "n3", "n2", "n1"):
        apps.move("counter", target, probe=False)
        assert apps.net.node(target).exec("ping -c 1 -W 2 counter").exit_code == 0
    apps.says("counter", 5)
    counts = [int(line.split()[0]) for line in apps.log("counter")]
    assert counts == list(range(1, len(counts) + 1))
    # Nothing of it stays where it was.
    for node in ("n2", "n3", "n4"):
        left = apps.net.node(node).exec(
            "docker ps -aq; find /run/netns /etc/mdn/apps /run/mdn-move -mindepth 1; "
            "ip -br link | grep app"
        )
        assert not left.stdout, node


def test_limits_environment_and_addresses_move_along(apps: Apps) -> None:
    apps.run(
        "quiet", "n1", "sleep", "1000", env={"WORD": "kept"}, memory_bytes=64 << 20, cpus=0.5,
        mac="02:00:00:00:77:01",
    )  # fmt: skip
    look = "echo $WORD; cat /sys/class/net/eth0/address; hostname -I; cat /proc/1/environ"
    before = apps.exec("quiet", look)
    limits = _limits(apps.net, "n1")
    apps.move("quiet", "n4")
    assert apps.exec("quiet", look) == before
    assert before.startswith("kept\n02:00:00:00:77:01\n")
    assert _limits(apps.net, "n4") == limits
    assert limits == f"{64 << 20} 500000000"
    neighbour = apps.net.node("n2").exec("ping -c 1 quiet >/dev/null; ip neigh").stdout
    assert "02:00:00:00:77:01" in neighbour


def _limits(net: Network, node: str) -> str:
    form = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}"
    return net.node(node).exec(["docker", "inspect", "-f", form, "app.quiet"]).stdout.strip()


def test_a_cold_move_takes_the_files_along(apps: Apps) -> None:
    apps.run(
        "files", "n1", "sh", "-c", "trap 'exit 0' TERM; date >> /tmp/starts; sleep 1000 & wait"
    )
    apps.until(lambda: "starts" in apps.exec("files", "ls /tmp"))
    report = apps.move("files", "n2", "cold")
    apps.until(lambda: len(apps.exec("files", "cat /tmp/starts").splitlines()) == 2)
    assert report.mode == "cold"
    assert report.memory_bytes == 0


def test_a_stopped_application_moves_and_stays_stopped(apps: Apps) -> None:
    from minidocknet.core.apps.run import start_app, stop_app

    apps.run("idle", "n1", "sh", "-c", "echo once >> /tmp/starts; sleep 1000")
    apps.until(lambda: apps.exec("idle", "cat /tmp/starts") == "once")
    stop_app(apps.lab, "idle", timeout_s=0)
    report = apps.move("idle", "n3", "auto")
    assert report.mode == "cold"
    (status,) = list_apps(apps.lab, ["idle"])
    assert (status.state, status.app.node) in (("created", "n3"), ("stopped", "n3"))
    start_app(apps.lab, "idle")
    apps.until(lambda: re.fullmatch("once\nonce", apps.exec("idle", "cat /tmp/starts")))
