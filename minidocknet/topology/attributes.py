"""Flat attributes, as GraphML and GML have them, to and from node and link specs.

Our own names (``delay_ms``, ``bw_mbit``, ``cpus``, ...) are read with or without their unit; the
Topology Zoo's (``Latitude``, ``LinkSpeedRaw``, ...) too.  Whatever else a map says is kept in
``attrs``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from minidocknet.model.shaping import GilbertElliott, Shaping
from minidocknet.model.topology import (
    INTERFACE_NAME,
    LINK_KINDS,
    SWITCH_MODES,
    LinkSpec,
    NodeSpec,
    Scalar,
)
from minidocknet.model.units import (
    parse_delay_ms,
    parse_percent,
    parse_rate_mbit,
    parse_size_bytes,
)
from minidocknet.topology.document import parse_ip, parse_queue

Attributes = dict[str, Scalar]

# A foreign attribute that has one of our names is written with this prefix, to be told apart.
ESCAPE = "attr_"
REVERSE = "reverse_"

_SHAPING_PARSERS: dict[str, tuple[str, Any]] = {
    "delay_ms": ("delay_ms", parse_delay_ms),
    "delay": ("delay_ms", parse_delay_ms),
    "jitter_ms": ("jitter_ms", parse_delay_ms),
    "jitter": ("jitter_ms", parse_delay_ms),
    "jitter_distribution": ("jitter_distribution", str),
    "loss_pct": ("loss_pct", parse_percent),
    "loss": ("loss_pct", parse_percent),
    "duplicate_pct": ("duplicate_pct", parse_percent),
    "reorder_pct": ("reorder_pct", parse_percent),
    "bw_mbit": ("bw_mbit", parse_rate_mbit),
    "bw": ("bw_mbit", parse_rate_mbit),
    "queue_packets": ("queue_packets", int),
    "queue_bytes": ("queue_bytes", int),
    "queue": ("queue", parse_queue),
}
_BURST = ("burst_p_pct", "burst_r_pct", "burst_bad_loss_pct", "burst_good_loss_pct")
_SHAPING_KEYS = frozenset(_SHAPING_PARSERS) | frozenset(_BURST)
_LINK_KEYS = frozenset(
    ("type", "encap", "mtu", "weight", "up", "a_iface", "b_iface", "LinkSpeedRaw", "LinkSpeed",
     "LinkSpeedUnits", "id", "key", "source", "target", "directed")
)  # fmt: skip
_NODE_KEYS = frozenset(
    ("name", "label", "id", "image", "cpus", "memory_bytes", "ip", "mac", "switch",
     "inner_engine", "env", "volumes", "location", "latitude", "longitude", "Latitude",
     "Longitude")
)  # fmt: skip
_UNIT_MBIT = {"": 1e-6, "K": 1e-3, "M": 1.0, "G": 1e3, "T": 1e6}
_SPEED_LABEL = re.compile(
    r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT])(?:bit/s|bits/s|b/s|bps|bit)\s*", re.IGNORECASE
)


def node_from(name: str, label: str | None, given: Mapping[str, Scalar]) -> NodeSpec:
    """The node that the attributes describe.

    Raises ValueError or TopologyError naming the attribute that makes no sense.
    """
    attrs = _foreign(given, _NODE_KEYS)
    fields: dict[str, Any] = {}
    for key in ("image", "mac", "location"):
        if key in given:
            fields[key] = str(given[key])
    for key, modes in (("switch", SWITCH_MODES), ("inner_engine", ("lazy", "eager"))):
        if given.get(key) in modes:
            fields[key] = given[key]
        elif key in given:
            attrs[key] = given[key]
    if "cpus" in given:
        fields["cpus"] = _number(given["cpus"], "cpus")
    if "memory_bytes" in given:
        fields["memory_bytes"] = parse_size_bytes(given["memory_bytes"])
    if "ip" in given:
        fields["ip"] = parse_ip(given["ip"])
    if "env" in given:
        fields["env"] = dict(_json(given["env"], "env", dict))
    if "volumes" in given:
        fields["volumes"] = tuple(_json(given["volumes"], "volumes", list))
    for key, limit in (("latitude", 90.0), ("longitude", 180.0)):
        spelled = next((k for k in (key, key.capitalize()) if k in given), None)
        if spelled is not None:
            fields[key] = _coordinate(given[spelled], key, limit)
    return NodeSpec(name=name, label=label, attrs=attrs, **fields)


def node_attributes(node: NodeSpec) -> Attributes:
    """The inverse of :func:`node_from`; ``name`` always, other things where set."""
    flat: Attributes = {"name": node.name}
    if node.label is not None:
        flat["label"] = node.label
    for key in ("image", "cpus", "memory_bytes", "mac", "switch", "inner_engine", "location",
                "latitude", "longitude"):  # fmt: skip
        value = getattr(node, key)
        if value is not None:
            flat[key] = value
    if node.ip is not None:
        flat["ip"] = str(node.ip)
    if node.env:
        flat["env"] = json.dumps(dict(node.env))
    if node.volumes:
        flat["volumes"] = json.dumps(list(node.volumes))
    flat.update(_escaped(node.attrs, _NODE_KEYS))
    return flat


def has_delay(given: Mapping[str, Scalar]) -> bool:
    """True where the map itself says a link's delay."""
    return "delay_ms" in given or "delay" in given


