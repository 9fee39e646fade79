"""Hypothesis strategies: any topology, and text with something wrong in it."""

from __future__ import annotations

import re
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from minidocknet.model.apps import MOVE_POLICIES, RESTART_POLICIES, AppSpec, Volume
from minidocknet.model.errors import TopologyError
from minidocknet.model.shaping import GilbertElliott, Shaping
from minidocknet.model.topology import NODE_NAME, LinkSpec, NodeSpec, Topology

PIECES = [*" \t-+<>[]{}()=!&@#'\":,.", "\x00", "\r", "é", "\x1b", "1e999", "nan", "-1", "9" * 20]
percents = st.floats(0, 100)
# Texts that YAML, XML and GML can hold; what YAML would take for something else is in on purpose.
texts = st.one_of(
    st.text(st.characters(exclude_categories=["C"]), max_size=20),
    st.sampled_from(["no", "on", "null", "1e3", "12:30", "0x1f", "<<", "~", "- a", "a: b", "#x",
                     "&amp;", '"', "'", "1_000", "=", ".5", "2001-01-01", "a\nb", "*x", "!t"]),
)  # fmt: skip
named_texts = texts.filter(lambda text: text == text.strip() and text)
scalars = st.one_of(
    texts,
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
node_names = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?", fullmatch=True).filter(
    lambda name: NODE_NAME.fullmatch(name) is not None
)


def attribute_maps(keys: st.SearchStrategy[str], values: st.SearchStrategy[Any]) -> Any:
    """Small mappings of attributes."""
    return st.dictionaries(keys, values, max_size=3)


@st.composite
def shapings(draw: st.DrawFn) -> Shaping:
    """Any valid shaping."""
    burst = None
    if draw(st.booleans()):
        burst = GilbertElliott(draw(st.floats(0.001, 100)), *(draw(percents) for _ in range(3)))
    return Shaping(
        delay_ms=draw(st.floats(0, 600_000)),
        jitter_ms=draw(st.floats(0, 1000)),
        jitter_distribution=draw(st.sampled_from(["uniform", "normal"])),
        loss_pct=0.0 if burst else draw(percents),
        burst_loss=burst,
        duplicate_pct=draw(percents),
        reorder_pct=draw(percents),
        bw_mbit=draw(st.none() | st.floats(0.001, 1_000_000)),
        queue_packets=draw(st.none() | st.integers(1, 10**6)),
        queue_bytes=draw(st.none() | st.integers(1, 2**40)),
    )


@st.composite
def topologies(
    draw: st.DrawFn,
    keys: st.SearchStrategy[str] = named_texts,
    values: st.SearchStrategy[Any] = scalars,
    *,
    apps: bool = False,
) -> Topology:
    """Any topology; ``keys`` and ``values`` of its attributes; with ``apps`` where asked for."""
    names = draw(st.lists(node_names, min_size=1, max_size=6, unique_by=str.lower))
    attributes = attribute_maps(keys, values)
    nodes = tuple(draw(node_specs(name, attributes)) for name in names)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=8)) if pairs else []
    symmetric = draw(shapings())
    links = tuple(draw(link_specs(a, b, attributes, symmetric)) for a, b in chosen)
    used = {name.lower() for name in names}
    own = draw(st.lists(node_names, max_size=3, unique_by=str.lower)) if apps else []
    planned = tuple(draw(app_specs(name, names)) for name in own if name.lower() not in used)
    return Topology(draw(named_texts), nodes, links, draw(texts), draw(texts), planned)


