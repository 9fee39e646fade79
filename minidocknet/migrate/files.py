"""An application's files on their way: its writable layer, its volumes, its log, its images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from minidocknet.core.lab import Lab
from minidocknet.migrate.transfer import copy_images, layer_folder, sync_tree, volume_folder
from minidocknet.model.apps import Volume
from minidocknet.model.moves import MoveRecord
from minidocknet.plan.model import AppPlan


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder that is made equal at the target.  ``always``: relative paths in it that are copied
    whatever their times say.
    """

    source: Path
    target: Path
    always: frozenset[str]


class FileSync:
    """What of one move's files has to be copied, and the copying."""

    def __init__(self, lab: Lab, app: AppPlan, record: MoveRecord, always: frozenset[str]) -> None:
        assert record.target_id is not None
        self._lab, self._app, self._record = lab, app, record
        source, target = (lab.paths.node_docker(node) for node in (record.source, record.target))
        shared = split_paths(always, app.spec.volumes)
        self._trees = [
            Tree(
                layer_folder(source, record.source_id),
                layer_folder(target, record.target_id),
                shared[None],
            ),
            *(
                Tree(
                    volume_folder(source, volume.name),
                    volume_folder(target, volume.name),
                    shared[volume.name],
                )
                for volume in app.spec.volumes
            ),
        ]
        self._log = tuple(
            root / "containers" / identity / f"{identity}-json.log"
            for root, identity in ((source, record.source_id), (target, record.target_id))
        )

    def sync(self, *, finally_: bool = False) -> int:
        """Make the trees equal; returns the bytes copied.

        ``finally_``: nothing writes at the source any more, and the log goes along, so that what
        the application said before is read where it is now.
        """
        copied = sum(
            sync_tree(tree.source, tree.target, always=tree.always).bytes for tree in self._trees
        )
        return copied + self._copy_log() if finally_ else copied

    def send_images(self) -> int:
        """Copy CRIU's images; the mark that they are whole comes last.  Returns the bytes."""
        pids = self._lab.homes([self._record.source, self._record.target])
        source, target = (
            Path(f"/proc/{pids[node]}/root{self._record.folder}")
            for node in (self._record.source, self._record.target)
        )
        copied = copy_images(source / "images", target / "images")
        (target / "complete").touch()
        return copied

    def _copy_log(self) -> int:
        """Before the restored process writes: its engine appends to the file that it has open."""
        source, target = self._log
        if not source.exists():
            return 0
        text = source.read_bytes()
        with target.open("ab") as log:
            log.truncate(0)
            log.write(text)
        return len(text)


def split_paths(
    paths: frozenset[str], volumes: tuple[Volume, ...]
) -> dict[str | None, frozenset[str]]:
    """Absolute paths in the container by the volume that holds them (None: the layer), relative
    to it.  Pure.
    """
    split: dict[str | None, set[str]] = {None: set(), **{v.name: set() for v in volumes}}
    # The longest first: one volume may be mounted inside of another.
    ordered = sorted(volumes, key=lambda volume: -len(volume.target))
    for path in paths:
        for volume in ordered:
            if PurePosixPath(path).is_relative_to(volume.target):
                relative = PurePosixPath(path).relative_to(volume.target)
                split[volume.name].add(str(relative))
                break
        else:
            split[None].add(path.lstrip("/"))
    return {name: frozenset(found) for name, found in split.items()}
