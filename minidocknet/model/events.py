"""What happens to a lab, as typed values that progress bars, logs and recorders subscribe to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from minidocknet.model.shaping import Shaping


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """``at``: seconds since the epoch."""

    lab: str
    at: float = field(default_factory=time.time)

    def as_dict(self) -> dict[str, Any]:
        """For JSON lines: the fields and the type's name under ``event``."""
        return {"event": type(self).__name__, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted(Event):
    """A step of work begins that will report ``total`` pieces (0: unknown)."""

    phase: str
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseProgress(Event):
    phase: str
    done: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFinished(Event):
    phase: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabDeployed(Event):
    nodes: int
    links: int
    link_kinds: Mapping[str, str]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabDestroyed(Event):
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeChanged(Event):
    node: str
    change: Literal["added", "removed", "started", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChanged(Event):
    a: str
    b: str
    change: Literal["added", "removed", "up", "down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkShaped(Event):
    """The shaping of both directions after a change."""

    a: str
    b: str
    a_to_b: Shaping
    b_to_a: Shaping


@dataclass(frozen=True, slots=True, kw_only=True)
class AppChanged(Event):
    app: str
    node: str
    change: Literal["added", "removed", "started", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppMovePhase(Event):
    """A phase of a move begins (model.moves.Phase)."""

    app: str
    phase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppMoving(Event):
    """The application's frames go to ``target`` from now on, where it starts in a moment.

    For controllers: flow rules for ``mac`` and ``ip`` change now.
    """

    app: str
    source: str
    target: str
    mac: str
    ip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppMoved(Event):
    """The move ended: on ``node`` it runs (or lies, where it did not run)."""

    app: str
    source: str
    target: str
    node: str
    mode: str
    frozen_s: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Event):
    """Something that did not fail but that the user should know."""

    message: str


Subscriber = Callable[[Event], None]
