"""The tail of a source: ``linear,5`` or ``map.py:Class,3,k=2``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from minidocknet.model.errors import TopologyError
from minidocknet.topology.files import did_you_mean

Argument = str | int | float | bool


def split_arguments(text: str) -> tuple[list[str], dict[str, str]]:
    """``3,k=2`` to positional ``["3"]`` and named ``{"k": "2"}``.

    Raises :class:`TopologyError` for an empty, a repeated, or a positional argument after a named.
    """
    positional: list[str] = []
    named: dict[str, str] = {}
    for part in (part.strip() for part in text.split(",")) if text.strip() else ():
        key, equals, value = part.partition("=")
        if not part or (equals and not (key.strip() and value.strip())):
            raise TopologyError(
                f"the arguments {text!r} have an empty one", remedy="write them like 2,3 or k=4"
            )
        if equals:
            if key.strip() in named:
                raise TopologyError(f"the argument {key.strip()!r} is given twice; keep one")
            named[key.strip()] = value.strip()
        elif named:
            raise TopologyError(
                f"the argument {part!r} follows a named one", remedy="put named arguments last"
            )
        else:
            positional.append(part)
    return positional, named


def literal(text: str) -> Argument:
    """A number or a truth value where ``text`` is one, as Mininet's command line takes them."""
    if text in ("True", "true"):
        return True
    if text in ("False", "false"):
        return False
    for convert in (int, float):
        try:
            number = convert(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else text
    return text


def check_known(names: Sequence[str], known: Sequence[str], what: str) -> None:
    """Raise :class:`TopologyError` for the first of ``names`` that is not ``known``."""
    for name in names:
        if name not in known:
            raise TopologyError(
                f"{what} has no argument {name!r}",
                remedy=did_you_mean(name, known) or f"it takes: {', '.join(known)}",
            )
