from __future__ import annotations

import hashlib
import json

from minidocknet.plan.files import hosts_file, node_files
from minidocknet.plan.switchdb import switch_record


def parse(record: str) -> dict:
    header, body = record.split("\n", 1)
    magic, kind, length, digest = header.split()
    assert (magic, kind) == ("OVSDB", "JSON")
    assert len(body.encode()) == int(length)
    assert hashlib.sha1(body.encode()).hexdigest() == digest
    return json.loads(body)


def test_the_record_has_every_port_with_its_number(make_plan):
    plan = make_plan("a-b a-c")
    record = parse(switch_record(plan, [plan.node("a")], kernel_datapath=False, secure=False))
    numbers = {row["name"]: row.get("ofport_request") for row in record["Interface"].values()}
    assert numbers == {"br0": None, "eth1": 1, "eth2": 2}
    (bridge,) = record["Bridge"].values()
    assert bridge["datapath_type"] == "netdev"
    assert bridge["fail_mode"] == "standalone"
    assert {tuple(pair) for pair in bridge["ports"][1]} == {("uuid", u) for u in record["Port"]}
    (root,) = record["Open_vSwitch"].values()
    assert ["userspace-tso-enable", "true"] in root["other_config"][1]


def test_the_switch_leaves_the_shaping_of_links_alone(make_plan):
    plan = make_plan("a-b a-c")
    record = parse(switch_record(plan, [plan.node("a")], kernel_datapath=False, secure=False))
    ((guard, row),) = record["QoS"].items()
    assert row == {"type": "linux-noop"}
    guarded = {row["name"]: row.get("qos") for row in record["Port"].values()}
    assert guarded == {"br0": None, "eth1": ["uuid", guard], "eth2": ["uuid", guard]}


def test_the_kernel_datapath_needs_neither_netdev_nor_tso(make_plan):
    plan = make_plan("a-b")
    record = parse(switch_record(plan, plan.nodes, kernel_datapath=True, secure=True))
    assert {row["datapath_type"] for row in record["Bridge"].values()} == {""}
    assert {row["fail_mode"] for row in record["Bridge"].values()} == {"secure"}
    (root,) = record["Open_vSwitch"].values()
    assert "userspace-tso-enable" not in dict(root["other_config"][1])


def test_looped_maps_forward_nothing_until_their_rules_are_there(make_plan):
    files = node_files(make_plan("a-b b-c c-a"), kernel_datapath=False)
    (bridge,) = parse(files["a"]["switch.record"])["Bridge"].values()
    assert bridge["fail_mode"] == "secure"
    assert files["a"]["flows.br0"].count("\n") == 4  # own, two others, flood


def test_every_name_resolves_in_the_hosts_file(make_plan):
    plan = make_plan("a-b b-c")
    lines = [line.split() for line in hosts_file(plan).splitlines()]
    assert {name: address for address, *names in lines for name in names} | {
        node.name: str(node.ip.ip) for node in plan.nodes
    } == {name: address for address, *names in lines for name in names}


def test_switchless_maps_are_routed_hop_by_hop(make_plan):
    files = node_files(make_plan("a-b b-c", switch="none"), kernel_datapath=False)
    plan = make_plan("a-b b-c", switch="none")
    a = files["a"]["links.ip"]
    assert f"route replace {plan.node('c').ip.ip}/32 via {plan.node('b').ip.ip} dev eth1" in a
    assert "switch.record" not in files["a"]
