"""Addresses, computed once from a node's index and never by counting what exists."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from minidocknet.model.errors import TopologyError, UsageError

DEFAULT_SUBNET = IPv4Network("10.0.0.0/16")


def node_mac(index: int) -> str:
    """The locally administered MAC address of node number ``index`` (0-based)."""
    return _mac(0x4D, index)


def port_mac(link_id: int, end: int) -> str:
    """The MAC address of a link's interface; ``end`` is 0 for a and 1 for b."""
    return _mac(0x4E, link_id * 2 + end)


def access_mac(index: int, end: int) -> str:
    """The MAC address of the pair that joins a node to a shared switch (0 node, 1 switch)."""
    return _mac(0x4F, index * 2 + end)


def app_mac(index: int) -> str:
    """The MAC address of application number ``index``; it moves with the application."""
    return _mac(0x41, index)


def app_address(index: int, subnet: IPv4Network, taken: Iterable[IPv4Address]) -> IPv4Interface:
    """Application ``index``'s address: counted from the middle of ``subnet`` on, clear of nodes.

    UsageError where the subnet is full.
    """
    used = set(taken)
    size = subnet.num_addresses
    for step in range(size):
        offset = (size // 2 + 1 + index + step) % size
        if 0 < offset < size - 1 and (address := subnet.network_address + offset) not in used:
            return IPv4Interface((address, subnet.prefixlen))
    raise UsageError(f"no address is left in {subnet}", remedy="deploy with a larger --subnet")


def _mac(kind: int, number: int) -> str:
    return ":".join(f"{byte:02x}" for byte in (0x02, kind, *number.to_bytes(4, "big")))


def assign_addresses(
    fixed: Iterable[tuple[str, IPv4Interface | None]],
    subnet: IPv4Network,
    taken: Iterable[IPv4Address] = (),
) -> dict[str, IPv4Interface]:
    """One address a node, in order, around those that the topology fixes.

    Raises :class:`TopologyError` for an address given twice or outside ``subnet``, and
    :class:`UsageError` where the subnet is too small.
    """
    nodes = list(fixed)
    used = set(taken)
    for name, interface in nodes:
        if interface is None:
            continue
        if interface.ip in used:
            raise TopologyError(f"node {name}: the address {interface.ip} is given twice")
        used.add(interface.ip)
    free = (address for address in subnet.hosts() if address not in used)
    result = {}
    for name, interface in nodes:
        if interface is None:
            address = next(free, None)
            if address is None:
                raise UsageError(
                    f"the subnet {subnet} has no address left for node {name}",
                    remedy="give a larger one with --subnet, like 10.0.0.0/8",
                )
            interface = IPv4Interface((address, subnet.prefixlen))
        result[name] = interface
    return result


def free_subnet(pool: IPv4Network, prefix: int, used: Iterable[IPv4Network]) -> IPv4Network:
    """The first network of ``prefix`` bits in ``pool`` that overlaps none of ``used``."""
    occupied = list(used)
    for candidate in pool.subnets(new_prefix=prefix):
        if not any(candidate.overlaps(network) for network in occupied):
            return candidate
    raise UsageError(
        f"no free /{prefix} network is left in {pool} for the underlay",
        remedy="remove unused Docker networks (docker network prune)",
    )
