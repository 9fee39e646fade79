"""Our own format: YAML, checked field by field, every error with its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from minidocknet.model.apps import AppSpec
from minidocknet.model.errors import TopologyError
from minidocknet.model.shaping import GilbertElliott, Shaping
from minidocknet.model.topology import LinkSpec, NodeSpec, Topology
from minidocknet.topology.document import (
    AppEntry,
    BurstLoss,
    Defaults,
    Direction,
    Document,
    LinkDefaults,
    LinkEntry,
    NodeEntry,
)
from minidocknet.topology.files import did_you_mean, located, read_map, shown
from minidocknet.topology.linkcheck import LinkChecker
from minidocknet.topology.yamlsource import Parsed, Position, parse_yaml

MAX_SHOWN_ERRORS = 10
Path_ = tuple[str | int, ...]

# The model under each key; what is below nodes and links is found by its parent.
_MODELS: dict[str, type[BaseModel]] = {
    "defaults": Defaults,
    "node": NodeEntry,
    "link": LinkDefaults,
    "nodes": NodeEntry,
    "links": LinkEntry,
    "apps": AppEntry,
    "a_to_b": Direction,
    "b_to_a": Direction,
    "burst_loss": BurstLoss,
}
_DIRECTION_FIELDS = frozenset(Direction.model_fields)
_LINK_FIELDS = ("type", "encap", "mtu", "weight", "up")


def read_native(path: Path) -> Topology:
    """The topology in the YAML file ``path``; see docs/topologies.md for the format.

    Raises :class:`TopologyError` with file and line for whatever is wrong with it.
    """
    return parse_native(read_map(path), str(path), default_name=path.stem)


def parse_native(text: str, file: str = "<text>", *, default_name: str = "topology") -> Topology:
    """The topology in YAML ``text``; ``file`` is what errors call it."""
    parsed = parse_yaml(text, file)
    if not isinstance(parsed.value, dict):
        raise TopologyError(
            "is no topology: the top level must be a mapping with nodes and links",
            file=file,
            line=parsed.position.line,
        )
    value = _with_node_mapping(parsed, file)
    try:
        document = Document.model_validate(value)
    except ValidationError as error:
        raise _located_errors(error.errors(include_url=False), parsed.position, file) from None
    return _build(document, parsed.position, file, default_name)


def _with_node_mapping(parsed: Parsed, file: str) -> dict[str, Any]:
    """The document with ``nodes`` as a mapping, where it was a list of names."""
    names = parsed.value.get("nodes")
    if not isinstance(names, list):
        return dict(parsed.value)
    position = parsed.position.children["nodes"]
    nodes: dict[str, None] = {}
    for index, name in enumerate(names):
        line = position.children[index].line
        if isinstance(name, (bool, dict, list)) or name is None:
            raise TopologyError(
                f"a list of nodes holds names, not {_kind(name)}",
                file=file,
                line=line,
                remedy="write nodes with attributes as a mapping, like  r1: {cpus: 1}",
            )
        if str(name) in nodes:
            first = position.keys[str(name)]
            raise TopologyError(
                f"node {str(name)!r} is there twice, first in line {first}; keep one",
                file=file,
                line=line,
            )
        nodes[str(name)] = None
        position.keys[str(name)] = line
    return {**parsed.value, "nodes": nodes}


# --- errors ---------------------------------------------------------------------------------


def _located_errors(errors: Sequence[ErrorDetails], position: Position, file: str) -> TopologyError:
    """One error for all that pydantic found: the first as such, the rest below it."""
    found = sorted(
        ((position.line_of(error["loc"]), *_explained(error)) for error in errors),
        key=lambda entry: entry[0],
    )
    line, message, remedy = found[0]
    for other_line, other, other_remedy in found[1:MAX_SHOWN_ERRORS]:
        message += f"\n{file}:{other_line}: {other}"
        message += f" ({other_remedy})" if other_remedy else ""
    if len(found) > MAX_SHOWN_ERRORS:
        message += f"\n... and {len(found) - MAX_SHOWN_ERRORS} more"
    return TopologyError(message, file=file, line=line, remedy=remedy)


def _explained(error: ErrorDetails) -> tuple[str, str | None]:
    """A sentence for one pydantic error, and its remedy where one is known."""
    path: Path_ = error["loc"]
    where = _where(path[:-1])
    last = str(path[-1]) if path else "the document"
    if len(path) > 2 and isinstance(path[-1], int):
        last = f"{path[-2]}[{path[-1]}]"
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        known = list(_model_at(path[:-1]).model_fields)
        return (
            f"unknown field {last!r}{where}",
            did_you_mean(last, known) or f"known fields: {', '.join(known)}",
        )
    if kind == "missing":
        return f"the field {last!r} is missing{where.replace(' of ', ' in ', 1)}", None
    if kind == "value_error":
        return f"{last!r}{where}: {error['ctx']['error']}", None
    if kind == "literal_error":
        expected = error["ctx"]["expected"]
        return f"{last!r}{where} is {_kind(value)}; it must be {expected}", None
    if kind == "model_type" or kind == "dict_type":
        return f"{last!r}{where} is {_kind(value)}; it must be a mapping of fields", None
    if path[:1] == ("nodes",) and kind == "too_short":
        return "there are no nodes", "name them under 'nodes:'"
    hint = error["msg"].removeprefix("Input ")
    return f"{last!r}{where} is {_kind(value)}; it {hint}", None


def _kind(value: object) -> str:
    """A scalar as written, or what sort of collection it is (which may be endless to print)."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else shown(value)


