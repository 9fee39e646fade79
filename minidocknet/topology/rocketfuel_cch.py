"""Rocketfuel's ISP maps (``*.cch``): routers of one ISP and their adjacencies.

Spring, Mahajan, Wetherall: "Measuring ISP Topologies with Rocketfuel", SIGCOMM 2002.  A line is a
router, or an address outside the ISP that routers point to::

    uid @loc [+] [bb] (num_neigh) [&ext] -> <nuid-1> <nuid-2> ... {-euid} ... =name[!] rn
    -euid =externaladdress rn

``+``: the location was inferred from the DNS name; ``bb``: a backbone router; ``num_neigh``:
neighbours before the map was cut to radius n, so it may exceed those listed; ``&ext``: links that
leave the ISP; ``!``: the name was guessed; ``rn``: hops from the ISP's named routers.

Rules, from what published maps hold: a router that lists itself (aliases of one router merged) is
not given a link, and a warning counts these; a link exists when either side lists it, and one
that only one side lists has the attribute ``one_sided``; a neighbour that has no line is an error.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import networkx as nx

from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import LinkSpec, NodeSpec, Scalar, Topology
from minidocknet.topology.files import located, numbered_lines, read_map, shown
from minidocknet.topology.options import check_known, literal, split_arguments
from minidocknet.topology.sample import induced

log = logging.getLogger(__name__)

OPTIONS = ("external", "radius", "largest")
SOURCE = (
    "Rocketfuel (Spring, Mahajan, Wetherall: Measuring ISP Topologies with Rocketfuel, "
    "SIGCOMM 2002)"
)
_ID = r"[0-9]{1,18}"
ROUTER_LINE = re.compile(
    rf"(?P<uid>{_ID})\s+@(?P<loc>\S+)\s+(?P<dns>\+\s*)?(?P<bb>bb\s*)?"
    rf"\((?P<neighbours>{_ID})\)\s*(?:&(?P<ext>{_ID})\s*)?->\s*"
    rf"(?P<nuids>(?:<{_ID}>\s*)*)(?P<euids>(?:\{{-{_ID}\}}\s*)*)"
    r"=(?P<name>\S*?)(?P<guess>!)?\s+r(?P<radius>[0-9]{1,3})",
    re.ASCII,
)
EXTERNAL_LINE = re.compile(rf"(?P<euid>-{_ID})\s+=(?P<address>\S+)\s+r(?P<radius>[0-9]{{1,3}})")
_NUMBER = re.compile(r"-?[0-9]+")


@dataclass(frozen=True, slots=True)
class _Router:
    line: int
    node: NodeSpec
    neighbours: tuple[str, ...]
    externals: tuple[str, ...]
    radius: int


@dataclass(frozen=True, slots=True)
class _Options:
    external: bool = False
    radius: int | None = None
    largest: bool = False


def read_cch(path: Path, options: str = "") -> Topology:
    """The ISP map in ``path``.

    ``options``: ``external`` adds the addresses outside the ISP as nodes, ``radius=N`` keeps
    routers up to rN, ``largest`` keeps the largest connected part.  Raises
    :class:`TopologyError` with file and line.
    """
    return parse_cch(read_map(path, encoding="latin-1"), str(path), path.stem, options)


def parse_cch(text: str, file: str, name: str, options: str = "") -> Topology:
    """The ISP map in ``text``; ``file`` is what errors call it."""
    with located(file):
        wanted = _parse_options(options)
    routers: dict[str, _Router] = {}
    externals: dict[str, tuple[int, NodeSpec]] = {}
    for line, content in numbered_lines(text):
        with located(file, line):
            if content.startswith("-"):
                uid, external = _external(content, line)
            else:
                uid, router = _router(content, line)
        if uid in routers or uid in externals:
            first = routers[uid].line if uid in routers else externals[uid][0]
            raise TopologyError(
                f"{uid} is described twice, first in line {first}; keep one", file=file, line=line
            )
        if content.startswith("-"):
            externals[uid] = external
        else:
            routers[uid] = router
    if not routers:
        raise TopologyError("describes no router", file=file, line=1)
    links = _links(routers, file)
    nodes = {uid: router.node for uid, router in routers.items()}
    if wanted.external:
        links += _external_links(routers, externals, file)
        nodes.update((uid, node) for uid, (_, node) in externals.items())
    if wanted.radius is not None:
        radius = wanted.radius
        nodes = {
            uid: node
            for uid, node in nodes.items()
            if uid not in routers or routers[uid].radius <= radius
        }
        if not nodes:
            raise TopologyError(f"no router is within radius {radius}", file=file)
    kept = {node.name for node in nodes.values()}
    topology = Topology(
        name=name,
        nodes=tuple(nodes.values()),
        links=tuple(link for link in links if link.a in kept and link.b in kept),
        description=f"ISP map {name}: routers and their adjacencies, without delays",
        source=SOURCE,
    )
    if wanted.largest:
        topology = induced(topology, max(nx.connected_components(topology.graph), key=len))
    return topology


def _parse_options(text: str) -> _Options:
    positional, named = split_arguments(text)
    given = {**dict.fromkeys(positional, "true"), **named}
    check_known(list(given), OPTIONS, "a .cch map")
    for flag in ("external", "largest"):
        if given.get(flag, "true") not in ("true", "false"):
            raise TopologyError(f"{flag} is {given[flag]!r}; it must be true or false")
    radius = literal(given["radius"]) if "radius" in given else None
    if radius is not None and (isinstance(radius, bool) or not isinstance(radius, int)):
        raise TopologyError(f"radius {radius!r} is no whole number; write it like radius=0")
    return _Options(
        external=given.get("external") == "true",
        radius=radius,
        largest=given.get("largest") == "true",
    )


def _router(content: str, line: int) -> tuple[str, _Router]:
    match = ROUTER_LINE.fullmatch(content)
    if match is None:
        raise TopologyError(
            f"is no router of an ISP map: {shown(content)}",
            remedy="the form is  uid @loc [+] [bb] (num_neigh) [&ext] -> <nuid> ... {-euid} ... "
            "=name[!] rN",
        )
    uid = match["uid"]
    neighbours = tuple(_NUMBER.findall(match["nuids"]))
    externals = tuple(_NUMBER.findall(match["euids"]))
    for listed in (neighbours, externals):
        if len(set(listed)) != len(listed):
            twice = next(one for one in listed if listed.count(one) > 1)
            raise TopologyError(
                f"router {uid} lists its neighbour {twice} twice", remedy="list it once"
            )
    if len(neighbours) > int(match["neighbours"]):
        raise TopologyError(
            f"router {uid} lists {len(neighbours)} neighbours but announces "
            f"({match['neighbours']})",
            remedy=f"announce ({len(neighbours)}) or more",
        )
    location = match["loc"].replace("+", " ")
    attrs: dict[str, Scalar] = {"backbone": match["bb"] is not None, "radius": int(match["radius"])}
    if match["name"]:
        attrs["dns"] = match["name"]
    if match["guess"]:
        attrs["dns_guessed"] = True
    if match["dns"]:
        attrs["location_from_dns"] = True
    if match["ext"] or externals:
        attrs["external_links"] = max(int(match["ext"] or 0), len(externals))
    node = NodeSpec(
        name=f"n{uid}",
        label=uid,
        location=location if location != "?" else None,
        attrs=attrs,
    )
    return uid, _Router(line, node, neighbours, externals, int(match["radius"]))


def _external(content: str, line: int) -> tuple[str, tuple[int, NodeSpec]]:
    match = EXTERNAL_LINE.fullmatch(content)
    if match is None:
        raise TopologyError(
            f"is no external address of an ISP map: {shown(content)}",
            remedy="the form is  -euid =externaladdress rN",
        )
    uid = match["euid"]
    attrs: dict[str, Scalar] = {
        "external": True,
        "address": match["address"],
        "radius": int(match["radius"]),
    }
    return uid, (line, NodeSpec(name=f"x{uid[1:]}", label=uid, attrs=attrs))


def _links(routers: dict[str, _Router], file: str) -> list[LinkSpec]:
    links: list[LinkSpec] = []
    own = one_sided = 0
    neighbours = {uid: frozenset(router.neighbours) for uid, router in routers.items()}
    seen: set[tuple[str, str]] = set()
    for uid, router in routers.items():
        for other in router.neighbours:
            if other == uid:
                own += 1
                continue
            if other not in routers:
                raise TopologyError(
                    f"router {uid} names the neighbour {other}, which has no line",
                    file=file,
                    line=router.line,
                    remedy=f"describe {other} in a line of its own, or drop <{other}>",
                )
            if (other, uid) in seen:
                continue
            seen.add((uid, other))
            mutual = uid in neighbours[other]
            one_sided += not mutual
            attrs: dict[str, Scalar] = {} if mutual else {"one_sided": True}
            links.append(LinkSpec(router.node.name, routers[other].node.name, attrs=attrs))
    if own:
        log.warning("%s: %d routers list themselves as neighbours; left out", file, own)
    if one_sided:
        log.warning("%s: %d links are listed by one side only; kept", file, one_sided)
    return links


def _external_links(
    routers: dict[str, _Router], externals: dict[str, tuple[int, NodeSpec]], file: str
) -> list[LinkSpec]:
    links: list[LinkSpec] = []
    for uid, router in routers.items():
        for other in router.externals:
            if other not in externals:
                raise TopologyError(
                    f"router {uid} names the external {other}, which has no line",
                    file=file,
                    line=router.line,
                    remedy=f"describe it as  {other} =address r1  or leave out the option external",
                )
            node = externals[other][1]
            links.append(LinkSpec(router.node.name, node.name, attrs={"external": True}))
    return links
