"""The examples, run as a user runs them."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from minidocknet.core.wipe import wipe
from minidocknet.runtime.engine import Engine

from .leftovers import leftovers

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def run(engine: Engine, request: pytest.FixtureRequest) -> Iterator[object]:
    """``run(lab, "name.py", ...)``: the example's output; its lab must be gone afterwards."""
    labs = []

    def run_example(lab: str, name: str, *arguments: str) -> str:
        labs.append(lab)
        program = [sys.executable] if name.endswith(".py") else []
        done = subprocess.run(
            [*program, str(EXAMPLES / name), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert leftovers(engine, lab) == []
        return done.stdout

    yield run_example
    for lab in labs:
        wipe(engine, lab)


def test_every_example_is_tested_here() -> None:
    tested = set(re.findall(r'run\("[^"]+", "([^"]+)"', Path(__file__).read_text()))
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == tested


def test_change_a_live_lab(run) -> None:
    out = run("example-live", "change-a-live-lab.sh")
    before, delayed, cable, node, capture = re.split(r"^== .*\n", out, flags=re.MULTILINE)[1:]
    best = [float(text) for text in re.findall(r"rtt min/avg/max/mdev = ([0-9.]+)/", out)]
    assert len(best) == 3
    assert all(3.5 <= rtt < 10.0 for rtt in best)
    assert "6 nodes, 8 links" in before
    rtts = [float(text) for text in re.findall(r"^ping \d+: ([0-9.]+) ms", delayed, re.MULTILINE)]
    assert min(rtts[:3]) < 20.0
    assert 23.0 <= min(rtts[-3:]) < 30.0
    assert "NO-CARRIER" in cable
    assert "no answer, as it should be" in cable
    assert re.search(r"^r2 .*exited", node, re.MULTILINE)
    assert len(re.findall(r"\bdown\b", node)) == 3
    assert "kept" in node
    assert len(re.findall(r"ICMP echo (?:request|reply)", capture)) == 4


def test_tcp_goodput(run) -> None:
    out = run("example-goodput", "tcp_goodput.py")
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [(row[0], row[1]) for row in rows] == [
        ("5", "0"), ("10", "0"), ("50", "0"), ("100", "0"), ("100", "1"),
    ]  # fmt: skip
    for rate, loss, goodput, *_ in rows:
        assert float(goodput) <= float(rate)
        if loss == "0" and float(rate) <= 50:  # more depends on the machine's load
            assert float(goodput) >= 0.75 * float(rate)


def test_ping_a_map(run) -> None:
    out = run("example-map", "ping_a_map.py")
    rows = [line.split() for line in out.splitlines() if re.search(r"[+-]\d+\.\d\d$", line)]
    assert len(rows) == 12 * 11 / 2
    beyond = [float(row[-1]) for row in rows]
    # At most 12 % of a delay are left to the emulation itself; how much later a reply comes
    # depends on the machine's load.
    assert all(float(row[4]) >= 0.88 * float(row[3]) > 0 for row in rows)
    assert statistics.median(beyond) < 10.0
