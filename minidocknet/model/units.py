"""Quantities as people write them: ``3ms``, ``10mbit``, ``0.1%``, ``512M``.

Each parser takes a number (already in the canonical unit) or text with a unit, and returns the
canonical unit: milliseconds, Mbit/s, percent, bytes.  All raise ``ValueError`` with a sentence
that names the input and shows a right one.
"""

from __future__ import annotations

import math
import re

_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([a-zA-Z%/]*)\s*")

_TIME_MS = {
    "ns": 1e-6,
    "us": 1e-3,
    "usec": 1e-3,
    "ms": 1.0,
    "msec": 1.0,
    "s": 1e3,
    "sec": 1e3,
}
# tc's units: "bit" is bits per second, "bps" is bytes per second.
_RATE_MBIT = {
    "bit": 1e-6,
    "bit/s": 1e-6,
    "kbit": 1e-3,
    "kbit/s": 1e-3,
    "mbit": 1.0,
    "mbit/s": 1.0,
    "gbit": 1e3,
    "gbit/s": 1e3,
    "tbit": 1e6,
    "bps": 8e-6,
    "kbps": 8e-3,
    "mbps": 8.0,
    "gbps": 8e3,
}
_SIZE_BYTES = {
    "": 1,
    "b": 1,
    "k": 1024,
    "kb": 1024,
    "kib": 1024,
    "m": 1024**2,
    "mb": 1024**2,
    "mib": 1024**2,
    "g": 1024**3,
    "gb": 1024**3,
    "gib": 1024**3,
}


def _parse(value: object, units: dict[str, float], what: str, example: str, bare: str) -> float:
    """Shared parser; ``bare`` is the unit that a number without one has."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{what} {value!r} is not a quantity; write it like {example}")
    text = str(value)
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{what} {text!r} is not a quantity; write it like {example}")
    number, unit = float(match[1]), match[2].lower() or bare
    if unit not in units:
        known = ", ".join(name for name in units if name)
        raise ValueError(f"{what} {text!r} has the unknown unit {match[2]!r}; use one of {known}")
    result = number * units[unit]
    if not math.isfinite(result):
        raise ValueError(f"{what} {text!r} is not finite; write it like {example}")
    if result < 0:
        raise ValueError(f"{what} {text!r} is negative; it must be 0 or more, like {example}")
    return result


def parse_delay_ms(value: object) -> float:
    """``3ms``, ``250us``, ``0.1s`` or a number of milliseconds, to milliseconds."""
    return _parse(value, _TIME_MS, "delay", "3ms", bare="ms")


def parse_rate_mbit(value: object) -> float:
    """``10mbit``, ``1gbit``, ``64kbit`` (tc's units) or a number of Mbit/s, to Mbit/s; above 0."""
    rate = _parse(value, _RATE_MBIT, "rate", "10mbit", bare="mbit")
    if rate == 0:
        raise ValueError(f"rate {value!r} is zero; leave it out for an unlimited link")
    return rate


def parse_percent(value: object) -> float:
    """``0.1%`` or a number of percent, to percent from 0 to 100."""
    percent = _parse(value, {"%": 1.0}, "percentage", "0.1%", bare="%")
    if percent > 100:
        raise ValueError(f"percentage {value!r} is above 100 %; it must be 0 to 100, like 0.1%")
    return percent


def parse_size_bytes(value: object) -> int:
    """``512M``, ``1g``, ``64kb`` (powers of 1024) or a number of bytes, to whole bytes."""
    return round(_parse(value, dict(_SIZE_BYTES), "size", "512M", bare=""))
