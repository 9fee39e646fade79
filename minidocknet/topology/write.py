"""Topologies out: our YAML (which reads back exactly), the JSON that ``mdn topology show --format
json`` prints, and the formats of :mod:`write_graphs`.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import yaml

from minidocknet.model.apps import AppSpec, volume_text
from minidocknet.model.shaping import PLAIN, GilbertElliott, Shaping
from minidocknet.model.topology import LinkSpec, NodeSpec, Topology
from minidocknet.topology.write_graphs import topology_gml, topology_graphml
from minidocknet.topology.yamlsource import scalar_value

log = logging.getLogger(__name__)

JSON_SCHEMA_VERSION = 1
FORMATS = ("yaml", "graphml", "gml", "json")


def write_topology(topology: Topology, form: str) -> str:
    """The text of ``topology`` in one of :data:`FORMATS`.

    GraphML and GML have no place for applications: a warning counts those left out.
    """
    if form == "yaml":
        return topology_yaml(topology)
    if topology.apps and form in ("graphml", "gml"):
        log.warning(
            "%s: %d applications left out, for which %s has no place",
            topology.name,
            len(topology.apps),
            {"graphml": "GraphML", "gml": "GML"}[form],
        )
    if form == "graphml":
        return topology_graphml(topology)
    if form == "gml":
        return topology_gml(topology)
    if form == "json":
        return json.dumps(topology_json(topology), indent=2, ensure_ascii=False) + "\n"
    raise ValueError(f"format {form!r} is none of {', '.join(FORMATS)}")


# --- JSON -----------------------------------------------------------------------------------


def topology_json(topology: Topology) -> dict[str, Any]:
    """The stable JSON shape, documented in docs/topologies.md."""
    return {
        "schema": JSON_SCHEMA_VERSION,
        "name": topology.name,
        "description": topology.description,
        "source": topology.source,
        "is_tree": topology.is_tree,
        "is_connected": topology.is_connected,
        "nodes": [_json_node(node) for node in topology.nodes],
        "links": [_json_link(link) for link in topology.links],
        "apps": [_json_app(app) for app in topology.apps],
    }


def _json_node(node: NodeSpec) -> dict[str, Any]:
    return {
        "name": node.name,
        "label": node.label,
        "image": node.image,
        "cpus": node.cpus,
        "memory_bytes": node.memory_bytes,
        "ip": str(node.ip) if node.ip else None,
        "mac": node.mac,
        "switch": node.switch,
        "inner_engine": node.inner_engine,
        "env": dict(node.env),
        "volumes": list(node.volumes),
        "location": node.location,
        "latitude": node.latitude,
        "longitude": node.longitude,
        "attrs": dict(node.attrs),
    }


def _json_link(link: LinkSpec) -> dict[str, Any]:
    data: dict[str, Any] = {"a": link.a, "b": link.b, **link.a_to_b.as_dict()}
    for key in ("type", "encap", "mtu", "weight", "a_iface", "b_iface", "up"):
        data[key] = getattr(link, key)
    data["attrs"] = dict(link.attrs)
    if not link.is_symmetric:
        data["reverse"] = link.b_to_a.as_dict()
    return data


def _json_app(app: AppSpec) -> dict[str, Any]:
    return {
        "name": app.name,
        "node": app.node,
        "image": app.image,
        "command": list(app.command),
        "entrypoint": None if app.entrypoint is None else list(app.entrypoint),
        "ip": str(app.ip) if app.ip else None,
        "mac": app.mac,
        "cpus": app.cpus,
        "memory_bytes": app.memory_bytes,
        "env": dict(app.env),
        "volumes": [volume_text(volume) for volume in app.volumes],
        "restart": app.restart,
        "policy": app.policy,
    }


# --- YAML -----------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 or our own reader would not take for text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = isinstance(scalar_value(text), str) and text != "<<"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else "'")


_Dumper.add_representer(str, _represent_text)


def topology_yaml(topology: Topology) -> str:
    """Our YAML; what all links share stands under ``defaults``."""
    document: dict[str, Any] = {"name": topology.name}
    if topology.description:
        document["description"] = topology.description
    if topology.source:
        document["source"] = topology.source
    shared = _shared_shaping(topology)
    if shared != PLAIN:
        document["defaults"] = {"link": _yaml_shaping(shared, PLAIN)}
    nodes = {node.name: _yaml_node(node) for node in topology.nodes}
    document["nodes"] = nodes if any(nodes.values()) else list(nodes)
    if topology.links:
        document["links"] = [_yaml_link(link, shared) for link in topology.links]
    if topology.apps:
        document["apps"] = {app.name: _yaml_app(app) for app in topology.apps}
    return yaml.dump(
        document,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=100,
    )


def _shared_shaping(topology: Topology) -> Shaping:
    """The shaping of every direction where all are alike, else the plain one."""
    if not topology.links:
        return PLAIN
    first = topology.links[0].a_to_b
    alike = all(link.a_to_b == first and link.b_to_a == first for link in topology.links)
    return first if alike else PLAIN


def _yaml_node(node: NodeSpec) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key in ("label", "image", "cpus"):
        if getattr(node, key) is not None:
            data[key] = getattr(node, key)
    if node.memory_bytes is not None:
        data["memory"] = _size_text(node.memory_bytes)
    if node.ip is not None:
        data["ip"] = str(node.ip)
    for key in ("mac", "switch", "inner_engine"):
        if getattr(node, key) is not None:
            data[key] = getattr(node, key)
    if node.env:
        data["env"] = dict(node.env)
    if node.volumes:
        data["volumes"] = list(node.volumes)
    for key in ("location", "latitude", "longitude"):
        if getattr(node, key) is not None:
            data[key] = getattr(node, key)
    if node.attrs:
        data["attrs"] = dict(node.attrs)
    return data


def _yaml_link(link: LinkSpec, shared: Shaping) -> dict[str, Any]:
    data: dict[str, Any] = {"a": link.a, "b": link.b, **_yaml_shaping(link.a_to_b, shared)}
    for key in ("type", "encap", "mtu", "weight", "a_iface", "b_iface"):
        if getattr(link, key) is not None:
            data[key] = getattr(link, key)
    if not link.up:
        data["up"] = False
    if link.attrs:
        data["attrs"] = dict(link.attrs)
    if not link.is_symmetric:
        data["b_to_a"] = _yaml_shaping(link.b_to_a, link.a_to_b)
    return data


def _yaml_app(app: AppSpec) -> dict[str, Any]:
    data: dict[str, Any] = {"node": app.node, "image": app.image}
    if app.command:
        data["command"] = list(app.command)
    if app.entrypoint is not None:
        data["entrypoint"] = list(app.entrypoint)
    if app.ip is not None:
        data["ip"] = str(app.ip)
    for key in ("mac", "cpus"):
        if getattr(app, key) is not None:
            data[key] = getattr(app, key)
    if app.memory_bytes is not None:
        data["memory"] = _size_text(app.memory_bytes)
    if app.env:
        data["env"] = dict(app.env)
    if app.volumes:
        data["volumes"] = [volume_text(volume) for volume in app.volumes]
    if app.restart != "no":
        data["restart"] = app.restart
    if app.policy != "live":
        data["policy"] = app.policy
    return data


def _yaml_shaping(shaping: Shaping, base: Shaping) -> dict[str, Any]:
    """The fields in which ``shaping`` differs from ``base``; null undoes what ``base`` has."""
    texts, base_texts = _shaping_texts(shaping), _shaping_texts(base)
    changed = {key: text for key, text in texts.items() if base_texts.get(key) != text}
    # One kind of loss replaces the other by itself.
    undone = {key: None for key in base_texts if key not in texts}
    for kind, other in (("loss", "burst_loss"), ("burst_loss", "loss")):
        if kind in changed:
            undone.pop(other, None)
    return {**changed, **undone}


def _shaping_texts(shaping: Shaping) -> dict[str, Any]:
    """Every field that is not at its default, as people write it."""
    data: dict[str, Any] = {}
    if shaping.delay_ms:
        data["delay"] = f"{_number_text(shaping.delay_ms)}ms"
    if shaping.jitter_ms:
        data["jitter"] = f"{_number_text(shaping.jitter_ms)}ms"
    if shaping.jitter_distribution != PLAIN.jitter_distribution:
        data["jitter_distribution"] = shaping.jitter_distribution
    for key in ("loss", "duplicate", "reorder"):
        percent = getattr(shaping, f"{key}_pct")
        if percent:
            data[key] = f"{_number_text(percent)}%"
    if shaping.burst_loss is not None:
        data["burst_loss"] = _burst_texts(shaping.burst_loss)
    if shaping.bw_mbit is not None:
        data["bw"] = f"{_number_text(shaping.bw_mbit)}mbit"
    limits = []
    if shaping.queue_packets is not None:
        limits.append(f"{shaping.queue_packets}p")
    if shaping.queue_bytes is not None:
        limits.append(str(_size_text(shaping.queue_bytes, always_unit=True)))
    if limits:
        data["queue"] = " ".join(limits)
    return data


def _burst_texts(loss: GilbertElliott) -> dict[str, str]:
    return {
        "p": f"{_number_text(loss.p_pct)}%",
        "r": f"{_number_text(loss.r_pct)}%",
        "bad_loss": f"{_number_text(loss.bad_loss_pct)}%",
        "good_loss": f"{_number_text(loss.good_loss_pct)}%",
    }


def _number_text(number: float) -> str:
    """The shortest text that reads back as ``number``."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def _size_text(size: int, *, always_unit: bool = False) -> str | int:
    for factor, unit in ((1024**3, "G"), (1024**2, "M"), (1024, "K")):
        if size and size % factor == 0:
            return f"{size // factor}{unit}B"
    return f"{size}b" if always_unit else size
