"""GraphML and GML: the Topology Zoo's attributes, parallel and directed edges, errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import pytest

from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import Topology
from minidocknet.topology import load_topology
from minidocknet.topology.gml import parse_gml
from minidocknet.topology.graphml import parse_graphml

ZOO = """\
graph [
  Network "Tiny"
  Creator "Topology Zoo Toolset"
  node [ id 0 label "Z&#252;rich" Country "Switzerland" Longitude 8.54 Latitude 47.37 Internal 1 ]
  node [ id 1 label "None" Longitude 2.35 Latitude 48.85 ]
  node [ id 2 label "None" ]
  edge [ source 0 target 1 LinkSpeed "10" LinkSpeedUnits "G" LinkSpeedRaw 10000000000.0 ]
  edge [ source 1 target 0 LinkSpeed "2.5" LinkSpeedUnits "G" LinkLabel "2.5 Gbit/s" ]
  edge [ source 1 target 2 LinkLabel "155 Mbps" LinkType "OC-3" ]
  edge [ source 0 target 2 LinkLabel "10-20Gbps" ]
]
"""


def test_topology_zoo(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        topology = parse_gml(ZOO, "tiny.gml", "tiny")
    assert [(node.name, node.label) for node in topology.nodes] == [
        ("zurich", "Zürich"), ("none", "None"), ("none-2", "None"),
    ]  # fmt: skip
    assert (topology.node("zurich").latitude, topology.node("zurich").longitude) == (47.37, 8.54)
    assert topology.node("zurich").attrs == {"Country": "Switzerland", "Internal": 1}
    merged = topology.link("zurich", "none")
    assert merged.a_to_b.bw_mbit == 12_500
    assert merged.attrs["parallel"] == 2
    assert "1 parallel links were merged" in caplog.text
    # 489 km on the great circle, at 200 km per ms.
    assert merged.a_to_b.delay_ms == pytest.approx(2.44, abs=0.02)
    assert topology.link("none", "none-2").a_to_b.bw_mbit == 155
    assert topology.link("none", "none-2").attrs["LinkType"] == "OC-3"
    assert topology.link("zurich", "none-2").a_to_b.bw_mbit is None
    assert topology.description == "Tiny"


def test_networkx_writes_what_we_read(tmp_path: Path) -> None:
    graph = nx.Graph()
    graph.add_edge("a", "b", delay="5ms", bw=10, loss=1.5, weight=3)
    graph.add_edge("b", "c", delay_ms=2.5, colour="red")
    nx.write_graphml(graph, tmp_path / "g.graphml")
    nx.write_gml(graph, tmp_path / "g.gml")
    for name in ("g.graphml", "g.gml"):
        topology = load_topology(str(tmp_path / name))
        link = topology.link("a", "b")
        shaping = link.a_to_b
        assert (shaping.delay_ms, shaping.bw_mbit, shaping.loss_pct) == (5, 10, 1.5)
        assert link.weight == 3
        assert topology.link("b", "c").attrs == {"colour": "red"}


def test_directed_pairs_are_two_directions() -> None:
    text = """graph [ directed 1 node [ id 1 ] node [ id 2 ] node [ id 3 ]
    edge [ source 1 target 2 delay_ms 1 ] edge [ source 2 target 1 delay_ms 9 ]
    edge [ source 3 target 2 delay_ms 4 ] ]"""
    topology = parse_gml(text, "x", "x")
    first = topology.link("n1", "n2")
    assert (first.a, first.a_to_b.delay_ms, first.b_to_a.delay_ms) == ("n1", 1, 9)
    second = topology.link("n2", "n3")
    assert (second.a_to_b.delay_ms, second.b_to_a.delay_ms) == (4, 4)


def test_multigraph_keys_are_merged(tmp_path: Path) -> None:
    graph = nx.MultiGraph()
    graph.add_edge("a", "b", bw_mbit=10)
    graph.add_edge("a", "b", bw_mbit=30)
    nx.write_graphml(graph, tmp_path / "m.graphml")
    nx.write_gml(graph, tmp_path / "m.gml")
    for name in ("m.graphml", "m.gml"):
        assert load_topology(str(tmp_path / name)).links[0].a_to_b.bw_mbit == 40


def test_published_graphml(rocketfuel: Path, repository: Path) -> None:
    """The shipped description has the very adjacencies of the papers' map."""
    theirs = load_topology(str(rocketfuel / "rocketfuel-68.graphml"))
    ours = load_topology(str(repository / "topologies" / "rocketfuel-68.yaml"))
    assert {node.name for node in theirs.nodes} == {node.name for node in ours.nodes}
    assert {link.ends for link in theirs.links} == {link.ends for link in ours.links}
    assert ours.is_tree
    assert {(link.a_to_b.delay_ms, link.b_to_a.bw_mbit) for link in ours.links} == {(3, 10)}


