"""``mdn migrate``: moves an application to another node, with its memory where that can be.

The steps of a live move, and what has been done when each begins (the journal's phases):

prepare   nothing has stopped; at the target a container is made, and its start waits for images
freeze    the wire is cut at the source, the processes are dumped and end there
transfer  images and what changed of files since the preparation are copied
restore   the processes run at the target, still cut off, and are checked
commit    the wire is open at the target; the source's container goes

Whatever fails or interrupts it, :mod:`settle` looks at both nodes and decides where the
application goes on.
"""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from minidocknet.core.apps import containers
from minidocknet.core.apps.containers import Container
from minidocknet.core.apps.journal import end_move, write_move
from minidocknet.core.images import image_for_node
from minidocknet.core.interrupts import held
from minidocknet.core.lab import Lab
from minidocknet.core.locks import app_lock
from minidocknet.migrate.choice import Choice, choose
from minidocknet.migrate.downtime import DowntimeProbe, probe_peer
from minidocknet.migrate.files import FileSync
from minidocknet.migrate.lazy import PageRoute, page_port
from minidocknet.migrate.mover import Mover, MoverRefusal, mover
from minidocknet.migrate.place import put_plan, set_policy
from minidocknet.migrate.recovery import Verdict
from minidocknet.migrate.settle import settle_app
from minidocknet.migrate.stats import dump_stats, restore_stats
from minidocknet.migrate.thaw import Thaw
from minidocknet.model.errors import ApplyError, LabError, MdnError, UsageError
from minidocknet.model.events import AppMoved, AppMovePhase, AppMoving
from minidocknet.model.moves import Mode, MoveRecord, MoveReport, Phase, Via
from minidocknet.plan.apps import moved
from minidocknet.plan.model import AppPlan
from minidocknet.runtime.app_config import restart_policy

_LAZY_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class MoveOptions:
    """``probe``: a peer pings the application every millisecond meanwhile."""

    mode: Mode | Literal["auto"] = "auto"
    via: Via = "direct"
    probe: bool = True


DEFAULTS = MoveOptions()


def migrate_app(lab: Lab, name: str, target: str, options: MoveOptions = DEFAULTS) -> MoveReport:
    """Move application ``name`` to node ``target``.

    Raises UsageError, LabError or CapabilityError before anything has stopped where it cannot be,
    and ApplyError where it failed on the way; the application then runs where it was (or, where
    the source is gone, from its checkpoint).
    """
    with app_lock(lab.name, name):
        lab.reload()
        settle_app(lab, name)
        app = lab.plan.app(name)
        if target == app.node:
            raise UsageError(f"application {name} is on {target} already")
        moved(lab.plan, name, target)  # refuses a node that cannot have it
        for node in (app.node, target):
            lab.running_container(node)
        found = containers.find(lab, app.node, name)
        if found is None:
            raise LabError(
                f"application {name} has no container on {app.node}",
                remedy=f"remove it: mdn app rm {name}",
            )
        choice = choose(lab, app, target, found, options.mode, options.via)
        with ExitStack() as stack:
            move = Move(lab, app, target, found, choice, options, stack)
            try:
                report = move.run()
            except BaseException as error:
                # The nodes' movers end with their connections, and with them a start that waits.
                with held():
                    stack.close()
                    verdict = settle_app(lab, name)
                if not isinstance(error, MdnError):
                    raise
                raise _with_outcome(error, name, lab, verdict) from error
    lab.events.emit(
        AppMoved(
            lab=lab.name,
            app=name,
            source=report.source,
            target=target,
            node=target,
            mode=report.mode,
            frozen_s=report.frozen_s,
        )
    )
    return report


def _with_outcome(error: MdnError, app: str, lab: Lab, verdict: Verdict | None) -> ApplyError:
    """The error with what became of the application, and CRIU's words where there are any."""
    node = lab.plan.app(app).node
    words = {
        "stay": f"it runs on {node} as before",
        "thaw-source": f"it goes on on {node} where it was frozen",
        "start-source": f"it was started afresh on {node}",
        "finish": f"it runs on {node}",
        None: f"it is on {node}",
    }.get(verdict, f"it goes on on {node}")
    message = f"{error.message}; {words}"
    if isinstance(error, MoverRefusal) and error.log:
        message += "\n  " + "\n  ".join(error.log[-5:])
    return ApplyError(message, remedy=error.remedy)


