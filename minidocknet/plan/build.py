"""From a topology, options and the machine's capabilities to a plan.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from minidocknet.model.capabilities import Capabilities
from minidocknet.model.errors import CapabilityError, UsageError
from minidocknet.model.shaping import Shaping
from minidocknet.model.topology import LinkKind, LinkSpec, NodeSpec, Topology, routing_cost
from minidocknet.plan.addressing import assign_addresses, free_subnet, node_mac, port_mac
from minidocknet.plan.allowance import UNCALIBRATED, Calibration
from minidocknet.plan.apps import with_apps
from minidocknet.plan.drivers import ShapingNeed, choose_link_kind
from minidocknet.plan.model import EndPlan, LinkPlan, NodePlan, Plan
from minidocknet.plan.mtu import link_mtu
from minidocknet.plan.names import SHARED_SWITCH, check_lab_name, container_name
from minidocknet.plan.options import DeployOptions

# Shared address space (RFC 6598): least likely to collide with a network that the host routes.
UNDERLAY_POOL = IPv4Network("100.64.0.0/10")
# A Linux bridge has 1024 ports; Docker keeps some.
UNDERLAY_MOST_NODES = 1000
UNDERLAY_KINDS: tuple[LinkKind, ...] = ("vxlan", "l2tp")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the machine already has: ``slot`` free for this lab, networks in use, node image, and
    how much of a delay the emulation takes by itself.
    """

    slot: int
    node_image: str
    used_networks: tuple[IPv4Network, ...] = ()
    calibration: Calibration = UNCALIBRATED


def build_plan(
    topology: Topology,
    lab: str,
    options: DeployOptions,
    capabilities: Capabilities,
    surroundings: Surroundings,
) -> Plan:
    """The whole plan of ``lab``.

    Raises UsageError (options, applications), TopologyError (addresses) or CapabilityError (link
    kinds).
    """
    check_lab_name(lab)
    addresses = assign_addresses(
        ((node.name, node.ip) for node in topology.nodes),
        options.subnet,
        taken=[app.ip.ip for app in topology.apps if app.ip is not None],
    )
    nodes = {
        spec.name: plan_node(lab, index, spec, addresses[spec.name], options, surroundings)
        for index, spec in enumerate(topology.nodes)
    }
    ports = dict.fromkeys(nodes, 0)
    links = []
    for number, spec in enumerate(topology.links):
        ports[spec.a] += 1
        ports[spec.b] += 1
        links.append(
            plan_link(
                number,
                override_shaping(spec, options),
                (nodes[spec.a], nodes[spec.b]),
                (ports[spec.a], ports[spec.b]),
                options,
                capabilities,
                surroundings.calibration,
            )
        )
    check_switchless(nodes, links)
    plan = Plan(
        lab=lab,
        slot=surroundings.slot,
        name=topology.name,
        description=topology.description,
        source=topology.source,
        subnet=options.subnet,
        nodes=tuple(nodes.values()),
        links=tuple(links),
    )
    return with_apps(_with_underlay(plan, surroundings.used_networks), topology.apps)


def plan_node(
    lab: str,
    index: int,
    spec: NodeSpec,
    address: IPv4Interface,
    options: DeployOptions,
    surroundings: Surroundings,
) -> NodePlan:
    """The node's container; limits that the node leaves open come from ``options``."""
    return NodePlan(
        name=spec.name,
        index=index,
        container=container_name(lab, spec.name),
        image=spec.image or options.image or surroundings.node_image,
        ip=address,
        mac=spec.mac or node_mac(index),
        switch=spec.switch or options.switch,
        inner_engine=spec.inner_engine or options.inner_engine,
        spec=replace(
            spec,
            cpus=spec.cpus if spec.cpus is not None else options.cpus,
            memory_bytes=(
                spec.memory_bytes if spec.memory_bytes is not None else options.memory_bytes
            ),
        ),
    )


def override_shaping(spec: LinkSpec, options: DeployOptions) -> LinkSpec:
    """``spec`` with the shaping that the command line asked for on every link."""
    changes: dict[str, float] = {}
    if options.delay_ms is not None:
        changes["delay_ms"] = options.delay_ms
    if options.bw_mbit is not None:
        changes["bw_mbit"] = options.bw_mbit
    if options.loss_pct is not None:
        changes["loss_pct"] = options.loss_pct

    def change(shaping: Shaping) -> Shaping:
        burst = None if options.loss_pct is not None else shaping.burst_loss
        return replace(shaping, burst_loss=burst, **changes)  # type: ignore[arg-type]

    return replace(spec, a_to_b=change(spec.a_to_b), b_to_a=change(spec.b_to_a))


