"""Which labs there are.  Apart from the rest, so that ``mdn list`` loads little."""

from __future__ import annotations

from typing import Any

from minidocknet.core.state import peek_status
from minidocknet.plan.names import LABEL_LAB
from minidocknet.runtime.engine import Engine
from minidocknet.runtime.paths import LabPaths, lab_names


def list_labs(engine: Engine) -> list[dict[str, Any]]:
    """Every lab that left a trace on this machine, whole or not."""
    running: dict[str, int] = {}
    existing: dict[str, int] = {}
    for summary in engine.containers():
        lab = summary["Labels"][LABEL_LAB]
        existing[lab] = existing.get(lab, 0) + 1
        running[lab] = running.get(lab, 0) + (summary["State"] == "running")
    return [
        {
            "lab": name,
            "status": peek_status(name),
            "containers": existing.get(name, 0),
            "running": running.get(name, 0),
            "state_dir": str(LabPaths(name).state_dir),
        }
        for name in sorted({*lab_names(), *existing})
    ]
