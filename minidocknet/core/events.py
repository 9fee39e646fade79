"""Delivery of a lab's events to subscribers and to its log."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minidocknet.model.events import (
    Event,
    PhaseFinished,
    PhaseProgress,
    PhaseStarted,
    Subscriber,
    Warned,
)
from minidocknet.runtime.paths import LabPaths


class EventBus:
    """Sends each event to every subscriber, in order, in the caller's thread.

    Events other than a phase's progress are also appended to the lab's log, one JSON object a
    line, as long as the lab's folder exists.
    """

    def __init__(self, lab: str, subscribers: Iterable[Subscriber] = ()) -> None:
        self.lab = lab
        self._subscribers = list(subscribers)
        self._log = LabPaths(lab).events_file

    def subscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)

    def emit(self, event: Event) -> None:
        for subscriber in self._subscribers:
            subscriber(event)
        if isinstance(event, (PhaseProgress, PhaseStarted)):
            return
        try:
            with self._log.open("a") as log:
                log.write(json.dumps(event.as_dict(), default=str) + "\n")
        except FileNotFoundError:
            pass  # the lab is being destroyed, and its log with it

    def warn(self, message: str) -> None:
        self.emit(Warned(lab=self.lab, message=message))

    @contextmanager
    def phase(self, name: str, timings: dict[str, float], total: int = 0) -> Iterator[Phase]:
        """Time a step; its seconds go into ``timings[name]`` and an event."""
        self.emit(PhaseStarted(lab=self.lab, phase=name, total=total))
        started = time.monotonic()
        yield Phase(self, name)
        timings[name] = round(time.monotonic() - started, 3)
        self.emit(PhaseFinished(lab=self.lab, phase=name, seconds=timings[name]))


class Phase:
    """Counts the finished pieces of a step."""

    def __init__(self, bus: EventBus, name: str) -> None:
        self._bus, self._name, self._done = bus, name, 0

    def advance(self) -> None:
        self._done += 1
        self._bus.emit(PhaseProgress(lab=self._bus.lab, phase=self._name, done=self._done))


def read_events(log: Path, *, follow: bool = False) -> Iterator[dict[str, Any]]:
    """The lab's recorded events; ``follow`` waits for further ones until the log is gone."""
    with log.open() as lines:
        pending = ""
        while True:
            pending += lines.readline()
            if pending.endswith("\n"):
                yield json.loads(pending)
                pending = ""
            elif not follow or not log.exists():
                return
            else:
                time.sleep(0.1)
