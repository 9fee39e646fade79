#!/usr/bin/env python3
"""Deploy a part of a real map, ping all pairs at once, compare with the sum of the delays.

Run as root after ``make setup``: ``.venv/bin/python examples/ping_a_map.py [TOPOLOGY [NODES]]``.
TOPOLOGY is anything that ``mdn deploy`` takes, like ``1221.latencies.intra``, a Rocketfuel map of
points of presence; left out, it is the Topology Zoo's Geant2012, with the delays of its fibres.
"""

from __future__ import annotations

import statistics
import sys
from itertools import combinations

import networkx as nx

from minidocknet import Network, Topology, load_topology, sample_topology


def round_trip_ms(topology: Topology, a: str, b: str) -> tuple[float, int]:
    """Twice the delays along the shortest path, and the number of links on it."""
    path = nx.shortest_path(topology.graph, a, b, weight="cost")
    links = [topology.link(here, there) for here, there in nx.utils.pairwise(path)]
    return sum(link.a_to_b.delay_ms + link.b_to_a.delay_ms for link in links), len(links)


def main() -> None:
    source = sys.argv[1] if len(sys.argv) > 1 else "topozoo/Geant2012"
    nodes = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    topology = sample_topology(load_topology(source), nodes, seed=1)
    pairs = list(combinations((node.name for node in topology.nodes), 2))
    with Network(topology, lab="example-map") as net:
        net.ping(pairs, count=1)  # fills the nodes' ARP tables
        pings = net.ping(pairs, count=10)
    print(f"{topology.name}: {len(topology.nodes)} nodes, {len(topology.links)} links")
    print("from            to              links  delays ms  median RTT ms  more ms")
    beyond = []
    for ping in sorted(pings, key=lambda ping: round_trip_ms(topology, ping.source, ping.target)):
        asked, links = round_trip_ms(topology, ping.source, ping.target)
        if ping.median_ms is None:
            sys.exit(f"{ping.source} got no answer from {ping.target}")
        beyond.append(ping.median_ms - asked)
        print(
            f"{ping.source:15} {ping.target:15} {links:5} {asked:10.2f} {ping.median_ms:14.2f} "
            f"{beyond[-1]:+8.2f}"
        )
    print(
        f"{len(pairs)} pairs; median {statistics.median(beyond):+.2f} ms beyond the delays, "
        f"worst {max(beyond):+.2f} ms"
    )


if __name__ == "__main__":
    main()
