"""Rocketfuel's two formats: published maps, the rules for odd ones, errors, speed."""

from __future__ import annotations

import logging
import random
import time
from pathlib import Path

import pytest

from minidocknet.model.errors import TopologyError
from minidocknet.topology import load_topology, sample_topology
from minidocknet.topology.rocketfuel_cch import parse_cch
from minidocknet.topology.rocketfuel_intra import read_intra

R1_MAP = """\
1 @Adelaide,+Australia  \t(1) -> <15> \t=one.example.net! r1
15 @Port+Pirie,+SA + bb\t(2) &6 -> <1> <99> {-1184} {-952} \t=203.0.113.1 r0
99 @?  \t(1) &1 -> <15> {-952} \t=203.0.113.9 r2
-952 =198.51.100.2 r1
-1184 =198.51.100.9 r1
"""


def test_r1_form_with_external_lines() -> None:
    topology = parse_cch(R1_MAP, "x.cch", "x")
    assert [node.name for node in topology.nodes] == ["n1", "n15", "n99"]
    assert {link.ends for link in topology.links} == {
        frozenset(("n1", "n15")),
        frozenset(("n15", "n99")),
    }
    first, second, third = topology.nodes
    assert (first.label, first.location) == ("1", "Adelaide, Australia")
    assert first.attrs == {
        "backbone": False, "radius": 1, "dns": "one.example.net", "dns_guessed": True,
    }  # fmt: skip
    assert second.location == "Port Pirie, SA"
    assert second.attrs == {
        "backbone": True, "radius": 0, "dns": "203.0.113.1", "location_from_dns": True,
        "external_links": 6,
    }  # fmt: skip
    assert third.location is None


def test_external_addresses_become_nodes_when_asked() -> None:
    topology = parse_cch(R1_MAP, "x.cch", "x", "external")
    assert topology.node("x952").attrs == {"external": True, "address": "198.51.100.2", "radius": 1}
    assert topology.link("n15", "x952").attrs == {"external": True}
    assert topology.link("n99", "x952")
    assert topology.link("n15", "x1184")
    assert len(topology.links) == 5


def test_radius_and_largest() -> None:
    assert len(parse_cch(R1_MAP, "x", "x", "radius=1").nodes) == 2
    apart = R1_MAP + "200 @? (0) -> =lonely r0\n"
    assert len(parse_cch(apart, "x", "x").nodes) == 4
    assert len(parse_cch(apart, "x", "x", "largest").nodes) == 3


def test_self_and_one_sided_adjacencies_are_told(caplog: pytest.LogCaptureFixture) -> None:
    text = "1 @? (2) -> <1> <2> =a r0\n2 @? (0) -> =b r0\n"
    with caplog.at_level(logging.WARNING):
        topology = parse_cch(text, "x", "x")
    assert [link.attrs for link in topology.links] == [{"one_sided": True}]
    assert "1 routers list themselves" in caplog.text
    assert "1 links are listed by one side only" in caplog.text


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("1 @? (1) -> <2> =a r0\n", 1, "neighbour 2, which has no line"),
        ("1 @? (0) -> =a r0\n1 @? (0) -> =b r0\n", 2, "twice, first in line 1"),
        ("1 @? (2) -> <2> <2> =a r0\n2 @? (1) -> <1> =b r0\n", 1, "neighbour 2 twice"),
        ("2 @? (1) -> <1> =b r0\n1 @? (0) -> <2> =a r0\n", 2, "announces (0)"),
        ("1 @? (0) -> =a r0\n# ok\nrubbish\n", 3, "no router"),
        ("1 @? (0) -> =a r0\n-5 198.51.100.1\n", 2, "no external address"),
        ("1 @? (0) -> =a r0\n-5 =198.51.100.1 r1\n-5 =198.51.100.1 r1\n", 3, "twice"),
        ("-5 =198.51.100.1 r1\n", 1, "no router"),
    ],
)
def test_cch_errors(text: str, line: int, message: str) -> None:
    with pytest.raises(TopologyError) as caught:
        parse_cch(text, "bad.cch", "bad")
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"bad.cch:{line}: ")


@pytest.mark.parametrize("options", ["radios=1", "radius=x", "external=maybe", "radius=0,external"])
def test_cch_option_errors(options: str) -> None:
    with pytest.raises(TopologyError):
        parse_cch(R1_MAP, "x", "x", options)


def test_cch_external_without_line() -> None:
    with pytest.raises(TopologyError, match="x:1: router 1 names the external -7"):
        parse_cch("1 @? (0) -> {-7} =a r0\n", "x", "x", "external")


def test_published_isp_map(rocketfuel: Path) -> None:
    topology = load_topology(str(rocketfuel / "2914.r0.cch"))
    assert (len(topology.nodes), len(topology.links)) == (1013, 2832)
    node = topology.node("n405")
    assert node.location == "McLean, VA"
    assert node.attrs["backbone"] is True
    assert topology.link("n405", "n4031")
    assert len(load_topology(f"{rocketfuel / '2914.r0.cch'}:largest").nodes) == 960


@pytest.mark.parametrize(
    ("asn", "nodes", "links"), [("1221", 108, 153), ("1755", 87, 161), ("3967", 79, 147)]
)
def test_published_pop_maps(rocketfuel: Path, asn: str, nodes: int, links: int) -> None:
    topology = load_topology(str(rocketfuel / f"{asn}.latencies.intra"))
    assert (len(topology.nodes), len(topology.links)) == (nodes, links)
    assert all(link.a_to_b.delay_ms >= 1 and link.weight for link in topology.links)
    assert topology == load_topology(str(rocketfuel / f"{asn}.weights.intra"))


