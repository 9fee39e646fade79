"""Mutated maps either parse or give a TopologyError with file and line; nothing else, ever."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minidocknet.model.errors import TopologyError
from minidocknet.topology import load_topology
from minidocknet.topology.write import topology_yaml
from minidocknet.topology.write_graphs import topology_gml, topology_graphml

from .conftest import ROCKETFUEL
from .strategies import check_located, mutations
from .test_graph_formats import ZOO
from .test_native_errors import FULL
from .test_rocketfuel import R1_MAP

relaxed = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
DUMBBELL = load_topology("dumbbell")
INTRA = "Oslo,+Norway1 Bern2 14\nBern2 Oslo,+Norway1 14\nBern2 Rome,+Italy3 7.5\n"
SEEDS = {
    "full.yaml": FULL,
    "dumbbell.yaml": topology_yaml(DUMBBELL),
    "dumbbell.graphml": topology_graphml(DUMBBELL),
    "dumbbell.gml": topology_gml(DUMBBELL),
    "zoo.gml": ZOO,
    "r1.cch": R1_MAP,
    "7.latencies.intra": INTRA,
}


def check(name: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8", newline="", errors="surrogatepass")
        try:
            load_topology(str(path))
        except TopologyError as error:
            check_located(error, path, text)


@pytest.mark.parametrize("name", SEEDS)
@relaxed
@given(data=st.data())
def test_mutated_maps(name: str, data: st.DataObject) -> None:
    check(name, data.draw(mutations(SEEDS[name])))


@pytest.mark.parametrize("name", ["1755.latencies.intra", "2914.r0.cch", "rocketfuel-68.graphml"])
@settings(relaxed, max_examples=30)
@given(data=st.data())
def test_mutated_published_maps(name: str, data: st.DataObject) -> None:
    if not ROCKETFUEL.is_dir():
        pytest.skip(f"Rocketfuel's maps are not at {ROCKETFUEL}")
    lines = (ROCKETFUEL / name).read_text(encoding="latin-1").split("\n")
    start = data.draw(st.integers(0, max(0, len(lines) - 60)))
    # A window keeps mutations dense; the head keeps the format recognisable.
    check(name, data.draw(mutations("\n".join(lines[:4] + lines[start : start + 60]))))


@pytest.mark.parametrize("suffix", [".yaml", ".graphml", ".gml", ".cch", ".latencies.intra", ""])
@relaxed
@given(text=st.text(max_size=200))
def test_any_text_under_any_suffix(suffix: str, text: str) -> None:
    with contextlib.suppress(UnicodeEncodeError):
        check(f"map{suffix}", text)
