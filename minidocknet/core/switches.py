"""Changes to running switches, when a live lab gains or loses nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from minidocknet.core.lab import Lab
from minidocknet.core.nodefiles import write_files
from minidocknet.plan.files import FLOWS
from minidocknet.plan.flows import flow_changes, flow_rules
from minidocknet.plan.model import EndPlan, NodePlan, Plan
from minidocknet.plan.mtu import lab_mtu
from minidocknet.plan.names import SHARED_SWITCH
from minidocknet.plan.routing import has_loops
from minidocknet.plan.switchdb import (
    ACCESS_PORT,
    BRIDGE,
    access_bridge_mac,
    access_port,
    bridge_name,
    datapath_id,
    shaping_guard,
)
from minidocknet.runtime.nodecmd import run_in_node

_VSCTL = ("ovs-vsctl", "--timeout=30")


def switch_home(node: NodePlan) -> str:
    """Whose container runs the node's bridge."""
    return SHARED_SWITCH if node.switch == "shared" else node.name


def add_ports(lab: Lab, ends: Iterable[EndPlan], homes: Mapping[str, int]) -> None:
    """Put the interfaces of new links into the bridges of nodes that were there before."""
    for end in ends:
        node = lab.plan.node(end.node)
        if node.switch != "none" and end.home in homes:
            port = _add_port_words(bridge_name(node), end.iface, end.port)
            _vsctl(homes[end.home], port, f"adding port {end.iface} of {end.node}")


def add_shared_bridge(lab: Lab, node: NodePlan, homes: Mapping[str, int]) -> None:
    """The bridge of a new node with ``switch: shared``, with all its ports."""
    name = bridge_name(node)
    words = ["--may-exist", "add-br", name, "--", "set", "Bridge", name]
    if not lab.state.kernel_datapath:
        words.append("datapath_type=netdev")
    mac, dpid = access_bridge_mac(node), datapath_id(node)
    words += [f'other_config:hwaddr="{mac}"', f"other_config:datapath-id={dpid}"]
    words += ["--", *_add_port_words(name, access_port(node), ACCESS_PORT)]
    for link in lab.plan.links_of(node.name):
        end = link.end_at(node.name)
        words += ["--", *_add_port_words(name, end.iface, end.port)]
    _vsctl(homes[SHARED_SWITCH], words, f"adding the bridge of {node.name}")


def remove_ports(lab: Lab, ends: Iterable[EndPlan], homes: Mapping[str, int]) -> None:
    for end in ends:
        node = lab.plan.node(end.node)
        if node.switch != "none" and end.home in homes:
            words = ["--if-exists", "del-port", bridge_name(node), end.iface]
            _vsctl(homes[end.home], words, f"removing port {end.iface} of {end.node}")


def unplug_access(node: NodePlan, homes: Mapping[str, int]) -> None:
    """Take the node's end out of its bridge in the shared switch, to be plugged in anew.

    A switch does not notice an interface that was replaced by another of its name.
    """
    if node.switch == "shared" and SHARED_SWITCH in homes:
        words = ["--if-exists", "del-port", bridge_name(node), access_port(node)]
        _vsctl(homes[SHARED_SWITCH], words, f"unplugging {node.name}")


def plug_access(node: NodePlan, homes: Mapping[str, int]) -> None:
    """Put it in again."""
    if node.switch == "shared" and SHARED_SWITCH in homes:
        words = _add_port_words(bridge_name(node), access_port(node), ACCESS_PORT)
        _vsctl(homes[SHARED_SWITCH], words, f"plugging in {node.name}")


def remove_shared_bridge(node: NodePlan, homes: Mapping[str, int]) -> None:
    if node.switch == "shared" and SHARED_SWITCH in homes:
        words = ["--if-exists", "del-br", bridge_name(node)]
        _vsctl(homes[SHARED_SWITCH], words, f"removing the bridge of {node.name}")


def update_switches(lab: Lab, old: Plan, homes: Mapping[str, int]) -> None:
    """Make every switch that the change from ``old`` to the lab's plan touches fit the plan.

    The files that nodes read at their next start are written first, for all nodes.
    """
    plan = lab.plan
    write_files(plan, kernel_datapath=lab.state.kernel_datapath)
    before, after = flow_rules(old), flow_rules(plan)
    secure = has_loops(plan)
    modes_change = secure != has_loops(old)

    def update(node: NodePlan) -> None:
        home = switch_home(node)
        if home not in homes or node.switch == "none":
            return
        bridge = bridge_name(node)
        if modes_change:
            mode = "secure" if secure else "standalone"
            _vsctl(homes[home], ["set-fail-mode", bridge, mode], f"fail mode of {node.name}")
            if not secure:
                (lab.paths.node_etc(home) / f"{FLOWS}.{bridge}").unlink(missing_ok=True)
        if modes_change or before.get(node.name) != after[node.name]:
            _replace_flows(homes[home], bridge, after[node.name], node.name)
        if lab_mtu(plan) != lab_mtu(old) and node.switch == "node":
            mtu = str(lab_mtu(plan))
            run_in_node(
                homes[home], ["ip", "link", "set", BRIDGE, "mtu", mtu], what=f"MTU of {node.name}"
            )

    with ThreadPoolExecutor(lab.state.options.workers) as pool:
        for _ in pool.map(update, plan.nodes):
            pass


def move_app_rules(lab: Lab, old: Plan, homes: Mapping[str, int]) -> None:
    """Let frames to applications that moved since ``old`` go to their new nodes.

    Nothing on a map without loops, where switches learn.  Only rules that differ are sent, to the
    bridges that have any, since the application stands still meanwhile.
    """
    plan = lab.plan
    changes = flow_changes(old, plan)
    if not changes:
        return

    def update(name: str) -> None:
        node = plan.node(name)
        home = switch_home(node)
        if home in homes:
            _send_flows("add-flows", homes[home], bridge_name(node), changes[name], name)

    with ThreadPoolExecutor(lab.state.options.workers) as pool:
        for _ in pool.map(update, changes):
            pass
    write_files(plan, kernel_datapath=lab.state.kernel_datapath)


def _replace_flows(pid: int, bridge: str, rules: tuple[str, ...], node: str) -> None:
    _send_flows("replace-flows", pid, bridge, rules, node)


def _send_flows(verb: str, pid: int, bridge: str, rules: tuple[str, ...], node: str) -> None:
    # ovs-ofctl reads "-" as standard input, which the shell feeds.
    script = f"ovs-ofctl --timeout=30 -O OpenFlow13 {verb} {bridge} - <<'EOF'\n"
    script += "\n".join(rules) + "\nEOF\n"
    run_in_node(pid, ["sh", "-c", script], what=f"flow rules of {node}")


def _add_port_words(bridge: str, iface: str, number: int) -> list[str]:
    request = ["set", "Interface", iface, f"ofport_request={number}"]
    guard = ["set", "Port", iface, f"qos={shaping_guard()}"]
    return ["--may-exist", "add-port", bridge, iface, "--", *request, "--", *guard]


def _vsctl(pid: int, words: Iterable[str], what: str) -> None:
    run_in_node(pid, [*_VSCTL, *words], what=what)
