"""Copies an application's files between two nodes of this machine."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from minidocknet.model.errors import ApplyError

_CHUNK = 1 << 24


@dataclass(frozen=True, slots=True)
class SyncStats:
    """``bytes`` of content and number of ``files`` that were copied, and of those ``removed``."""

    bytes: int = 0
    files: int = 0
    removed: int = 0

    def __add__(self, other: SyncStats) -> SyncStats:
        return SyncStats(
            self.bytes + other.bytes, self.files + other.files, self.removed + other.removed
        )


def layer_folder(data_root: Path, container: str) -> Path:
    """The writable layer of a container in a node's data root (moby: layer/filestore.go)."""
    record = data_root / "image/overlay2/layerdb/mounts" / container / "mount-id"
    try:
        return data_root / "overlay2" / record.read_text() / "diff"
    except FileNotFoundError as error:
        raise ApplyError(f"container {container[:12]} has no writable layer: {error}") from error


def volume_folder(data_root: Path, name: str) -> Path:
    """What a named volume of a node's engine holds."""
    return data_root / "volumes" / name / "_data"


def copy_images(source: Path, target: Path) -> int:
    """Copy a flat folder of CRIU's images; returns the bytes.

    ApplyError where the target is full, before anything is copied if that can be told.
    """
    entries = [entry for entry in source.iterdir() if entry.is_file()]
    needed = sum(entry.stat().st_size for entry in entries)
    with _full_disks(target):
        if shutil.disk_usage(target).free < needed:
            raise OSError(errno.ENOSPC, f"{needed} bytes are needed")
        for entry in entries:
            _copy_content(entry, target / entry.name)
            shutil.copymode(entry, target / entry.name)
    return needed


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Files that may differ in spite of equal times: ``always`` by path, and whatever changed at
    or after ``since_ns``.
    """

    always: frozenset[str]
    since_ns: int

    def about(self, path: str, info: os.stat_result) -> bool:
        return path in self.always or info.st_mtime_ns >= self.since_ns


def sync_tree(
    source: Path,
    target: Path,
    *,
    always: frozenset[str] = frozenset(),
    since_ns: int | None = None,
) -> SyncStats:
    """Make ``target`` equal to ``source``, copying only what differs.

    Regular files count as equal with the same size, time of change (mtime, ns), owner and mode,
    but for those in ``always`` (paths relative to ``source``) and those that changed at or after
    ``since_ns``: two changes within one tick of the kernel's clock leave the same time.
    Everything that a layer of overlayfs may hold comes along: white-outs (character device 0/0),
    extended attributes, hard links, sockets, FIFOs, devices, links, sparse files.
    """
    links: dict[tuple[int, int], Path] = {}
    with _full_disks(target):
        doubt = _Doubt(always, sys.maxsize if since_ns is None else since_ns)
        return _sync_folder(source, target, "", doubt, links)


def _sync_folder(
    source: Path,
    target: Path,
    inside: str,
    doubt: _Doubt,
    links: dict[tuple[int, int], Path],
) -> SyncStats:
    done = SyncStats()
    with os.scandir(source) as found:
        wanted = {entry.name: entry for entry in found}
    with os.scandir(target) as found:
        for entry in list(found):
            if entry.name not in wanted:
                _remove(Path(entry.path))
                done += SyncStats(removed=1)
    for name, entry in sorted(wanted.items()):
        path = f"{inside}{name}"
        made = target / name
        info = entry.stat(follow_symlinks=False)
        old = _lstat(made)
        if stat.S_ISDIR(info.st_mode):
            if old is not None and not stat.S_ISDIR(old.st_mode):
                _remove(made)
                old = None
            if old is None:
                made.mkdir()
            done += _sync_folder(Path(entry.path), made, f"{path}/", doubt, links)
            _copy_metadata(Path(entry.path), made, info)
            continue
        first = links.get((info.st_dev, info.st_ino))
        if info.st_nlink > 1:
            links.setdefault((info.st_dev, info.st_ino), made)
        if first is not None:
            if old is None or old.st_ino != first.lstat().st_ino:
                if old is not None:
                    _remove(made)
                os.link(first, made, follow_symlinks=False)
                done += SyncStats(files=1)
            continue
        file = Path(entry.path)
        if old is not None and not doubt.about(path, info) and _same(file, info, made, old):
            if _attributes(file) != _attributes(made):
                _copy_metadata(file, made, info)
            continue
        done += SyncStats(files=1, bytes=_copy(file, made, info, old))
    return done


def _same(source: Path, info: os.stat_result, made: Path, old: os.stat_result) -> bool:
    fields = ("st_mode", "st_uid", "st_gid", "st_size", "st_mtime_ns", "st_rdev")
    if any(getattr(info, name) != getattr(old, name) for name in fields):
        return False
    return not stat.S_ISLNK(info.st_mode) or source.readlink() == made.readlink()


def _copy(source: Path, made: Path, info: os.stat_result, old: os.stat_result | None) -> int:
    """One file that is no folder; returns the bytes of content."""
    copied = 0
    regular = stat.S_ISREG(info.st_mode)
    if old is not None and not (regular and stat.S_ISREG(old.st_mode) and old.st_nlink == 1):
        _remove(made)
    if regular:
        copied = _copy_content(source, made)
    elif stat.S_ISLNK(info.st_mode):
        made.symlink_to(source.readlink())
    else:
        os.mknod(made, info.st_mode, info.st_rdev)
    _copy_metadata(source, made, info)
    return copied


def _copy_content(source: Path, target: Path) -> int:
    """In the kernel, by sendfile(2); holes stay holes."""
    copied = 0
    with source.open("rb") as reading, target.open("wb") as writing:
        size = os.fstat(reading.fileno()).st_size
        position = 0
        while position < size:
            try:
                start = os.lseek(reading.fileno(), position, os.SEEK_DATA)
                end = os.lseek(reading.fileno(), start, os.SEEK_HOLE)
            except OSError as error:
                if error.errno != errno.ENXIO:  # nothing but a hole is left
                    raise
                break
            os.lseek(writing.fileno(), start, os.SEEK_SET)
            while start < end:
                sent = os.sendfile(
                    writing.fileno(), reading.fileno(), start, min(_CHUNK, end - start)
                )
                if sent == 0:
                    break
                start += sent
                copied += sent
            position = end
        writing.truncate(size)
    return copied


def _copy_metadata(source: Path, made: Path, info: os.stat_result) -> None:
    os.chown(made, info.st_uid, info.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(info.st_mode):
        made.chmod(stat.S_IMODE(info.st_mode))
    wanted, have = _attributes(source), _attributes(made)
    for name in have.keys() - wanted.keys():
        os.removexattr(made, name, follow_symlinks=False)
    for name, value in wanted.items():
        if have.get(name) != value:
            os.setxattr(made, name, value, follow_symlinks=False)
    os.utime(made, ns=(info.st_atime_ns, info.st_mtime_ns), follow_symlinks=False)


def _attributes(path: Path) -> dict[str, bytes]:
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return {}
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _lstat(path: Path) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return path.lstat()
    return None


@contextmanager
def _full_disks(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ApplyError(
                f"there is no room at the target for the application's files: {error}",
                remedy="free some space there, or move to another node",
            ) from error
        raise ApplyError(f"copying to {target} failed: {error}") from error