GML_HEAD = "graph [\n node [ id 1 ]\n node [ id 2 ]\n"
XML_HEAD = """\
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="d" for="edge" attr.name="delay" attr.type="string"/>
<key id="w" for="edge" attr.name="weight" attr.type="double"/>
<graph edgedefault="undirected">
<node id="1"/><node id="2"/>
"""
XML_TAIL = "</graph></graphml>"
EDGE = '<edge source="1" target="2"/>\n'


@pytest.mark.parametrize(
    ("parse", "text", "line", "message"),
    [
        (parse_gml, GML_HEAD + " edge [ source 1 target 1 ]\n]", 4, "itself"),
        (parse_gml, GML_HEAD + " edge [ source 1 target 3 ]\n]", 4, "unknown node '3'"),
        (parse_gml, GML_HEAD + " edge [ source 1 target 2 ]\n edge [ source 2 target 1 ]\n]", 5,
         "twice, first in line 4"),
        (parse_gml, GML_HEAD + " edge [ source 1 target 2 delay_ms -1 ]\n]", 4, "negative"),
        (parse_gml, GML_HEAD + ' edge [ source 1 target 2 delay "3 ells" ]\n]', 4, "unit 'ells'"),
        (parse_gml, GML_HEAD + " edge [ source 1 ]\n]", 4, "lacks its target"),
        (parse_gml, GML_HEAD + " node [ id 2 ]\n]", 4, "twice, first in line 3"),
        (parse_gml, GML_HEAD + " node [ id 3 Latitude 100 ]\n]", 4, "latitude"),
        (parse_gml, GML_HEAD, 4, "the end of the file"),
        (parse_gml, GML_HEAD + ' edge [ source "1 ]\n]', 4, "without closing quote"),
        (parse_gml, GML_HEAD + " edge [ source 1 target ]\n]", 4, "'target' has no value"),
        (parse_gml, "graph [ ]", 1, "no nodes"),
        (parse_gml, "graph " + "[ a " * 40, 1, "nested deeper"),
        (parse_gml, "Creator \"x\"\n", 1, "0 graphs"),
        (parse_graphml, XML_HEAD + '<edge source="1" target="1"/>' + XML_TAIL, 6, "itself"),
        (parse_graphml, XML_HEAD + '<edge source="1" target="9"/>' + XML_TAIL, 6, "unknown node"),
        (parse_graphml, XML_HEAD + EDGE + EDGE + XML_TAIL, 7, "twice, first in line 6"),
        (parse_graphml, XML_HEAD + '<node id="2"/>' + XML_TAIL, 6, "twice, first in line 5"),
        (parse_graphml, XML_HEAD + '<edge source="1"/>' + XML_TAIL, 6, "lacks its target"),
        (parse_graphml, XML_HEAD + '<edge source="1" target="2">\n<data key="d">-3ms</data></edge>'
         + XML_TAIL, 6, "negative"),
        (parse_graphml, XML_HEAD + '<edge source="1" target="2">\n<data key="w">x</data></edge>'
         + XML_TAIL, 7, "no double"),
        (parse_graphml, XML_HEAD + '<edge source="1" target="2">\n<data key="q">x</data></edge>'
         + XML_TAIL, 7, "not declared"),
        (parse_graphml, XML_HEAD + "<hyperedge/>" + XML_TAIL, 6, "no place"),
        (parse_graphml, XML_HEAD, 6, "not XML"),
        (parse_graphml, "<html></html>", 1, "not GraphML"),
        (parse_graphml, "<graphml></graphml>", 1, "no graph"),
        (parse_graphml, '<!DOCTYPE x [\n<!ENTITY a "b">]><graphml/>', 2, "entities"),
    ],
)  # fmt: skip
def test_errors(
    parse: Callable[[str, str, str], Topology], text: str, line: int, message: str
) -> None:
    with pytest.raises(TopologyError) as caught:
        parse(text, "bad", "bad")
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("bad", line)
