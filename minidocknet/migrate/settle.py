"""Brings a move that failed or was cut short to its end: the application runs in one place."""

from __future__ import annotations

from contextlib import ExitStack, suppress

from minidocknet.core.apps import containers
from minidocknet.core.apps.journal import end_move, moving_apps, read_move
from minidocknet.core.interrupts import held
from minidocknet.core.lab import Lab
from minidocknet.core.locks import app_lock_if_free
from minidocknet.migrate.mover import Mover, mover
from minidocknet.migrate.place import put_plan, set_policy
from minidocknet.migrate.recovery import Sight, Verdict, decide
from minidocknet.migrate.thaw import Thaw
from minidocknet.model.errors import ApplyError, LabError, MdnError
from minidocknet.model.events import AppMoved
from minidocknet.model.moves import MoveRecord
from minidocknet.plan.model import AppPlan
from minidocknet.runtime.app_config import restart_policy


def settle_app(lab: Lab, name: str) -> Verdict | None:
    """Finish the unfinished move of application ``name``; None where there is none.

    The caller holds the app's lock.  ApplyError where the application can run nowhere; the record
    stays then, and the next call tries again.
    """
    record = read_move(lab, name)
    if record is None:
        return None
    with held():
        return settle(lab, record)


def settle_all(lab: Lab) -> dict[str, Verdict | MdnError]:
    """Finish every move that nobody is at work on; by application, what was done or why not."""
    done: dict[str, Verdict | MdnError] = {}
    for name in moving_apps(lab):
        with app_lock_if_free(lab.name, name) as free:
            if not free:
                continue
            try:
                lab.reload()
                verdict = settle_app(lab, name)
                if verdict is not None:
                    done[name] = verdict
            except MdnError as error:
                done[name] = error
    return done


def settle(lab: Lab, record: MoveRecord) -> Verdict:
    """Look, decide (:func:`recovery.decide`), do."""
    app = lab.plan.app(record.app)
    homes = lab.homes([record.source, record.target])
    with ExitStack() as stack:
        movers: dict[str, Mover] = {}
        for node in homes:
            # A node whose image cannot run one takes part in cold moves only.
            with suppress(MdnError):
                movers[node] = stack.enter_context(mover(lab, node))
        if record.target_id is not None and record.target in movers:
            movers[record.target].ask("call_off", id=record.target_id)
        source, source_tree = _look(lab, record, record.source, record.source_id, homes, movers)
        target, target_tree = _look(lab, record, record.target, record.target_id, homes, movers)
        verdict = decide(record, source, target)
        if verdict == "lost":
            if (chosen := last_resort(lab, record)) is not None:
                return chosen
            raise LabError(
                f"application {app.name} cannot run: node {record.source} is off, and the "
                f"checkpoint did not reach {record.target} whole",
                remedy=f"mdn node start {record.source}, or mdn app restore {app.name} --to NODE "
                "from a kept checkpoint",
            )
        there = verdict in ("finish", "thaw-target", "start-target")
        place, other = record.source, record.target
        if there:
            place, other = other, place
        # A checkpoint that is kept is a move to where the application is.
        if place != other:
            _remove(lab, app, other, record)
        put_plan(lab, app.name, place)
        app = lab.plan.app(app.name)
        _run(lab, record, app, verdict, place, movers, target_tree if there else source_tree)
        set_policy(lab, app.name, place, dict(restart_policy(app.spec)))
        for found in movers.values():
            with suppress(ApplyError):
                found.ask("discard", folder=record.folder)
        end_move(lab, app.name)
    lab.events.emit(
        AppMoved(
            lab=lab.name,
            app=app.name,
            source=record.source,
            target=record.target,
            node=place,
            mode=record.mode,
            reason=f"settled: {verdict}",
        )
    )
    return verdict


def last_resort(lab: Lab, record: MoveRecord) -> Verdict | None:
    """The latest kept checkpoint goes on at the target; None where there is none, or no target."""
    from minidocknet.migrate.checkpoints import kept
    from minidocknet.migrate.keep import bring_back

    found = kept(lab, record.app)
    if not found or not lab.homes([record.target]):
        return None
    bring_back(lab, found[-1], record.target)
    lab.events.warn(
        f"node {record.source} is off: application {record.app} goes on on {record.target} from "
        f"its checkpoint {found[-1].label!r}"
    )
    return "thaw-kept"


def _look(
    lab: Lab,
    record: MoveRecord,
    node: str,
    identity: str | None,
    homes: dict[str, int],
    movers: dict[str, Mover],
) -> tuple[Sight, list[list[int]]]:
    if node not in homes:
        return Sight(on=False), []
    if identity is None:
        return Sight(on=True), []
    answer = {"complete": False, "processes": []}
    if node in movers:
        answer = movers[node].ask("look", id=identity, folder=record.folder)
    found = containers.find(lab, node, record.app)
    exists = found is not None and found.id == identity
    running = exists and found is not None and found.running
    sight = Sight(on=True, exists=exists, running=running, complete=bool(answer["complete"]))
    return sight, list(answer["processes"])  # type: ignore[call-overload]


def _run(
    lab: Lab,
    record: MoveRecord,
    app: AppPlan,
    verdict: Verdict,
    place: str,
    movers: dict[str, Mover],
    tree: list[list[int]],
) -> None:
    identity = record.source_id if place == record.source else record.target_id
    assert identity is not None
    match verdict:
        case "thaw-source" | "thaw-target":
            thaw = Thaw(lab, movers[place], app, identity)
            thaw.prepare()
            thaw.go(record.folder, tree)
            thaw.open()
            thaw.join()
        case "start-source" | "start-target":
            containers.start(lab, app.name, place)
        case "stay" | "finish":
            if record.running and place in movers:
                # ENODEV where the application ended by itself and has no port.
                with suppress(ApplyError):
                    Thaw(lab, movers[place], app, identity).open()


def _remove(lab: Lab, app: AppPlan, node: str, record: MoveRecord) -> None:
    """The application's container on the node where it is not to be."""
    own = tuple(volume.name for volume in app.spec.volumes)
    known = record.target_id if node == record.target else record.source_id
    found = containers.find(lab, node, app.name)
    if found is not None and known in (None, found.id):
        containers.remove(lab, node, app.name, volumes=own)
