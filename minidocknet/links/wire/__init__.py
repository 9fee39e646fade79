"""The wire daemon: TAP interfaces in the nodes, joined by links that the daemon shapes."""

from minidocknet.links.wire.client import (
    CommandResult,
    DirectionStats,
    EndState,
    Lateness,
    LatenessHistogram,
    LinkState,
    LinkStats,
    TransportStats,
    WireClient,
    WireStats,
    WireVersion,
)
from minidocknet.links.wire.config import L2tpEnd, TapEnd, WireLink, shaping_words
from minidocknet.links.wire.daemon import ensure_running, find_binary, is_alive, start, stop

__all__ = [
    "CommandResult",
    "DirectionStats",
    "EndState",
    "L2tpEnd",
    "Lateness",
    "LatenessHistogram",
    "LinkState",
    "LinkStats",
    "TapEnd",
    "TransportStats",
    "WireClient",
    "WireLink",
    "WireStats",
    "WireVersion",
    "ensure_running",
    "find_binary",
    "is_alive",
    "shaping_words",
    "start",
    "stop",
]