def test_published_pop_map_values(rocketfuel: Path) -> None:
    topology = load_topology(str(rocketfuel / "1755.latencies.intra"))
    link = topology.link("london-unitedkingdom209", "new-york-ny239")
    assert (link.a_to_b.delay_ms, link.b_to_a.delay_ms, link.weight) == (29, 29, 2)
    node = topology.node("london-unitedkingdom209")
    assert (node.label, node.location) == ("London,+UnitedKingdom209", "London, UnitedKingdom")


def write_pair(folder: Path, latencies: str, weights: str | None) -> Path:
    path = folder / "7.latencies.intra"
    path.write_text(latencies)
    if weights is not None:
        (folder / "7.weights.intra").write_text(weights)
    return path


def test_directions_that_differ_are_kept(tmp_path: Path) -> None:
    path = write_pair(tmp_path, "A1 B2 3\nB2 A1 5\n", "A1 B2 1\nB2 A1 2\n")
    link = read_intra(path).links[0]
    assert (link.a_to_b.delay_ms, link.b_to_a.delay_ms, link.weight) == (3, 5, 1.5)
    assert link.attrs == {"weight_a_to_b": 1.0, "weight_b_to_a": 2.0}


def test_one_direction_and_one_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        link = read_intra(write_pair(tmp_path, "A1 B2 3\n", None)).links[0]
    assert (link.a_to_b.delay_ms, link.b_to_a.delay_ms, link.weight) == (3, 3, None)
    assert "no 7.weights.intra beside it" in caplog.text
    assert "one direction only" in caplog.text


@pytest.mark.parametrize(
    ("latencies", "weights", "where", "message"),
    [
        ("A1 B2 3\nA1 B2 3\n", None, "7.latencies.intra:2:", "twice, first in line 1"),
        ("A1 A1 3\n", None, "7.latencies.intra:1:", "itself"),
        ("A1 B2 -3\n", None, "7.latencies.intra:1:", "0 ms or more"),
        ("A1 B2 3ms\n", None, "7.latencies.intra:1:", "no line of a PoP map"),
        ("A1 B2\n", None, "7.latencies.intra:1:", "no line of a PoP map"),
        ("A1 B2 1e999\n", None, "7.latencies.intra:1:", "latency"),
        ("A1 B2 3\n", "A1 B2 0\n", "7.weights.intra:1:", "above 0"),
        ("A1 B2 3\nB2 C3 1\n", "A1 B2 1\n", "7.latencies.intra:2:", "is not in"),
        ("A1 B2 3\n", "A1 B2 1\n\nB2 C3 1\n", "7.weights.intra:3:", "is not in"),
        ("A1 B2 700000\n", None, "7.latencies.intra:1:", "outside"),
    ],
)
def test_intra_errors(
    tmp_path: Path, latencies: str, weights: str | None, where: str, message: str
) -> None:
    with pytest.raises(TopologyError) as caught:
        read_intra(write_pair(tmp_path, latencies, weights))
    assert where in str(caught.value)
    assert message in str(caught.value)


def test_folder_of_rocketfuels_archive(tmp_path: Path) -> None:
    folder = tmp_path / "1239"
    folder.mkdir()
    (folder / "latencies.intra").write_text("A1 B2 3\nB2 A1 3\n")
    (folder / "weights.intra").write_text("A1 B2 2\nB2 A1 2\n")
    topology = load_topology(str(folder))
    assert (topology.name, topology.links[0].weight) == ("1239", 2)


def test_large_maps_take_seconds(tmp_path: Path) -> None:
    """10,000 lines of an ISP map; 300 PoPs with 972 links."""
    chance = random.Random(1)
    neighbours: dict[int, set[int]] = {uid: set() for uid in range(10_000)}
    for uid in range(1, 10_000):
        for other in (uid - 1, chance.randrange(uid), chance.randrange(uid)):
            neighbours[uid].add(other)
            neighbours[other].add(uid)
    cch = "".join(
        f"{uid} @Some+Where,+XY + bb\t({len(near)}) &1 -> "
        f"{' '.join(f'<{n}>' for n in sorted(near))}  =r{uid}.example.net r0\n"
        for uid, near in neighbours.items()
    )
    (tmp_path / "big.cch").write_text(cch)
    pairs = {(f"P{i}", f"P{i + 1}") for i in range(1, 300)}
    while len(pairs) < 972:
        a, b = sorted(chance.sample(range(1, 301), 2))
        pairs.add((f"P{a}", f"P{b}"))
    lines = [f"{a} {b} 4\n{b} {a} 4\n" for a, b in sorted(pairs)]
    (tmp_path / "9.latencies.intra").write_text("".join(lines))
    (tmp_path / "9.weights.intra").write_text("".join(lines))
    began = time.process_time()
    isp = load_topology(str(tmp_path / "big.cch"))
    pops = load_topology(str(tmp_path / "9.weights.intra"))
    sampled = sample_topology(isp, 200, 1)
    assert time.process_time() - began < 10
    assert (len(isp.nodes), len(isp.links)) == (10_000, sum(map(len, neighbours.values())) // 2)
    assert (len(pops.nodes), len(pops.links)) == (300, 972)
    assert sampled.is_connected
