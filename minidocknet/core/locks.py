"""Locks between mdn processes: one file for the machine, a byte of it for each lab and app."""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from minidocknet.runtime.paths import run_root

_MACHINE_OFFSET = 0


@contextmanager
def machine_lock() -> Iterator[None]:
    """Held while a lab's name and slot are taken."""
    with _range_lock(_MACHINE_OFFSET):
        yield


@contextmanager
def lab_lock(lab: str) -> Iterator[None]:
    """Held while a lab is changed.  The kernel drops it when its holder dies, however it dies."""
    with _range_lock(_offset(lab)):
        yield


@contextmanager
def app_lock(lab: str, app: str) -> Iterator[None]:
    """Held while an application is started, stopped, moved or removed.

    Taken before :func:`lab_lock`, never inside of it: moves last, and the lab must be usable
    meanwhile.
    """
    with _range_lock(_offset(f"{lab}/{app}")):
        yield


@contextmanager
def app_lock_if_free(lab: str, app: str) -> Iterator[bool]:
    """The same without waiting: False where another holds it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(_range_lock(_offset(f"{lab}/{app}"), wait=False))
            free = True
        except BlockingIOError:
            free = False
        yield free


def _offset(name: str) -> int:
    digest = hashlib.sha256(name.encode()).digest()
    return 1 + int.from_bytes(digest[:7], "big") // 2


@contextmanager
def _range_lock(offset: int, *, wait: bool = True) -> Iterator[None]:
    """An open-file-description lock (fcntl(2)) on one byte, so that no file a lab is left over.

    BlockingIOError where it is taken and not to be waited for.
    """
    root = run_root()
    root.mkdir(parents=True, exist_ok=True)
    handle = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # struct flock: type, whence, start, length, pid.
        request = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0)
        fcntl.fcntl(handle, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, request)
        yield
    finally:
        os.close(handle)
