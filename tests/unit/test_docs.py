"""The pages hold what they say: links lead somewhere, and mdn takes the commands shown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from minidocknet.cli import mdn
from minidocknet.model.errors import MdnError, UsageError

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
# A prompt, or the command's path, may stand before the verb.
_COMMAND = re.compile(r"(?:[#$] )?(?:\.venv/bin/)?mdn (.*)")


def anchors(page: Path) -> set[str]:
    """The names of the page's headings, as GitHub makes them."""
    found = set()
    for heading in _HEADING.findall(page.read_text()):
        kept = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(kept.strip().replace(" ", "-"))
    return found


def blocks(page: Path) -> Iterator[str]:
    """The lines of the page's code blocks that are shell, continuations joined."""
    language: str | None = None
    joined = ""
    for line in page.read_text().splitlines():
        if line.lstrip().startswith("```"):
            language = line.strip().removeprefix("```") if language is None else None
        elif language in ("", "sh", "bash", "console"):
            joined += line.strip().removesuffix("\\")
            if not line.endswith("\\"):
                yield joined
                joined = ""


def commands(page: Path) -> list[str]:
    """The mdn commands that the page shows, but for synopses with optional parts."""
    found = []
    for line in blocks(page):
        match = _COMMAND.fullmatch(line)
        if match and not re.search(r"\[|\.\.\.|^error:|\|(?! )", match[1]):
            found.append(match[1])
    return found


def parse(words: list[str]) -> None:
    """Raise click's errors where mdn would not take ``words``; runs nothing."""
    command: click.Command = mdn
    context = None
    while isinstance(command, click.Group):
        context = click.Context(command, parent=context, info_name=command.name)
        name, found, words = command.resolve_command(context, words)
        assert found is not None, name
        command = found
    command.make_context(command.name, words, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mdn_takes_every_command_shown(page: Path) -> None:
    for command in commands(page):
        words = shlex.split(re.split(r" [|>&]", command)[0], comments=True)
        try:
            parse(words)
        except (click.ClickException, MdnError) as error:
            pytest.fail(f"mdn {command}: {error}")


def test_commands_are_found_and_wrong_ones_fail() -> None:
    shown = commands(ROOT / "README.md")
    assert len(shown) > 10
    assert any(command.startswith("link set") for command in shown)
    with pytest.raises(click.UsageError, match="No such option"):
        parse(["deploy", "triangle", "--speed", "3"])
    with pytest.raises(UsageError, match="no command 'explode'"):
        parse(["explode"])


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for page in (ROOT / "docs").iterdir():
        if page.suffix in (".md", ".json") and page.name != "README.md":
            assert f"({page.name})" in index, page.name
