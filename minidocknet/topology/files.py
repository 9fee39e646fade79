"""Reading map files, and errors that say where they come from."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from minidocknet.model.errors import TopologyError

# The largest published map is below 10 MB; more is a mistake (or /dev/zero).
MAX_FILE_BYTES = 256 * 1024**2


def near(word: str, choices: Iterable[str], *, limit: int = 3) -> list[str]:
    """The ``choices`` most like ``word``, ignoring case, best first; empty where none is close."""
    by_lower: dict[str, str] = {}
    for choice in choices:
        by_lower.setdefault(choice.lower(), choice)
    found = difflib.get_close_matches(word.lower(), by_lower, n=limit, cutoff=0.6)
    return [by_lower[match] for match in found]


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """A remedy naming the ``choices`` like ``word``, or None where nothing is close."""
    found = near(word, choices)
    return f"did you mean {' or '.join(repr(choice) for choice in found)}?" if found else None


def shown(value: object, *, limit: int = 80) -> str:
    """``value`` as it may appear in a message: quoted, on one line, of bounded length."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def read_map(path: Path, *, encoding: str = "utf-8") -> str:
    """The text of the map file ``path``.

    Raises :class:`TopologyError` where it is missing, a directory, unreadable, empty or not text.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise missing_file(path) from None
    except IsADirectoryError:
        raise TopologyError(
            "is a directory, not a map", file=path, remedy="name one of the files in it"
        ) from None
    except OSError as error:
        raise TopologyError(f"cannot be read: {error.strerror}", file=path) from None
    if len(data) > MAX_FILE_BYTES:
        raise TopologyError(f"is larger than {MAX_FILE_BYTES // 1024**2} MiB, no map", file=path)
    zero = data.find(b"\0")
    if zero >= 0:
        line = data.count(b"\n", 0, zero) + 1
        raise TopologyError(
            "is a binary file, not a map", file=path, line=line, remedy="unpack it if it is packed"
        )
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
        # One idea of a line for all parsers, whatever wrote the file.
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TopologyError(
            f"is not {encoding.upper()} text", file=path, line=line, remedy="save it as UTF-8"
        ) from None
    if not text.strip():
        raise TopologyError("is empty", file=path, line=1, remedy="give it nodes and links")
    return text


def missing_file(path: Path) -> TopologyError:
    """The error for a file that is not there, naming its neighbours that are called nearly so."""
    try:
        siblings = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return TopologyError(
            "there is no such file", file=path, remedy=f"{path.parent} is no directory"
        )
    found = [str(path.parent / name) for name in near(path.name, siblings)]
    remedy = f"did you mean {' or '.join(found)}?" if found else "check the path"
    return TopologyError("there is no such file", file=path, remedy=remedy)


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers from 1, without blank ones and ``#`` comments."""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


@contextmanager
def located(file: str | Path | None, line: int | None = None) -> Iterator[None]:
    """Give errors that the model raises (it knows no files) their file and line."""
    try:
        yield
    except TopologyError as error:
        if error.file is not None or file is None:
            raise
        raise TopologyError(error.message, file=file, line=line, remedy=error.remedy) from None
    except ValueError as error:
        raise TopologyError(str(error), file=file, line=line) from None
