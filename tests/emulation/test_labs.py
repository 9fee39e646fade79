"""A lab's life: what was asked for is there, works, changes, and goes."""

from __future__ import annotations

import json
import shutil
import statistics
import time

import pytest

from minidocknet.core.network import Network
from minidocknet.model.errors import LabError, UsageError
from minidocknet.model.topology import LinkSpec, NodeSpec, Topology
from minidocknet.runtime.paths import LabPaths

from .leftovers import host_interfaces, leftovers


def pings(network: Network, source: str, target: str) -> bool:
    return network.node(source).exec(["ping", "-c", "1", "-W", "5", target]).exit_code == 0


def all_pairs_ping(network: Network) -> None:
    names = [node.name for node in network.nodes]
    pairs = [(a, b) for a in names for b in names if a != b]
    silent = [(p.source, p.target) for p in network.ping(pairs, count=2) if not p.rtts_ms]
    assert silent == []


def assert_round_trip(network: Network, a: str, b: str, asked_ms: float, more_ms: float) -> None:
    """The median lies within 3 % below what was asked and ``more_ms`` above it."""
    assert 0.97 * asked_ms <= median_ms(network, a, b) <= asked_ms + more_ms


def median_ms(network: Network, a: str, b: str) -> float:
    (ping,) = network.ping([(a, b)], count=15, interval_s=0.1)
    assert ping.rtts_ms
    return statistics.median(ping.rtts_ms)


@pytest.mark.parametrize("switch", ["node", "shared", "none"])
@pytest.mark.parametrize("topology", ["tree,2,2", "ring,5", "linear,1"])
def test_any_two_nodes_reach_each_other_by_name(make_lab, topology, switch):
    network = make_lab(topology, delay="1ms", switch=switch)
    all_pairs_ping(network)
    names = [node.name for node in network.nodes]
    assert pings(network, names[0], names[-1])


@pytest.mark.parametrize("encap", ["none", "l2tp"])
def test_links_have_the_delay_and_rate_that_were_asked(make_lab, encap):
    network = make_lab("linear,2", delay="5ms", bw="20mbit", encap=encap)
    a, b = (node.name for node in network.nodes)
    assert_round_trip(network, a, b, 10.0, 1.5)
    network.node(b).exec("iperf3 -s -1 -D").check()
    done = network.node(a).exec(["iperf3", "-J", "-t", "4", "-c", b]).check()
    goodput = json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] / 1e6
    assert 0.90 * 20 <= goodput <= 0.99 * 20


@pytest.mark.parametrize("kind", ["veth", "vxlan"])
def test_kernel_links_carry_plain_links(make_lab, kind):
    network = make_lab("ring,3", link=kind)
    assert {link.plan.kind for link in network.links} == {kind}
    all_pairs_ping(network)


def test_changing_one_value_leaves_the_others(make_lab):
    network = make_lab("linear,2", delay="2ms", bw="50mbit", loss="0%")
    a, b = (node.name for node in network.nodes)
    network.link(a, b).set(delay="10ms", direction="a_to_b")
    link = Network.attach(network.name).link(a, b).plan
    assert (link.a_to_b.delay_ms, link.b_to_a.delay_ms) == (10.0, 2.0)
    assert link.a_to_b.bw_mbit == link.b_to_a.bw_mbit == 50.0
    assert_round_trip(network, a, b, 12.0, 1.5)


def test_directions_are_seen_from_the_first_name(make_lab):
    network = make_lab("linear,2", delay="2ms")
    a, b = (node.name for node in network.nodes)
    network.link(b, a).set(delay="7ms", direction="a_to_b")
    assert network.link(a, b).plan.shaping_from(b).delay_ms == 7.0
    assert network.link(a, b).plan.shaping_from(a).delay_ms == 2.0


def test_a_pulled_cable_is_seen_at_both_ends_and_comes_back(make_lab):
    network = make_lab("linear,2", delay="1ms")
    a, b = (node.name for node in network.nodes)
    network.link(a, b).down()
    for node in network.nodes:
        assert "NO-CARRIER" in node.exec("ip link show eth1").stdout
    (silent,) = network.ping([(a, b)], count=1)
    assert silent.rtts_ms == ()
    network.link(a, b).up()
    assert pings(network, a, b)


