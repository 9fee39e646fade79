"""An application's files on their way: its writable layer, its volumes, its log, its images."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from minidocknet.core.lab import Lab
from minidocknet.migrate.transfer import copy_images, layer_folder, sync_tree, volume_folder
from minidocknet.model.apps import Volume
from minidocknet.model.errors import ApplyError
from minidocknet.model.moves import MoveRecord
from minidocknet.plan.model import AppPlan

# More than the coarsest tick of a kernel's clock (CONFIG_HZ=100).
_TICK_NS = 20_000_000


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
        self._logged = 0
        # Everything counts as changed since the first time.
        self._synced_ns = 0

    def sync(self) -> int:
        """Make the trees equal; returns the bytes copied."""
        since, self._synced_ns = self._synced_ns - _TICK_NS, time.time_ns()
        return sum(
            sync_tree(tree.source, tree.target, always=tree.always, since_ns=since).bytes
            for tree in self._trees
        )

    def copy_log(self) -> int:
        """What the application has said so far is read where it goes to.

        Before the target's engine opens the file: it counts its own lines only from then on.
        Returns the bytes.
        """
        source, target = self._log
        try:
            text = source.read_bytes()
        except FileNotFoundError:
            return 0
        # A line that is being written is left for later.
        self._logged = text.rfind(b"\n") + 1
        target.write_bytes(text[: self._logged])
        target.chmod(0o640)
        return self._logged

    def send_late_log(self) -> None:
        """What it said since goes beside the images, one file for each stream; the target's runtime
        says it before the application goes on.
        """
        source, _ = self._log
        if not source.exists():
            return
        with source.open("rb") as log:
            log.seek(self._logged)
            for stream, text in log_streams(log.read()).items():
                (self._folder(self._record.target) / stream).write_text(text)

    def send_images(self) -> int:
        """Copy CRIU's images; the mark that they are whole comes last.  Returns the bytes."""
        source, target = self._folder(self._record.source), self._folder(self._record.target)
        copied = copy_images(source / "images", target / "images")
        (target / "complete").touch()
        return copied

    def _folder(self, node: str) -> Path:
        """The move's folder in ``node`` as the host sees it."""
        pid = self._lab.homes([node]).get(node)
        if pid is None:
            raise ApplyError(f"node {node} went off during the move")
        return Path(f"/proc/{pid}/root{self._record.folder}")


def log_streams(lines: bytes) -> dict[str, str]:
    """The text of each stream in lines of Docker's json-file log.  Pure."""
    streams: dict[str, str] = {}
    for line in lines.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # cut off while it was written
        streams[entry["stream"]] = streams.get(entry["stream"], "") + entry["log"]
    return streams


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
