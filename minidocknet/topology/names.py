"""Node names (host names) from whatever the nodes of a map are called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from minidocknet.model.topology import NODE_NAME

MAX_NAME = 63
_UNFIT = re.compile(r"[^a-z0-9]+")


def map_names(originals: Sequence[str]) -> list[str]:
    """A valid node name for each of ``originals``, in order: unique, the same in every run.

    Where all are valid and distinct host names already, they stay as they are.  Else each becomes
    lower case, accents go, other characters become ``-``, and a name without a letter gets an
    ``n`` in front (``30`` → ``n30``, ``London,+UnitedKingdom209`` → ``london-unitedkingdom209``).
    Equal results are told apart by ``-2``, ``-3``, ...; a name that was right keeps its form.
    """
    if len({name.lower() for name in originals}) == len(originals) and all(
        NODE_NAME.fullmatch(name) for name in originals
    ):
        return list(originals)
    slugs = [slug(name) for name in originals]
    result: list[str | None] = [None] * len(originals)
    taken: set[str] = set()
    for index, (original, wanted) in enumerate(zip(originals, slugs, strict=True)):
        if original == wanted and wanted not in taken:
            result[index] = wanted
            taken.add(wanted)
    counters: dict[str, int] = {}
    for index, wanted in enumerate(slugs):
        if result[index] is None:
            result[index] = _free_name(wanted, taken, counters)
    return [name for name in result if name is not None]


def slug(original: str) -> str:
    """One valid node name for ``original``, not looking at others."""
    folded = unicodedata.normalize("NFKD", original)
    ascii_only = folded.encode("ascii", "ignore").decode().lower()
    text = _UNFIT.sub("-", ascii_only).strip("-")[:MAX_NAME].rstrip("-")
    if NODE_NAME.fullmatch(text):
        return text
    return f"n{text}"[:MAX_NAME].rstrip("-")


def label_for(original: str, name: str) -> str | None:
    """The label that keeps ``original`` where the node's ``name`` differs from it."""
    return original if original != name else None


def _free_name(wanted: str, taken: set[str], counters: dict[str, int]) -> str:
    """``wanted`` or ``wanted-N``, not in ``taken``; remembers N so that many equals stay quick."""
    name = wanted
    while name in taken:
        counters[wanted] = counters.get(wanted, 1) + 1
        suffix = f"-{counters[wanted]}"
        name = wanted[: MAX_NAME - len(suffix)].rstrip("-") + suffix
    taken.add(name)
    return name
