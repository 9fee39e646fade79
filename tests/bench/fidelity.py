"""Does a link do what was asked of it, and how closely?"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator

from minidocknet.core.network import Network
from minidocknet.core.verify import HOST_TIME_MS
from minidocknet.runtime.engine import Engine

from .report import Figure

RATES_MBIT = (5, 10, 100, 1000)
LOSSES_PCT = (1.0, 5.0)
JITTERS = (("uniform", 2.0, 2.0 / math.sqrt(3)), ("normal", 1.0, 1.0))


def run(engine: Engine) -> Iterator[Figure]:
    with Network("rocketfuel-68", lab="bench") as network:
        yield from round_trips(network)
    with Network("linear,2", lab="bench", delay="3ms") as network:
        yield from goodput(network)
        yield from loss(network)
        yield from jitter(network)


def round_trips(network: Network) -> Iterator[Figure]:
    """All 67 links at once, 5 pings a second each, the first second (ARP) apart."""
    network.verify(count=5)
    checks = network.verify(count=50)
    asked = checks[0].asked_ms
    medians = [check.ping.median_ms or math.inf for check in checks]
    yield Figure("round trip asked", asked, "ms")
    yield Figure(
        "67 links pinged at once: median round trip",
        statistics.median(medians),
        "ms",
        asked * 1.03 + HOST_TIME_MS,
    )
    yield Figure(
        "67 links pinged at once: worst link's median",
        max(medians),
        "ms",
        asked * 1.05 + HOST_TIME_MS,
    )
    yield Figure(
        "67 links pinged at once: best link's median", min(medians), "ms", asked * 0.97, False
    )
    late = network.inspect()["fidelity"]["wire"]
    yield Figure("daemon's lateness, 99 % of frames below", late["p99_us"], "us")
    yield Figure("daemon's lateness, worst frame", late["max_us"], "us")


def goodput(network: Network) -> Iterator[Figure]:
    a, b = (node.name for node in network.nodes)
    for rate in RATES_MBIT:
        network.link(a, b).set(bw=rate)
        network.node(b).exec("iperf3 -s -1 -D").check()
        done = network.node(a).exec(["iperf3", "-J", "-t", "8", "-O", "2", "-c", b])
        report = json.loads(done.stdout)
        share = report["end"]["sum_received"]["bits_per_second"] / 1e4 / rate
        yield Figure(f"TCP goodput at {rate} Mbit/s", share, "%", 93, at_most=False)
        yield Figure(f"TCP goodput at {rate} Mbit/s, upper bound", share, "%", 99)
    network.link(a, b).set(bw_mbit=None)


def loss(network: Network) -> Iterator[Figure]:
    """A flood of 20,000 pings; a round trip is lost when either direction loses it, so one way."""
    a, b = (node.name for node in network.nodes)
    for percent in LOSSES_PCT:
        network.link(a, b).set(loss=percent, direction="a_to_b")
        before = network.link(a, b).stats()
        network.node(a).exec(["ping", "-q", "-f", "-c", "20000", b])
        after = network.link(a, b).stats()
        assert before is not None and after is not None
        lost = (after.a_to_b.lost or 0) - (before.a_to_b.lost or 0)
        passed = after.a_to_b.frames - before.a_to_b.frames
        off = abs(100 * lost / (lost + passed) - percent)
        yield Figure(f"loss set to {percent:g} %, off by", off, "points", 0.2)
    network.link(a, b).set(loss=0)


def jitter(network: Network) -> Iterator[Figure]:
    a, b = (node.name for node in network.nodes)
    for distribution, asked_ms, deviation_ms in JITTERS:
        network.link(a, b).set(
            delay="10ms", jitter=asked_ms, jitter_distribution=distribution, direction="a_to_b"
        )
        (ping,) = network.ping([(a, b)], count=500, interval_s=0.02)
        off = abs(statistics.stdev(ping.rtts_ms) / deviation_ms - 1) * 100
        yield Figure(f"{distribution} jitter's standard deviation, off by", off, "%", 15)
    network.link(a, b).set(delay="3ms", jitter=0)
