"""Did the processes continue, or did something start afresh?  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidocknet.model.errors import ApplyError

# [[pid, [tid, ...]], ...] as the container's own pid namespace counts them.
Processes = Sequence[Sequence[Any]]


def check_continued(app: str, dumped: Processes, live: Processes) -> None:
    """ApplyError unless every process and thread of the images lives.

    A process that was started afresh has number 1 and nothing else in common; one that was
    restored has every number of before.  More than were dumped may live: the application runs on
    and may have forked since.
    """
    before = {int(pid): frozenset(threads) for pid, threads in dumped}
    after = {int(pid): frozenset(threads) for pid, threads in live}
    gone = sorted(before.keys() - after.keys())
    # Short-lived children may have ended by themselves since; the first process may not.
    if 1 not in after or len(gone) > len(before) // 2:
        raise ApplyError(
            f"application {app} did not continue: of {len(before)} processes in the checkpoint "
            f"{len(gone)} are not there after the restore"
        )
    if not before[1] & after[1]:
        raise ApplyError(
            f"application {app} did not continue: no thread of its first process lives"
        )
