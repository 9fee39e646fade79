"""The Open vSwitch database of a node, written whole instead of by commands one by one.

A standalone database file is a log of JSON records (ovsdb(5), "Standalone Database Format"); the
node's init appends the record made here to a fresh database, so that the switch comes up with
its bridge and ports in place, and comes up the same after every restart.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from typing import Any

from minidocknet.plan.model import NodePlan, Plan

BRIDGE = "br0"
# A shared bridge's port to its node: above every link's number, below OpenFlow's reserved ones.
ACCESS_PORT = 65000
_NAMESPACE = uuid.UUID("6d646e00-0000-4000-8000-000000000000")
# The switch takes any queueing discipline off a port that has no QoS of its own: links shaped by
# tc would lose their shaping.  This type leaves it alone (ovs-vswitchd.conf.db(5), QoS).
_LEAVE_SHAPING = "linux-noop"


def bridge_name(node: NodePlan) -> str:
    """``br0`` in a node of its own; unique in the shared switch."""
    return BRIDGE if node.switch == "node" else f"sw{node.index}"


def access_port(node: NodePlan) -> str:
    """The shared switch's end of the pair that joins ``node`` to its bridge."""
    return f"n{node.index}"


def datapath_id(node: NodePlan) -> str:
    """16 hex digits; number 1 is the first node's, since 0 is not a valid identifier."""
    return f"{node.index + 1:016x}"


def switch_record(
    plan: Plan, nodes: Iterable[NodePlan], *, kernel_datapath: bool, secure: bool
) -> str:
    """The log record that creates the bridges of ``nodes`` with their ports.

    ``secure`` keeps a bridge from forwarding anything until its flow rules are there.
    """
    record: dict[str, Any] = {"_comment": "minidocknet"}
    record["QoS"] = {shaping_guard(): {"type": _LEAVE_SHAPING}}
    bridges = []
    for node in nodes:
        bridges.append(_uuid("bridge", node.name))
        _add_bridge(record, plan, node, kernel_datapath=kernel_datapath, secure=secure)
    # The revalidator wakes up every 500 ms by default, which in 68 idle nodes is most of what they
    # take: 3.7 % of a core, 1.3 % with 2 s.  Flow statistics are up to that much old.
    other = {"max-revalidator": "2000"}
    if not kernel_datapath:
        # Partial checksums cross the userspace datapath only with TSO support on, which has to be
        # set before the switch starts.
        other["userspace-tso-enable"] = "true"
    record["Open_vSwitch"] = {
        str(_uuid("root", "")): {"bridges": _set(bridges), "other_config": _map(other)}
    }
    text = json.dumps(record, separators=(",", ":"), sort_keys=True) + "\n"
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return f"OVSDB JSON {len(text.encode())} {digest}\n{text}"


def _add_bridge(
    record: dict[str, Any], plan: Plan, node: NodePlan, *, kernel_datapath: bool, secure: bool
) -> None:
    name = bridge_name(node)
    # name -> (type, OpenFlow port number or None)
    ports: dict[str, tuple[str, int | None]] = {name: ("internal", None)}
    for link in plan.links_of(node.name):
        end = link.end_at(node.name)
        ports[end.iface] = ("", end.port)
    if node.switch == "shared":
        ports[access_port(node)] = ("", ACCESS_PORT)
    hwaddr = node.mac if node.switch == "node" else access_bridge_mac(node)
    record.setdefault("Bridge", {})[str(_uuid("bridge", node.name))] = {
        "name": name,
        "datapath_type": "" if kernel_datapath else "netdev",
        "fail_mode": "secure" if secure else "standalone",
        "protocols": _set_of_words(["OpenFlow10", "OpenFlow13", "OpenFlow14", "OpenFlow15"]),
        "ports": _set([_uuid("port", node.name, port) for port in ports]),
        "other_config": _map({"hwaddr": hwaddr, "datapath-id": datapath_id(node)}),
        "external_ids": _map({"mdn-lab": plan.lab, "mdn-node": node.name}),
    }
    for port, (kind, number) in ports.items():
        port_row: dict[str, Any] = {
            "name": port,
            "interfaces": _set([_uuid("interface", node.name, port)]),
        }
        record.setdefault("Port", {})[str(_uuid("port", node.name, port))] = port_row
        row: dict[str, Any] = {"name": port, "type": kind}
        if number is not None:
            row["ofport_request"] = number
            port_row["qos"] = ["uuid", shaping_guard()]
        record.setdefault("Interface", {})[str(_uuid("interface", node.name, port))] = row


def shaping_guard() -> str:
    """The identifier of the QoS row that keeps the switch from touching a port's shaping."""
    return str(_uuid("qos", _LEAVE_SHAPING))


def access_bridge_mac(node: NodePlan) -> str:
    """A shared bridge's own address, apart from its node's."""
    return "02:50" + node.mac[5:]


def _uuid(*parts: str) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, "/".join(parts))


def _set(uuids: list[uuid.UUID]) -> list[Any]:
    return ["set", [["uuid", str(value)] for value in uuids]]


def _set_of_words(words: list[str]) -> list[Any]:
    return ["set", words]


def _map(values: dict[str, str]) -> list[Any]:
    return ["map", [[key, value] for key, value in sorted(values.items())]]
