"""The maps of the topohub package (Jurkiewicz: "TopoHub", SoftwareX 2023) by name.

``topohub:topozoo/Abilene`` or just ``topozoo/Abilene``.  A link's delay is that of fibre along its
length, 2/3 of the speed of light; links of unknown length (0 km) have none.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import topohub

from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import Topology
from minidocknet.topology.attributes import Attributes
from minidocknet.topology.files import near
from minidocknet.topology.geo import fibre_delay_ms
from minidocknet.topology.graphs import RawEdge, RawGraph, RawNode, build_topology

PREFIX = "topohub:"
SOURCE = "topohub"


@cache
def hub_names() -> tuple[str, ...]:
    """The names of all maps of the package, like ``topozoo/Abilene``, sorted."""
    return tuple(sorted(_walk(files(topohub) / "data", "")))


def is_hub_name(source: str) -> bool:
    """True where ``source`` is meant for the hub: by its prefix, or by being one of its names."""
    return source.startswith(PREFIX) or source in hub_names()


def read_hub(source: str) -> Topology:
    """The hub's map called ``source``, with or without ``topohub:``.

    Raises :class:`TopologyError` that names the nearest maps where there is none.
    """
    name = source.removeprefix(PREFIX)
    if name not in hub_names():
        found = near(name, hub_names()) or near_by_part(name)
        raise TopologyError(
            f"topohub has no map {name!r}",
            remedy=f"did you mean {' or '.join(found)}?" if found else "see  mdn topology list",
        )
    data: dict[str, Any] = json.loads((files(topohub) / "data" / f"{name}.json").read_text("utf-8"))
    return build_topology(_raw_graph(data), f"{PREFIX}{name}", name.replace("/", "-"))


def near_by_part(name: str) -> list[str]:
    """Hub maps whose last part is like ``name``'s last part, whatever their group."""
    by_part: dict[str, str] = {}
    for known in hub_names():
        by_part.setdefault(known.rpartition("/")[2], known)
    return [by_part[part] for part in near(name.rpartition("/")[2], by_part)]


def _walk(directory: Traversable, prefix: str) -> list[str]:
    found: list[str] = []
    for entry in directory.iterdir():
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".json"):
            found.append(prefix + entry.name.removesuffix(".json"))
    return found


def _raw_graph(data: dict[str, Any]) -> RawGraph:
    raw = RawGraph(
        attributes={
            "source": f"topohub {topohub.__version__}",
            "label": f"{data['graph']['name']} of topohub",
        }
    )
    for node in data["nodes"]:
        # topohub's positions are (longitude, latitude).
        given: Attributes = {}
        if node.get("name"):
            given["label"] = str(node["name"])
        if node.get("type"):
            given["kind"] = str(node["type"])
        position = node.get("pos")
        if position and abs(position[0]) <= 180 and abs(position[1]) <= 90:
            given["longitude"], given["latitude"] = map(float, position)
        raw.nodes.append(RawNode(str(node["id"]), given))
    for edge in data["edges"]:
        distance = float(edge.get("dist") or 0.0)
        about: Attributes = {"delay_ms": fibre_delay_ms(distance)}
        if distance:
            about["distance_km"] = distance
        if edge.get("type"):
            about["kind"] = str(edge["type"])
        raw.edges.append(RawEdge(str(edge["source"]), str(edge["target"]), about))
    return raw
