"""The pieces of docs/python-api.md run, in order, as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from minidocknet.core.wipe import wipe

from .leftovers import leftovers

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python-api.md"


def pieces(page: str) -> str:
    """The page with all but its Python blanked out, so that line numbers stay those of the page."""
    lines, inside = [], False
    for line in page.splitlines():
        fence = line.startswith("```")
        lines.append(line if inside and not fence else "")
        if fence:
            inside = line == "```python"
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def output(engine, tmp_path_factory) -> str:
    program = tmp_path_factory.mktemp("page") / "python-api.py"
    program.write_text(pieces(PAGE.read_text()))
    try:
        done = subprocess.run(
            [sys.executable, str(program)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert leftovers(engine, "api") == []
    finally:
        wipe(engine, "api")
    return done.stdout


def test_the_pieces_do_what_the_page_says(output: str) -> None:
    assert "3 packets transmitted, 3 received" in output
    assert "n1 10.0.0.1/16" in output
    assert "['n1', 'n2', 'n3']" in output
    assert "True 8 " in output
    # A file header, and two packets of 98 bytes behind their headers.
    assert f"{24 + 2 * (16 + 98)} bytes of pcap" in output
    assert "\nFalse\n" in output
    assert "phone added" in output
    assert "phone removed" in output
    assert "has no link laptop - laptop - laptop is linked to: isp" in output
    assert "the command ended with status 3" in output


def test_a_changed_link_has_the_delay_that_the_page_sets(output: str) -> None:
    median = re.search(r"^([0-9.]+) [0-9.]+\n\d+ (?:wire|l2tp) ", output, re.MULTILINE)
    assert median is not None
    assert 24.0 <= float(median[1]) < 40.0  # 20 ms there, 8 ms with a jitter of 2 back
