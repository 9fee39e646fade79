"""Links that the kernel carries keep the shaping that they were given, whatever the switch does."""

from __future__ import annotations

import pytest

from minidocknet.core.network import Network
from minidocknet.model.topology import LinkSpec
from minidocknet.runtime.nodecmd import run_in_node
from minidocknet.runtime.probe import probe


def rates_of(network: Network) -> list[str]:
    """At every end of every link, what tc says of its rate."""
    found = []
    homes = network.lab.homes()
    for link in network.links:
        for end in (link.plan.a, link.plan.b):
            shown = run_in_node(
                homes[end.home], ["tc", "qdisc", "show", "dev", end.iface], what="tc"
            )
            found.append(shown.split("rate ")[1].split()[0] if " tbf " in shown else shown)
    return found


@pytest.mark.parametrize(
    ("kind", "switch"), [("veth", "node"), ("veth", "shared"), ("veth", "none"), ("vxlan", "node")]
)
def test_the_rate_is_there_and_stays(make_lab, engine, kind: str, switch: str) -> None:
    if not probe(engine.client).tbf:
        pytest.skip("this kernel has no tbf")
    network = make_lab("linear,3", link=kind, switch=switch, bw=7)
    assert rates_of(network) == ["7Mbit"] * 4
    network.link("n1", "n2").set(bw=9)
    assert rates_of(network) == ["9Mbit"] * 2 + ["7Mbit"] * 2
    network.node("n2").stop()
    network.node("n2").start()
    assert rates_of(network) == ["9Mbit"] * 2 + ["7Mbit"] * 2
    network.add_node("n4", [LinkSpec("n3", "n4")])
    assert rates_of(network) == ["9Mbit"] * 2 + ["7Mbit"] * 4
    if switch == "node":
        # A switch that comes up again looks at its ports anew.
        network.node("n2").exec("kill -9 $(pidof ovs-vswitchd)")
        network.node("n2").exec(
            "ovs-vsctl --timeout=30 --retry set Open_vSwitch . external_ids:x=1"
        )
        assert rates_of(network) == ["9Mbit"] * 2 + ["7Mbit"] * 4
