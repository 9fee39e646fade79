"""Option types: quantities with their units, links and burst losses as people write them."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Any, Generic, TypeVar

import click

from minidocknet.model.shaping import GilbertElliott
from minidocknet.model.units import (
    parse_delay_ms,
    parse_percent,
    parse_rate_mbit,
    parse_size_bytes,
)

T = TypeVar("T")


class Quantity(click.ParamType[T], Generic[T]):
    """An option whose value ``parse`` understands; its ValueError becomes a usage error."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Unlimited:
    """The absence of a limit, which ``None`` (nothing was said) cannot stand for."""


UNLIMITED = Unlimited()
Queue = tuple[int | None, int | None]


def _rate_or_unlimited(text: str) -> float | Unlimited:
    return UNLIMITED if text.lower() == "unlimited" else parse_rate_mbit(text)


def parse_burst_loss(text: str) -> GilbertElliott | Unlimited:
    """``P,R[,BAD[,GOOD]]`` in percent (``/`` separates too), or ``none``."""
    if text.lower() == "none":
        return UNLIMITED
    parts = text.replace("/", ",").split(",")
    if not 2 <= len(parts) <= 4:
        raise ValueError(f"burst loss {text!r} is not P,R[,BAD[,GOOD]]; write it like 1%,20%")
    return GilbertElliott(*(parse_percent(part) for part in parts))


def parse_queue_limit(text: str) -> Queue:
    """``100p``, ``64kb``, both, or ``default``: (packets, bytes)."""
    if text.lower() == "default":
        return None, None
    from minidocknet.topology.document import parse_queue

    return parse_queue(text)


def parse_network(text: str) -> IPv4Network:
    """``10.0.0.0/16``; ValueError where host bits are set or it is none."""
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{error}; write it like 10.0.0.0/16") from None


DELAY = Quantity("delay", parse_delay_ms)
RATE = Quantity("rate", parse_rate_mbit)
RATE_OR_UNLIMITED = Quantity("rate", _rate_or_unlimited)
PERCENT = Quantity("percent", parse_percent)
SIZE = Quantity("size", parse_size_bytes)
BURST_LOSS = Quantity("p,r[,bad[,good]]", parse_burst_loss)
QUEUE = Quantity("queue", parse_queue_limit)
NETWORK = Quantity("network", parse_network)
