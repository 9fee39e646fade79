"""Whole records out of a stream of pcap data, so that what is written can always be read.

The format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html
"""

from __future__ import annotations

import struct

_FILE_HEADER = 24
_RECORD_HEADER = 16
# Microseconds and nanoseconds, as the writing machine's byte order shows them.
_MAGICS = {0xA1B2C3D4, 0xA1B23C4D}


class PcapSplitter:
    """Takes chunks of any size; gives the bytes that end with a whole record.

    ``records``: how many went out.
    """

    def __init__(self) -> None:
        self.records = 0
        self._held = bytearray()
        self._order = ""

    def feed(self, chunk: bytes) -> bytes:
        """What may be written now.  Raises ValueError where the stream is no pcap."""
        self._held += chunk
        end = 0
        if not self._order:
            if len(self._held) < _FILE_HEADER:
                return b""
            self._order = _byte_order(bytes(self._held[:4]))
            end = _FILE_HEADER
        while len(self._held) >= end + _RECORD_HEADER:
            captured = struct.unpack_from(f"{self._order}8xI", self._held, end)[0]
            following = end + _RECORD_HEADER + captured
            if following > len(self._held):
                break
            end = following
            self.records += 1
        whole = bytes(self._held[:end])
        del self._held[:end]
        return whole


def _byte_order(magic: bytes) -> str:
    for order in "<>":
        if struct.unpack(f"{order}I", magic)[0] in _MAGICS:
            return order
    raise ValueError(f"the capture begins with {magic.hex()}, which is no pcap file")
