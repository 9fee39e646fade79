"""Links as words of the daemon's protocol, and its answers as data."""

from __future__ import annotations

import pytest

from minidocknet.links.wire import CommandResult, L2tpEnd, TapEnd, WireLink, shaping_words
from minidocknet.links.wire.config import changed_shaping_words, command_line
from minidocknet.model.errors import ApplyError, LabError, UsageError
from minidocknet.model.shaping import PLAIN, GilbertElliott, Shaping


def words(line: str) -> dict[str, str]:
    return dict(word.partition("=")[::2] for word in line.split()[1:])


def test_every_field_of_a_shaping_is_said() -> None:
    shaping = Shaping(
        delay_ms=3,
        jitter_ms=0.25,
        jitter_distribution="normal",
        burst_loss=GilbertElliott(1, 20, 99.5, 0.5),
        duplicate_pct=0.1,
        reorder_pct=25,
        bw_mbit=10,
        queue_packets=100,
        queue_bytes=70000,
    )
    assert dict(word.split("=") for word in shaping_words("ba", shaping)) == {
        "ba.delay_ns": "3000000",
        "ba.jitter_ns": "250000",
        "ba.dist": "normal",
        "ba.loss": "0.0",
        "ba.ge": "1.0,20.0,99.5,0.5",
        "ba.dup": "0.1",
        "ba.reorder": "25.0",
        "ba.rate": "10000000",
        "ba.queue_bytes": "70000",
        "ba.queue_packets": "100",
    }


def test_a_plain_shaping_takes_everything_back() -> None:
    plain = dict(word.split("=") for word in shaping_words("ab", PLAIN))
    assert plain["ab.rate"] == "0"
    assert plain["ab.ge"] == "none"
    assert plain["ab.queue_bytes"] == plain["ab.queue_packets"] == "0"


def test_a_tiny_rate_is_not_unlimited() -> None:
    assert "ab.rate=1000" in shaping_words("ab", Shaping(bw_mbit=0.001))


def test_only_changes_are_said() -> None:
    old = Shaping(delay_ms=3, bw_mbit=10)
    assert changed_shaping_words("ab", old, old) == ()
    new = Shaping(delay_ms=3, bw_mbit=20, loss_pct=1)
    assert changed_shaping_words("ab", old, new) == ("ab.loss=1.0", "ab.rate=20000000")


def test_an_added_link() -> None:
    link = WireLink(
        "r1-r2",
        TapEnd("/proc/12/ns/net", "eth1", 4026531840, "02:00:00:00:00:01", 1400),
        L2tpEnd("10.0.0.1", "10.0.0.2", 7, 8, cookie=bytes(4), peer_cookie=b"\xff" * 8),
        a_to_b=Shaping(delay_ms=1),
        up=False,
        seed=9,
        offload=False,
    )
    line = link.add_line()
    assert line.startswith("add id=r1-r2 ")
    assert words(line) == {
        "id": "r1-r2",
        "up": "0",
        "seed": "9",
        "offload": "none",
        "a.kind": "tap",
        "a.if": "eth1",
        "a.inode": "4026531840",
        "a.mtu": "1400",
        "a.netns": "/proc/12/ns/net",
        "a.mac": "02:00:00:00:00:01",
        "b.kind": "l2tp",
        "b.encap": "udp",
        "b.local": "10.0.0.1",
        "b.remote": "10.0.0.2",
        "b.session": "7",
        "b.peer_session": "8",
        "b.l2spec": "default",
        "b.mtu": "1500",
        "b.inode": "0",
        "b.cookie": "00000000",
        "b.peer_cookie": "ffffffffffffffff",
        "b.lport": "1701",
        "b.rport": "1701",
        "ab.delay_ns": "1000000",
    }


def test_ip_encapsulation_has_no_ports() -> None:
    said = " ".join(L2tpEnd("fd00::1", "fd00::2", 1, 2, encap="ip").words())
    assert "port" not in said


@pytest.mark.parametrize("bad", ["a b", "a\nb", "a\tb", "a\x7f"])
def test_what_would_break_a_line_is_refused(bad: str) -> None:
    with pytest.raises(UsageError, match="cannot be sent"):
        command_line("up", f"id={bad}")


def test_replies() -> None:
    assert CommandResult.parse("list", b'ok {"links":[]}').check().text == '{"links":[]}'
    assert CommandResult.parse("up id=x", b"ok").ok
    refused = CommandResult.parse("up id=x", b"err no-link there is no link x")
    assert (refused.ok, refused.code, refused.text) == (False, "no-link", "there is no link x")
    with pytest.raises(LabError, match="no link x"):
        refused.check()
    with pytest.raises(ApplyError, match="busy") as caught:
        CommandResult.parse("add id=x a.kind=tap", b"err busy busy: a session").check()
    assert caught.value.remedy
    with pytest.raises(LabError, match="not a wire daemon's reply"):
        CommandResult.parse("list", b"HTTP/1.1 400 Bad Request")
