"""Names, generators, samples, Mininet's classes, the hub, files of the wrong kind."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import NODE_NAME
from minidocknet.topology import load_topology, sample_topology
from minidocknet.topology.hub import hub_names
from minidocknet.topology.maps import shipped_names
from minidocknet.topology.names import map_names

# --- names ----------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=80), max_size=12))
def test_mapped_names_are_valid_and_unique(originals: list[str]) -> None:
    names = map_names(originals)
    assert len(names) == len(originals)
    assert all(NODE_NAME.fullmatch(name) for name in names)
    assert len({name.lower() for name in names}) == len(names)
    assert names == map_names(originals)


def test_mapped_names() -> None:
    assert map_names(["30", "London,+UnitedKingdom209", "Zürich", "", "0x1f"]) == [
        "n30", "london-unitedkingdom209", "zurich", "n", "n0x1f",
    ]  # fmt: skip
    assert map_names(["New York", "New-York", "new york"]) == [
        "new-york", "new-york-2", "new-york-3",
    ]  # fmt: skip
    assert map_names(["a b", "a-b"]) == ["a-b-2", "a-b"]
    assert map_names(["R1", "Core-2"]) == ["R1", "Core-2"]


# --- generators -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "nodes", "links"),
    [
        ("linear,1", 1, 0),
        ("linear,5", 5, 4),
        ("ring,6", 6, 6),
        ("tree,2,3", 13, 12),
        ("tree,depth=3,fanout=2", 15, 14),
        ("tree,4,1", 5, 4),
        ("grid,3,4", 12, 3 * 3 + 2 * 4),
        ("torus,3,4", 12, 24),
        ("fat-tree,4", 20 + 16, 32 + 16),
        ("fat-tree,4,hosts=0", 20, 32),
        ("fat-tree,6", 45 + 54, 108 + 54),
        ("barabasi-albert,50,3,7", 50, 3 * 47),
    ],
)
def test_generators_sizes(source: str, nodes: int, links: int) -> None:
    topology = load_topology(source)
    assert (len(topology.nodes), len(topology.links)) == (nodes, links)
    assert topology.is_connected
    assert topology == load_topology(source)


def test_generators_shapes() -> None:
    assert set(dict(load_topology("torus,4,5").graph.degree).values()) == {4}
    assert nx.diameter(load_topology("ring,10").graph) == 5
    fat = load_topology("fat-tree,4").graph
    degree = dict(fat.degree)
    assert {degree[name] for name in fat if not name.startswith("host")} == {4}
    assert nx.diameter(fat) == 6
    # Full bisection: as many disjoint paths between pods' edges as they have uplinks.
    switches = load_topology("fat-tree,4,0").graph
    assert nx.edge_connectivity(switches, "edge-1-1", "edge-4-2") == 2


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.floats(0.01, 1), st.floats(0, 1), st.integers(0, 1000))
def test_waxman_is_connected_and_seeded(n: int, alpha: float, beta: float, seed: int) -> None:
    source = f"waxman,{n},{alpha},{beta},{seed}"
    topology = load_topology(source)
    assert topology.is_connected
    assert topology == load_topology(source)


def test_seeds_matter() -> None:
    assert load_topology("waxman,40,seed=1").links != load_topology("waxman,40,seed=2").links
    one, two = "barabasi-albert,40,2,1", "barabasi-albert,40,2,2"
    assert load_topology(one).links != load_topology(two).links


def test_generators_take_link_fields() -> None:
    topology = load_topology("ring,3,delay=250us,bw=10mbit,loss=0.1%,queue=50p")
    shaping = topology.links[0].b_to_a
    assert (shaping.delay_ms, shaping.bw_mbit, shaping.loss_pct) == (0.25, 10, 0.1)
    assert shaping.queue_packets == 50


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("linear", "lacks its argument N"),
        ("linear,x", "no whole number"),
        ("linear,2.5", "no whole number"),
        ("linear,0", "outside 1"),
        ("linear,1000000000", "outside"),
        ("ring,2", "outside 3"),
        ("tree,60,3", "too many"),
        ("grid,20000,20000", "too many"),
        ("fat-tree,5", "odd"),
        ("torus,2,3", "outside 3"),
        ("linear,3,4", "takes 1 argument"),
        ("linear,N=3,n=4", "no argument 'n'"),
        ("linear,3,N=4", "twice"),
        ("ring,5,delay=-3ms", "negative"),
        ("ring,5,dealy=3ms", "no argument 'dealy'"),
        ("ring,5,delay=3 miles", "unknown unit"),
        ("ring,,5", "empty"),
        ("barabasi-albert,5,5", "below N"),
        ("waxman,10,0", "alpha"),
    ],
)
def test_generator_errors(source: str, message: str) -> None:
    with pytest.raises(TopologyError, match=message):
        load_topology(source)


# --- samples --------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 68), st.integers(0, 10_000))
def test_samples_of_a_tree_are_trees(nodes: int, seed: int) -> None:
    whole = load_topology("rocketfuel-68")
    part = sample_topology(whole, nodes, seed)
    assert len(part.nodes) == nodes
    assert part.is_tree
    assert all(node in whole.nodes for node in part.nodes)
    assert all(link in whole.links for link in part.links)
    assert part == sample_topology(whole, nodes, seed)


def test_samples_keep_all_links_among_their_nodes() -> None:
    whole = load_topology("torus,5,5")
    part = sample_topology(whole, 12, 3)
    assert part.graph.edges == whole.graph.subgraph(part.graph.nodes).edges
    samples = [sample_topology(whole, 12, seed).nodes for seed in range(10)]
    assert any(nodes != samples[0] for nodes in samples)


@pytest.mark.parametrize(("nodes", "message"), [(0, "cannot be"), (4, "no connected part")])
def test_sample_errors(nodes: int, message: str) -> None:
    with pytest.raises(TopologyError, match=message):
        sample_topology(load_topology("triangle"), nodes)


# --- Mininet --------------------------------------------------------------------------------

MININET = """\
from mininet.topo import Topo