def plan_link(
    number: int,
    spec: LinkSpec,
    nodes: tuple[NodePlan, NodePlan],
    ports: tuple[int, int],
    options: DeployOptions,
    capabilities: Capabilities,
    calibration: Calibration,
) -> LinkPlan:
    """One link; ``ports`` are the numbers of its interfaces at both nodes (1 for the first)."""
    encap_l2tp = (spec.encap or options.encap) == "l2tp"
    asked = spec.type or options.link
    if encap_l2tp and asked not in (None, "wire"):
        raise UsageError(
            f"link {spec.a} - {spec.b}: encap l2tp is a form of kind wire, not of {asked}",
            remedy=f"leave out the encapsulation, or the kind {asked}",
        )
    need = ShapingNeed.of(spec.a_to_b, spec.b_to_a)
    choice = choose_link_kind("wire" if encap_l2tp else asked, need, capabilities)
    mtu = link_mtu(choice.kind, encap_l2tp=encap_l2tp)
    if spec.mtu is not None:
        if spec.mtu > mtu and choice.kind in UNDERLAY_KINDS:
            raise CapabilityError(
                f"link {spec.a} - {spec.b}: mtu {spec.mtu} does not fit into kind {choice.kind}, "
                f"which carries {mtu} bytes",
                remedy="lower the mtu, or take kind wire or veth",
            )
        mtu = spec.mtu
    ifaces = (spec.a_iface, spec.b_iface)
    ends = [
        _plan_end(node, number, end, port, ifaces[end])
        for end, (node, port) in enumerate(zip(nodes, ports, strict=True))
    ]
    return LinkPlan(
        id=number,
        a=ends[0],
        b=ends[1],
        kind=choice.kind,
        reason=choice.reason,
        encap_l2tp=encap_l2tp,
        mtu=mtu,
        a_to_b=spec.a_to_b,
        b_to_a=spec.b_to_a,
        up=spec.up,
        weight=spec.weight,
        cost=routing_cost(spec),
        allowance_ms=(
            calibration.allowance_ms(_userspace_switches(nodes, capabilities))
            if options.compensate and choice.kind == "wire"
            else 0.0
        ),
        attrs=spec.attrs,
    )


def _userspace_switches(nodes: tuple[NodePlan, NodePlan], capabilities: Capabilities) -> int:
    """How many of a link's ends lie in a userspace switch."""
    if capabilities.openvswitch:
        return 0
    return sum(node.switch != "none" for node in nodes)


def _plan_end(node: NodePlan, link: int, end: int, port: int, iface: str | None) -> EndPlan:
    shared = node.switch == "shared"
    return EndPlan(
        node=node.name,
        home=SHARED_SWITCH if shared else node.name,
        # In the shared switch the interfaces of all nodes lie side by side.
        iface=f"n{node.index}p{port}" if shared else iface or f"eth{port}",
        mac=port_mac(link, end),
        port=port if node.switch != "none" else 0,
    )


def check_switchless(nodes: Mapping[str, NodePlan], links: Iterable[LinkPlan]) -> None:
    """Nodes without a switch either all route, or are hosts with one link to a switched map."""
    if all(node.switch == "none" for node in nodes.values()):
        return
    degree: dict[str, int] = dict.fromkeys(nodes, 0)
    for link in links:
        degree[link.a.node] += 1
        degree[link.b.node] += 1
    for node in nodes.values():
        if node.switch == "none" and degree[node.name] > 1:
            raise UsageError(
                f"node {node.name} has no switch but {degree[node.name]} links, in a map where "
                "others have switches: nothing would forward between them",
                remedy=f"give {node.name} a switch, or use --switch none for all nodes",
            )


def routes_by_kernel(plan: Plan) -> bool:
    """True where no node has a switch, so that the nodes' kernels forward IP packets."""
    return all(node.switch == "none" for node in plan.nodes)


def _with_underlay(plan: Plan, used: Iterable[IPv4Network]) -> Plan:
    """Gives each node an underlay address where a link kind needs the underlay."""
    if not any(link.kind in UNDERLAY_KINDS for link in plan.links):
        return plan
    if len(plan.nodes) > UNDERLAY_MOST_NODES:
        raise CapabilityError(
            f"{len(plan.nodes)} nodes do not fit onto one Docker bridge network "
            f"({UNDERLAY_MOST_NODES} ports), which kinds vxlan and l2tp need",
            remedy="use --link wire or veth",
        )
    if plan.uses_shared_switch:
        raise UsageError(
            "kinds vxlan and l2tp end in each node, so they cannot be used with switch shared",
            remedy="use --switch node, or --link wire or veth",
        )
    underlay = free_subnet(UNDERLAY_POOL, 20, used)
    return replace(
        plan,
        underlay=underlay,
        nodes=tuple(
            replace(node, underlay_ip=underlay_address(underlay, node.index)) for node in plan.nodes
        ),
    )


def underlay_address(underlay: IPv4Network, index: int) -> IPv4Interface:
    """Node ``index``'s address; the network's first one is the bridge's."""
    return IPv4Interface(
        (IPv4Address(int(underlay.network_address) + 2 + index), underlay.prefixlen)
    )
