"""What is written reads back the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minidocknet.model.topology import Topology
from minidocknet.topology import load_topology
from minidocknet.topology.gml import parse_gml
from minidocknet.topology.graphml import parse_graphml
from minidocknet.topology.native import parse_native
from minidocknet.topology.write import topology_json, topology_yaml, write_topology
from minidocknet.topology.write_graphs import topology_gml, topology_graphml

from .strategies import topologies

relaxed = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# GML's keys are bound to these characters, and it knows no truth values.
gml_keys = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
gml_values = st.one_of(
    st.text(max_size=20).filter(lambda text: "\0" not in text),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
)


@relaxed
@given(topologies(apps=True))
def test_yaml_reads_back_exactly(topology: Topology) -> None:
    assert parse_native(topology_yaml(topology)) == topology


@relaxed
@given(topologies())
def test_graphml_reads_back_exactly(topology: Topology) -> None:
    assert parse_graphml(topology_graphml(topology), "x", "x") == topology


@relaxed
@given(topologies(keys=gml_keys, values=gml_values))
def test_gml_reads_back_exactly(topology: Topology) -> None:
    assert parse_gml(topology_gml(topology), "x", "x") == topology


@relaxed
@given(topologies(apps=True))
def test_json_is_strict_json_with_all_nodes_links_and_apps(topology: Topology) -> None:
    data = json.loads(json.dumps(topology_json(topology), allow_nan=False))
    assert [(app["name"], app["node"], tuple(app["command"])) for app in data["apps"]] == [
        (app.name, app.node, app.command) for app in topology.apps
    ]
    assert [node["name"] for node in data["nodes"]] == [node.name for node in topology.nodes]
    for link, spec in zip(data["links"], topology.links, strict=True):
        assert link["delay_ms"] == spec.a_to_b.delay_ms
        assert link["bw_mbit"] == spec.a_to_b.bw_mbit
        assert ("reverse" in link) == (spec.a_to_b != spec.b_to_a)
        if "reverse" in link:
            assert link["reverse"] == spec.b_to_a.as_dict()


@pytest.mark.parametrize("name", ["rocketfuel-68", "dumbbell", "mesh-6", "topozoo/Geant2012"])
@pytest.mark.parametrize("form", ["yaml", "graphml", "gml"])
def test_files_of_every_format_load_as_the_same_map(name: str, form: str, tmp_path: object) -> None:
    topology = load_topology(name)
    path = f"{tmp_path}/map.{form}"
    with open(path, "w", encoding="utf-8") as stream:  # noqa: PTH123
        stream.write(write_topology(topology, form))
    assert load_topology(path) == topology


def test_json_shape_is_the_documented_one() -> None:
    data = topology_json(load_topology("dumbbell"))
    assert list(data) == [
        "schema", "name", "description", "source", "is_tree", "is_connected", "nodes", "links",
        "apps",
    ]  # fmt: skip
    assert data["schema"] == 1
    bottleneck = next(link for link in data["links"] if link["a"] == "left")
    assert bottleneck["bw_mbit"] == 1
    assert bottleneck["queue_bytes"] == 32 * 1024
    assert bottleneck["reverse"]["bw_mbit"] == 8
    assert bottleneck["reverse"]["burst_loss"]["r_pct"] == 20
    assert "reverse" not in data["links"][0]
