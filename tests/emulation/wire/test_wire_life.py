"""Links and daemons that go away and come back; refusals; bounds."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minidocknet.links.wire import TapEnd, WireClient, WireLink, daemon, ensure_running, stop
from minidocknet.model.errors import ApplyError, LabError, UsageError
from minidocknet.model.shaping import Shaping

MIB = 1 << 20


def test_link_down_is_a_pulled_cable(lab: Any) -> None:
    a, b, address = lab.pair("l", Shaping(delay_ms=1))
    assert lab.ping(a, address)
    lab.client.down("l")
    assert not lab.has_carrier(a)
    assert not lab.has_carrier(b)
    assert not lab.ping(a, address, count=2)
    lab.client.up("l")
    assert lab.has_carrier(a)
    assert lab.has_carrier(b)
    assert lab.ping(a, address)


def test_down_drops_what_is_on_its_way(lab: Any, until: Callable[..., None]) -> None:
    a, _, address = lab.pair("l", Shaping(delay_ms=5000))
    lab.spawn(a, "ping", "-c", "1", address)
    until(lambda: lab.client.stats("l").link("l").a_to_b.held_frames > 0)
    lab.client.down("l")
    stats = lab.client.stats()
    assert stats.link("l").a_to_b.held_frames == 0
    assert stats.link("l").a_to_b.down_dropped > 0
    assert stats.memory_bytes == 0


def test_node_goes_and_comes_back(lab: Any, until: Callable[..., None]) -> None:
    a, b, address = lab.pair("l", Shaping(delay_ms=1))
    other, _, other_address = lab.pair("other", Shaping(delay_ms=1))
    lab.remove_node(b)
    until(lambda: not lab.client.stats("l").link("l").b.attached)
    assert "namespace" in lab.client.stats("l").link("l").b.reason
    assert not lab.has_carrier(a)
    assert lab.ping(other, other_address)
    (again,) = lab.nodes(1)
    lab.client.attach("l", "b", lab.tap(again))
    lab.address(again, address)
    assert lab.has_carrier(a)
    assert lab.ping(a, address)


def test_the_daemon_lets_a_namespace_die(lab: Any, until: Callable[..., None]) -> None:
    """An open tap keeps its namespace alive; a veth peer tells whether it is gone."""
    _, b, _ = lab.pair("l")
    (witness,) = lab.nodes(1)
    subprocess.run(
        ["ip", "-n", witness, "link", "add", "w0", "type", "veth", "peer", "w1", "netns", b],
        check=True,
    )
    lab.remove_node(b)
    until(lambda: lab.interface(witness, "w0") is None)


def test_interface_removed_by_hand(lab: Any, until: Callable[..., None]) -> None:
    a, b, address = lab.pair("l")
    subprocess.run(["ip", "-n", b, "link", "del", "eth0"], check=True)
    until(lambda: not lab.client.stats("l").link("l").b.attached)
    lab.client.attach("l", "b", lab.tap(b))
    lab.address(b, address)
    assert lab.ping(a, address)


def test_detach_and_delete_remove_interfaces(lab: Any) -> None:
    a, b, _ = lab.pair("l")
    lab.client.detach("l", "b")
    assert lab.interface(b) is None
    assert lab.interface(a) is not None
    lab.client.delete("l")
    assert lab.interface(a) is None
    assert lab.client.links() == []
    # The names are free at once.
    lab.client.add(WireLink("l", lab.tap(a), lab.tap(b)))


def test_worker_killed(lab: Any, until: Callable[..., None]) -> None:
    a, b, address = lab.pair("l", Shaping(delay_ms=2))
    down_a, _, down_address = lab.pair("down", Shaping(delay_ms=2))
    lab.client.set_words("l", "ab", delay_ns=7_000_000)
    lab.client.down("down")
    before = [lab.interface(node)["ifindex"] for node in (a, b)]
    old = lab.pids()
    os.kill(old["worker"], signal.SIGKILL)
    until(lambda: lab.pids().get("worker", old["worker"]) != old["worker"])
    assert lab.pids()["supervisor"] == old["supervisor"]
    lab.reconnect()
    until(lambda: lab.has_carrier(a))
    assert [lab.interface(node)["ifindex"] for node in (a, b)] == before
    times = lab.ping(a, address, count=5)
    assert len(times) == 5
    assert 7.0 <= min(times) <= 7.5
    assert not lab.ping(down_a, down_address, count=1)
    lab.client.up("down")
    assert lab.ping(down_a, down_address)


def test_worker_killed_again_and_again_while_links_are_made(
    lab: Any, until: Callable[..., None]
) -> None:
    """Whatever was answered "ok" is there; whatever was not can be made again."""
    nodes = lab.nodes(2)
    lab.client.version()
    agreed: list[str] = []
    for round_ in range(8):
        worker = lab.pids()["worker"]
        lines = [
            WireLink(
                f"r{round_}l{index}",
                lab.tap(nodes[0], f"r{round_}l{index}"),
                lab.tap(nodes[1], f"r{round_}l{index}"),
            ).add_line()
            for index in range(30)
        ]
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(lab.run_dir / "wire.sock"))
        connection.sendall("".join(f"{line}\n" for line in lines).encode())
        replies = b""
        while replies.count(b"\n") < 3 * round_ + 1:
            replies += connection.recv(65536)
        os.kill(worker, signal.SIGKILL)
        connection.close()
        agreed += [f"r{round_}l{index}" for index in range(replies.count(b"ok\n"))]
        until(lambda worker=worker: lab.pids().get("worker", worker) != worker, 20)
        there = {link.link_id: link for link in lab.reconnect().links()}
        assert set(agreed) <= set(there)
        assert all(link.a_attached and link.b_attached for link in there.values())
        interfaces = [path.name for path in Path("/sys/class/net").glob("r[0-9]*l[0-9]*")]
        assert not interfaces, "an interface in the daemon's own namespace"
        for line in lines:
            result = lab.client.batch([line])[0]
            assert result.ok or result.code == "exists"
        agreed += [f"r{round_}l{index}" for index in range(30)]


def test_supervisor_killed_and_then_both(lab: Any, until: Callable[..., None]) -> None:
    a, _, address = lab.pair("l", Shaping(delay_ms=1))
    pids = lab.pids()
    os.kill(pids["supervisor"], signal.SIGKILL)
    until(lambda: "supervisor" not in lab.pids())
    assert lab.ping(a, address)
    assert lab.client.version().pid == pids["worker"]
    with ensure_running(lab.run_dir, lab.name) as same:
        assert same.version().pid == pids["worker"]
    os.kill(pids["worker"], signal.SIGKILL)
    until(lambda: not lab.pids())
    assert not daemon.is_alive(lab.run_dir)
    lab.reconnect()
    assert lab.ping(a, address)


def test_terminate_removes_everything(lab: Any, until: Callable[..., None]) -> None:
    a, b, _ = lab.pair("l")
    os.kill(lab.pids()["supervisor"], signal.SIGTERM)
    until(lambda: not lab.pids())
    assert lab.interface(a) is None
    assert lab.interface(b) is None
    assert {path.name for path in lab.run_dir.iterdir()} == {"wire.log"}


def test_stop_may_leave_taps_to_their_namespaces(lab: Any) -> None:
    a, _, _ = lab.pair("l")
    assert stop(lab.run_dir, keep_taps=True)
    assert lab.interface(a) is not None
    assert not stop(lab.run_dir)
    assert {path.name for path in lab.run_dir.iterdir()} == {"wire.log"}


def test_one_daemon_a_directory(lab: Any) -> None:
    lab.client.version()
    with pytest.raises(LabError, match="already"):
        daemon.start(lab.run_dir, lab.name)
    with pytest.raises(LabError, match="lab"):
        ensure_running(lab.run_dir, "another")


def test_foreign_interfaces_are_left_alone(lab: Any) -> None:
    a, b = lab.nodes(2)
    subprocess.run(["ip", "-n", a, "tuntap", "add", "eth0", "mode", "tap"], check=True)
    before = lab.interface(a)
    with pytest.raises(ApplyError, match="not this link's"):
        lab.client.add(WireLink("l", lab.tap(b), lab.tap(a)))
    assert lab.interface(a) == before
    assert lab.interface(b) is None, "an add that failed left an interface"
    assert lab.client.links() == []


def test_refusals_name_the_fault(lab: Any) -> None:
    a, b = lab.nodes(2)
    lab.client.add(WireLink("l", lab.tap(a), lab.tap(b)))
    with pytest.raises(LabError, match="there already"):
        lab.client.add(WireLink("l", lab.tap(a, "x"), lab.tap(b, "x")))
    with pytest.raises(LabError, match="no link nothing"):
        lab.client.up("nothing")
    with pytest.raises(ApplyError, match="loss"):
        lab.client.set_words("l", "ab", loss=101)
    wrong = TapEnd(f"/run/netns/{a}", "y", inode=1)
    with pytest.raises(ApplyError, match="not 1"):
        lab.client.add(WireLink("m", wrong, lab.tap(b, "y")))
    with pytest.raises(ApplyError, match="No such file"):
        lab.client.add(WireLink("m", TapEnd("/run/netns/none", "y"), lab.tap(b, "y")))
    with pytest.raises(ApplyError, match="is no namespace"):
        lab.client.add(WireLink("m", TapEnd("/etc/hostname", "y"), lab.tap(b, "y")))
    with pytest.raises(UsageError):
        lab.client.add(WireLink("m", TapEnd("/run/netns/with space", "y"), lab.tap(b, "y")))


def test_clients_that_misbehave_hurt_nobody(lab: Any) -> None:
    a, _, address = lab.pair("l", Shaping(delay_ms=1))
    deaf = socket.socket(socket.AF_UNIX)
    deaf.connect(str(lab.run_dir / "wire.sock"))
    deaf.setblocking(False)
    sent = 0
    try:
        for _ in range(5000):
            sent += deaf.send(b"stats\n" * 1000)
    except BlockingIOError:
        pass
    assert sent > 0, "nothing was sent"
    for garbage in (b"x" * 20000, b"\0\n\xff\xfe\n", b"add " + b"a=b " * 3000 + b"\n"):
        rude = socket.socket(socket.AF_UNIX)
        rude.connect(str(lab.run_dir / "wire.sock"))
        rude.sendall(garbage)
        rude.settimeout(10)
        assert rude.recv(65536).startswith(b"err syntax")
        rude.close()
    assert lab.ping(a, address)
    assert lab.client.version().lab == lab.name
    deaf.close()


def test_several_clients_at_once(lab: Any) -> None:
    lab.pair("l")
    clients = [WireClient(lab.run_dir) for _ in range(20)]
    for client in clients:
        assert [result.ok for result in client.batch(["list"] * 50)] == [True] * 50
    for client in clients:
        client.close()


def test_a_flood_stays_within_bounds(
    lab: Any, until: Callable[..., None], resident_bytes: Callable[[int], int]
) -> None:
    """Ten seconds of delay and no rate, against a sender that never stops; another link is fine."""
    daemon.start(lab.run_dir, lab.name, memory_limit_mib=96)
    a, _, address = lab.pair("flood", Shaping(delay_ms=10_000))
    subprocess.run(
        ["ip", "-n", a, "neigh", "add", address, "lladdr", "02:00:00:00:00:09", "dev", "eth0"],
        check=True,
    )
    quiet, _, quiet_address = lab.pair("quiet", Shaping(delay_ms=3), Shaping(delay_ms=3))
    assert lab.ping(quiet, quiet_address)
    flooder = lab.spawn(
        a,
        *("python3", "-c"),
        "import socket, sys\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "while True: s.sendto(bytes(1000), (sys.argv[1], 9))",
        address,
    )
    until(lambda: lab.client.stats("flood").link("flood").a_to_b.memory_dropped > 10_000, 60)
    times = lab.ping(quiet, quiet_address, count=20, interval="0.05")
    pid = lab.pids()["worker"]
    assert lab.client.stats().memory_bytes <= 64 * MIB
    assert resident_bytes(pid) <= 120 * MIB
    assert len(times) == 20
    assert sorted(times)[10] < 7.5
    flooder.kill()
    flooder.wait()


def test_log_and_files_are_private(lab: Any) -> None:
    lab.client.version()
    for name in ("wire.sock", "wire.pid", "wire.journal", "wire.log"):
        assert (lab.run_dir / name).stat().st_mode & 0o077 == 0


def test_journal_is_compacted(lab: Any) -> None:
    lab.pair("l", Shaping(delay_ms=1))
    journal = Path(lab.run_dir / "wire.journal")
    deadline = time.monotonic() + 60
    largest = 0
    while True:
        lab.client.batch([f"set id=l ab.delay_ns={number}" for number in range(2000)])
        size = journal.stat().st_size
        if size < largest:
            break
        largest = size
        assert time.monotonic() < deadline
    assert size < 1.2 * MIB
    assert lab.client.links()[0].link_id == "l"
