"""Tables, lines and summaries."""

from __future__ import annotations

import pytest

from minidocknet.cli.capture import copy_capture
from minidocknet.cli.events import event_line
from minidocknet.cli.inspect import link_row
from minidocknet.cli.output import print_table
from minidocknet.cli.progress import ProgressReporter, phase_line
from minidocknet.cli.verify import summarise
from minidocknet.core.ping import Ping
from minidocknet.core.verify import LinkCheck
from minidocknet.model.events import PhaseFinished, PhaseProgress, PhaseStarted, Warned
from minidocknet.model.shaping import Shaping


def test_tables_align_and_hold_one_row_a_line(capsys):
    print_table(("name", "ms", "state"), [("r1", 6.0, "up"), ("router-2", 12.3456, None)])
    assert capsys.readouterr().out == (
        "name          ms  state\n"
        "r1             6  up\n"
        "router-2  12.346  -\n"
    )  # fmt: skip


def test_a_table_without_rows_is_its_header(capsys):
    print_table(("a", "b"), [])
    assert capsys.readouterr().out == "a  b\n"


def link(**changes):
    data = {"a": "r1", "b": "r2", "a_iface": "eth1", "b_iface": "eth3", "kind": "wire",
            "encap": "none", "up": True, **Shaping(delay_ms=3, bw_mbit=10).as_dict()}  # fmt: skip
    return {**data, **changes}


def test_a_row_of_a_link():
    assert link_row(link()) == ["r1:eth1", "r2:eth3", "wire", "up", "3ms 10mbit", "same"]
    other = Shaping(loss_pct=1, jitter_ms=2, jitter_distribution="normal").as_dict()
    row = link_row(link(up=False, encap="l2tp", reverse=other))
    assert row[2:] == ["wire/l2tp", "down", "3ms 10mbit", "jitter 2ms normal loss 1%"]


def test_progress_in_plain_lines(capsys):
    with ProgressReporter() as report:
        report(PhaseStarted(lab="l", phase="nodes", total=3))
        report(PhaseProgress(lab="l", phase="nodes", done=2))
        report(PhaseFinished(lab="l", phase="nodes", seconds=1.25))
        report(Warned(lab="l", message="slow"))
    captured = capsys.readouterr()
    assert captured.err == "mdn: start nodes: 3 in 1.25 s\nmdn: warning: slow\n"
    assert captured.out == ""
    assert phase_line("novel", 0, 1) == "novel: 1.00 s"


def test_progress_goes_on_where_the_terminal_is_gone(monkeypatch):
    class Gone:
        encoding = "utf-8"

        def isatty(self):
            return False

        def write(self, text):
            raise OSError(5, "Input/output error")

        def flush(self):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("sys.stderr", Gone())
    with ProgressReporter() as report:
        report(PhaseFinished(lab="l", phase="nodes", seconds=1))


def test_lines_of_events():
    shaping = Shaping(delay_ms=5).as_dict()
    line = event_line({"event": "LinkShaped", "lab": "l", "at": 0.25, "a": "r1", "a_to_b": shaping})
    assert line.endswith("LinkShaped     a=r1 a_to_b=[5ms]")
    assert ":00.250  " in line
    kinds = event_line({"event": "E", "at": 0, "kinds": {"wire": "asked for"}, "seconds": 1.23456})
    assert kinds.endswith("kinds=[wire: asked for] seconds=1.235")


def check(median, asked=6.0, sent=5):
    rtts = () if median is None else (median,) * sent
    bounds = (asked * 0.95, asked * 1.05 + 0.1)
    return LinkCheck("a", "b", ("a", "b"), asked, *bounds, Ping("a", "b", sent, rtts))


def test_a_summary_of_good_links():
    summary = summarise([check(6.1), check(6.2), check(6.05)])
    assert summary["ok"] and summary["bad"] == 0
    assert summary["median_ms"] == 6.1
    assert summary["median_excess_ms"] == pytest.approx(0.1)
    assert summary["worst"]["median_ms"] == 6.2


@pytest.mark.parametrize(
    ("medians", "bad", "median_ok"),
    [
        ((6.1, 6.1, 7.0), 1, True),  # one link out of its bounds
        ((6.35, 6.35, 6.0), 0, False),  # each within 5 %, the median beyond 3 %
        ((6.1, None, 6.1), 1, True),  # no answer at all
        ((5.5, 6.1, 6.1), 1, True),  # less than was asked is no better
        ((None, None), 2, False),
    ],
)
def test_a_summary_of_bad_links(medians, bad, median_ok):
    summary = summarise([check(median) for median in medians])
    assert not summary["ok"]
    assert (summary["bad"], summary["median_ok"]) == (bad, median_ok)
    assert summary["unanswered"] == medians.count(None)


def test_a_capture_is_cut_after_a_whole_packet(tmp_path, capsys):
    import os
    import struct

    record = struct.pack("<IIII", 1, 2, 4, 4) + b"abcd"
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    read, write = os.pipe()
    os.write(write, header + record * 3 + record[:7])
    with os.fdopen(read, "rb", 0) as stream, (tmp_path / "c").open("wb") as target:
        count = copy_capture(stream, target, "r1:eth1", stopped=lambda: True)
    os.close(write)
    assert count == 3
    assert (tmp_path / "c").read_bytes() == header + record * 3
    assert "capturing on r1:eth1" in capsys.readouterr().err


def test_a_busy_capture_ends_when_it_is_told_to(tmp_path):
    import struct

    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    endless = tmp_path / "endless"
    endless.write_bytes(header + (struct.pack("<IIII", 1, 2, 0, 0)) * 200_000)
    with endless.open("rb", 0) as stream, (tmp_path / "c").open("wb") as target:
        count = copy_capture(stream, target, "r1:eth1", stopped=lambda: True)
    assert 0 < count < 200_000
