"""Maps made by rule: written like Mininet's ``tree,2,3``, also with names: ``tree,depth=2``.

Every node is a computer with a switch, so ``linear,3`` is three nodes in a line.  All link fields
of the YAML format may follow by name: ``ring,5,delay=3ms,bw=10mbit``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import dist, exp, sqrt

from pydantic import ValidationError

from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import LinkSpec, NodeSpec, Topology
from minidocknet.topology.document import Direction
from minidocknet.topology.native import shaping_of
from minidocknet.topology.options import Argument, check_known, literal, split_arguments

MAX_NODES = 20_000
MAX_LINKS = 200_000
_LINK_FIELDS = tuple(sorted(set(Direction.model_fields) - {"burst_loss"}))


@dataclass(frozen=True, slots=True)
class Shape:
    """Node names and the pairs that are linked."""

    nodes: Sequence[str]
    links: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of a generator; ``default`` None means that it must be given."""

    name: str
    kind: type[int] | type[float]
    default: int | float | None = None
    least: float = 1
    most: float = MAX_NODES


@dataclass(frozen=True, slots=True)
class Generator:
    """One kind of map."""

    parameters: tuple[Parameter, ...]
    description: str
    make: Callable[..., Shape]

    @property
    def usage(self) -> str:
        """The arguments as documentation writes them: ``,N[,seed]``."""
        return "".join(
            f",{p.name}" if p.default is None else f"[,{p.name}]" for p in self.parameters
        )


def is_generator(source: str) -> bool:
    """True where the word before the first comma is a generator's."""
    return source.partition(",")[0] in GENERATORS


def generate(source: str) -> Topology:
    """The map that ``source``, like ``tree,2,3``, asks for; equal sources give equal maps.

    Raises :class:`TopologyError` naming the bad argument and its range.
    """
    kind, _, text = source.partition(",")
    generator = GENERATORS[kind]
    usage = f"{kind}{generator.usage}"
    positional, named = split_arguments(text)
    names = [parameter.name for parameter in generator.parameters]
    if len(positional) > len(names):
        raise TopologyError(f"{kind} takes {len(names)} arguments: {source!r}", remedy=usage)
    given = dict(zip(names, positional, strict=False))
    check_known(list(named), [*names, *_LINK_FIELDS], kind)
    for name in names:
        if name in named and name in given:
            raise TopologyError(f"{kind}: {name} is given twice in {source!r}; keep one")
        if name in named:
            given[name] = named[name]
    values = {p.name.lower(): _value(kind, usage, p, given) for p in generator.parameters}
    shape = generator.make(**values)
    fields = {name: literal(value) for name, value in named.items() if name not in names}
    return _topology(source, generator, shape, fields)


def _value(kind: str, usage: str, parameter: Parameter, given: dict[str, str]) -> int | float:
    if parameter.name not in given:
        if parameter.default is None:
            raise TopologyError(f"{kind} lacks its argument {parameter.name}", remedy=usage)
        return parameter.default
    text = given[parameter.name]
    value = literal(text)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and not (parameter.kind is float and isinstance(value, float)):
        what = "whole number" if parameter.kind is int else "number"
        raise TopologyError(f"{kind}: {parameter.name} {text!r} is no {what}", remedy=usage)
    number = parameter.kind(value)
    if not parameter.least <= number <= parameter.most:
        raise TopologyError(
            f"{kind}: {parameter.name} {text} is outside {parameter.least:g} to {parameter.most:g}",
            remedy=usage,
        )
    return number


def _topology(
    source: str, generator: Generator, shape: Shape, fields: dict[str, Argument]
) -> Topology:
    try:
        shaping = shaping_of(Direction.model_validate(fields))
    except ValidationError as error:
        first = error.errors()[0]
        raise TopologyError(
            f"{source}: {first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}"
        ) from None
    except ValueError as error:
        raise TopologyError(f"{source}: {error}") from None
    return Topology(
        name=source.replace(",", "-").replace("=", "-"),
        nodes=tuple(NodeSpec(name) for name in shape.nodes),
        links=tuple(LinkSpec(a, b, a_to_b=shaping, b_to_a=shaping) for a, b in shape.links),
        description=f"{source}: {generator.description}",
        source="generated",
    )


def _numbered(count: int) -> list[str]:
    return [f"n{number}" for number in range(1, count + 1)]


def _limit(what: str, count: int, most: int) -> None:
    if count > most:
        raise TopologyError(f"{count} {what} are too many", remedy=f"ask for {most} or fewer")


def linear(n: int) -> Shape:
    """``n`` nodes in a line."""
    names = _numbered(n)
    return Shape(names, list(pairwise(names)))


def ring(n: int) -> Shape:
    """``n`` nodes in a circle."""
    names = _numbered(n)
    return Shape(names, [*pairwise(names), (names[-1], names[0])])


