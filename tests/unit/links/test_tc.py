from __future__ import annotations

from minidocknet.links.tc import reshaping_lines, shaping_lines
from minidocknet.model.shaping import GilbertElliott, Shaping


def test_delay_and_rate_stack_tbf_under_netem():
    netem, tbf = shaping_lines("eth1", Shaping(delay_ms=3, bw_mbit=10))
    assert netem.startswith(
        "qdisc replace dev eth1 root handle 1: netem limit 1000 delay 3.000000ms"
    )
    assert tbf.startswith("qdisc replace dev eth1 parent 1: handle 2: tbf rate 10000000bit")
    # The bandwidth-delay product, at least 50 ms of it.
    assert tbf.endswith("limit 62500")


def test_a_rate_alone_needs_no_netem():
    (line,) = shaping_lines("eth1", Shaping(bw_mbit=1))
    assert " root handle 1: tbf rate 1000000bit " in line


def test_every_parameter_has_its_word():
    shaping = Shaping(
        delay_ms=1,
        jitter_ms=0.5,
        jitter_distribution="normal",
        burst_loss=GilbertElliott(1, 20, 90, 0.1),
        duplicate_pct=2,
        reorder_pct=3,
    )
    (line,) = shaping_lines("eth1", shaping)
    for words in (
        "delay 1.000000ms 0.500000ms distribution normal",
        "loss gemodel 1.000000% 20.000000% 90.000000% 0.100000%",
        "duplicate 2.000000%",
        "reorder 3.000000%",
    ):
        assert words in line


def test_a_plain_link_has_no_discipline():
    assert shaping_lines("eth1", Shaping()) == ()


def test_changing_values_keeps_the_queue_and_changing_disciplines_starts_anew():
    old, new = Shaping(delay_ms=3), Shaping(delay_ms=5)
    assert not any("noqueue" in line for line in reshaping_lines("eth1", old, new))
    lines = reshaping_lines("eth1", old, Shaping(delay_ms=3, bw_mbit=10))
    assert lines[0] == "qdisc replace dev eth1 root noqueue"
    assert len(lines) == 3
    assert reshaping_lines("eth1", old, Shaping()) == ("qdisc replace dev eth1 root noqueue",)
    assert reshaping_lines("eth1", old, old) == ()
