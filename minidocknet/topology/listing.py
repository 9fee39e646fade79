"""What can be loaded by name, for ``mdn topology list``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from minidocknet.topology.generators import GENERATORS
from minidocknet.topology.hub import hub_names
from minidocknet.topology.maps import shipped_names, shipped_path
from minidocknet.topology.native import read_native

Kind = Literal["shipped", "generator", "topohub"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A name that :func:`load_topology` takes; sizes where they are known without loading."""

    name: str
    kind: Kind
    description: str
    nodes: int | None = None
    links: int | None = None
    is_tree: bool | None = None


def entries(pattern: str = "", *, hub: bool = True) -> list[Entry]:
    """Shipped maps, generators, then topohub's maps (unless not ``hub``).

    ``pattern``: only names that contain it, ignoring case.
    """
    found = [_shipped(name) for name in shipped_names()]
    found += [
        Entry(f"{name}{generator.usage}", "generator", generator.description)
        for name, generator in GENERATORS.items()
    ]
    if hub:
        found += [
            Entry(name, "topohub", f"map of topohub's {name.partition('/')[0]} group")
            for name in hub_names()
        ]
    return [entry for entry in found if pattern.lower() in entry.name.lower()]


def hub_groups() -> dict[str, int]:
    """How many maps each of topohub's groups has."""
    counts: dict[str, int] = {}
    for name in hub_names():
        group = name.partition("/")[0]
        counts[group] = counts.get(group, 0) + 1
    return counts


def listing_json(found: list[Entry]) -> dict[str, Any]:
    """The stable JSON shape of a listing."""
    return {"schema": 1, "maps": [asdict(entry) for entry in found]}


def _shipped(name: str) -> Entry:
    path = shipped_path(name)
    if path is None:
        raise KeyError(name)
    topology = read_native(path)
    return Entry(
        name,
        "shipped",
        topology.description,
        len(topology.nodes),
        len(topology.links),
        topology.is_tree,
    )
