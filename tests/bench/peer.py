"""The papers' map in a peer: run by the peer's own Python, knows nothing of MiniDockNet.

``python peer.py mininet|containernet IMAGE`` prints the seconds up and down.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

MAP = Path(__file__).resolve().parents[2] / "topologies" / "rocketfuel-68.yaml"


def links() -> list[tuple[str, str]]:
    pairs = re.findall(r"\ba: *([\w-]+), *b: *([\w-]+)", MAP.read_text())
    assert len(pairs) == 67, len(pairs)
    return pairs


def main(peer: str, image: str) -> None:
    pairs = links()
    names = sorted({name for pair in pairs for name in pair})
    if peer == "containernet":
        from mininet.net import Containernet as Net
    else:
        from mininet.net import Mininet as Net
    from mininet.link import TCLink
    from mininet.node import OVSSwitch

    begun = time.monotonic()
    # A host and a userspace switch a node, as the map's forwarding nodes have both.
    net = Net(controller=None, link=TCLink, switch=OVSSwitch)
    for index, name in enumerate(names):
        if peer == "containernet":
            net.addDocker(f"h{name}", ip=f"10.0.{index // 250}.{index % 250 + 1}", dimage=image)
        else:
            net.addHost(f"h{name}")
        net.addSwitch(f"s{name}", dpid=f"{index + 1:016x}", datapath="user", failMode="standalone")
        net.addLink(f"h{name}", f"s{name}")
    for a, b in pairs:
        net.addLink(f"s{a}", f"s{b}", bw=10, delay="3ms")
    net.start()
    up = time.monotonic() - begun
    begun = time.monotonic()
    net.stop()
    print(up, time.monotonic() - begun)


if __name__ == "__main__":
    main(*sys.argv[1:])
