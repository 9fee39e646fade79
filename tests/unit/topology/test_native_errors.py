"""Our YAML: what it understands, and the line and the remedy of what it does not."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import LinkSpec
from minidocknet.topology.native import parse_native
from minidocknet.topology.schema import schema_text, topology_schema

FULL = """\
name: full
description: every field
source: me
defaults:
  node: {switch: shared, cpus: 0.5, env: {A: "1"}, attrs: {zone: x}}
  link: {delay: 3ms, bw: 10mbit, loss: 1%, queue: 100p, type: wire, mtu: 1400, attrs: {z: 1}}
nodes:
  no:
    label: 30
    image: debian
    cpus: 2
    memory: 512M
    ip: 10.0.0.1/24
    mac: 12:30:00:00:00:01
    switch: none
    inner_engine: eager
    env: {PORT: 80}
    volumes: ["/a:/b:ro"]
    location: Oslo
    latitude: 59.9
    longitude: 10
    attrs: {as: 5, ok: true, f: 1.5, s: "5"}
  on:
  r3: {}
links:
- a: no
  b: on
  jitter: 250us
  jitter_distribution: normal
  duplicate: 0.5%
  reorder: 2
  encap: l2tp
  weight: 7.5
  up: false
  a_iface: eth7
  b_iface: up-1
  a_to_b: {bw: 1gbit, queue: 64kb}
  b_to_a: {delay: 0.1s, burst_loss: {p: 1, r: 20%, good_loss: 0.1%}}
