"""Shaping as tc(8) lines, for the link kinds that the kernel carries.  Pure."""

from __future__ import annotations

from minidocknet.model.shaping import Shaping, default_queue_bytes

_FULL_FRAME_BYTES = 1514
# netem counts frames; what is on its way through the delay waits in the same queue.
_SMALLEST_NETEM_LIMIT = 1000


def shaping_lines(iface: str, shaping: Shaping) -> tuple[str, ...]:
    """Lines that shape the outgoing direction of an ``iface`` that has no shaping yet.

    netem (delay, jitter, loss, duplication, reordering) is the root, tbf (rate) its child, as
    tc-netem(8) shows.  netem lets frames of different jitter overtake each other.
    """
    lines = []
    root = "root handle 1:"
    if shaping.needs_netem:
        lines.append(f"qdisc replace dev {iface} {root} netem {' '.join(_netem(shaping))}")
        root = "parent 1: handle 2:"
    if shaping.bw_mbit is not None:
        lines.append(f"qdisc replace dev {iface} {root} tbf {' '.join(_tbf(shaping))}")
    return tuple(lines)


def reshaping_lines(iface: str, old: Shaping, new: Shaping) -> tuple[str, ...]:
    """Lines that change ``old`` into ``new``; frames in the queue survive where tc allows it."""
    if old == new:
        return ()
    lines = shaping_lines(iface, new)
    if _disciplines(old) == _disciplines(new):
        return lines
    # A discipline cannot be replaced by one of another kind under the same handle.  noqueue is a
    # virtual interface's own default.
    return (f"qdisc replace dev {iface} root noqueue", *lines)


def _disciplines(shaping: Shaping) -> tuple[bool, bool]:
    return (shaping.needs_netem, shaping.bw_mbit is not None)


def _netem(shaping: Shaping) -> list[str]:
    words = ["limit", str(_netem_limit(shaping))]
    # netem refuses to reorder without a delay to skip.
    if shaping.delay_ms or shaping.jitter_ms:
        words += ["delay", f"{shaping.delay_ms:.6f}ms"]
        if shaping.jitter_ms:
            words.append(f"{shaping.jitter_ms:.6f}ms")
            if shaping.jitter_distribution == "normal":
                words += ["distribution", "normal"]
    if shaping.loss_pct:
        words += ["loss", "random", f"{shaping.loss_pct:.6f}%"]
    if shaping.burst_loss is not None:
        burst = shaping.burst_loss
        percents = (burst.p_pct, burst.r_pct, burst.bad_loss_pct, burst.good_loss_pct)
        words += ["loss", "gemodel", *(f"{percent:.6f}%" for percent in percents)]
    if shaping.duplicate_pct:
        words += ["duplicate", f"{shaping.duplicate_pct:.6f}%"]
    if shaping.reorder_pct:
        words += ["reorder", f"{shaping.reorder_pct:.6f}%"]
    return words


def _netem_limit(shaping: Shaping) -> int:
    """Frames that the delay holds at full rate, with as much again to spare."""
    if shaping.bw_mbit is None:
        in_flight = 1e9 / 8 * (shaping.delay_ms + shaping.jitter_ms) / 1e3
    else:
        in_flight = shaping.bw_mbit * 125 * (shaping.delay_ms + shaping.jitter_ms)
    return max(_SMALLEST_NETEM_LIMIT, round(2 * in_flight / _FULL_FRAME_BYTES))


def _tbf(shaping: Shaping) -> list[str]:
    assert shaping.bw_mbit is not None
    # A bucket of a millisecond's worth keeps the rate exact at any timer resolution.
    burst = round(shaping.bw_mbit * 125 + 5000)
    if shaping.queue_bytes is not None:
        limit = shaping.queue_bytes
    elif shaping.queue_packets is not None:
        limit = shaping.queue_packets * _FULL_FRAME_BYTES
    else:
        limit = default_queue_bytes(shaping.bw_mbit, shaping.delay_ms)
    return ["rate", f"{round(shaping.bw_mbit * 1e6)}bit", "burst", str(burst), "limit", str(limit)]
