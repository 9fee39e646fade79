"""A lab's events on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from minidocknet.cli.output import say
from minidocknet.model.events import (
    Event,
    LabDestroyed,
    PhaseFinished,
    PhaseProgress,
    PhaseStarted,
    Warned,
)

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# What a phase does, for people.  One that is not here is shown by its own name.
TITLES = {
    "images": "make images ready",
    "prepare": "prepare files and daemon",
    "nodes": "start nodes",
    "links": "make links",
    "switches": "wait for switches",
    "engines": "start inner engines",
    "destroy": "remove everything",
}


class ProgressReporter:
    """A subscriber, used with ``with`` so that the bars end before anything else is printed."""

    def __init__(self) -> None:
        self._bars = _Bars() if sys.stderr.isatty() else None
        self._totals: dict[str, int] = {}

    def __enter__(self) -> ProgressReporter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            with suppress(OSError):
                self._bars.close()

    def __call__(self, event: Event) -> None:
        # A terminal that went away must not keep a lab from being taken down.
        with suppress(OSError):
            self._show(event)

    def _show(self, event: Event) -> None:
        match event:
            case PhaseStarted(phase=phase, total=total):
                self._totals[phase] = total
                if self._bars is not None:
                    self._bars.begin(phase, total)
            case PhaseProgress(phase=phase, done=done):
                if self._bars is not None:
                    self._bars.advance(phase, done)
            case PhaseFinished(phase=phase, seconds=seconds):
                if self._bars is not None:
                    self._bars.end(phase)
                else:
                    say(phase_line(phase, self._totals.get(phase, 0), seconds))
            case Warned(message=message):
                if self._bars is not None:
                    self._bars.close()
                say(f"warning: {message}")
            case LabDestroyed():
                if self._bars is not None:
                    self._bars.close()


def phase_line(phase: str, total: int, seconds: float) -> str:
    """``start nodes: 68 in 8.12 s``."""
    count = f"{total} in " if total else ""
    return f"{TITLES.get(phase, phase)}: {count}{seconds:.2f} s"


class _Bars:
    """Rich's bars, one a phase; made when the first phase begins."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def begin(self, phase: str, total: int) -> None:
        progress = self._open()
        self._tasks[phase] = progress.add_task(TITLES.get(phase, phase), total=total or None)

    def advance(self, phase: str, done: int) -> None:
        if phase in self._tasks:
            self._open().update(self._tasks[phase], completed=done)

    def end(self, phase: str) -> None:
        if phase not in self._tasks:
            return
        progress = self._open()
        task = self._tasks[phase]
        total = next(known.total for known in progress.tasks if known.id == task) or 1
        progress.update(task, total=total, completed=total)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress, self._tasks = None, {}

    def _open(self) -> Progress:
        if self._progress is None:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
            )

            self._progress = Progress(
                TextColumn("{task.description:<24}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
            )
            self._progress.start()
        return self._progress
