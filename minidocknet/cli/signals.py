"""SIGTERM and SIGHUP act as Ctrl-C does, so that whatever ends mdn lets it clean up."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from minidocknet.core.interrupts import SIGNALS

# Several signals within this time are one wish: a terminal that closes sends SIGHUP, a service
# manager SIGTERM and SIGHUP, an impatient user Ctrl-C twice.
_ONE_WISH_S = 1.0


def install_handlers() -> dict[signal.Signals, Any]:
    """Make SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt; returns the handlers before.

    One that is ignored stays ignored: that is how nohup(1) works.
    """
    last = -_ONE_WISH_S

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before >= _ONE_WISH_S:
            raise KeyboardInterrupt

    found = {
        number: handler
        for number in SIGNALS
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }
    for number in found:
        signal.signal(number, interrupt)
    return found


def ignore_signals() -> None:
    """For the last moments of a process, where Python has put its handlers away."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """As :func:`install_handlers`, for as long as the context lasts."""
    before = install_handlers()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