@pytest.mark.parametrize("switch", ["node", "shared", "none"])
def test_a_restarted_node_has_its_links_again(make_lab, switch):
    network = make_lab("ring,4", delay="1ms", switch=switch)
    node = network.nodes[1]
    node.exec("echo kept > /root/file").check()
    node.stop()
    assert not node.running
    states = {n["name"]: n["state"] for n in network.inspect()["nodes"]}
    assert states[node.name] == "exited"
    assert sum(link["up"] for link in network.inspect()["links"]) == 2
    node.start()
    assert node.exec("cat /root/file").stdout == "kept\n"
    all_pairs_ping(network)
    link = network.link(node.name, network.nodes[2].name)
    assert_round_trip(network, link.a, link.b, 2.0, 1.5)


@pytest.mark.parametrize("kind", ["veth", "vxlan"])
def test_kernel_links_come_back_with_a_restarted_node(make_lab, kind):
    network = make_lab("ring,3", link=kind)
    network.nodes[0].stop()
    network.nodes[1].stop()
    network.nodes[0].start()
    network.nodes[1].start()
    all_pairs_ping(network)


@pytest.mark.parametrize("switch", ["node", "shared", "none"])
def test_nodes_come_and_go_in_a_running_lab(make_lab, switch):
    network = make_lab("linear,3", delay="1ms", switch=switch)
    first, _, last = (node.name for node in network.nodes)
    # Closing a loop turns a learning map into one with rules, and back.
    network.add_node("new", [LinkSpec("new", first), LinkSpec(last, "new")])
    all_pairs_ping(network)
    assert pings(network, first, "new")
    network.remove_node("new")
    assert "new" not in {node.name for node in network.nodes}
    all_pairs_ping(network)
    assert not LabPaths(network.name).node_dir("new").exists()


def test_a_node_that_cannot_be_added_leaves_the_lab_as_it_was(make_lab):
    network = make_lab("linear,2", delay="1ms")
    before = network.inspect(with_stats=False)
    with pytest.raises(Exception, match="no-such-image"):
        network.add_node(NodeSpec("new", image="no-such-image"), [LinkSpec("new", "n1")])
    network.lab.reload()
    assert network.inspect(with_stats=False) == before
    all_pairs_ping(network)


def test_the_lab_outlives_its_process_and_its_daemon(make_lab, kill_daemon):
    network = make_lab("linear,3", delay="2ms")
    first, _, last = (node.name for node in network.nodes)
    kill_daemon(network.name)
    again = Network.attach(network.name)
    again.inspect()  # any command that needs the links starts the daemon again
    assert_round_trip(again, first, last, 8.0, 2.5)


@pytest.mark.parametrize("switch", ["node", "shared", "none"])
def test_a_node_that_the_engine_restarted_gets_its_links_from_start(make_lab, engine, switch):
    network = make_lab("ring,3", delay="1ms", switch=switch)
    node = network.nodes[0]
    engine.api.restart(node.plan.container, timeout=5)
    node.start()
    all_pairs_ping(network)
    node.start()  # nothing to do
    all_pairs_ping(network)


def test_nodes_started_after_a_reboot_have_their_links_again(make_lab, kill_daemon):
    network = make_lab("linear,3", delay="1ms")
    for node in network.nodes:
        node.stop()
    kill_daemon(network.name)
    shutil.rmtree(LabPaths(network.name).run_dir)  # as /run is empty after a reboot
    for node in network.nodes:
        node.start()
    all_pairs_ping(network)


@pytest.mark.parametrize("process", ["ovs-vswitchd", "ovsdb-server"])
def test_a_killed_part_of_a_switch_is_started_again(make_lab, process):
    network = make_lab("linear,3", delay="1ms")
    first, middle, last = network.nodes
    before = middle.exec(["pidof", process]).stdout.split()
    middle.exec(["kill", "-9", *before]).check()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        now = middle.exec(["pidof", process]).stdout.split()
        if now and not set(now) & set(before) and pings(network, first.name, last.name):
            break
    else:
        pytest.fail(f"{process} was not started again, or does not forward")
    assert middle.exec(["ovs-vsctl", "--timeout=10", "list-ports", "br0"]).stdout.split() == [
        "eth1",
        "eth2",
    ]