def node_specs(name: str, attributes: st.SearchStrategy[Any]) -> st.SearchStrategy[NodeSpec]:
    """Nodes called ``name``."""
    return st.builds(
        NodeSpec,
        name=st.just(name),
        label=st.none() | named_texts.filter(lambda label: label != name),
        image=st.none() | named_texts,
        cpus=st.none() | st.floats(0.01, 1024),
        memory_bytes=st.none() | st.integers(16 * 1024**2, 2**50),
        ip=st.none() | st.just(IPv4Interface("10.1.2.3/16")),
        mac=st.none() | st.just("12:30:00:00:00:01"),
        switch=st.sampled_from([None, "node", "shared", "none"]),
        inner_engine=st.sampled_from([None, "lazy", "eager"]),
        env=attribute_maps(named_texts, texts),
        volumes=st.lists(named_texts, max_size=2).map(tuple),
        location=st.none() | named_texts,
        latitude=st.none() | st.floats(-90, 90),
        longitude=st.none() | st.floats(-180, 180),
        attrs=attributes,
    )


def app_specs(name: str, nodes: list[str]) -> st.SearchStrategy[AppSpec]:
    """Applications called ``name`` on one of ``nodes``."""
    words = st.lists(texts, max_size=3).map(tuple)
    paths = st.from_regex(r"/[a-z]([a-z ]{0,5}[a-z])?", fullmatch=True)
    volume = st.builds(Volume, st.sampled_from(["data", "v.1"]), paths, st.booleans())
    return st.builds(
        AppSpec,
        name=st.just(name),
        node=st.sampled_from(nodes),
        image=named_texts,
        command=words,
        entrypoint=st.none() | words,
        ip=st.none() | st.just(IPv4Interface("10.1.2.4/16")),
        mac=st.none() | st.just("12:30:00:00:00:02"),
        cpus=st.none() | st.floats(0.01, 1024),
        memory_bytes=st.none() | st.integers(6 * 1024**2, 2**50),
        env=attribute_maps(named_texts, texts),
        volumes=st.lists(volume, max_size=2, unique_by=lambda v: v.target).map(tuple),
        restart=st.sampled_from(RESTART_POLICIES),
        policy=st.sampled_from(MOVE_POLICIES),
    )


def link_specs(
    a: str, b: str, attributes: st.SearchStrategy[Any], common: Shaping
) -> st.SearchStrategy[LinkSpec]:
    """Links from ``a`` to ``b``, often shaped as ``common``."""
    return st.builds(
        LinkSpec,
        a=st.just(a),
        b=st.just(b),
        a_to_b=st.just(common) | shapings(),
        b_to_a=st.just(common) | shapings(),
        type=st.sampled_from([None, "l2tp", "wire", "vxlan", "veth"]),
        encap=st.sampled_from([None, "none", "l2tp"]),
        mtu=st.none() | st.integers(576, 65535),
        weight=st.none() | st.floats(1e-3, 1e6),
        a_iface=st.none() | st.just("up1"),
        b_iface=st.none() | st.just("2"),
        up=st.booleans(),
        attrs=attributes,
    )


@st.composite
def mutations(draw: st.DrawFn, text: str) -> str:
    """``text`` with lines dropped, repeated, swapped or cut, or characters changed."""
    lines = text.split("\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        kind = draw(st.sampled_from(["drop", "repeat", "cut", "insert", "digit", "swap", "junk"]))
        position = draw(st.integers(0, len(line)))
        if kind == "drop" and len(lines) > 1:
            del lines[at]
        elif kind == "repeat":
            lines.insert(at, line)
        elif kind == "cut":
            lines[at] = line[:position]
        elif kind == "insert":
            piece = draw(st.sampled_from(PIECES))
            lines[at] = line[:position] + piece + line[position:]
        elif kind == "digit":
            lines[at] = re.sub(r"\d+", draw(st.sampled_from(["0", "-5", "x", "1e400", ""])), line)
        elif kind == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], line
        else:
            lines.insert(at, draw(st.text(max_size=30)))
    return "\n".join(lines)


def check_located(error: TopologyError, file: Path, text: str) -> None:
    """An error of a mutated file names that file, and a line that it has."""
    assert error.file is not None
    assert file.name in error.file
    assert error.line is not None
    assert 1 <= error.line <= len(text.splitlines()) + 1
    assert error.message
