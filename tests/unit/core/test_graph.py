"""Pictures: what is drawn, and that nothing in a name can break the drawing."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

from minidocknet.core import layout
from minidocknet.core.describe import brief_text, rate_text, shaping_text
from minidocknet.core.graph import (
    Edge,
    Picture,
    Vertex,
    dot_text,
    mermaid_text,
    picture_of_lab,
    picture_of_topology,
)
from minidocknet.core.layout import parse_plain, positions_of
from minidocknet.core.svg import html_text, svg_text
from minidocknet.model.errors import CapabilityError
from minidocknet.model.shaping import GilbertElliott, Shaping
from minidocknet.model.topology import LinkSpec, NodeSpec, Topology

NASTY = 'a"b\\c<d>&e#f;g|h`\n</script><script>alert(1)</script>'
SVG = "{http://www.w3.org/2000/svg}"
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")


def both(a: str, b: str, shaping: Shaping, **more: object) -> LinkSpec:
    return LinkSpec(a, b, a_to_b=shaping, b_to_a=shaping, **more)  # type: ignore[arg-type]


def square() -> Topology:
    usual = Shaping(delay_ms=3, bw_mbit=10)
    return Topology(
        "square",
        tuple(NodeSpec(name) for name in ("a", "b", "c", "d")),
        (
            both("a", "b", usual),
            both("b", "c", usual),
            both("c", "d", usual),
            LinkSpec("d", "a", a_to_b=Shaping(delay_ms=9), up=False),
        ),
    )


def nasty_picture() -> Picture:
    return Picture(
        NASTY,
        NASTY,
        (Vertex("end", NASTY, "exited", 1, 2, (NASTY,)), Vertex("b", "b", "running", 3, 4)),
        (Edge("end", "b", (NASTY,), False, (NASTY,)),),
    )


def test_the_usual_shaping_goes_into_the_caption():
    picture = picture_of_topology(square())
    assert picture.caption == "4 nodes, 4 links, unless marked: 3ms 10mbit"
    assert [edge.labels for edge in picture.edges] == [(), (), (), ("9ms →", "←")]
    assert [edge.up for edge in picture.edges] == [True, True, True, False]
    assert picture.edges[3].details[0] == "9ms → / ← -"


def test_a_lab_shows_states_and_counters():
    topology = Topology("t", (NodeSpec("a", label="Ä"), NodeSpec("b")), (LinkSpec("a", "b"),))
    link = {"a": "a", "b": "b", "a_iface": "eth1", "b_iface": "eth2", "kind": "wire", "up": False,
            "stats": {"a_to_b": {"frames": 4}, "b_to_a": {"frames": 5}},
            **Shaping(delay_ms=2).as_dict()}  # fmt: skip
    nodes = [{"name": "a", "ip": "10.0.0.1", "state": "exited"},
             {"name": "b", "ip": "10.0.0.2", "state": "running"}]  # fmt: skip
    picture = picture_of_lab(
        {"lab": "l", "topology": "t", "nodes": nodes, "links": [link]}, topology
    )
    assert picture.title == "lab l: t"
    assert picture.vertices[0].details == ("address 10.0.0.1", "Ä", "exited")
    assert picture.edges[0].details == (
        "2ms", "kind wire", "a:eth1 - b:eth2", "down", "4 frames there, 5 back"
    )  # fmt: skip
    assert "class v0 off" in mermaid_text(picture)
    assert 'fillcolor="#e5e5e5"' in dot_text(picture)


def test_svg_holds_every_node_and_link_and_any_name():
    picture = nasty_picture()
    root = ElementTree.fromstring(svg_text(picture, positions_of(picture)))
    nodes = [g for g in root.iter(f"{SVG}g") if "mdn-node" in g.get("class", "")]
    edges = [g for g in root.iter(f"{SVG}g") if "mdn-edge" in g.get("class", "")]
    assert [g.get("class") for g in nodes] == ["mdn-node off", "mdn-node"]
    assert [g.get("class") for g in edges] == ["mdn-edge down"]
    assert nodes[0].findtext(f"{SVG}title") == f"end\n{NASTY}"
    assert root.find(f"{SVG}text").text.split() == NASTY.split()
    assert not list(root.iter(f"{SVG}script"))


def test_html_is_one_page_that_asks_for_nothing():
    picture = nasty_picture()
    page = html_text(picture, positions_of(picture))
    assert page.count("<script>") == page.count("</script>") == 1
    assert not re.search(r"\b(src|href)\s*=|url\(|@import|fetch\(|https?://(?!www\.w3\.org)", page)
    body = re.search(r"<svg.*</svg>", page, re.DOTALL)
    assert body is not None
    root = ElementTree.fromstring(body[0])
    assert len(json.loads(root.get("data-box", ""))) == 4
    assert len(list(root.iter(f"{SVG}circle"))) == 2


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript engine is installed")
def test_the_page_s_script_parses(tmp_path):
    picture = nasty_picture()
    page = html_text(picture, positions_of(picture))
    script = tmp_path / "page.js"
    script.write_text(page.split("<script>")[1].split("</script>")[0])
    subprocess.run(["node", "--check", str(script)], check=True)


@needs_dot
def test_graphviz_reads_what_is_written_for_it():
    done = subprocess.run(
        ["dot", "-Tjson"],
        input=dot_text(nasty_picture()),
        capture_output=True,
        text=True,
        check=True,
    )
    graph = json.loads(done.stdout)
    assert [node["name"] for node in graph["objects"]] == ["end", "b"]
    labels = [node["label"].replace("\\n", "\n") for node in graph["objects"]]
    assert labels[0].replace("\\\\", "\\") == NASTY
    assert len(graph["edges"]) == 1


def test_mermaid_quotes_what_it_would_take_for_syntax():
    lines = mermaid_text(nasty_picture()).splitlines()
    text = "\n".join(lines[lines.index("flowchart LR") :])
    assert "end" not in re.findall(r"\w+", text.replace("enabled", ""))
    for label in re.findall(r'"([^"]*)"', text):
        assert not set(label) & set("<>`\\")
    assert text.count('"') == 6


@needs_dot
@pytest.mark.parametrize("count", [1, 2, 30, 200])
def test_nodes_do_not_cover_each_other(count):
    vertices = tuple(Vertex(f"n{i}", f"n{i}") for i in range(count))
    edges = tuple(Edge(f"n{i}", f"n{(i - 1) // 2}", ()) for i in range(1, count))
    assert_apart(Picture("t", "", vertices, edges), 40)


def assert_apart(picture: Picture, least: float) -> None:
    places = positions_of(picture)
    assert set(places) == {vertex.name for vertex in picture.vertices}
    points = list(places.values())
    assert min(x for x, _ in points) == min(y for _, y in points) == 0
    for number, one in enumerate(points):
        for other in points[number + 1 :]:
            assert math.dist(one, other) > least


def test_maps_with_coordinates_look_like_the_map():
    cities = {
        "oslo": (60, 10.7),
        "rome": (41.9, 12.5),
        "lisbon": (38.7, -9.1),
        "cork": (51.9, -8.5),
    }
    vertices = tuple(Vertex(n, n, None, *where) for n, where in cities.items())
    places = positions_of(Picture("europe", "", vertices, ()))
    assert places["oslo"][1] < places["rome"][1] < places["lisbon"][1]
    assert places["lisbon"][0] < places["cork"][0] < places["oslo"][0] < places["rome"][0]


def test_many_routers_of_one_city_stand_around_it():
    vertices = tuple(Vertex(f"r{i}", f"r{i}", None, 48.1, 11.6) for i in range(12))
    far = Vertex("far", "far", None, -33.9, 151.2)
    assert_apart(Picture("t", "", (*vertices, far), ()), 40)


def test_without_graphviz_the_error_says_what_to_do(monkeypatch):
    def missing(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(layout.subprocess, "run", missing)
    with pytest.raises(CapabilityError, match="graphviz") as caught:
        positions_of(picture_of_topology(square()))
    assert "--to dot" in (caught.value.remedy or "")


def test_graphviz_s_plain_format():
    text = 'graph 1 2 2\nnode "a b" 0.5 1.5 1 1 "a b" solid circle black white\nedge x y 2\nstop\n'
    assert parse_plain(text) == {"a b": (0.5, -1.5)}


@pytest.mark.parametrize(
    ("shaping", "whole", "brief"),
    [
        (Shaping(), "-", ""),
        (Shaping(delay_ms=3, bw_mbit=10), "3ms 10mbit", "3ms 10mbit"),
        (Shaping(bw_mbit=2500), "2.5gbit", "2.5gbit"),
        (Shaping(bw_mbit=0.064, loss_pct=0.5), "64kbit loss 0.5%", "64kbit 0.5%"),
        (Shaping(delay_ms=1, jitter_ms=0.5), "1ms jitter 0.5ms", "1ms …"),
        (Shaping(burst_loss=GilbertElliott(1, 19)), "bursty loss 5%", "5%"),
        (Shaping(duplicate_pct=1, queue_packets=9), "duplicate 1% queue 9p", "…"),
        (Shaping(reorder_pct=2, queue_bytes=9), "reorder 2% queue 9b", "…"),
    ],
)
def test_shaping_in_words(shaping, whole, brief):
    assert (shaping_text(shaping), brief_text(shaping)) == (whole, brief)


def test_rates_in_words():
    assert [rate_text(r) for r in (0.001, 1, 999.5, 1000, 40000)] == [
        "1kbit", "1mbit", "999.5mbit", "1gbit", "40gbit"
    ]  # fmt: skip
