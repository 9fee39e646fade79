"""Frames take the planned paths, not merely some path."""

from __future__ import annotations

from itertools import permutations

import pytest


@pytest.mark.parametrize("switch", ["node", "shared"])
@pytest.mark.parametrize("topology", ["mesh-6", "tree,2,2"])
def test_neighbours_know_each_other_by_the_address_that_the_rules_know(
    make_lab, topology: str, switch: str
) -> None:
    network = make_lab(topology, switch=switch)
    names = [node.name for node in network.nodes]
    network.ping(permutations(names, 2), count=2)
    planned = {node.ip: node.plan.mac for node in network.nodes}
    for node in network.nodes:
        lines = node.exec("ip -4 neigh show").check().stdout.splitlines()
        known = {line.split()[0]: line.split()[4] for line in lines}
        assert known == {ip: mac for ip, mac in planned.items() if ip != node.ip}


def test_on_a_map_with_loops_the_round_trip_is_that_of_the_shortest_path(make_lab) -> None:
    network = make_lab("mesh-6", bw=1000)
    # Over r2 and r5 (2 + 1 + 2 ms), not the direct link of 7 ms, and not the spanning tree's way.
    # Up to 12 % of a delay are left to the emulation itself.
    (there,) = network.ping([("r1", "r4")], count=20)
    assert 8.8 <= min(there.rtts_ms) < 12.0
    (over_the_chord,) = network.ping([("r2", "r5")], count=20)
    assert 1.76 <= min(over_the_chord.rtts_ms) < 3.5