def _model_at(path: Path_) -> type[BaseModel]:
    for index in range(len(path) - 1, -1, -1):
        part = path[index]
        parent = path[index - 1] if index else None
        if parent in ("nodes", "links", "apps"):
            return _MODELS[str(parent)]
        if isinstance(part, str) and part in _MODELS:
            return _MODELS[part]
    return Document


def _where(path: Path_) -> str:
    """`` of node 'r1'``, `` of link 3 (burst_loss)``, ... or nothing at the top level."""
    if not path:
        return ""
    rest = ".".join(str(part) for part in path[2:])
    suffix = f" ({rest})" if rest else ""
    if path[0] == "nodes" and len(path) > 1:
        return f" of node {path[1]!r}{suffix}"
    if path[0] == "apps" and len(path) > 1:
        return f" of application {path[1]!r}{suffix}"
    if path[0] == "links" and len(path) > 1:
        return f" of link {int(path[1]) + 1}{suffix}"
    return f" of {'.'.join(str(part) for part in path)}"


# --- building -------------------------------------------------------------------------------


def _build(document: Document, position: Position, file: str, default_name: str) -> Topology:
    nodes: list[NodeSpec] = []
    seen: dict[str, tuple[str, int]] = {}
    for name, entry in document.nodes.items():
        line = position.line_of(("nodes", name))
        if name.lower() in seen:
            other, first = seen[name.lower()]
            raise TopologyError(
                f"node {name!r} differs from {other!r} of line {first} only in case, which host "
                "names ignore; rename one",
                file=file,
                line=line,
            )
        seen[name.lower()] = (name, line)
        with located(file, line):
            nodes.append(_node(name, entry or NodeEntry(), document.defaults.node))
    checker = LinkChecker(file, document.nodes)
    links: list[LinkSpec] = []
    for index, entry_ in enumerate(document.links):
        line = position.line_of(("links", index))
        checker.check(entry_.a, entry_.b, line)
        with located(file, line):
            links.append(_link(entry_, document.defaults.link))
    apps = _apps(document, position, file, seen)
    with located(file, 1):
        return Topology(
            name=document.name or default_name,
            nodes=tuple(nodes),
            links=tuple(links),
            description=document.description,
            source=document.source,
            apps=apps,
        )