def shaping_from(given: Mapping[str, Scalar]) -> Shaping:
    """The shaping that flat attributes ask for.  Raises ValueError naming the bad one."""
    fields: dict[str, Any] = {}
    for key, (field, parse) in _SHAPING_PARSERS.items():
        if key in given:
            try:
                fields[field] = parse(given[key])
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
    if "queue" in fields:
        fields["queue_packets"], fields["queue_bytes"] = fields.pop("queue")
    if any(key in given for key in _BURST):
        values = [parse_percent(given[key]) if key in given else None for key in _BURST]
        p, r, bad, good = values
        if p is None or r is None:
            raise ValueError("burst loss needs burst_p_pct and burst_r_pct")
        fields["burst_loss"] = GilbertElliott(
            p, r, 100.0 if bad is None else bad, 0.0 if good is None else good
        )
    if "bw_mbit" not in fields:
        fields["bw_mbit"] = zoo_rate_mbit(given)
    return Shaping(**fields)


def zoo_rate_mbit(given: Mapping[str, Scalar]) -> float | None:
    """The Topology Zoo's link speed in Mbit/s, from whichever of its attributes has it."""
    if "LinkSpeedRaw" in given:
        rate = _number(given["LinkSpeedRaw"], "LinkSpeedRaw") * 1e-6
    elif "LinkSpeed" in given and str(given.get("LinkSpeedUnits", "")).upper() in _UNIT_MBIT:
        unit = _UNIT_MBIT[str(given.get("LinkSpeedUnits", "")).upper()]
        try:
            rate = float(given["LinkSpeed"]) * unit
        except ValueError:  # such as "10-20": a range is no rate
            return None
    else:
        match = _SPEED_LABEL.fullmatch(str(given.get("LinkLabel", "")))
        if match is None:
            return None
        rate = float(match[1]) * _UNIT_MBIT[match[2].upper()]
    if rate < 0 or not math.isfinite(rate):
        raise ValueError(f"link speed {rate:g} Mbit/s must be above 0")
    return rate or None


def link_from(
    a: str, b: str, given: Mapping[str, Scalar], reverse: Mapping[str, Scalar] | None = None
) -> LinkSpec:
    """The link that the attributes describe.

    ``reverse``: those of the edge from ``b`` to ``a`` in a directed map; else the ``reverse_*``
    attributes, else both directions are alike.
    """
    back = {k.removeprefix(REVERSE): v for k, v in given.items() if _is_reverse(k)}
    there = shaping_from(given)
    if reverse is not None:
        returning = shaping_from(reverse)
    else:
        returning = shaping_from(back) if back else there
    attrs = _foreign(given, _LINK_KEYS | _SHAPING_KEYS)
    if reverse is not None:
        attrs = {**_foreign(reverse, _LINK_KEYS | _SHAPING_KEYS), **attrs}
    fields: dict[str, Any] = {}
    for key, values in (("type", LINK_KINDS), ("encap", ("none", "l2tp"))):
        if given.get(key) in values:
            fields[key] = given[key]
        elif key in given:
            attrs[key] = given[key]
    if "mtu" in given:
        fields["mtu"] = _whole(given["mtu"], "mtu")
    if "weight" in given:
        fields["weight"] = _number(given["weight"], "weight")
    if "up" in given:
        fields["up"] = _truth(given["up"], "up")
    for key in ("a_iface", "b_iface"):
        value = given.get(key)
        if value is not None and INTERFACE_NAME.fullmatch(str(value)):
            fields[key] = str(value)
        elif value is not None:
            attrs[key] = value
    return LinkSpec(a, b, a_to_b=there, b_to_a=returning, attrs=attrs, **fields)


