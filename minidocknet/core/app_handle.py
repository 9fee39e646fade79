"""One application of a deployed network, for scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from minidocknet.core.apps import run
from minidocknet.core.apps.execute import app_logs, exec_in_app
from minidocknet.core.apps.listing import list_apps
from minidocknet.core.apps.stats import AppStats, app_stats
from minidocknet.core.execute import ExecResult
from minidocknet.core.lab import Lab
from minidocknet.model.moves import Mode, MoveReport, Via
from minidocknet.plan.model import AppPlan

if TYPE_CHECKING:
    from minidocknet.migrate.checkpoints import Checkpoint


class App:
    """An application, by name; where it is and how it is are asked for each time."""

    def __init__(self, lab: Callable[[], Lab], name: str) -> None:
        self._lab = lab
        self.name = name

    @property
    def plan(self) -> AppPlan:
        """Read anew: another process may have moved it."""
        lab = self._lab()
        lab.reload()
        return lab.plan.app(self.name)

    @property
    def node(self) -> str:
        """The name of the node that it is on."""
        return self.plan.node

    @property
    def ip(self) -> str:
        return str(self.plan.ip.ip)

    @property
    def state(self) -> str:
        """As ``mdn app list`` has it: running, exited, stopped, moving, ..."""
        lab = self._lab()
        lab.reload()
        return list_apps(lab, [self.name])[0].state

    def exec(
        self,
        command: str | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> ExecResult:
        """Run a command in the container and wait; text goes through ``sh -c``."""
        words = ["sh", "-c", command] if isinstance(command, str) else command
        stdout, stderr = bytearray(), bytearray()
        lab = self._lab()
        lab.reload()
        code = exec_in_app(
            lab,
            self.name,
            words,
            on_stdout=stdout.extend,
            on_stderr=stderr.extend,
            env=env,
            cwd=cwd,
        )
        return ExecResult(code, stdout.decode(errors="replace"), stderr.decode(errors="replace"))

    def logs(self) -> str:
        """What it wrote to both of its streams so far, on all the nodes where it has been."""
        lab = self._lab()
        lab.reload()
        with app_logs(lab, self.name) as pieces:
            text = b"".join(stdout or stderr or b"" for stdout, stderr in pieces)
        return text.decode(errors="replace")

    def stats(self) -> AppStats | None:
        """What it takes of its node; None where it does not run.  Takes a second."""
        lab = self._lab()
        lab.reload()
        found = app_stats(lab, [self.name])
        return found[0] if found else None

    def stop(self, *, timeout_s: int = 10) -> None:
        run.stop_app(self._lab(), self.name, timeout_s=timeout_s)

    def start(self) -> None:
        run.start_app(self._lab(), self.name)

    def remove(self) -> None:
        run.remove_app(self._lab(), self.name)

    def migrate(
        self,
        to: str,
        *,
        mode: Mode | Literal["auto"] = "auto",
        via: Via = "direct",
        probe: bool = True,
    ) -> MoveReport:
        """Move it to node ``to``; see ``minidocknet.migrate.move.migrate_app`` for errors."""
        from minidocknet.migrate.move import MoveOptions, migrate_app

        return migrate_app(self._lab(), self.name, to, MoveOptions(mode, via, probe))

    def checkpoint(self, label: str | None = None, *, leave_running: bool = True) -> Checkpoint:
        """Keep its memory and files of this moment."""
        from minidocknet.migrate.keep import checkpoint_app

        return checkpoint_app(self._lab(), self.name, label, leave_running=leave_running)

    def restore(self, label: str | None = None, *, to: str | None = None) -> Checkpoint:
        """Bring it back to a kept moment, the latest where ``label`` is None."""
        from minidocknet.migrate.keep import restore_app

        return restore_app(self._lab(), self.name, label, node=to)
