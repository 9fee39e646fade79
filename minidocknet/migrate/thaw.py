"""Makes a container's next start a restore of its images.

The start is asked of the engine first and waits in the node's runtime (app-runtime) for the images,
so that what the engine does for a start takes no time in which the application stands still.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from minidocknet.core.apps import containers
from minidocknet.core.lab import Lab
from minidocknet.migrate.mover import Mover
from minidocknet.migrate.verify import Processes, check_continued
from minidocknet.model.errors import ApplyError, MdnError
from minidocknet.plan.model import AppPlan

_START_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Thawed:
    """Seconds since the epoch at which the restore began and ended."""

    began: float
    ended: float
    pid: int


class Thaw:
    """One start that waits for images."""

    def __init__(self, lab: Lab, mover: Mover, app: AppPlan, identity: str) -> None:
        self._lab, self._mover, self._app = lab, mover, app
        self._identity = identity
        self._error: MdnError | None = None
        self._thread = threading.Thread(target=self._start, name="thaw", daemon=True)

    def prepare(self) -> None:
        """Ask for the start; returns when it waits for images."""
        self._mover.ask("arm", id=self._identity)
        self._thread.start()
        try:
            self._mover.ask("waits", id=self._identity, timeout_s=_START_TIMEOUT_S)
        except ApplyError:
            self._thread.join(1)
            if self._error is not None:
                raise self._error from None
            raise

    def go(self, folder: str, expected: Processes, *, lazy: bool = False) -> Thawed:
        """Restore, and make sure that the processes are those of the images.

        The application is still cut off from the switch then.  ApplyError where it is not as it
        was; it is ended then.
        """
        answer = self._mover.ask("restore", id=self._identity, folder=folder, lazy=lazy)
        # Not joined: the engine takes its time to notice what runs already.
        check_continued(self._app.name, expected, answer["processes"])
        return Thawed(answer["began"], answer["ended"], answer["pid"])

    def join(self) -> None:
        """Until the engine says that the container runs; ApplyError where it says otherwise."""
        self._thread.join(_START_TIMEOUT_S)
        if self._error is not None:
            raise self._error

    def open(self) -> float:
        """Join the application to the switch; returns when that was."""
        answer: dict[str, Any] = self._mover.ask(
            "open",
            iface=self._app.iface,
            app=self._app.name,
            mac=self._app.mac,
            ip=str(self._app.ip.ip),
        )
        return float(answer["at"])

    def call_off(self) -> None:
        """End a start that waits; fine where none does."""
        self._mover.ask("call_off", id=self._identity)
        if self._thread.ident is not None:
            self._thread.join(_START_TIMEOUT_S)

    def _start(self) -> None:
        try:
            containers.start(self._lab, self._app.name, self._mover.node)
        except MdnError as error:
            self._error = error
