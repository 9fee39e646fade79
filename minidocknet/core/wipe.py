"""Removes what labs left behind, however their mdn ended."""

from __future__ import annotations

import time
from typing import Any

from minidocknet.core.destroy import remove_objects
from minidocknet.core.locks import lab_lock
from minidocknet.links.wire.orphans import daemon_processes
from minidocknet.plan.names import LABEL_LAB
from minidocknet.runtime.engine import Engine
from minidocknet.runtime.golden import clean_builds, golden_folder
from minidocknet.runtime.paths import lab_names, run_root, state_root

# An engine goes on making a container whose client was killed: look again until nothing new has
# come for this long.  Creating and starting one takes 0.3 s, some seconds on a busy machine.
_SETTLE_S = 1.5
_POLL_S = 0.25


def wipe(engine: Engine, lab: str | None = None) -> dict[str, list[str]]:
    """Remove one lab or all, from labels, folders and processes; no state file is needed.

    Waits for an mdn that is changing the lab.  Returns what was removed, per lab.
    """
    removed: dict[str, list[str]] = {}
    names = [lab] if lab is not None else found_labs(engine)
    for name in names:
        with lab_lock(name):
            removed[name] = remove_objects(name, engine)
    if lab is None:
        clean_builds(golden_folder(state_root()), engine)
    if not any(removed.values()):
        return {}
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < _SETTLE_S:
        time.sleep(_POLL_S)
        for name in [lab] if lab is not None else found_labs(engine):
            with lab_lock(name):
                late = remove_objects(name, engine)
            if late:
                removed.setdefault(name, []).extend(late)
                quiet_since = time.monotonic()
    return removed


def found_labs(engine: Engine) -> list[str]:
    """Labs of which anything exists: folders, containers, networks, daemons."""
    labelled: list[dict[str, Any]] = []
    for summary in engine.containers():
        labelled.append(summary["Labels"])
    for network in engine.networks():
        labelled.append(network["Labels"])
    daemons = daemon_processes(run_root())
    return sorted({*lab_names(), *(labels[LABEL_LAB] for labels in labelled), *daemons})