def test_paths_stay_where_the_rules_are_when_a_delay_changes(make_lab):
    network = make_lab("ring,4", delay="1ms")
    a, b = (node.name for node in network.nodes[:2])
    network.link(a, b).set(delay="20ms")
    (check,) = [c for c in network.verify(count=5) if {c.a, c.b} == {a, b}]
    assert check.crosses_link
    assert check.asked_ms == 40.0
    assert check.ping.median_ms is not None
    assert check.ok, check.as_dict()


def test_exec_gives_status_and_both_streams(make_lab):
    network = make_lab("linear,1")
    result = network.nodes[0].exec("echo out; echo err >&2; exit 7")
    assert (result.exit_code, result.stdout, result.stderr) == (7, "out\n", "err\n")
    assert network.nodes[0].exec(["printenv", "X"], env={"X": "y z"}).stdout == "y z\n"
    assert network.nodes[0].exec(["pwd"], cwd="/tmp").stdout == "/tmp\n"


def test_limits_hold(make_lab):
    nodes = (NodeSpec("small", cpus=0.25, memory_bytes=64 * 1024**2), NodeSpec("other"))
    network = make_lab(Topology("limits", nodes, (LinkSpec("small", "other"),)))
    hog = "dd if=/dev/zero of=/dev/null bs=200M count=1"
    assert network.node("small").exec(hog).exit_code == 137
    assert network.node("other").exec(hog).exit_code == 0
    spin = "timeout 4 sh -c 'while :; do :; done'; cat /proc/1/cgroup >/dev/null; times"
    used = network.node("small").exec(spin).stdout.splitlines()[-1].split()[0]
    minutes, seconds = used.rstrip("s").split("m")
    assert 0.5 <= int(minutes) * 60 + float(seconds) <= 1.5


def test_two_labs_with_the_same_map_do_not_meet(make_lab):
    one = make_lab("linear,2", delay="1ms", encap="l2tp")
    two = make_lab("linear,2", delay="9ms", encap="l2tp")
    a, b = (node.name for node in one.nodes)
    assert_round_trip(one, a, b, 2.0, 1.5)
    assert_round_trip(two, a, b, 18.0, 1.5)
    one.destroy()
    assert_round_trip(two, a, b, 18.0, 1.5)


def test_destroy_leaves_nothing_and_touches_nothing_else(make_lab, engine):
    interfaces = host_interfaces()
    foreign = engine.api.create_container("mdn/node:latest", ["true"], name="mdn.not-ours")
    try:
        network = make_lab("ring,3", link="vxlan")
        network.destroy()
        assert leftovers(engine, network.name) == []
        assert host_interfaces() == interfaces
        assert engine.state(foreign["Id"]) is not None
    finally:
        engine.remove(foreign["Id"])


def test_a_taken_name_is_refused_and_the_lab_unharmed(make_lab):
    network = make_lab("linear,2", delay="1ms")
    with pytest.raises(LabError, match="already"):
        Network("linear,2", lab=network.name).deploy()
    all_pairs_ping(network)


def test_a_failed_deployment_leaves_nothing(engine, lab_name):
    nodes = (NodeSpec("a"), NodeSpec("b", image="no-such-image"))
    topology = Topology("bad", nodes, (LinkSpec("a", "b"),))
    with pytest.raises(Exception, match="no-such-image"):
        Network(topology, lab=lab_name).deploy()
    assert leftovers(engine, lab_name) == []


def test_unknown_names_are_named(make_lab):
    network = make_lab("linear,2")
    with pytest.raises(UsageError, match="no node 'x'"):
        network.node("x")
    with pytest.raises(LabError, match="no lab 'not-there'"):
        Network.attach("not-there")


def test_verify_measures_every_link(make_lab):
    network = make_lab("ring,4", delay="4ms")
    checks = network.verify(count=5)
    assert len(checks) == 4
    assert {check.asked_ms for check in checks} == {8.0}
    assert all(check.ping.rtts_ms for check in checks)
    network.link(checks[0].a, checks[0].b).set(loss="100%")
    silent = [check for check in network.verify(count=3) if not check.ok]
    assert (checks[0].a, checks[0].b) in {(check.a, check.b) for check in silent}
