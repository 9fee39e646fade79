"""What becomes of an application whose move failed, was interrupted or lost its mdn.

One decision, from the record of the move and what can be seen, serves all three.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from minidocknet.model.moves import MoveRecord

# ``stay``: it never stopped at the source; take back the preparations and open its wire.
# ``thaw-source`` / ``thaw-target``: restore it there from the move's images.
# ``start-source`` / ``start-target``: start it there (a cold move, or memory that is lost).
# ``finish``: it runs at the target; remove the source's.
# ``lost``: its node is off and no complete images of the move are elsewhere; ``thaw-kept``: so it
# goes on from the latest kept checkpoint.
Verdict = Literal[
    "stay", "thaw-source", "thaw-target", "start-source", "start-target", "finish", "lost",
    "thaw-kept",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sight:
    """What can be seen of the application on one of the two nodes.

    ``on``: the node runs.  ``exists``: the container of the record is there.  ``running``: with a
    process.  ``complete``: the move's images are there, whole.
    """

    on: bool
    exists: bool = False
    running: bool = False
    complete: bool = False


def decide(move: MoveRecord, source: Sight, target: Sight) -> Verdict:
    """Where the application goes on.

    The target's word counts from the moment in which its restore may have begun; before, and
    whenever the target does not run it, the source is right, as nothing of it is removed before
    the move is committed.
    """
    begun_there = move.phase in ("restore", "commit")
    if begun_there and target.running:
        # At the source it can only be running as well while its pages are fetched, which the
        # observer waits for, or when that failed: then the target's memory has holes.
        return "stay" if source.running else "finish"
    if source.running:
        return "stay"
    if not move.running:
        return "finish" if move.phase == "commit" and target.exists else "stay"
    live = move.mode != "cold"
    if source.on and source.exists:
        if move.phase == "prepare":
            # It ended by itself meanwhile: its engine's or user's business.
            return "stay"
        return "thaw-source" if live and source.complete and move.mode != "lazy" else "start-source"
    if target.on and target.exists:
        if target.running:
            return "finish"
        if live and target.complete and move.mode != "lazy":
            return "thaw-target"
        if not live and move.phase in ("restore", "commit"):
            return "start-target"
    return "lost"
