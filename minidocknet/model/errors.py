"""Every error that MiniDockNet raises on purpose, with the exit code that the CLI gives it.

An error names the bad input and, where one is known, the remedy.  Anything else that reaches the
user is a defect of ours.
"""

from __future__ import annotations

from pathlib import Path


class MdnError(Exception):
    """Base of all errors.  ``remedy`` says what would put it right; ``exit_code`` is the CLI's."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}" if self.remedy else self.message


class UsageError(MdnError):
    """Options that contradict each other, or a name that no node or link of the lab has."""

    exit_code = 2


class TopologyError(MdnError):
    """A topology that cannot be read or makes no sense: says where, what, what would be right.

    ``file`` and ``line`` (1-based) locate the fault where the source has lines.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        remedy: str | None = None,
    ) -> None:
        self.file = str(file) if file is not None else None
        self.line = line
        where = ":".join(str(part) for part in (self.file, line) if part is not None)
        super().__init__(f"{where}: {message}" if where else message, remedy=remedy)


class LabError(MdnError):
    """The lab is not in a state that allows what was asked (unknown, already there, stopped)."""

    exit_code = 4


class CapabilityError(MdnError):
    """The kernel, the engine or a tool lacks what was asked for."""

    exit_code = 5


class ApplyError(MdnError):
    """An operation on the running system failed after it was planned."""

    exit_code = 6
