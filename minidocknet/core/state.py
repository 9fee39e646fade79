"""A lab's state file: everything that a later process needs to take the lab over."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

from minidocknet.model.errors import LabError
from minidocknet.plan.model import LinkPlan, Plan
from minidocknet.plan.options import DeployOptions
from minidocknet.runtime.paths import LabPaths, lab_names

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA = 1
Status = Literal["deploying", "running", "destroying"]


@dataclass(frozen=True, slots=True)
class LabImage:
    """An image that all nodes of a lab know.  ``id``: as their engines show it; ``bytes``:
    unpacked.
    """

    reference: str
    id: str
    bytes: int


@dataclass(frozen=True)
class LabState:
    """``granted``: capabilities (capabilities(7), no ``CAP_``) that nodes get on this machine.

    ``stopped``: nodes stopped by request.  ``next_index`` / ``next_link`` / ``next_app``:
    never used before, so that a removed one's numbers are not given to another.
    ``stopped_apps``: applications stopped by request.
    ``images``: added while the lab runs.  ``timings_s``: seconds per phase of
    the deployment.
    """

    lab: str
    status: Status
    plan: Plan
    options: DeployOptions
    node_image: str
    granted: tuple[str, ...]
    kernel_datapath: bool
    next_index: int
    next_link: int
    created_at: float = field(default_factory=time.time)
    stopped: frozenset[str] = frozenset()
    next_app: int = 0
    stopped_apps: frozenset[str] = frozenset()
    images: tuple[LabImage, ...] = ()
    timings_s: dict[str, float] = field(default_factory=dict)
    schema: int = SCHEMA

    def with_link(self, link: LinkPlan) -> LabState:
        return replace(self, plan=self.plan.with_link(link))


@cache
def _adapter() -> TypeAdapter[LabState]:
    # Not at import: it takes longer than many commands do that never read a state.
    from pydantic import TypeAdapter

    return TypeAdapter(LabState)


def save_state(state: LabState) -> None:
    """Write atomically: a reader or a kill sees the old file or the new one, whole."""
    path = LabPaths(state.lab).state_file
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(_adapter().dump_json(state))
    temporary.replace(path)


def load_state(lab: str) -> LabState:
    """Raises LabError where there is no such lab or its file is not of this version."""
    path = LabPaths(lab).state_file
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        others = [name for name in lab_names() if LabPaths(name).state_file.exists()]
        raise LabError(
            f"there is no lab {lab!r} on this machine",
            remedy=f"running labs: {', '.join(others)}" if others else "deploy one: mdn deploy",
        ) from None
    try:
        if json.loads(text).get("schema") != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}")
        return _adapter().validate_json(text)
    except ValueError as error:
        raise LabError(
            f"the state of lab {lab} in {path} cannot be read: {error}",
            remedy="it was made by another version: mdn wipe --lab removes it",
        ) from error


def peek_status(lab: str) -> str:
    """The status where the file tells it, else ``incomplete``."""
    try:
        return str(json.loads(LabPaths(lab).state_file.read_bytes())["status"])
    except (OSError, ValueError, KeyError):
        return "incomplete"


def used_slots() -> set[int]:
    """Slots of all labs whose state can be read."""
    slots = set()
    for name in lab_names():
        try:
            slots.add(int(json.loads(LabPaths(name).state_file.read_bytes())["plan"]["slot"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return slots
