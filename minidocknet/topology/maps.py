"""The maps that ship with MiniDockNet (``topologies/`` of the source, a link to it here)."""

from __future__ import annotations

from pathlib import Path

_DIRECTORY = Path(__file__).parent / "maps"
SUFFIX = ".yaml"


def shipped_names() -> list[str]:
    """The names of the shipped maps, sorted."""
    return sorted(path.stem for path in _DIRECTORY.glob(f"*{SUFFIX}"))


def shipped_path(name: str) -> Path | None:
    """The file of the shipped map called ``name``, or None."""
    return _DIRECTORY / f"{name}{SUFFIX}" if name in shipped_names() else None
