"""Keeps checkpoints of applications, and brings applications back to them."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from minidocknet.core.apps import containers
from minidocknet.core.apps.journal import end_move, write_move
from minidocknet.core.images import image_for_node
from minidocknet.core.interrupts import held
from minidocknet.core.lab import Lab
from minidocknet.core.locks import app_lock
from minidocknet.migrate import checkpoints
from minidocknet.migrate.checkpoints import Checkpoint, folder_of, write_manifest
from minidocknet.migrate.choice import choose
from minidocknet.migrate.mover import mover
from minidocknet.migrate.place import put_plan, set_policy
from minidocknet.migrate.settle import settle_app
from minidocknet.migrate.thaw import Thaw
from minidocknet.migrate.transfer import copy_images, layer_folder, sync_tree, volume_folder
from minidocknet.model.errors import LabError
from minidocknet.model.moves import MoveRecord
from minidocknet.plan.apps import moved
from minidocknet.plan.model import AppPlan
from minidocknet.runtime.app_config import restart_policy


def checkpoint_app(
    lab: Lab, name: str, label: str | None = None, *, leave_running: bool = True
) -> Checkpoint:
    """Freeze application ``name``, keep its memory and files, and let it go on.

    It stands still until its files are copied, so that both are of one moment; with
    ``leave_running=False`` it stays stopped.  Raises UsageError, LabError or CapabilityError before
    anything stops, ApplyError where it failed; the application runs on then.
    """
    with app_lock(lab.name, name):
        lab.reload()
        settle_app(lab, name)
        app = lab.plan.app(name)
        found = containers.find(lab, app.node, name)
        if found is None or not found.running:
            raise LabError(
                f"application {name} does not run, so it has no memory to keep",
                remedy=f"mdn app start {name}",
            )
        label = checkpoints.new_label(lab, name, label)
        # A move to where it is: policies and volumes are no obstacles, the kernel may be.
        choice = choose(lab, app, app.node, found, "checkpoint", "direct", stays=True)
        record = MoveRecord(
            app=name, source=app.node, target=app.node, mode="checkpoint", via="direct",
            phase="freeze", source_id=found.id, target_id=None, folder=choice.folder, running=True,
            began_at=time.time(),
        )  # fmt: skip
        folder = folder_of(lab, name, label)
        try:
            with ExitStack() as stack:
                node = stack.enter_context(mover(lab, app.node))
                node.ask("prepare", folder=record.folder)
                write_move(lab, record)
                set_policy(lab, name, app.node, {"Name": "no"})
                dumped = node.ask("dump", id=found.id, folder=record.folder, iface=app.iface)
                size = _keep_files(lab, app, record, folder)
                kept = Checkpoint(
                    name, label, app.node, time.time(), size, list(dumped["processes"])
                )
                write_manifest(lab, kept)
        except BaseException:
            with held():
                settle_app(lab, name)
                if not (folder / checkpoints.MANIFEST).exists():
                    checkpoints.discard(lab, name, label)
            raise
        if leave_running:
            settle_app(lab, name)
        else:
            set_policy(lab, name, app.node, dict(restart_policy(app.spec)))
            end_move(lab, name)
    return kept


def _keep_files(lab: Lab, app: AppPlan, record: MoveRecord, folder: Path) -> int:
    pid = lab.homes([app.node])[app.node]
    (folder / "images").mkdir(parents=True)
    size = copy_images(Path(f"/proc/{pid}/root{record.folder}/images"), folder / "images")
    root = lab.paths.node_docker(app.node)
    trees = [(layer_folder(root, record.source_id), folder / "layer")]
    for volume in app.spec.volumes:
        trees.append((volume_folder(root, volume.name), folder / "volumes" / volume.name))
    for source, kept in trees:
        kept.mkdir(parents=True)
        size += sync_tree(source, kept).bytes
    return size


def restore_app(
    lab: Lab, name: str, label: str | None = None, *, node: str | None = None
) -> Checkpoint:
    """Bring application ``name`` back to a kept checkpoint (the latest where ``label`` is None).

    Memory, files and volumes are those of then; what happened since is lost.  ``node``: where it
    goes on, else where it is.  Raises LabError where there is no such checkpoint.
    """
    with app_lock(lab.name, name):
        lab.reload()
        kept = checkpoints.get(lab, name, label)
        return bring_back(lab, kept, node or lab.plan.app(name).node)


def bring_back(lab: Lab, kept: Checkpoint, node: str) -> Checkpoint:
    """:func:`restore_app` under the app's lock, whatever a move has left."""
    name = kept.app
    moved(lab.plan, name, node)  # refuses a node that cannot have it
    lab.running_container(node)
    image = image_for_node(lab, node, lab.plan.app(name).spec.image)
    with held():
        end_move(lab, name)
        app = lab.plan.app(name)
        volumes = tuple(volume.name for volume in app.spec.volumes)
        for place in {app.node, node}:
            containers.remove(lab, place, name, volumes=volumes)
        put_plan(lab, name, node)
        app = lab.plan.app(name)
        identity = containers.create(lab, app, node, image, restarts=False)
        source = folder_of(lab, name, kept.label)
        root = lab.paths.node_docker(node)
        sync_tree(source / "layer", layer_folder(root, identity), since_ns=0)
        for volume in volumes:
            sync_tree(source / "volumes" / volume, volume_folder(root, volume), since_ns=0)
        with mover(lab, node) as helper:
            folder = f"/run/mdn-move/{name}"
            helper.ask("prepare", folder=folder)
            pid = lab.homes([node])[node]
            copy_images(source / "images", Path(f"/proc/{pid}/root{folder}/images"))
            thaw = Thaw(lab, helper, app, identity)
            thaw.prepare()
            thaw.go(folder, kept.processes)
            thaw.open()
            thaw.join()
            helper.ask("discard", folder=folder)
        set_policy(lab, name, node, dict(restart_policy(app.spec)))
    return kept
