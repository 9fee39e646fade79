"""The journal of moves: a small file for each move under way, apart from the lab's state file,
because it is written while the application is frozen.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from minidocknet.core.lab import Lab
from minidocknet.model.errors import LabError
from minidocknet.model.moves import MoveRecord
from minidocknet.runtime.paths import LabPaths


def write_move(lab: Lab, record: MoveRecord) -> None:
    """Atomically: a reader or a kill sees the record of before or this one, whole."""
    path = _path(lab.paths, record.app)
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    fresh.write_text(json.dumps(asdict(record)))
    fresh.replace(path)


def read_move(lab: Lab, app: str) -> MoveRecord | None:
    """The move of ``app`` that is under way or was cut short; None where there is none."""
    path = _path(lab.paths, app)
    try:
        return MoveRecord(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise LabError(f"the record of a move in {path} cannot be read: {error}") from error


def end_move(lab: Lab, app: str) -> None:
    """Nothing of the move is left to be done."""
    _path(lab.paths, app).unlink(missing_ok=True)


def moving_apps(lab: Lab) -> tuple[str, ...]:
    """Applications with a record of a move."""
    folder = _path(lab.paths, "any").parent
    return tuple(sorted(path.stem for path in folder.glob("*.json"))) if folder.is_dir() else ()


def _path(paths: LabPaths, app: str) -> Path:
    return paths.state_dir / "moves" / f"{app}.json"