class Star(Topo):
    def build(self, leaves=2, delay="5ms"):
        hub = self.addSwitch("s1")
        for i in range(leaves):
            host = self.addHost(f"h{i + 1}", ip=f"10.0.0.{i + 1}")
            self.addLink(host, hub, bw=10, delay=delay, jitter="1ms", loss=2, max_queue_size=50)

class Odd(Topo):
    def build(self, what="none"):
        a, b = self.addHost("a"), self.addSwitch("b_1")
        if what == "twice":
            self.addLink(a, b)
            self.addLink(a, b)
        elif what == "self":
            self.addLink(a, a)
        elif what == "crash":
            raise RuntimeError("no such luck")
        elif what == "exit":
            raise SystemExit(1)
        elif what == "negative":
            self.addLink(a, b, delay="-5ms")
        elif what == "sides":
            self.addLink(a, b, delay=500, params1={"bw": 1}, params2={"bw": 8}, intfName1="x0")

topos = {"star": lambda n=3: Star(leaves=n)}
"""


@pytest.fixture
def mininet_file(tmp_path: Path) -> Path:
    path = tmp_path / "my.py"
    path.write_text(MININET)
    return path


def test_mininet(mininet_file: Path) -> None:
    topology = load_topology(f"{mininet_file}:Star,3,delay=7ms")
    assert sorted(node.name for node in topology.nodes) == ["h1", "h2", "h3", "s1"]
    assert topology.node("s1").attrs["kind"] == "switch"
    assert str(topology.node("h2").ip) == "10.0.0.2/8"
    shaping = topology.link("h1", "s1").a_to_b
    assert (shaping.delay_ms, shaping.jitter_ms, shaping.loss_pct) == (7, 1, 2)
    assert (shaping.bw_mbit, shaping.queue_packets) == (10, 50)
    assert len(load_topology(str(mininet_file)).nodes) == 4  # its topos dictionary has one
    assert len(load_topology(f"{mininet_file}:star,n=5").nodes) == 6


def test_mininet_per_interface_options(
    mininet_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        link = load_topology(f"{mininet_file}:Odd,sides").links[0]
    assert (link.b, link.a_iface) == ("b-1", "x0")
    assert (link.a_to_b.bw_mbit, link.b_to_a.bw_mbit) == (1, 8)
    assert link.a_to_b.delay_ms == 0.5
    assert "microseconds" in caplog.text


@pytest.mark.parametrize(
    ("selector", "line", "message"),
    [
        ("Odd,twice", 15, "there is twice|is there twice"),
        ("Odd,self", 17, "itself"),
        ("Odd,crash", 19, "RuntimeError: no such luck"),
        ("Odd,exit", 21, "SystemExit"),
        ("Odd,negative", 23, "negative"),
        ("Odd,1,2,3", None, "failed"),
        ("Stra", None, "no Topo 'Stra'"),
        ("Odd,what=", None, "empty"),
    ],
)
def test_mininet_errors(mininet_file: Path, selector: str, line: int | None, message: str) -> None:
    with pytest.raises(TopologyError, match=message) as caught:
        load_topology(f"{mininet_file}:{selector}")
    assert caught.value.file == str(mininet_file)
    assert caught.value.line == line


def test_mininet_file_with_a_syntax_error(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("x = 1\nclass (\n")
    with pytest.raises(TopologyError, match="not Python") as caught:
        load_topology(str(path))
    assert caught.value.line == 2


# --- names of maps, files -------------------------------------------------------------------


def test_hub() -> None:
    topology = load_topology("topohub:topozoo/Abilene")
    assert topology == load_topology("topozoo/Abilene")
    assert (len(topology.nodes), len(topology.links)) == (11, 14)
    link = topology.link("new-york", "chicago")
    # 1146.16 km at 2/3 of the speed of light.
    assert link.a_to_b.delay_ms == pytest.approx(1146.16 * 0.005, rel=0.01)
    assert len(hub_names()) > 700


@pytest.mark.parametrize("name", hub_names()[::25])
def test_hub_maps_load(name: str) -> None:
    topology = load_topology(name)
    assert all(NODE_NAME.fullmatch(node.name) for node in topology.nodes)


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_maps(name: str, repository: Path) -> None:
    topology = load_topology(name)
    assert topology.name == name
    assert topology.is_connected
    assert ("tree" in topology.description) == topology.is_tree
    assert topology == load_topology(str(repository / "topologies" / f"{name}.yaml"))


@pytest.mark.parametrize(
    ("source", "message", "remedy"),
    [
        ("", "empty", "name a file"),
        ("rocketfuel68", "no file or map", "rocketfuel-68"),
        ("Abilene", "no file or map", "topozoo/Abilene"),
        ("topohub:topozoo/Abilen", "no map", "topozoo/Abilene"),
        ("a" * 5000, "no file or map", "mdn topology list"),
        ("nowhere/at/all.yaml", "no such file", "no directory"),
        ("nul\0l", "zero character", ""),
        ("/dev/null", "no regular file", "file"),
    ],
)
def test_unknown_sources(source: str, message: str, remedy: str) -> None:
    with pytest.raises(TopologyError, match=message) as caught:
        load_topology(source)
    assert remedy in (caught.value.remedy or "")


@pytest.mark.parametrize(
    ("name", "content", "line", "message"),
    [
        ("m.yaml", b"", 1, "is empty"),
        ("m.gml", b"  \n\n", 1, "is empty"),
        ("m.cch", b"1 @? (0) -> =a r0\n\x00", 2, "binary"),
        ("m.yaml", b"nodes:\n  a: {label: \xff}\n", 2, "UTF-8"),
        ("m.yaml", b"<graphml/>", 1, "holds GraphML"),
        ("m.graphml", b"graph [\n node [ id 1 ]\n]", 1, "holds GML"),
        ("m.gml", b"nodes: [a]\n", 1, "holds MiniDockNet's YAML"),
        ("m.cch", b"A1 B2 3\n", 1, "holds a Rocketfuel PoP map"),
        ("m.latencies.intra", b"1 @? (0) -> =a r0\n", 1, "holds a Rocketfuel ISP map"),
        ("m.yaml", b"from mininet.topo import Topo\n", 1, "holds Python"),
        ("m.json", b'{"nodes": []}', 1, "is JSON"),
        ("m.what", b"what is this\n", 1, "no known format"),
        ("m.intra", b"A1 B2 3\n", 1, "latencies or weights"),
    ],
)
def test_files_of_the_wrong_kind(
    tmp_path: Path, name: str, content: bytes, line: int | None, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TopologyError, match=message) as caught:
        load_topology(str(path))
    assert (caught.value.file, caught.value.line) == (str(path), line)


def test_formats_are_known_by_content_too(tmp_path: Path) -> None:
    for content in ("nodes: [a]\n", "graph [ node [ id 1 ] ]", "1 @? (0) -> =a r0\n"):
        (tmp_path / "map").write_text(content)
        assert len(load_topology(str(tmp_path / "map")).nodes) == 1


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text("nodes: [a]\n")
    with pytest.raises(TopologyError) as caught:
        load_topology(str(tmp_path / "mess.yaml"))
    assert str(tmp_path / "mesh.yaml") in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.cch", "1 @? (0) -> " + "<1> " * 100_000 + "x"),
        ("m.latencies.intra", "a" * 1_000_000),
        ("m.gml", "graph [ " + "1" * 1_000_000),
        ("m.gml", " graph " * 100_000),
        ("m.gml", 'a "b"\n' * 100_000),
        ("m.yaml", "class " + "a" * 100_000),
        ("m.yaml", "nodes: [a]\n" + "x" * 1_000_000),
        ("m", "\n" * 1_000_000 + "zz"),
    ],
)
def test_hostile_files_are_refused_in_seconds(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(TopologyError):
        load_topology(str(path))
    assert time.process_time() - began < 3
