"""Kept checkpoints: an application's memory and files at one moment, in the lab's folder."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from minidocknet.core.lab import Lab
from minidocknet.model.errors import LabError, UsageError

MANIFEST = "manifest.json"
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``label``: its name among the application's.  ``processes``: [[pid, [tid, ...]], ...] as the
    container counts them.  ``bytes``: memory images and files.
    """

    app: str
    label: str
    node: str
    created_at: float
    bytes: int
    processes: list[list[object]]


def new_label(lab: Lab, app: str, asked: str | None) -> str:
    """``asked``, or the next number; UsageError where it is taken or no file's name."""
    taken = {found.label for found in kept(lab, app)}
    if asked is None:
        return next(str(n) for n in range(1, len(taken) + 2) if str(n) not in taken)
    if not _LABEL.fullmatch(asked):
        raise UsageError(
            f"a checkpoint cannot be called {asked!r}",
            remedy="use up to 63 letters, digits, '_', '.' and '-'",
        )
    if asked in taken:
        raise UsageError(
            f"application {app} has a checkpoint {asked!r} already", remedy="give another --name"
        )
    return asked


def folder_of(lab: Lab, app: str, label: str) -> Path:
    """Holds ``images``, ``layer``, ``volumes/NAME`` and the manifest, which is written last."""
    return lab.paths.state_dir / "checkpoints" / app / label


def write_manifest(lab: Lab, checkpoint: Checkpoint) -> None:
    """From now on the checkpoint counts as whole."""
    folder = folder_of(lab, checkpoint.app, checkpoint.label)
    fresh = folder / f".{MANIFEST}.new"
    fresh.write_text(json.dumps(asdict(checkpoint)))
    fresh.replace(folder / MANIFEST)


def kept(lab: Lab, app: str) -> list[Checkpoint]:
    """Whole checkpoints of the application, the oldest first."""
    found = []
    folder = folder_of(lab, app, "any").parent
    for path in folder.glob(f"*/{MANIFEST}") if folder.is_dir() else ():
        found.append(Checkpoint(**json.loads(path.read_text())))
    return sorted(found, key=lambda one: one.created_at)


def get(lab: Lab, app: str, label: str | None) -> Checkpoint:
    """The checkpoint called ``label``, else the latest; LabError where there is none."""
    found = kept(lab, app)
    chosen = found[-1:] if label is None else [one for one in found if one.label == label]
    if not chosen:
        labels = ", ".join(one.label for one in found)
        raise LabError(
            f"application {app} has no checkpoint" + ("" if label is None else f" {label!r}"),
            remedy=f"it has: {labels}" if labels else f"keep one: mdn app checkpoint {app}",
        )
    return chosen[0]


def discard(lab: Lab, app: str, label: str | None = None) -> None:
    """Remove one, or all of the application's; fine where there are none."""
    folder = folder_of(lab, app, label or "any")
    shutil.rmtree(folder if label is not None else folder.parent, ignore_errors=True)
