"""``mdn topology``: results on stdout, messages on stderr, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from minidocknet.cli.topology import topology
from minidocknet.model.errors import UsageError
from minidocknet.topology import load_topology, sample_topology


def run(*arguments: str) -> Result:
    return CliRunner().invoke(topology, arguments)


def test_list() -> None:
    result = run("list")
    assert result.exit_code == 0
    for name in ("rocketfuel-68", "tree,depth,fanout", "topozoo/..."):
        assert name in result.stdout
    maps = json.loads(run("list", "--format", "json").stdout)["maps"]
    ours = next(entry for entry in maps if entry["name"] == "rocketfuel-68")
    assert (ours["nodes"], ours["links"], ours["is_tree"]) == (68, 67, True)
    assert len(maps) > 700
    assert "topozoo/Abilene" in run("list", "abilene").stdout


def test_show() -> None:
    data = json.loads(run("show", "rocketfuel-68", "--format", "json").stdout)
    assert (data["schema"], len(data["nodes"]), len(data["links"])) == (1, 68, 67)
    assert {(link["delay_ms"], link["bw_mbit"]) for link in data["links"]} == {(3, 10)}
    table = run("show", "dumbbell").stdout
    assert "6 nodes, 5 links, a tree" in table
    assert "1mbit queue 32768b" in table


def test_convert_and_sample(tmp_path: Path) -> None:
    path = tmp_path / "part.gml"
    result = run("sample", "mesh-6", "--nodes", "4", "--seed", "2", "-o", str(path))
    assert (result.exit_code, result.stdout) == (0, "")
    assert load_topology(str(path)) == sample_topology(load_topology("mesh-6"), 4, 2)
    again = tmp_path / "again.yaml"
    assert run("convert", str(path), "-o", str(again)).exit_code == 0
    assert load_topology(str(again)) == load_topology(str(path))
    assert run("convert", "triangle", "--to", "graphml").stdout.startswith("<?xml")


def test_writing_needs_a_format(tmp_path: Path) -> None:
    result = run("convert", "triangle", "-o", str(tmp_path / "x.cch"))
    assert isinstance(result.exception, UsageError)
    missing = run("convert", "triangle", "-o", str(tmp_path / "no" / "x.gml"))
    assert isinstance(missing.exception, UsageError)


def test_validate(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("nodes: [a]\nlinks: [{a: a, b: a}]\n")
    result = run("validate", "triangle", str(bad))
    assert result.exit_code == 3
    assert result.stdout == "triangle: OK, triangle: 3 nodes, 3 links, connected\n"
    assert f"{bad}:2: " in result.stderr
    assert run("validate", "triangle").exit_code == 0
