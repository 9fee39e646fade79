"""Where an application goes on, for everything that can be seen after a move was cut short."""

from __future__ import annotations

import itertools

import pytest

from minidocknet.migrate.recovery import Sight, decide
from minidocknet.model.moves import MoveRecord

OFF = Sight(on=False)
GONE = Sight(on=True)


def record(phase: str, mode: str = "checkpoint", running: bool = True) -> MoveRecord:
    return MoveRecord(
        "web", "r1", "r2", mode, "direct", phase, "s" * 64, "t" * 64, "/run/move/web", running, 0
    )  # type: ignore[arg-type]  # fmt: skip


def sight(*facts: str) -> Sight:
    return Sight(on=True, exists=True, running="running" in facts, complete="complete" in facts)


@pytest.mark.parametrize(
    ("move", "source", "target", "verdict"),
    [
        # Nothing has stopped.
        (record("prepare"), sight("running"), sight(), "stay"),
        (record("freeze"), sight("running"), sight(), "stay"),
        (record("prepare"), sight("running"), OFF, "stay"),
        # Dumped, and not restored.
        (record("freeze"), sight("complete"), sight(), "thaw-source"),
        (record("transfer"), sight("complete"), sight("complete"), "thaw-source"),
        (record("restore"), sight("complete"), sight("complete"), "thaw-source"),
        (record("restore"), sight("complete"), OFF, "thaw-source"),
        # The dump was cut short after the processes had ended.
        (record("freeze"), sight(), sight(), "start-source"),
        # It runs at the target.
        (record("restore"), sight("complete"), sight("running"), "finish"),
        (record("restore"), OFF, sight("running"), "finish"),
        (record("commit"), sight("complete"), sight("running"), "finish"),
        (record("commit"), GONE, sight("running"), "finish"),
        # The source died with the checkpoint, or after it was copied.
        (record("transfer"), OFF, sight(), "lost"),
        (record("transfer"), OFF, sight("complete"), "thaw-target"),
        (record("restore"), OFF, sight("complete"), "thaw-target"),
        (record("restore"), OFF, OFF, "lost"),
        # The target died as soon as it ran.
        (record("commit"), sight("complete"), OFF, "thaw-source"),
        # Pages had not all come when the source took its processes back.
        (record("restore", "lazy"), sight("running"), sight("running"), "stay"),
        (record("restore", "lazy"), sight("complete"), sight(), "start-source"),
        (record("restore", "lazy"), sight(), sight("running"), "finish"),
        # Moves without memory.
        (record("freeze", "cold"), sight(), sight(), "start-source"),
        (record("restore", "cold"), OFF, sight(), "start-target"),
        (record("transfer", "cold"), OFF, sight(), "lost"),
        (record("restore", "cold"), sight(), sight("running"), "finish"),
        # One that did not run in the first place.
        (record("transfer", "cold", running=False), sight(), sight(), "stay"),
        (record("commit", "cold", running=False), sight(), sight(), "finish"),
    ],
)
def test_verdicts(move: MoveRecord, source: Sight, target: Sight, verdict: str) -> None:
    assert decide(move, source, target) == verdict


def test_what_runs_is_never_given_up_for_what_does_not() -> None:
    """Over everything that can be seen: no verdict ends the only running copy."""
    sights = [
        Sight(on, exists and on, running and exists and on, complete and on)
        for on, exists, running, complete in itertools.product([True, False], repeat=4)
    ]
    for phase, mode in itertools.product(
        ["prepare", "freeze", "transfer", "restore", "commit"], ["cold", "checkpoint", "lazy"]
    ):
        for source, target in itertools.product(sights, repeat=2):
            verdict = decide(record(phase, mode), source, target)
            if source.running:
                assert verdict in ("stay", "finish")
            if source.running and not target.running:
                assert verdict == "stay"
            if target.running and not source.running and phase in ("restore", "commit"):
                assert verdict == "finish"
            if verdict == "thaw-source":
                assert source.complete and source.exists
            if verdict == "thaw-target":
                assert target.complete and target.exists and not source.exists
                assert not target.running
