"""CRIU's statistics, as pycriu reads them in the node, in our units.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidocknet.model.moves import DumpStats, RestoreStats

_US = 1e-6


def dump_stats(entry: Mapping[str, Any] | None) -> DumpStats | None:
    """From images/stats.proto's dump_stats_entry, times in microseconds; None for None."""
    if entry is None:
        return None
    return DumpStats(
        freezing_s=entry["freezing_time"] * _US,
        frozen_s=entry["frozen_time"] * _US,
        memdump_s=entry["memdump_time"] * _US,
        memwrite_s=entry["memwrite_time"] * _US,
        pages_written=int(entry["pages_written"]),
        pages_lazy=int(entry.get("pages_lazy", 0)),
    )


def restore_stats(entry: Mapping[str, Any] | None) -> RestoreStats | None:
    """From restore_stats_entry, times in microseconds; None for None."""
    if entry is None:
        return None
    return RestoreStats(
        forking_s=entry["forking_time"] * _US,
        restore_s=entry["restore_time"] * _US,
        pages_restored=int(entry.get("pages_restored", 0)),
    )
