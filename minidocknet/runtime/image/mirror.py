"""Where the node image's packages come from: the host's own Debian mirror, if it has one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

MIRROR_VARIABLE = "MDN_DEBIAN_MIRROR"
_DEBIAN_SUITE = re.compile(
    r"(bullseye|bookworm|trixie|forky|duke|sid|stable|testing|unstable|oldstable)(-updates)?"
)
_ONE_LINE = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)")


def mirrors_in_sources(texts: Iterable[str]) -> list[str]:
    """Debian mirrors in apt's sources, in either format (sources.list(5)), best first.

    A mirror serves ``main`` of a Debian suite other than the security archive, over http(s) or a
    file path.
    """
    found: list[str] = []
    for text in texts:
        for uris, suites, components in (*_one_line_entries(text), *_deb822_entries(text)):
            if "main" in components and any(_DEBIAN_SUITE.fullmatch(suite) for suite in suites):
                for uri in uris:
                    mirror = uri.rstrip("/")
                    usable = mirror.startswith(("http://", "https://", "file:", "copy:"))
                    if usable and mirror not in found:
                        found.append(mirror)
    return found


def _one_line_entries(text: str) -> list[tuple[list[str], list[str], list[str]]]:
    entries = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line.split("#", 1)[0].strip())
        if match:
            entries.append(([match[1]], [match[2]], match[3].split()))
    return entries


def _deb822_entries(text: str) -> list[tuple[list[str], list[str], list[str]]]:
    entries = []
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, list[str]] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and name:
                fields[name].extend(line.split())
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.split()
        if fields.get("enabled") == ["no"] or "deb" not in fields.get("types", []):
            continue
        if "uris" in fields and "suites" in fields:
            entries.append((fields["uris"], fields["suites"], fields.get("components", [])))
    return entries


def debian_mirror(etc_apt: Path = Path("/etc/apt")) -> str | None:
    """``MDN_DEBIAN_MIRROR``, else the host's own Debian mirror, else None: mmdebstrap's default."""
    forced = os.environ.get(MIRROR_VARIABLE)
    if forced:
        return forced.rstrip("/")
    files = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*.list"))]
    files += sorted((etc_apt / "sources.list.d").glob("*.sources"))
    texts = [path.read_text(errors="replace") for path in files if path.is_file()]
    mirrors = mirrors_in_sources(texts)
    return mirrors[0] if mirrors else None