class Move:
    """One move.  Call :meth:`run` once."""

    def __init__(
        self,
        lab: Lab,
        app: AppPlan,
        target: str,
        found: Container,
        choice: Choice,
        options: MoveOptions,
        stack: ExitStack,
    ) -> None:
        self.lab, self.app, self.target, self.choice = lab, app, target, choice
        self.options, self.found, self._stack = options, found, stack
        self.began = time.time()
        self.record = MoveRecord(
            app=app.name,
            source=app.node,
            target=target,
            mode=choice.mode,
            via=options.via,
            phase="prepare",
            source_id=found.id,
            target_id=None,
            folder=choice.folder,
            running=found.running,
            began_at=self.began,
        )
        self.probe: DowntimeProbe | None = None
        self._rules: threading.Thread | None = None

    def run(self) -> MoveReport:
        self._journal("prepare")
        files = self._prepare()
        with ExitStack() as probing:
            self._start_probe(probing)
            report = self._cold(files) if self.choice.mode == "cold" else self._live(files)
            self._finish()
        if self.probe is not None:
            seen = self.probe.result()
            report = replace(report, downtime_s=seen.downtime_s)
        return replace(report, total_s=time.time() - self.began)

    # --- before anything stops

    def _prepare(self) -> FileSync:
        lab, app, target = self.lab, self.app, self.target
        image = image_for_node(lab, target, app.spec.image)
        # What an earlier attempt left.
        containers.remove(lab, target, app.name, volumes=tuple(v.name for v in app.spec.volumes))
        identity = containers.create(lab, app, target, image, restarts=False)
        self._journal("prepare", target_id=identity)
        files = FileSync(lab, app, self.record, self.choice.always)
        files.sync()
        # The second time tells how much changes meanwhile, and leaves little for later.
        files.sync()
        set_policy(lab, app.name, self.record.source, {"Name": "no"})
        return files

    def _start_probe(self, stack: ExitStack) -> None:
        if not self.options.probe or not self.found.running:
            return
        homes = self.lab.homes()
        peer = probe_peer(self.lab.plan, homes, self.app.name, self.record.source, self.target)
        if peer is not None:
            self.probe = stack.enter_context(DowntimeProbe(homes[peer], str(self.app.ip.ip)))
            self.peer = peer

    # --- kinds of moves

    def _cold(self, files: FileSync) -> MoveReport:
        name, record = self.app.name, self.record
        frozen = time.time()
        self._journal("freeze")
        if self.found.running:
            containers.stop(self.lab, name, record.source)
        stopped = time.time()
        self._journal("transfer")
        copied = files.sync() + files.copy_log()
        self._switch_over()
        self._journal("restore")
        ready = time.time()
        if self.found.running:
            containers.start(self.lab, name, self.target)
        ended = time.time()
        return self._report(
            bytes_=copied,
            memory_bytes=0,
            dump_s=stopped - frozen,
            transfer_s=ready - stopped,
            restore_s=ended - ready,
            frozen_s=ended - frozen if self.found.running else 0.0,
        )

    def _live(self, files: FileSync) -> MoveReport:
        lab, app, record = self.lab, self.app, self.record
        lazy = self.choice.mode == "lazy"
        source = self._mover(record.source)
        target = self._mover(record.target)
        source.ask("prepare", folder=record.folder)
        target.ask("prepare", folder=record.folder)
        assert record.target_id is not None
        files.copy_log()
        thaw = Thaw(lab, target, app, record.target_id)
        thaw.prepare()
        route = self._stack.enter_context(PageRoute(lab, record)) if lazy else None
        pages = [route.address, page_port(app)] if route is not None else None

        self._journal("freeze")
        self._switch_over()
        dumped = source.ask(
            "dump", id=record.source_id, folder=record.folder, iface=app.iface, lazy=pages
        )
        self._journal("transfer")
        images, copied = files.send_images(), files.sync()
        files.send_late_log()
        if pages is not None:
            target.ask("pages", folder=record.folder, address=pages[0], port=pages[1])
        moved_at = time.time()
        self._journal("restore")
        thawed = thaw.go(record.folder, dumped["processes"], lazy=lazy)
        self._join_rules()
        opened = thaw.open()
        lazy_s = self._fetch_pages(source, target, opened) if lazy else None
        thaw.join()
        # It runs; a node that has gone since takes only its figures along.
        dumps, restores = (_stats(node, record.folder) for node in (source, target))
        return self._report(
            bytes_=images + copied,
            memory_bytes=int(dumped["bytes"]),
            dump_s=dumped["ended"] - dumped["began"],
            transfer_s=moved_at - dumped["ended"],
            restore_s=thawed.ended - thawed.began,
            frozen_s=opened - dumped["began"],
            lazy_s=lazy_s,
            # Of a dump whose pages follow, CRIU 4.2 writes times that it never set.
            dump=None if lazy else dump_stats(dumps.get("dump")),
            restore=restore_stats(restores.get("restore")),
        )

    def _fetch_pages(self, source: Mover, target: Mover, opened: float) -> float:
        """Until all memory is at the target; only then may the source's go."""
        folder = self.record.folder
        target.ask("pages_wait", folder=folder, timeout_s=_LAZY_TIMEOUT_S)
        source.ask("dump_wait", folder=folder, timeout_s=_LAZY_TIMEOUT_S)
        return time.time() - opened

    # --- pieces

    def _mover(self, node: str) -> Mover:
        return self._stack.enter_context(mover(self.lab, node))

    def _journal(self, phase: Phase, *, target_id: str | None = None) -> None:
        self.record = replace(
            self.record, phase=phase, target_id=target_id or self.record.target_id
        )
        write_move(self.lab, self.record)
        self.lab.events.emit(AppMovePhase(lab=self.lab.name, app=self.app.name, phase=phase))

    def _switch_over(self) -> None:
        """Tell controllers, and let frames go to the target, while the processes are dumped."""
        app, record = self.app, self.record
        self.lab.events.emit(
            AppMoving(
                lab=self.lab.name,
                app=app.name,
                source=record.source,
                target=record.target,
                mac=app.mac,
                ip=str(app.ip.ip),
            )
        )
        self._rules_error: BaseException | None = None

        def put() -> None:
            try:
                put_plan(self.lab, app.name, record.target)
            except BaseException as error:
                self._rules_error = error

        self._rules = threading.Thread(target=put, name="rules", daemon=True)
        self._rules.start()

    def _join_rules(self) -> None:
        if self._rules is not None:
            self._rules.join()
            if self._rules_error is not None:
                raise self._rules_error

    def _finish(self) -> None:
        """The application runs at the target: nothing of it stays at the source."""
        self._join_rules()
        self._journal("commit")
        lab, app, record = self.lab, self.lab.plan.app(self.app.name), self.record
        own = tuple(volume.name for volume in app.spec.volumes)
        containers.remove(lab, record.source, app.name, volumes=own)
        set_policy(lab, app.name, record.target, dict(restart_policy(app.spec)))
        for pid in lab.homes([record.source, record.target]).values():
            _discard(pid, record.folder)
        end_move(lab, app.name)

    def _report(self, *, bytes_: int, **figures: Any) -> MoveReport:
        return MoveReport(
            app=self.app.name,
            source=self.record.source,
            target=self.target,
            mode=self.choice.mode,
            via=self.options.via,
            reasons=self.choice.reasons,
            bytes=bytes_,
            total_s=0.0,
            probed_from=self.peer if self.probe is not None else None,
            warnings=self.choice.warnings,
            **figures,
        )


def _stats(node: Mover, folder: str) -> dict[str, Any]:
    with suppress(ApplyError):
        return node.ask("stats", folder=folder)
    return {}


def _discard(pid: int, folder: str) -> None:
    shutil.rmtree(Path(f"/proc/{pid}/root{folder}"), ignore_errors=True)