- {a: on, b: r3, bw: null, loss: 0, queue: 10p 1kb, mtu: null}
"""


def test_every_field() -> None:
    topology = parse_native(FULL)
    node = topology.node("no")
    assert (node.label, node.image, node.cpus, node.memory_bytes) == ("30", "debian", 2, 512 << 20)
    assert (str(node.ip), node.mac) == ("10.0.0.1/24", "12:30:00:00:00:01")
    assert (node.switch, node.inner_engine, node.volumes) == ("none", "eager", ("/a:/b:ro",))
    assert node.env == {"A": "1", "PORT": "80"}
    assert (node.location, node.latitude, node.longitude) == ("Oslo", 59.9, 10)
    assert node.attrs == {"zone": "x", "as": 5, "ok": True, "f": 1.5, "s": "5"}
    other = topology.node("on")
    assert (other.switch, other.cpus, other.env) == ("shared", 0.5, {"A": "1"})
    link = topology.link("no", "on")
    assert (link.type, link.encap, link.mtu, link.weight) == ("wire", "l2tp", 1400, 7.5)
    assert (link.up, link.a_iface, link.b_iface, link.attrs) == (False, "eth7", "up-1", {"z": 1})
    there, back = link.a_to_b, link.b_to_a
    assert (there.delay_ms, there.jitter_ms, there.jitter_distribution) == (3, 0.25, "normal")
    assert (there.bw_mbit, there.queue_packets, there.queue_bytes) == (1000, None, 65536)
    assert (there.loss_pct, there.duplicate_pct, there.reorder_pct) == (1, 0.5, 2)
    assert (back.delay_ms, back.bw_mbit, back.queue_packets) == (100, 10, 100)
    # A direction's bursty loss replaces the plain loss that it would inherit.
    assert back.loss_pct == 0
    assert back.burst_loss is not None
    assert (back.burst_loss.p_pct, back.burst_loss.r_pct) == (1, 20)
    assert (back.burst_loss.bad_loss_pct, back.burst_loss.good_loss_pct) == (100, 0.1)
    last = topology.link("on", "r3")
    assert (last.a_to_b.bw_mbit, last.a_to_b.loss_pct, last.mtu) == (None, 0, None)
    assert (last.a_to_b.queue_packets, last.a_to_b.queue_bytes) == (10, 1024)


def test_every_field_of_the_model_can_be_written() -> None:
    """The full example sets each field of NodeSpec and LinkSpec away from its default."""
    topology = parse_native(FULL)
    node, plain = topology.node("no"), parse_native("nodes: [no]").node("no")
    for name in node.__slots__:
        assert name == "name" or getattr(node, name) != getattr(plain, name), name
    link = topology.link("no", "on")
    for name in link.__slots__:
        assert name in "ab" or getattr(link, name) != getattr(LinkSpec("no", "on"), name), name


def test_nodes_as_a_list_and_merge_keys() -> None:
    text = "nodes: [a, b, c]\nlinks:\n- &one {a: a, b: b, delay: 5ms}\n- {<<: *one, b: c}\n"
    topology = parse_native(text, default_name="listed")
    assert topology.name == "listed"
    assert topology.link("a", "c").a_to_b.delay_ms == 5


LINKS = "nodes: [r1, r2, r3]\nlinks:\n- {a: r1, b: r2}\n"


@pytest.mark.parametrize(
    ("text", "line", "message", "remedy"),
    [
        ("nodes: [r1]\nlinks:\n- {a: r1, b: r1}", 3, "itself", "drop"),
        (LINKS + "- {a: r2, b: r1}", 4, "twice, first in line 3", "keep one"),
        (LINKS + "- {a: r2, b: r33}", 4, "unknown node 'r33'", "'r3'"),
        (LINKS + "- {a: r2, b: r3,\n   delay: -3ms}", 5, "negative", None),
        (LINKS + "- {a: r2, b: r3,\n   delay: 3 parsecs}", 5, "unknown unit 'parsecs'", None),
        (LINKS + "- {a: r2, b: r3, dely: 3ms}", 4, "unknown field 'dely'", "'delay'"),
        (LINKS + "- {a: r2, b: r3, colour: red}", 4, "unknown field 'colour'", "known fields"),
        (LINKS + "- {a: r2}", 4, "'b' is missing", None),
        (LINKS + "- {a: r2, b: r3, bw: 0}", 4, "zero", None),
        (LINKS + "- {a: r2, b: r3, loss: 101%}", 4, "above 100", None),
        (LINKS + "- {a: r2, b: r3, queue: 100}", 4, "no unit", None),
        (LINKS + "- {a: r2, b: r3, queue: 100 furlongs}", 4, "queue", None),
        (LINKS + "- {a: r2, b: r3, up: maybe}", 4, "'up'", None),
        (LINKS + "- {a: r2, b: r3, type: gre}", 4, "'l2tp', 'wire', 'vxlan' or 'veth'", None),
        (LINKS + "- {a: r2, b: r3, mtu: 100}", 4, "576", None),
        (LINKS + "- {a: r2, b: r3, loss: 1%, burst_loss: {p: 1%, r: 2%}}", 4, "exclude", None),
        (LINKS + "- {a: r2, b: r3, a_iface: much-too-long-name}", 4, "interface name", None),
        (LINKS + "- {a: r2, b: r3, weight: .nan}", 4, "'weight'", None),
        (LINKS + "- {a: r2, b: r3, burst_loss: {p: 1%}}", 4, "'r' is missing", None),
        ("nodes:\n  r1:\n  r2: {cpu: 1}", 3, "unknown field 'cpu' of node 'r2'", "'cpus'"),
        ("nodes:\n  r1:\n  R1:", 3, "only in case", None),
        ("nodes:\n  r1:\n  r1:", 3, "twice, first in line 2", None),
        ("nodes:\n- r1\n- r1", 3, "twice, first in line 2", None),
        ("nodes:\n- r1\n- {name: r2}", 3, "a mapping", "mapping"),
        ("nodes:\n  r_1:", 2, "host name", "letters"),
        ("nodes:\n  '30':", 2, "host name", "letters"),
        ("nodes:\n  r1:\n    ip: 10.0.0.1", 3, "prefix length", None),
        ("nodes:\n  r1:\n    ip: 10.0.0.300/8", 3, "no IPv4 address", None),
        ("nodes:\n  r1:\n    mac: 01:00:00:00:00:01", 2, "unicast", None),
        ("nodes:\n  r1:\n    memory: 1M", 2, "16M", None),
        ("nodes:\n  r1:\n    latitude: 91", 3, "90", None),
        ("nodes:\n  r1:\n    attrs: {x: [1]}", 3, "a list", None),
        ("nodes: {}", 1, "no nodes", None),
        ("nodes:\nlinks: []", 1, "'nodes'", None),
        ("name: x\nlinks: []", 1, "'nodes' is missing", None),
        ("nodes: [a]\nlink: []", 2, "unknown field 'link'", "'links'"),
        ("nodes: [a\nlinks: []", 2, "not YAML", None),
        ("nodes: [a]\n---\nnodes: [b]", 2, "more than one", None),
        ("- a\n- b", 1, "mapping", None),
        ("nodes: &x [*x]", 1, "contains itself", None),
        ("nodes: *x", 1, "not defined", None),
        ("? [a]\n: b", 1, "key must be plain text", None),
        ("nodes:\n  r1: !!python/name:os.system", 2, "tag", None),
        ("nodes: " + "[" * 100_000, 1, "nested deeper", None),
        ("a: \x07", 1, "not YAML", None),
    ],
)
def test_errors(text: str, line: int, message: str, remedy: str | None) -> None:
    with pytest.raises(TopologyError) as caught:
        parse_native(text, "map.yaml")
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("map.yaml", line)
    assert f"map.yaml:{line}: " in str(caught.value)
    if remedy:
        assert caught.value.remedy is not None
        assert remedy in caught.value.remedy


def test_all_errors_are_told_each_with_its_line() -> None:
    with pytest.raises(TopologyError) as caught:
        parse_native("nodes:\n  a: {cpuz: 1}\n  b: {mem: 1G}\nlinks:\n- {a: a}\n", "m.yaml")
    for place in ("m.yaml:2:", "m.yaml:3:", "m.yaml:5:"):
        assert place in str(caught.value)


def test_an_alias_bomb_is_refused_at_once() -> None:
    text = "nodes: [a]\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in range(1, 14):
        text += f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n"
    began = time.monotonic()
    with pytest.raises(TopologyError, match="aliases"):
        parse_native(text)
    assert time.monotonic() - began < 5


def test_the_published_schema_is_current(repository: Path) -> None:
    published = (repository / "docs" / "topology.schema.json").read_text(encoding="utf-8")
    assert published == schema_text(), (
        "run  python -m minidocknet.topology.schema > docs/topology.schema.json"
    )


def test_the_schema_has_every_field_with_a_description() -> None:
    schema = json.loads(json.dumps(topology_schema()))
    for name, part in schema["$defs"].items():
        assert part["additionalProperties"] is False, name
        for field, about in part["properties"].items():
            assert about.get("description"), f"{name}.{field}"
    assert {kind.get("type") for kind in schema["properties"]["nodes"]["anyOf"]} == {
        "object",
        "array",
    }
