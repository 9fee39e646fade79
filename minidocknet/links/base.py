"""What every link kind does for the core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from minidocknet.model.topology import LinkKind
from minidocknet.plan.model import LinkPlan, Plan

# home (node name or the shared switch) -> the host's pid of its container's PID 1; those that do
# not run are absent.
Homes = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DirectionStats:
    """Counters of one direction since the link was made; ``None``: this kind cannot tell.

    ``dropped_queue``: frames that found the queue full; ``lost``: by the loss asked for;
    ``late_us_*``: how late frames left, in microseconds.
    """

    frames: int
    bytes: int
    lost: int | None = None
    dropped_queue: int | None = None
    duplicated: int | None = None
    reordered: int | None = None
    late_us_mean: float | None = None
    late_us_max: float | None = None


@dataclass(frozen=True, slots=True)
class LinkStats:
    a_to_b: DirectionStats
    b_to_a: DirectionStats


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How late frames left, measured by what carries them since the lab's links were made.

    Microseconds; ``histogram``: (lower bound in us, frames) of each bucket that has any.
    """

    frames: int
    p50_us: float
    p99_us: float
    max_us: float
    histogram: tuple[tuple[float, int], ...]


class LinkDriver(Protocol):
    """One link kind on one machine.  All methods raise ApplyError where the system refuses."""

    kind: LinkKind
    # True where restoring a node makes the interfaces at its peers anew, too.
    remakes_peers: bool

    def start(self, plan: Plan) -> None:
        """Prepare for the first link (a daemon, a module)."""

    def add(self, plan: Plan, links: Sequence[LinkPlan], homes: Homes) -> None:
        """Make links whose homes all run."""

    def restore_node(self, plan: Plan, links: Sequence[LinkPlan], node: str, homes: Homes) -> None:
        """Make ``links`` of ``node`` again after it was started anew."""

    def remove(self, links: Sequence[LinkPlan], homes: Homes) -> None: ...

    def reshape(self, old: LinkPlan, new: LinkPlan, homes: Homes) -> None: ...

    def set_up(self, link: LinkPlan, up: bool, homes: Homes) -> None: ...

    def stats(self, links: Iterable[LinkPlan], homes: Homes) -> dict[int, LinkStats]:
        """By link id; links with an end that does not run are absent."""

    def fidelity(self) -> Fidelity | None:
        """None where this kind cannot tell."""

    def stop(self, plan: Plan) -> None:
        """Undo :meth:`start`; fine where nothing runs."""
