"""A move of an application from one node to another: how, how far, with what result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

# ``cold``: stop, copy files, start.  ``checkpoint``: freeze, copy memory and files, thaw.
# ``lazy``: freeze, thaw at the target, pages follow on demand (post-copy).  ``precopy``: memory is
# copied while the application runs, then what it wrote meanwhile.
Mode = Literal["cold", "checkpoint", "lazy", "precopy"]
# ``direct``: beside the emulated network.  ``network``: over the lab's links.
Via = Literal["direct", "network"]
# What was begun last; written before it begins, so that whoever finds the record knows what may
# exist (see migrate.recovery).
Phase = Literal["prepare", "freeze", "transfer", "restore", "commit"]

MODES: tuple[Mode, ...] = ("cold", "checkpoint", "lazy", "precopy")
VIAS: tuple[Via, ...] = ("direct", "network")


@dataclass(frozen=True, slots=True)
class MoveRecord:
    """A move under way, in the lab's state file from before its first step to after its last.

    ``source_id`` / ``target_id``: the containers' ids in the inner engines.  ``folder``: where the
    images lie in either node, an absolute path.  ``running``: the application ran when it began.
    """

    app: str
    source: str
    target: str
    mode: Mode
    via: Via
    phase: Phase
    source_id: str
    target_id: str | None
    folder: str
    running: bool
    began_at: float


@dataclass(frozen=True, slots=True)
class DumpStats:
    """CRIU's own figures (images/stats.proto), times in seconds; pages of 4 KiB."""

    freezing_s: float
    frozen_s: float
    memdump_s: float
    memwrite_s: float
    pages_written: int
    pages_lazy: int = 0


@dataclass(frozen=True, slots=True)
class RestoreStats:
    """CRIU's own figures of a restore, times in seconds."""

    forking_s: float
    restore_s: float
    pages_restored: int


@dataclass(frozen=True, slots=True)
class MoveReport:
    """What a finished move was like.  Times in seconds, sizes in bytes.

    ``frozen_s``: from the cut of the wire at the source until it was opened at the target.
    ``downtime_s``: the longest time without an answer that the peer ``probed_from`` saw, pinging
    every millisecond; None where no peer could.  ``overhead_s``: of the frozen time, what was
    neither CRIU's dump and restore nor the bytes' time on their way.
    """

    app: str
    source: str
    target: str
    mode: Mode
    via: Via
    reasons: tuple[str, ...]
    bytes: int
    memory_bytes: int
    dump_s: float
    transfer_s: float
    restore_s: float
    frozen_s: float
    total_s: float
    downtime_s: float | None = None
    probed_from: str | None = None
    lazy_s: float | None = None
    dump: DumpStats | None = None
    restore: RestoreStats | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def overhead_s(self) -> float:
        return max(0.0, self.frozen_s - self.dump_s - self.transfer_s - self.restore_s)