def tree(depth: int, fanout: int) -> Shape:
    """A root and ``depth`` levels below it, ``fanout`` children each."""
    count = sum(fanout**level for level in range(depth + 1)) if fanout > 1 else depth + 1
    _limit("nodes", count, MAX_NODES)
    names = _numbered(count)
    return Shape(names, [(names[(i - 1) // fanout], names[i]) for i in range(1, count)])


def grid(r: int, c: int) -> Shape:
    """``r`` rows of ``c`` nodes, each linked to its right and its lower neighbour."""
    _limit("nodes", r * c, MAX_NODES)
    links = [(_cell(i, j), _cell(i, j + 1)) for i in range(r) for j in range(c - 1)]
    links += [(_cell(i, j), _cell(i + 1, j)) for i in range(r - 1) for j in range(c)]
    return Shape([_cell(i, j) for i in range(r) for j in range(c)], links)


def torus(r: int, c: int) -> Shape:
    """A grid whose rows and columns are closed to rings."""
    _limit("nodes", r * c, MAX_NODES)
    links = [(_cell(i, j), _cell(i, (j + 1) % c)) for i in range(r) for j in range(c)]
    links += [(_cell(i, j), _cell((i + 1) % r, j)) for i in range(r) for j in range(c)]
    return Shape([_cell(i, j) for i in range(r) for j in range(c)], links)


def _cell(row: int, column: int) -> str:
    return f"r{row + 1}c{column + 1}"


def fat_tree(k: int, hosts: int) -> Shape:
    """Al-Fares, Loukissas, Vahdat (SIGCOMM 2008): k pods, k²/4 cores, ``hosts`` per edge switch.

    A negative ``hosts`` stands for the paper's k/2.
    """
    if k % 2:
        raise TopologyError(f"fat-tree: k {k} is odd; it must be even, like 4")
    half = k // 2
    hosts = half if hosts < 0 else hosts
    _limit("nodes", 5 * half * half + k * half * hosts, MAX_NODES)
    cores = [[f"core-{i + 1}-{j + 1}" for j in range(half)] for i in range(half)]
    nodes = [name for row in cores for name in row]
    links: list[tuple[str, str]] = []
    for pod in range(1, k + 1):
        aggregates = [f"agg-{pod}-{i + 1}" for i in range(half)]
        edges = [f"edge-{pod}-{i + 1}" for i in range(half)]
        nodes += aggregates + edges
        for row, aggregate in zip(cores, aggregates, strict=True):
            links += [(core, aggregate) for core in row]
            links += [(aggregate, edge) for edge in edges]
        for index, edge in enumerate(edges, 1):
            below = [f"host-{pod}-{index}-{i + 1}" for i in range(hosts)]
            nodes += below
            links += [(edge, host) for host in below]
    return Shape(nodes, links)


def waxman(n: int, alpha: float, beta: float, seed: int) -> Shape:
    """Waxman (JSAC 1988): points in the unit square, linked with chance beta·exp(-d/(alpha·√2)).

    Parts that chance leaves apart are joined by the shortest link between them.
    """
    _limit("nodes", n, 2_000)
    generator = random.Random(seed)
    names = _numbered(n)
    points = [(generator.random(), generator.random()) for _ in names]
    part = list(range(n))

    def root(i: int) -> int:
        while part[i] != i:
            part[i] = part[part[i]]
            i = part[i]
        return i

    links: list[tuple[int, int]] = []
    apart: list[tuple[float, int, int]] = []
    for i in range(n):
        for j in range(i + 1, n):
            distance = dist(points[i], points[j])
            if generator.random() < beta * exp(-distance / (alpha * sqrt(2))):
                links.append((i, j))
                part[root(i)] = root(j)
            else:
                apart.append((distance, i, j))
    for _, i, j in sorted(apart):
        if root(i) != root(j):
            links.append((i, j))
            part[root(i)] = root(j)
    return Shape(names, [(names[i], names[j]) for i, j in links])


def barabasi_albert(n: int, m: int, seed: int) -> Shape:
    """Barabási, Albert (Science 1999): a star of m+1 nodes; each later node links to m others.

    These are drawn with a chance in proportion to their links; there are m·(n-m) links.
    """
    if m >= n:
        raise TopologyError(f"barabasi-albert: m {m} must be below N {n}")
    _limit("links", m * (n - m), MAX_LINKS)
    generator = random.Random(seed)
    names = _numbered(n)
    links = [(0, other) for other in range(1, m + 1)]
    ends = [end for link in links for end in link]
    for new in range(m + 1, n):
        targets: dict[int, None] = {}
        while len(targets) < m:
            targets[generator.choice(ends)] = None
        links += [(target, new) for target in targets]
        ends += [end for target in targets for end in (target, new)]
    return Shape(names, [(names[a], names[b]) for a, b in links])


_SEED = Parameter("seed", int, 0, 0, 2**63)
GENERATORS: dict[str, Generator] = {
    "linear": Generator((Parameter("N", int),), "nodes in a line", linear),
    "ring": Generator((Parameter("N", int, least=3),), "nodes in a circle", ring),
    "tree": Generator(
        (Parameter("depth", int, least=0, most=64), Parameter("fanout", int)),
        "a tree of nodes: a root and depth levels below it",
        tree,
    ),
    "grid": Generator((Parameter("R", int), Parameter("C", int)), "R rows of C nodes", grid),
    "torus": Generator(
        (Parameter("R", int, least=3), Parameter("C", int, least=3)),
        "a grid closed to rings both ways",
        torus,
    ),
    "fat-tree": Generator(
        (Parameter("k", int, least=2, most=64), Parameter("hosts", int, -1, 0)),
        "a fat tree of 5k²/4 switches, hosts (k/2 where not said) below each edge switch",
        fat_tree,
    ),
    "waxman": Generator(
        (
            Parameter("N", int),
            Parameter("alpha", float, 0.15, 1e-3, 1e3),
            Parameter("beta", float, 0.4, 0, 1),
            _SEED,
        ),
        "a connected random map where near nodes are linked more often",
        waxman,
    ),
    "barabasi-albert": Generator(
        (Parameter("N", int, least=2), Parameter("m", int), _SEED),
        "a random map where well-linked nodes gain more links",
        barabasi_albert,
    ),
}