def link_attributes(link: LinkSpec) -> Attributes:
    """The inverse of :func:`link_from`; ``delay_ms`` always, other things where set."""
    flat = shaping_attributes(link.a_to_b)
    if not link.is_symmetric:
        flat.update((REVERSE + k, v) for k, v in shaping_attributes(link.b_to_a).items())
    for key in ("type", "encap", "mtu", "weight", "a_iface", "b_iface"):
        value = getattr(link, key)
        if value is not None:
            flat[key] = value
    if not link.up:
        flat["up"] = False
    flat.update(_escaped(link.attrs, _LINK_KEYS | _SHAPING_KEYS))
    return flat


def shaping_attributes(shaping: Shaping) -> Attributes:
    """The inverse of :func:`shaping_from`: the delay and whatever is not at its default."""
    flat: Attributes = {"delay_ms": shaping.delay_ms}
    default = Shaping()
    for key, value in shaping.as_dict().items():
        if key != "burst_loss" and key != "delay_ms" and value != getattr(default, key):
            flat[key] = value
    if shaping.burst_loss is not None:
        loss = shaping.burst_loss
        values = (loss.p_pct, loss.r_pct, loss.bad_loss_pct, loss.good_loss_pct)
        flat.update(zip(_BURST, values, strict=True))
    return flat


def _is_reverse(key: str) -> bool:
    return key.startswith(REVERSE) and key.removeprefix(REVERSE) in _SHAPING_KEYS


def _is_known(key: str, known: frozenset[str]) -> bool:
    return key in known or (known >= _SHAPING_KEYS and _is_reverse(key))


def _foreign(given: Mapping[str, Scalar], known: frozenset[str]) -> Attributes:
    """What is not ours, plus the zoo's speed attributes, which stay readable as they were."""
    return {
        key.removeprefix(ESCAPE): value for key, value in given.items() if not _is_known(key, known)
    }


def _escaped(attrs: Mapping[str, Scalar], known: frozenset[str]) -> Attributes:
    return {
        ESCAPE + key if _is_known(key, known) or key.startswith(ESCAPE) else key: value
        for key, value in attrs.items()
    }


def _number(value: Scalar, what: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"{what} {value!r} is no number") from None
    if not math.isfinite(number):
        raise ValueError(f"{what} {value!r} is not finite")
    return number


def _whole(value: Scalar, what: str) -> int:
    number = _number(value, what)
    if number != int(number):
        raise ValueError(f"{what} {value!r} is no whole number")
    return int(number)


def _truth(value: Scalar, what: str) -> bool:
    text = str(value).lower()
    if text in ("true", "1", "1.0"):
        return True
    if text in ("false", "0", "0.0"):
        return False
    raise ValueError(f"{what} {value!r} is neither true nor false")


def _coordinate(value: Scalar, what: str, limit: float) -> float:
    number = _number(value, what)
    if not -limit <= number <= limit:
        raise ValueError(f"{what} {number:g} is outside -{limit:g} to {limit:g} degrees")
    return number


def _json(value: Scalar, what: str, kind: type) -> Any:
    try:
        data = json.loads(str(value))
    except (ValueError, RecursionError):
        data = None
    texts = data.values() if isinstance(data, dict) else data
    if not isinstance(data, kind) or not all(isinstance(text, str) for text in texts or ()):
        raise ValueError(f"{what} {value!r} is no JSON {'object' if kind is dict else 'list'}")
    return data
