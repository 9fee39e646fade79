"""Topologies out as GraphML and GML, which other tools read.

They carry every field of nodes and links, but names of attributes in GML are bound to letters,
digits and ``_``, and truth values become numbers there.  They have no place for applications.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from minidocknet.model.topology import Scalar, Topology
from minidocknet.topology.attributes import link_attributes, node_attributes

# --- GraphML --------------------------------------------------------------------------------


def topology_graphml(topology: Topology) -> str:
    """GraphML with typed attributes; node ids are the names."""
    keys: dict[tuple[str, str, str], str] = {}
    body: list[str] = []
    graph = {
        "name": topology.name,
        "description": topology.description,
        "source": topology.source,
    }
    body += _graphml_data(graph, "graph", keys, "    ")
    for node in topology.nodes:
        body.append(f"    <node id={quoteattr(node.name)}>")
        body += _graphml_data(node_attributes(node), "node", keys, "      ")
        body.append("    </node>")
    for link in topology.links:
        body.append(f"    <edge source={quoteattr(link.a)} target={quoteattr(link.b)}>")
        body += _graphml_data(link_attributes(link), "edge", keys, "      ")
        body.append("    </edge>")
    declared = [
        f'  <key id="{key}" for="{scope}" attr.name={quoteattr(name)} attr.type="{kind}"/>'
        for (scope, name, kind), key in keys.items()
    ]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
            *declared,
            '  <graph edgedefault="undirected">',
            *body,
            "  </graph>",
            "</graphml>\n",
        ]
    )


def _graphml_data(
    values: Mapping[str, Scalar], scope: str, keys: dict[tuple[str, str, str], str], indent: str
) -> list[str]:
    lines = []
    for name, value in values.items():
        kind = {bool: "boolean", int: "long", float: "double"}.get(type(value), "string")
        key = keys.setdefault((scope, name, kind), f"d{len(keys)}")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        lines.append(f'{indent}<data key="{key}">{_xml_text(text)}</data>')
    return lines


# XML 1.0 has no way to write these characters.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _xml_text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"})


# --- GML ------------------------------------------------------------------------------------


def topology_gml(topology: Topology) -> str:
    """GML; node ids are numbers in order, ``name`` and ``label`` as in the topology."""
    ids = {node.name: number for number, node in enumerate(topology.nodes)}
    lines = ['Creator "MiniDockNet"', "graph ["]
    graph = {
        "name": topology.name,
        "description": topology.description,
        "source": topology.source,
    }
    lines += _gml_values(graph, "  ")
    for node in topology.nodes:
        lines += ["  node [", f"    id {ids[node.name]}"]
        lines += [*_gml_values(node_attributes(node), "    "), "  ]"]
    for link in topology.links:
        lines += ["  edge [", f"    source {ids[link.a]}", f"    target {ids[link.b]}"]
        lines += [*_gml_values(link_attributes(link), "    "), "  ]"]
    return "\n".join([*lines, "]\n"])


def _gml_values(values: Mapping[str, Scalar], indent: str) -> list[str]:
    return [f"{indent}{_gml_key(key)} {_gml_value(value)}" for key, value in values.items()]


def _gml_key(key: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9_]", "_", key)
    return safe if re.match(r"[A-Za-z_]", safe) else f"_{safe}"


def _gml_value(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = repr(value)
        return text if "." in text else text.replace("e", ".0e")
    quoted = html.escape(value, quote=False).replace('"', "&quot;")
    return '"' + "".join(c if " " <= c <= "~" else f"&#{ord(c)};" for c in quoted) + '"'
