"""Shaping in a few words, for tables and pictures."""

from __future__ import annotations

from minidocknet.model.shaping import Shaping


def shaping_text(shaping: Shaping) -> str:
    """The fields that are set, like ``3ms 10mbit loss 0.1%``; ``-`` for none."""
    parts = []
    if shaping.delay_ms:
        parts.append(f"{shaping.delay_ms:g}ms")
    if shaping.jitter_ms:
        normal = " normal" if shaping.jitter_distribution == "normal" else ""
        parts.append(f"jitter {shaping.jitter_ms:g}ms{normal}")
    if shaping.bw_mbit is not None:
        parts.append(rate_text(shaping.bw_mbit))
    for name in ("loss", "duplicate", "reorder"):
        percent = getattr(shaping, f"{name}_pct")
        if percent:
            parts.append(f"{name} {percent:g}%")
    if shaping.burst_loss is not None:
        parts.append(f"bursty loss {shaping.burst_loss.mean_loss_pct:.3g}%")
    if shaping.queue_packets is not None:
        parts.append(f"queue {shaping.queue_packets}p")
    if shaping.queue_bytes is not None:
        parts.append(f"queue {shaping.queue_bytes}b")
    return " ".join(parts) or "-"


def brief_text(shaping: Shaping) -> str:
    """What fits beside a line in a picture, like ``3ms 10mbit 1%``; ``…`` stands for the rest."""
    loss = shaping.burst_loss.mean_loss_pct if shaping.burst_loss else shaping.loss_pct
    parts = [f"{shaping.delay_ms:.4g}ms"] if shaping.delay_ms else []
    parts += [rate_text(shaping.bw_mbit)] if shaping.bw_mbit is not None else []
    parts += [f"{loss:.2g}%"] if loss else []
    if shaping.jitter_ms or shaping.duplicate_pct or shaping.reorder_pct:
        parts.append("…")
    return " ".join(parts)


def rate_text(mbit: float) -> str:
    """``10mbit``, ``2.5gbit``, ``64kbit``: tc's units, the one that needs the fewest digits."""
    if mbit >= 1000:
        return f"{mbit / 1000:.12g}gbit"
    return f"{mbit:.12g}mbit" if mbit >= 1 else f"{mbit * 1000:.12g}kbit"


def direction_texts(a_to_b: Shaping, b_to_a: Shaping) -> str:
    """One text where both directions are alike, else both with their arrows."""
    forth, back = shaping_text(a_to_b), shaping_text(b_to_a)
    return forth if forth == back else f"{forth} → / ← {back}"
