"""The one way in: a topology from a file or a name."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import Topology
from minidocknet.topology.files import missing_file, near, numbered_lines, read_map, shown
from minidocknet.topology.generators import GENERATORS, generate, is_generator
from minidocknet.topology.gml import read_gml
from minidocknet.topology.graphml import read_graphml
from minidocknet.topology.hub import hub_names, is_hub_name, near_by_part, read_hub
from minidocknet.topology.maps import shipped_names, shipped_path
from minidocknet.topology.mininet_topo import read_mininet
from minidocknet.topology.native import read_native
from minidocknet.topology.rocketfuel_cch import EXTERNAL_LINE, ROUTER_LINE, read_cch
from minidocknet.topology.rocketfuel_intra import INTRA_LINE, is_intra, read_intra

SUFFIXES = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".graphml": "graphml",
    ".xml": "graphml",
    ".gml": "gml",
    ".cch": "cch",
    ".intra": "intra",
    ".py": "python",
    ".json": "json",
}
TITLES = {
    "yaml": "MiniDockNet's YAML",
    "graphml": "GraphML",
    "gml": "GML",
    "cch": "a Rocketfuel ISP map (.cch)",
    "intra": "a Rocketfuel PoP map (.intra)",
    "python": "Python",
    "json": "JSON",
}
# What may follow the file's name: a Topo class with arguments, options of an ISP map.
_WITH_TAIL = re.compile(r"(?P<path>.+\.(?:py|cch)):(?P<tail>[^/:]*)")
_GML_GRAPH = re.compile(r"^[ \t]*graph[ \t]*\n?[ \t]*\[", re.MULTILINE)


def load_topology(source: str) -> Topology:
    """The topology that ``source`` names.

    A file of any known format (``map.yaml``, ``map.graphml``, ``1221.latencies.intra``,
    ``2914.r0.cch[:external,radius=0,largest]``, ``my.py[:Class[,3,k=2]]``), else the name of a
    shipped map (``rocketfuel-68``), a generator with arguments (``tree,2,3``), or a map of
    topohub (``topozoo/Abilene``).  A file goes before a name.  Raises :class:`TopologyError`
    saying where, what, and what would be right.
    """
    match = _WITH_TAIL.fullmatch(source)
    path = Path(match["path"] if match else source)
    if not source.strip():
        raise TopologyError("the topology's name is empty", remedy="name a file or a map")
    if "\0" in source:
        raise TopologyError("the topology's name holds a zero character")
    mode = _mode(path)
    if match or stat.S_ISREG(mode):
        return load_file(path, match["tail"] if match else "")
    shipped = shipped_path(source)
    if shipped is not None:
        return read_native(shipped)
    if is_generator(source):
        return generate(source)
    if is_hub_name(source):
        return read_hub(source)
    if stat.S_ISDIR(mode):
        return load_file(_intra_in(path) or path)
    if mode:
        raise TopologyError("is no regular file", file=path, remedy="save the map to a file")
    if path.suffix.lower() in SUFFIXES or source.startswith((".", "/", "~")):
        raise missing_file(path)
    raise _unknown(source)


def _mode(path: Path) -> int:
    """What sort of file ``path`` is, as stat(2) says; 0 where there is none."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def load_file(path: Path, tail: str = "") -> Topology:
    """The topology in the file ``path``; ``tail`` is what followed its name after a colon."""
    expected = SUFFIXES.get(path.suffix.lower())
    if expected == "python":
        return read_mininet(path, tail)
    text = read_map(path, encoding="latin-1")
    found = sniff(text)
    if expected is not None and found is not None and found != expected:
        raise _wrong_format(path, expected, found)
    form = expected or found
    if form == "cch":
        return read_cch(path, tail)
    if form == "intra":
        return read_intra(path)
    if form == "graphml":
        return read_graphml(path)
    if form == "gml":
        return read_gml(path)
    if form == "yaml":
        return read_native(path)
    raise TopologyError(
        "is JSON, which maps are not read from" if form == "json" else "is of no known format",
        file=path,
        line=1,
        remedy=f"maps are {', '.join(title for key, title in TITLES.items() if key != 'json')}",
    )


def sniff(text: str) -> str | None:
    """The format that ``text`` looks like, a key of :data:`TITLES`, or None."""
    stripped = text.lstrip("\ufeff \t\r\n")
    # Latin-1 shows a UTF-8 byte order mark as these three characters.
    stripped = stripped.removeprefix("\xef\xbb\xbf").lstrip()
    if stripped.startswith("<"):
        return "graphml"
    if stripped.startswith(("{", "[")) and _is_json(stripped):
        return "json"
    if _GML_GRAPH.search(stripped[:20_000]):
        return "gml"
    first = next((content for _, content in numbered_lines(stripped)), "")
    if ROUTER_LINE.fullmatch(first) or EXTERNAL_LINE.fullmatch(first):
        return "cch"
    if re.search(r"^(nodes|links|defaults)\s*:", stripped, re.MULTILINE):
        return "yaml"
    match = INTRA_LINE.fullmatch(first)
    if match and re.fullmatch(r"[0-9.]+", match[3]) and not match[1].endswith(":"):
        return "intra"
    if re.search(r"^(from\s+\S+\s+import|import\s|class\s+\w+\s*[:(]|def\s+\w+\()", stripped, re.M):
        return "python"
    return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _wrong_format(path: Path, expected: str, found: str) -> TopologyError:
    suffix = next(suffix for suffix, form in SUFFIXES.items() if form == found)
    return TopologyError(
        f"is named as {TITLES[expected]} but holds {TITLES[found]}",
        file=path,
        line=1,
        remedy=f"name it {path.stem}{suffix}" if found != "json" else "convert it first",
    )


def _intra_in(directory: Path) -> Path | None:
    """The latencies of a PoP map's directory, as Rocketfuel's archive has it."""
    path = directory / "latencies.intra"
    return path if path.is_file() and is_intra(path) else None


def _unknown(source: str) -> TopologyError:
    names = [*shipped_names(), *hub_names()]
    found = near(source, names) or near(source.partition(",")[0], GENERATORS)
    found = found or near_by_part(source)
    return TopologyError(
        f"there is no file or map {shown(source)}",
        remedy=f"did you mean {' or '.join(found)}?" if found else "see  mdn topology list",
    )
