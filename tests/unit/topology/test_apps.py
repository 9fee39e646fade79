"""The section ``apps:`` of our YAML."""

from __future__ import annotations

import logging
from dataclasses import fields
from ipaddress import IPv4Interface

import pytest

from minidocknet.model.apps import AppSpec, Volume
from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import NodeSpec, Topology
from minidocknet.topology.native import parse_native
from minidocknet.topology.sample import induced, sample_topology
from minidocknet.topology.write import write_topology

FULL = """\
nodes: [r1, r2, r3]
links: [{a: r1, b: r2}, {a: r2, b: r3}]
apps:
  web:
    node: r2
    image: nginx
    command: sh -c 'echo "two words"; sleep 9'
    entrypoint: [tini, --, 7]
    ip: 10.0.9.1/16
    mac: 12:30:00:00:00:01
    cpus: 0.5
    memory: 64M
    env: {PORT: 80}
    volumes: [data:/var/lib/data, "web:/srv:ro"]
    restart: on-failure
    policy: pinned
  db: {node: r3, image: node}
"""


def test_every_field() -> None:
    web, db = parse_native(FULL).apps
    assert web == AppSpec(
        name="web",
        node="r2",
        image="nginx",
        command=("sh", "-c", 'echo "two words"; sleep 9'),
        entrypoint=("tini", "--", "7"),
        ip=IPv4Interface("10.0.9.1/16"),
        mac="12:30:00:00:00:01",
        cpus=0.5,
        memory_bytes=64 << 20,
        env={"PORT": "80"},
        volumes=(Volume("data", "/var/lib/data"), Volume("web", "/srv", read_only=True)),
        restart="on-failure",
        policy="pinned",
    )
    assert db == AppSpec("db", "r3", "node")
    # The example says something of each field that an application may have.
    assert all(getattr(web, field.name) != getattr(db, field.name) for field in fields(AppSpec))


HEAD = "nodes:\n  r1:\n  r2:\napps:\n"


@pytest.mark.parametrize(
    ("text", "line", "message", "remedy"),
    [
        ("  web: {node: r22, image: x}", 5, "unknown node 'r22'", "'r2'"),
        ("  web:\n    image: x\n    node: zz", 7, "unknown node 'zz'", "add the node"),
        ("  web: {node: r1}", 5, "'image' is missing in application 'web'", None),
        ("  web: {image: x}", 5, "'node' is missing in application 'web'", None),
        ("  web: {node: r1, image: x,\n   comand: y}", 6, "unknown field 'comand'", "'command'"),
        ("  web: {node: r1, image: x,\n   restart: maybe}", 6, "'on-failure'", None),
        ("  web: {node: r1, image: x, policy: warm}", 5, "'live', 'cold' or 'pinned'", None),
        ("  web: {node: r1, image: x,\n   volumes: [d:/a, /srv:/b]}", 6, "volumes[1]", None),
        ("  web: {node: r1, image: x, volumes: [7]}", 5, "NAME:/path", None),
        ("  web: {node: r1, image: x, volumes: [a:/x, b:/x]}", 5, "the same path", None),
        ('  web: {node: r1, image: x,\n   command: "it\'s"}', 6, "no closing quotation", None),
        ("  web: {node: r1, image: x, command: [a, [b]]}", 5, "is not text", None),
        ("  web: {node: r1, image: x, command: {a: b}}", 5, "a list of words", None),
        ("  web: {node: r1, image: x,\n   ip: 10.0.0.9}", 6, "prefix length", None),
        ("  web: {node: r1, image: x, mac: 01:00:00:00:00:01}", 5, "unicast", None),
        ("  web: {node: r1, image: x, memory: 1M}", 5, "below 6M", None),
        ("  web: {node: r1, image: ''}", 5, "'image'", None),
        ("  R1: {node: r1, image: x}", 5, "host name of 'r1' in line 2", None),
        ("  web: {node: r1, image: x}\n  Web: {node: r2, image: x}", 6, "'web' in line 5", None),
        ("  w_b: {node: r1, image: x}", 5, "application name 'w_b'", "letters"),
        ("  web:", 5, "must be a mapping", None),
    ],
)
def test_errors(text: str, line: int, message: str, remedy: str | None) -> None:
    with pytest.raises(TopologyError) as caught:
        parse_native(HEAD + text, "map.yaml")
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("map.yaml", line)
    if remedy:
        assert caught.value.remedy is not None
        assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("app", "message"),
    [
        (AppSpec("web", "r9", "x"), "unknown node 'r9'"),
        (AppSpec("R1", "r1", "x"), "already"),
        (AppSpec("DB", "r1", "x"), "already"),
    ],
)
def test_the_model_refuses_what_no_lab_could_have(app: AppSpec, message: str) -> None:
    with pytest.raises(TopologyError, match=message):
        Topology("t", (NodeSpec("r1"),), apps=(AppSpec("db", "r1", "x"), app))


def test_a_part_of_a_map_keeps_the_applications_of_its_nodes() -> None:
    whole = parse_native(FULL)
    assert [app.name for app in induced(whole, {"r1", "r2"}).apps] == ["web"]
    for seed in range(5):
        part = sample_topology(whole, 2, seed)
        kept = {node.name for node in part.nodes}
        assert {app.name for app in part.apps} == {"web"} | ({"db"} if "r3" in kept else set())


@pytest.mark.parametrize("form", ["graphml", "gml"])
def test_formats_without_applications_say_so(form: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        write_topology(parse_native(FULL), form)
    assert "2 applications left out" in caplog.text
