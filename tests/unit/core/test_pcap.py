"""Whole packets out of chunks of any size."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidocknet.core.pcap import PcapSplitter


def pcap(order: str, magic: int, packets: list[bytes]) -> tuple[bytes, list[int]]:
    """The file, and at which of its bytes a packet ends."""
    data = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262144, 1)
    ends = [len(data)]
    for packet in packets:
        data += struct.pack(f"{order}IIII", 1, 2, len(packet), len(packet) + 9) + packet
        ends.append(len(data))
    return data, ends


@given(
    order=st.sampled_from("<>"),
    magic=st.sampled_from([0xA1B2C3D4, 0xA1B23C4D]),
    packets=st.lists(st.binary(max_size=80), max_size=8),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=60),
)
def test_what_came_out_always_ends_with_a_packet(order, magic, packets, sizes):
    data, ends = pcap(order, magic, packets)
    splitter, out, at = PcapSplitter(), b"", 0
    for size in sizes:
        out += splitter.feed(data[at : at + size])
        at = min(at + size, len(data))
        whole = max((end for end in ends if end <= at), default=0)
        assert out == data[:whole]
        assert splitter.records == max(ends.index(whole) if whole else 0, 0)
    out += splitter.feed(data[at:])
    assert out == data
    assert splitter.records == len(packets)


def test_what_is_no_pcap_is_refused():
    with pytest.raises(ValueError, match="no pcap"):
        PcapSplitter().feed(b"tcpdump: no such device, sorry")
