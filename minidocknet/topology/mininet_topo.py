"""Mininet ``Topo`` classes: ``file.py``, ``file.py:Class``, ``file.py:Class,3,k=2``.

The file is run, as Mininet's ``--custom`` runs it; a name is looked up in its ``topos`` dictionary
and then among its classes and functions.  Hosts and switches both become nodes, told apart by the
attribute ``kind``.  Of the links' options ``bw`` (Mbit/s), ``delay``, ``jitter``, ``loss`` (%) and
``max_queue_size`` (packets) are taken, ``params1``/``params2`` per direction, ``intfName1/2``;
other plain ones are kept as attributes.  As in tc, which Mininet hands delays to, a bare number
means microseconds (tc(8)).
"""

from __future__ import annotations

import inspect
import logging
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path
from types import FrameType
from typing import Any

from mininet import topo as mininet_topo

from minidocknet.model.errors import TopologyError
from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import LinkSpec, NodeSpec, Scalar, Topology
from minidocknet.model.units import parse_delay_ms, parse_percent, parse_rate_mbit
from minidocknet.topology.files import did_you_mean, located, read_map
from minidocknet.topology.linkcheck import LinkChecker
from minidocknet.topology.names import label_for, map_names
from minidocknet.topology.options import literal, split_arguments

log = logging.getLogger(__name__)

# What Mininet itself needs a link's information for.
_PLUMBING = frozenset(
    ("node1", "node2", "port1", "port2", "params1", "params2", "intfName1", "intfName2", "cls")
)
_SHAPING = frozenset(("bw", "delay", "jitter", "loss", "max_queue_size"))
MININET_PREFIX_LENGTH = 8  # of addresses without one: Mininet's ipBase is 10.0.0.0/8


def read_mininet(path: Path, selector: str = "") -> Topology:
    """The topology that the Topo in ``path`` builds.

    ``selector``: ``Class`` or ``Class,3,k=2``; may be empty where the file has just one.  Raises
    :class:`TopologyError` with file and line, also for whatever the file's own code raises.
    """
    text = read_map(path)
    name, _, arguments = selector.partition(",")
    with located(path):
        positional, named = split_arguments(arguments)
    with _errors_located(path):
        namespace = _run(path, text)
    factory, chosen = _choose(path, namespace, name)
    with _recorded_lines(path) as lines, _errors_located(path):
        topo = factory(
            *[literal(value) for value in positional],
            **{key: literal(value) for key, value in named.items()},
        )
    if not isinstance(topo, mininet_topo.Topo):
        raise TopologyError(
            f"{chosen} makes a {type(topo).__name__}, not a mininet.topo.Topo", file=path
        )
    return convert(topo, str(path), selector or chosen, lines)


def convert(
    topo: Any, file: str, name: str, lines: Mapping[tuple[str, ...], int] | None = None
) -> Topology:
    """The topology of a Topo instance; ``lines`` tells where ``file`` added its parts."""
    lines = lines or {}
    originals = [str(node) for node in topo.nodes(sort=False)]
    if not originals:
        raise TopologyError(f"{name} has no nodes", file=file, line=1)
    names = dict(zip(originals, map_names(originals), strict=True))
    nodes: list[NodeSpec] = []
    for original in topo.nodes(sort=False):
        with located(file, lines.get((str(original),))):
            nodes.append(_node(str(original), names[str(original)], topo.nodeInfo(original)))
    checker = LinkChecker(file, names)
    links: list[LinkSpec] = []
    for node1, node2, info in topo.iterLinks(withInfo=True):
        a, b = str(node1), str(node2)
        line = lines.get((a, b))
        checker.check(a, b, line)
        with located(file, line):
            links.append(_link(names[a], names[b], info))
    return Topology(
        name=name.replace(",", "-").replace("=", "-"),
        nodes=tuple(nodes),
        links=tuple(links),
        description=f"Mininet topology {name}",
        source=Path(file).name,
    )


# --- running the file -----------------------------------------------------------------------


def _run(path: Path, text: str) -> dict[str, Any]:
    """The file's names after running it; modules beside it can be imported, as by Mininet."""
    namespace: dict[str, Any] = {"__name__": f"mdn_{path.stem}", "__file__": str(path)}
    code = compile(text, str(path), "exec")
    directory = str(path.absolute().parent)
    sys.path.insert(0, directory)
    try:
        exec(code, namespace)
    finally:
        sys.path.remove(directory)
    return namespace


def _choose(path: Path, namespace: dict[str, Any], name: str) -> tuple[Callable[..., Any], str]:
    """The factory called ``name``, or the only one."""
    choices: dict[str, Callable[..., Any]] = {
        key: value
        for key, value in namespace.items()
        if inspect.isclass(value)
        and issubclass(value, mininet_topo.Topo)
        and value.__module__ == namespace["__name__"]
    }
    registered = namespace.get("topos")
    topos = registered if isinstance(registered, dict) else {}
    for key, value in topos.items():
        if callable(value):
            choices[str(key)] = value
    if name:
        candidate = choices.get(name) or namespace.get(name)
        if not callable(candidate):
            raise TopologyError(
                f"has no Topo {name!r}",
                file=path,
                remedy=did_you_mean(name, choices) or _listed(choices),
            )
        return candidate, name
    preferred = {key: choices[key] for key in choices if key in topos} or choices
    if len(preferred) != 1:
        problem = "has no Topo class" if not choices else "has several topologies"
        raise TopologyError(problem, file=path, remedy=_listed(choices))
    return next(iter(preferred.values())), next(iter(preferred))


