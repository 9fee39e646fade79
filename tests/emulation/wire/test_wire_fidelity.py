"""Links do what was asked of them, within the tolerances that the project promises."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from minidocknet.links.wire import WireLink
from minidocknet.model.shaping import GilbertElliott, Shaping

LINKS = 67


def test_round_trips_with_all_links_pinged_at_once(lab: Any) -> None:
    delay = Shaping(delay_ms=3)
    nodes = lab.nodes(2 * LINKS)
    pairs = list(zip(nodes[::2], nodes[1::2], strict=True))
    results = lab.client.add_many(
        WireLink(f"l{index}", lab.tap(a), lab.tap(b), delay, delay)
        for index, (a, b) in enumerate(pairs)
    )
    assert all(result.ok for result in results)
    for index, (a, b) in enumerate(pairs):
        lab.address(a, f"10.8.{index}.1")
        lab.address(b, f"10.8.{index}.2")
        assert lab.ping(a, f"10.8.{index}.2", count=1, interval="0.2")
    lab.client.reset_stats()
    pings = [
        lab.spawn(a, "ping", "-n", "-c", "40", "-i", "0.1", f"10.8.{index}.2")
        for index, (a, _) in enumerate(pairs)
    ]
    every, links = [], []
    for ping in pings:
        output = ping.communicate(timeout=60)[0]
        times = [float(word[5:]) for word in output.split() if word.startswith("time=")]
        assert len(times) == 40
        every += times
        links.append(statistics.median(times))
    assert min(every) >= 6.0, "a frame arrived before its delay was over"
    assert statistics.median(every) <= 6.0 * 1.03 + 0.1
    assert max(links) <= 6.0 * 1.05 + 0.1
    late = lab.client.stats().lateness
    assert late.count >= LINKS * 40 * 2
    assert sum(count for _, count in late.buckets) == late.count
    assert late.p50_ns <= 100_000


@pytest.mark.parametrize("rate", [5, 10, 100, 1000])
def test_tcp_goodput_follows_the_rate(lab: Any, rate: int) -> None:
    shaping = Shaping(delay_ms=1, bw_mbit=rate)
    a, b, address = lab.pair("l", shaping, shaping)
    best = 0.0
    # What else runs on the machine can slow TCP down, never speed it up.
    for _ in range(3):
        report = lab.iperf(a, b, address, "-t", "4", "-O", "1")
        goodput = report["end"]["sum_received"]["bits_per_second"] / 1e6
        assert goodput <= 0.99 * rate
        best = max(best, goodput)
        if best >= 0.93 * rate:
            return
    raise AssertionError(f"{best:.2f} Mbit/s of {rate} at best")


def test_directions_are_shaped_apart(lab: Any) -> None:
    a, b, address = lab.pair("l", Shaping(delay_ms=2, bw_mbit=5), Shaping(delay_ms=8, bw_mbit=20))
    there = lab.iperf(a, b, address, "-t", "3", "-O", "1")
    back = lab.iperf(a, b, address, "-t", "3", "-O", "1", "-R")
    assert 4.65e6 <= there["end"]["sum_received"]["bits_per_second"] <= 4.95e6
    assert 18.6e6 <= back["end"]["sum_received"]["bits_per_second"] <= 19.8e6
    assert 10.0 <= statistics.median(lab.ping(a, address, count=20, interval="0.02")) <= 10.4


@pytest.mark.parametrize("loss", [1.0, 5.0])
def test_random_loss(lab: Any, loss: float) -> None:
    a, b, address = lab.pair("l", Shaping(delay_ms=1, loss_pct=loss), seed=5)
    packets = lab.probe(a, b, address, count=60_000, rate_pps=20_000)
    assert abs(packets.lost_pct - loss) <= 0.2
    assert packets.sequence == sorted(packets.sequence)
    stats = lab.client.stats("l").link("l").a_to_b
    assert stats.lost >= 60_000 - len(packets.sequence)
    assert stats.queue_dropped == stats.memory_dropped == 0


def test_bursty_loss(lab: Any) -> None:
    burst = GilbertElliott(p_pct=1, r_pct=20)
    a, b, address = lab.pair("l", Shaping(burst_loss=burst))
    packets = lab.probe(a, b, address, count=60_000, rate_pps=20_000)
    assert packets.lost_pct == pytest.approx(burst.mean_loss_pct, abs=0.5)
    assert statistics.mean(packets.bursts) == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize(("distribution", "deviation"), [("uniform", 2 / 3**0.5), ("normal", 2.0)])
def test_jitter(lab: Any, distribution: Any, deviation: float) -> None:
    shaping = Shaping(delay_ms=10, jitter_ms=2, jitter_distribution=distribution)
    a, b, address = lab.pair("l", shaping)
    # The packets are so far apart that keeping them in order changes nothing.
    packets = lab.probe(a, b, address, count=800, rate_pps=100)
    assert len(packets.sequence) == 800
    assert packets.sequence == sorted(packets.sequence)
    assert statistics.stdev(packets.delay_ms) == pytest.approx(deviation, rel=0.15)
    assert statistics.mean(packets.delay_ms) == pytest.approx(10, abs=0.4)


def test_duplication(lab: Any) -> None:
    a, b, address = lab.pair("l", Shaping(delay_ms=1, duplicate_pct=10))
    packets = lab.probe(a, b, address, count=20_000, rate_pps=10_000)
    copies = len(packets.sequence) - len(set(packets.sequence))
    assert packets.lost_pct == 0
    assert 100 * copies / packets.sent == pytest.approx(10, abs=0.7)
    assert max(packets.sequence.count(number) for number in set(packets.sequence[:200])) == 2


def test_reordering(lab: Any) -> None:
    a, b, address = lab.pair("l", Shaping(delay_ms=20, reorder_pct=25))
    packets = lab.probe(a, b, address, count=4000, rate_pps=1000)
    assert sorted(packets.sequence) == list(range(4000))
    overtook = [delay for delay in packets.delay_ms if delay < 10]
    assert 100 * len(overtook) / packets.sent == pytest.approx(25, abs=2.5)
    assert statistics.median(overtook) < 1
    stayed = [delay for delay in packets.delay_ms if delay >= 10]
    assert statistics.median(stayed) == pytest.approx(20, abs=0.5)


def test_queue_limit_in_packets(lab: Any) -> None:
    """A burst meets a queue of 10: one passes at once, 10 wait, the last one for all before it."""
    a, b, address = lab.pair("l", Shaping(bw_mbit=1, queue_packets=10))
    packets = lab.probe(a, b, address, count=100, rate_pps=1e6, size=958)
    # 1000 bytes with the headers take 8 ms at 1 Mbit/s; the burst itself lasts a few of them.
    assert 11 <= len(packets.sequence) <= 13
    assert packets.sequence[:11] == list(range(11))
    assert packets.delay_ms[10] == pytest.approx(80, abs=8)
    assert lab.client.stats("l").link("l").a_to_b.queue_dropped == 100 - len(packets.sequence)


def test_change_while_traffic_flows(lab: Any, until: Callable[..., None]) -> None:
    a, b, address = lab.pair("l", Shaping(delay_ms=5))

    def forwarded(count: int) -> Callable[[], bool]:
        return lambda: lab.client.stats("l").link("l").a_to_b.tx_frames >= count

    def change() -> None:
        until(forwarded(800))
        lab.client.set("l", a_to_b=Shaping(delay_ms=40))
        until(forwarded(1800))
        lab.client.set("l", a_to_b=Shaping(delay_ms=5))

    packets = lab.probe(a, b, address, count=4000, rate_pps=1000, while_sending=change)
    assert packets.sequence == list(range(4000)), "lost or reordered by a change"
    assert statistics.median(packets.delay_ms[:500]) == pytest.approx(5, abs=0.4)
    assert max(packets.delay_ms) == pytest.approx(40, abs=5)
    assert statistics.median(packets.delay_ms[-1000:]) == pytest.approx(5, abs=0.4)


def test_rate_changes_while_tcp_runs(lab: Any) -> None:
    a, b, address = lab.pair("l", Shaping(delay_ms=1, bw_mbit=10), Shaping(delay_ms=1))
    serving = lab.spawn(b, "iperf3", "-s", "-1", "--forceflush")
    while "listening" not in serving.stdout.readline():
        assert serving.poll() is None
    sending = lab.spawn(a, "iperf3", "-c", address, "-t", "9", "-i", "1", "--forceflush")
    lines, changed = [], False
    for line in sending.stdout:
        if "bits/sec" in line and "sender" not in line and "receiver" not in line:
            lines.append(line)
        if len(lines) == 4 and not changed:
            lab.client.set_words("l", "ab", rate=40_000_000)
            changed = True
    serving.wait(10)
    received = [
        float(line.split("Bytes")[1].split()[0])
        for line in serving.stdout.read().splitlines()
        if "bits/sec" in line and "receiver" not in line
    ]
    assert statistics.median(received[1:3]) == pytest.approx(9.6, abs=0.4)
    assert statistics.median(received[6:9]) == pytest.approx(38.2, abs=1.6)
    assert lab.client.stats("l").link("l").b_to_a.queue_dropped == 0


def test_super_frames_only_where_they_do_no_harm(lab: Any) -> None:
    a, b, address = lab.pair("l", Shaping(delay_ms=1), Shaping(delay_ms=1, bw_mbit=10))
    state = lab.client.stats("l").link("l")
    assert state.a.tso
    assert not state.b.tso
    fast = lab.iperf(a, b, address, "-t", "2", "-O", "1")
    assert fast["end"]["sum_received"]["bits_per_second"] > 1e9
    lab.client.set_words("l", "ab", loss=1)
    assert not lab.client.stats("l").link("l").a.tso
    lab.client.set_words("l", "ab", loss=0, rate=500_000_000)
    assert lab.client.stats("l").link("l").a.tso


def test_idle_links_cost_no_processor_time(lab: Any, until: Callable[..., None]) -> None:
    pairs = [lab.pair(f"l{index}", Shaping(delay_ms=3)) for index in range(20)]
    assert all(lab.ping(a, address, count=1) for a, _, address in pairs)
    began = lab.client.stats()
    until(lambda: lab.client.stats().uptime_s > began.uptime_s + 0.1)
    first = lab.client.stats()
    # A wait, not a bound: over this span the share of a core is taken.
    subprocess.run(["sleep", "4"], check=True)
    last = lab.client.stats()
    assert (last.cpu_s - first.cpu_s) / (last.uptime_s - first.uptime_s) < 0.01
    assert last.wakeups - first.wakeups < 80
