"""L2TPv3 pseudowires: two daemons talk, and another implementation understands them."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minidocknet.links.wire import L2tpEnd, WireLink
from minidocknet.model.errors import ApplyError
from minidocknet.model.shaping import Shaping


def join(lab: Any, near: L2tpEnd, far: L2tpEnd) -> tuple[str, str]:
    a, b = lab.nodes(2)
    delay = Shaping(delay_ms=2)
    lab.client.add(WireLink("l", lab.tap(a), near, a_to_b=delay))
    second = lab.second_daemon()
    second.add(WireLink("l", lab.tap(b), far, a_to_b=delay))
    second.close()
    lab.address(a, "10.7.0.1")
    lab.address(b, "10.7.0.2")
    return a, b


@pytest.mark.parametrize("encap", ["udp", "ip"])
@pytest.mark.parametrize("sublayer", [True, False])
def test_two_daemons_and_a_dissector(
    lab: Any, l2tp_pair: Callable[..., Any], tmp_path: Path, encap: str, sublayer: bool
) -> None:
    a, b = join(lab, *l2tp_pair(encap=encap, sublayer=sublayer))
    capture = tmp_path / "l2tp.pcap"
    chosen = "udp port 17011" if encap == "udp" else "ip proto 115"
    tcpdump = subprocess.Popen(
        ["tcpdump", "-i", "lo", "-U", "-w", str(capture), f"{chosen} and host 127.99.0.2"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert tcpdump.stderr is not None
        while "listening" not in tcpdump.stderr.readline():
            assert tcpdump.poll() is None
        times = lab.ping(a, "10.7.0.2", count=5)
        assert len(times) == 5
        assert 4.0 <= min(times) <= 4.6
        # Full-size TCP, with checksums that the tap's sender left to others.
        report = lab.iperf(a, b, "10.7.0.2", "-t", "1")
        assert report["end"]["sum_received"]["bits_per_second"] > 20e6
    finally:
        tcpdump.terminate()
        tcpdump.wait(10)
    dissected = dissect(capture, encap, sublayer)
    sessions = {int(packet["l2tp"]["l2tp.sid"], 0) for packet in dissected}
    assert sessions == {0x1111, 0x2222}
    cookies = {packet["l2tp"]["l2tp.cookie"].replace(":", "") for packet in dissected}
    assert cookies <= {"0102030405060708", "deadbeef"}
    inner = [packet for packet in dissected if "icmp" in packet]
    assert len(inner) >= 5
    link = lab.client.stats("l").link("l")
    assert link.a_to_b.errors == link.b_to_a.errors == 0
    (transport,) = lab.client.stats().transports
    assert transport.malformed == transport.unknown_session == transport.bad_cookie == 0


def dissect(capture: Path, encap: str, sublayer: bool) -> list[dict[str, Any]]:
    """What tshark makes of it, told (as it must be) the cookie's size, one direction a time."""
    found = []
    for source, size in (("127.99.0.1", 8), ("127.99.0.2", 4)):
        options = [
            f"l2tp.cookie_size:{size} Byte Cookie",
            f"l2tp.l2_specific:{'Default L2-Specific' if sublayer else 'None'}",
        ]
        command = ["tshark", "-r", str(capture), "-T", "json", "--no-duplicate-keys"]
        # No control messages told it that the pseudowire is Ethernet.
        command += ["-d", "l2tp.pw_type==0,eth"]
        for option in options:
            command += ["-o", option]
        if encap == "udp":
            command += ["-d", "udp.port==17011,l2tp"]
        command += ["-Y", f"ip.src=={source} && l2tp", "-c", "40"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found += [packet["_source"]["layers"] for packet in json.loads(output)]
    return found


def test_fragments_pass(lab: Any, l2tp_pair: Callable[..., Any]) -> None:
    """A pseudowire carries full frames even where the underlay must cut them."""
    near, far = l2tp_pair()
    (underlay,) = lab.nodes(1)
    subprocess.run(["ip", "-n", underlay, "link", "set", "lo", "mtu", "1400"], check=True)
    path = f"/run/netns/{underlay}"
    placed = [
        L2tpEnd(**{**{name: getattr(end, name) for name in end.__slots__}, "netns": path})
        for end in (near, far)
    ]
    a, b = lab.nodes(2)
    lab.client.add(WireLink("one", lab.tap(a), placed[0]))
    lab.client.add(WireLink("two", lab.tap(b), placed[1]))
    lab.address(a, "10.7.0.1")
    lab.address(b, "10.7.0.2")
    subprocess.run(
        ["ip", "netns", "exec", a, "ping", "-c", "2", "-s", "1472", "-M", "do", "10.7.0.2"],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def test_what_is_not_ours_is_dropped_and_counted(
    lab: Any, l2tp_pair: Callable[..., Any], until: Callable[..., None]
) -> None:
    near, _ = l2tp_pair()
    (a,) = lab.nodes(1)
    lab.client.add(WireLink("l", lab.tap(a), near))
    frame = bytes.fromhex("ffffffffffff0200000000010800") + bytes(50)
    good_cookie, sublayer = near.peer_cookie, bytes(4)
    header = struct.Struct("!HHI")
    data = header.pack(3, 0, near.session)
    messages = [
        data + good_cookie + sublayer + frame,
        data + b"\0\0\0\0" + sublayer + frame,
        header.pack(3, 0, 0x9999) + good_cookie + sublayer + frame,
        header.pack(0xC803, 12, 0) + bytes(4),
        header.pack(2, 0, near.session) + frame,
        data[:6],
    ]
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind((near.remote, near.remote_port))
    for message in messages:
        peer.sendto(message, (near.local, near.local_port))
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.99.0.3", near.remote_port))
    stranger.sendto(messages[0], (near.local, near.local_port))

    def counters() -> tuple[int, ...]:
        stats = lab.client.stats()
        (transport,) = stats.transports
        return (
            stats.link("l").b_to_a.tx_frames,
            transport.bad_cookie,
            transport.unknown_session,
            transport.control,
            transport.malformed,
            transport.bad_source,
        )

    until(lambda: counters() == (1, 1, 1, 1, 2, 1))
    peer.close()
    stranger.close()


def test_frame_bytes_as_in_the_rfc(lab: Any, l2tp_pair: Callable[..., Any]) -> None:
    """What leaves by UDP, byte by byte: figure 4.1.2.1-1 of RFC 3931, then the frame."""
    near, _ = l2tp_pair()
    (a,) = lab.nodes(1)
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind((near.remote, near.remote_port))
    peer.settimeout(10)
    lab.client.add(WireLink("l", lab.tap(a), near))
    lab.address(a, "10.7.0.1")
    subprocess.run(
        ["ip", "-n", a, "neigh", "add", "10.7.0.9", "lladdr", "02:00:00:00:00:99", "dev", "eth0"],
        check=True,
    )
    sending = "import socket; socket.socket(2, 2).sendto(b'x' * 32, ('10.7.0.9', 4242))"
    subprocess.run(["ip", "netns", "exec", a, "python3", "-c", sending], check=True)
    wanted = bytes.fromhex("0003000000002222010203040506070800000000020000000099")
    while True:
        message = peer.recv(2048)
        assert message[:20] == wanted[:20]
        if message[20:26] == wanted[20:]:
            break
    packet = message[34:]
    assert message.endswith(b"x" * 32)
    # The UDP checksum is complete: the sum over pseudo header and datagram is all ones.
    udp = packet[20:]
    pseudo = packet[12:20] + struct.pack("!HH", 17, len(udp))
    words = struct.unpack(f"!{(len(pseudo) + len(udp)) // 2}H", pseudo + udp)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
    peer.close()


def test_a_session_belongs_to_one_link(lab: Any, l2tp_pair: Callable[..., Any]) -> None:
    near, _ = l2tp_pair()
    a, b = lab.nodes(2)
    lab.client.add(WireLink("l", lab.tap(a), near))
    with pytest.raises(ApplyError, match="is link l's"):
        lab.client.add(WireLink("m", lab.tap(b), near))
    assert lab.interface(b) is None
    lab.client.delete("l")
    assert lab.client.stats().transports == ()
    lab.client.add(WireLink("m", lab.tap(b), near))