def _listed(choices: Mapping[str, object]) -> str:
    if not choices:
        return "define a subclass of mininet.topo.Topo, or a dictionary topos"
    return f"name one after a colon, like :{next(iter(choices))}; it has {', '.join(choices)}"


@contextmanager
def _errors_located(path: Path) -> Iterator[None]:
    """Whatever the file's own code raises becomes an error with the line in that file."""
    try:
        yield
    except TopologyError:
        raise
    except SyntaxError as error:
        raise TopologyError(
            f"is not Python: {error.msg}",
            file=error.filename if error.filename else path,
            line=error.lineno,
        ) from None
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == str(path)), None)
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        raise TopologyError(f"its code failed: {what}", file=path, line=line) from error


@contextmanager
def _recorded_lines(path: Path) -> Iterator[dict[tuple[str, ...], int]]:
    """While it lasts, notes the file's line of each addNode and (last) addLink."""
    lines: dict[tuple[str, ...], int] = {}
    original_node, original_link = mininet_topo.Topo.addNode, mininet_topo.Topo.addLink

    def add_node(self: Any, name: Any, **opts: Any) -> Any:
        _note(lines, (str(name),), path)
        return original_node(self, name, **opts)

    def add_link(self: Any, node1: Any, node2: Any, *args: Any, **opts: Any) -> Any:
        _note(lines, (str(node1), str(node2)), path)
        return original_link(self, node1, node2, *args, **opts)

    mininet_topo.Topo.addNode, mininet_topo.Topo.addLink = add_node, add_link
    try:
        yield lines
    finally:
        mininet_topo.Topo.addNode, mininet_topo.Topo.addLink = original_node, original_link


def _note(lines: dict[tuple[str, ...], int], key: tuple[str, ...], path: Path) -> None:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename == str(path):
            lines[key] = frame.f_lineno
            return
        frame = frame.f_back


# --- options --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ends:
    """The options of a link's two directions."""

    forth: Mapping[str, Any]
    back: Mapping[str, Any]


def _node(original: str, name: str, info: Mapping[str, Any]) -> NodeSpec:
    attrs: dict[str, Scalar] = {"kind": "switch" if info.get("isSwitch") else "host"}
    address: IPv4Interface | None = None
    mac: str | None = None
    for key, value in info.items():
        if key == "ip" and value:
            address = _address(value)
        elif key == "mac" and value:
            mac = str(value)
        elif key != "isSwitch" and isinstance(value, (str, int, float, bool)):
            attrs[key] = value
    return NodeSpec(name=name, label=label_for(original, name), ip=address, mac=mac, attrs=attrs)


def _address(value: object) -> IPv4Interface:
    text = str(value)
    try:
        return IPv4Interface(text if "/" in text else f"{text}/{MININET_PREFIX_LENGTH}")
    except ValueError:
        raise ValueError(f"ip {text!r} is no IPv4 address; write it like 10.0.0.1/8") from None


def _link(a: str, b: str, info: Mapping[str, Any]) -> LinkSpec:
    common = {key: value for key, value in info.items() if key not in _PLUMBING}
    ends = _Ends(
        {**common, **(info.get("params1") or {})}, {**common, **(info.get("params2") or {})}
    )
    attrs: dict[str, Scalar] = {
        key: value
        for key, value in {**ends.back, **ends.forth}.items()
        if key not in _SHAPING and isinstance(value, (str, int, float, bool))
    }
    return LinkSpec(
        a,
        b,
        a_to_b=_shaping(ends.forth),
        b_to_a=_shaping(ends.back),
        a_iface=info.get("intfName1"),
        b_iface=info.get("intfName2"),
        attrs=attrs,
    )


def _shaping(options: Mapping[str, Any]) -> Shaping:
    fields: dict[str, Any] = {}
    for key, field, parse in (
        ("bw", "bw_mbit", parse_rate_mbit),
        ("delay", "delay_ms", _tc_time_ms),
        ("jitter", "jitter_ms", _tc_time_ms),
        ("loss", "loss_pct", parse_percent),
        ("max_queue_size", "queue_packets", _packets),
    ):
        value = options.get(key)
        if value is not None:
            fields[field] = parse(value)
    return Shaping(**fields)


def _tc_time_ms(value: object) -> float:
    """As tc reads times: a bare number is microseconds, which a warning says."""
    try:
        microseconds = float(str(value))
    except ValueError:
        return parse_delay_ms(value)
    if microseconds:
        log.warning(
            "delay %s has no unit; as in Mininet (tc) it is microseconds: write '%sms' if you "
            "mean milliseconds",
            value,
            value,
        )
    return parse_delay_ms(f"{microseconds}us")


def _packets(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"max_queue_size {value!r} is no whole number of packets")
    return value