def _apps(
    document: Document, position: Position, file: str, seen: dict[str, tuple[str, int]]
) -> tuple[AppSpec, ...]:
    """The applications; ``seen``: the nodes' names in lower case, with their lines."""
    seen = dict(seen)
    apps = []
    for name, entry in document.apps.items():
        line = position.line_of(("apps", name))
        if name.lower() in seen:
            other, first = seen[name.lower()]
            raise TopologyError(
                f"application {name!r} has the host name of {other!r} in line {first}; rename one",
                file=file,
                line=line,
            )
        seen[name.lower()] = (name, line)
        if entry.node not in document.nodes:
            raise TopologyError(
                f"application {name!r} names the unknown node {shown(entry.node)}",
                file=file,
                line=position.line_of(("apps", name, "node")),
                remedy=did_you_mean(entry.node, document.nodes) or "add the node",
            )
        with located(file, line):
            apps.append(_app(name, entry))
    return tuple(apps)


def _app(name: str, entry: AppEntry) -> AppSpec:
    return AppSpec(
        name=name,
        node=entry.node,
        image=entry.image,
        command=entry.command,
        entrypoint=entry.entrypoint,
        ip=entry.ip,
        mac=entry.mac,
        cpus=entry.cpus,
        memory_bytes=entry.memory,
        env=dict(entry.env),
        volumes=tuple(entry.volumes),
        restart=entry.restart,
        policy=entry.policy,
    )


def _node(name: str, entry: NodeEntry, defaults: NodeEntry) -> NodeSpec:
    def pick(field: str) -> Any:
        return getattr(entry if field in entry.model_fields_set else defaults, field)

    return NodeSpec(
        name=name,
        label=pick("label"),
        image=pick("image"),
        cpus=pick("cpus"),
        memory_bytes=pick("memory"),
        ip=pick("ip"),
        mac=pick("mac"),
        switch=pick("switch"),
        inner_engine=pick("inner_engine"),
        env={**defaults.env, **entry.env},
        volumes=tuple(pick("volumes")),
        location=pick("location"),
        latitude=pick("latitude"),
        longitude=pick("longitude"),
        attrs={**defaults.attrs, **entry.attrs},
    )


def _link(entry: LinkEntry, defaults: LinkDefaults) -> LinkSpec:
    common: dict[str, Any] = {}
    for level in (defaults, entry):
        common.update({k: getattr(level, k) for k in _LINK_FIELDS if k in level.model_fields_set})
    if common.get("up") is None:
        common.pop("up", None)
    return LinkSpec(
        a=entry.a,
        b=entry.b,
        a_to_b=_shaping([defaults, entry, entry.a_to_b]),
        b_to_a=_shaping([defaults, entry, entry.b_to_a]),
        a_iface=entry.a_iface,
        b_iface=entry.b_iface,
        attrs={**defaults.attrs, **entry.attrs},
        **common,
    )


def shaping_of(direction: Direction) -> Shaping:
    """The shaping that one set of fields asks for.  Raises ValueError where they clash."""
    return _shaping([direction])


def _shaping(levels: Sequence[Direction | None]) -> Shaping:
    """The fields of ``levels``, the later winning; a later kind of loss replaces an earlier one."""
    fields: dict[str, Any] = {}
    for level in levels:
        if level is None:
            continue
        given = level.model_fields_set & _DIRECTION_FIELDS
        for one, other in (("loss", "burst_loss"), ("burst_loss", "loss")):
            if one in given and other not in given:
                fields.pop(other, None)
        fields.update({name: getattr(level, name) for name in given})
    return Shaping(**_shaping_arguments(fields))


def _shaping_arguments(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Our field names to :class:`Shaping`'s; None means "as if not given"."""
    arguments: dict[str, Any] = {}
    for name, value in fields.items():
        if value is None:
            continue
        if name == "queue":
            arguments["queue_packets"], arguments["queue_bytes"] = value
        elif name == "burst_loss":
            arguments[name] = GilbertElliott(value.p, value.r, value.bad_loss, value.good_loss)
        elif name == "jitter_distribution":
            arguments[name] = value
        else:
            arguments[_SHAPING_NAMES[name]] = value
    return arguments


_SHAPING_NAMES = {
    "delay": "delay_ms",
    "jitter": "jitter_ms",
    "loss": "loss_pct",
    "duplicate": "duplicate_pct",
    "reorder": "reorder_pct",
    "bw": "bw_mbit",
}
