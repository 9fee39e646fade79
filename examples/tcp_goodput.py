#!/usr/bin/env python3
"""TCP goodput over a path of two links, for several rates and for a lossy link.

Run as root after ``make setup``: ``.venv/bin/python examples/tcp_goodput.py [SECONDS]``, where
SECONDS is how long each transfer takes (3).
"""

from __future__ import annotations

import json
import sys

from minidocknet import Network

RATES_MBIT = (5, 10, 50, 100)


def goodput_mbit(net: Network, source: str, target: str, seconds: float) -> tuple[float, int]:
    """Mbit/s of payload that arrived, and how many segments TCP sent again."""
    net.node(target).exec("iperf3 --server --one-off --daemon").check()
    done = net.node(source).exec(["iperf3", "--json", "--time", f"{seconds:g}", "-c", target])
    report = json.loads(done.check().stdout)["end"]
    return report["sum_received"]["bits_per_second"] / 1e6, report["sum_sent"]["retransmits"]


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3
    with Network("linear,3", lab="example-goodput", delay="3ms") as net:
        bottleneck = net.link("n2", "n3")
        print("rate Mbit/s  loss %  goodput Mbit/s  of the rate  sent again")
        for rate, loss in [*((rate, 0) for rate in RATES_MBIT), (100, 1)]:
            bottleneck.set(bw=rate, loss=loss)
            goodput, again = goodput_mbit(net, "n1", "n3", seconds)
            print(f"{rate:11}  {loss:6}  {goodput:14.2f}  {goodput / rate:10.1%}  {again:10}")


if __name__ == "__main__":
    main()
