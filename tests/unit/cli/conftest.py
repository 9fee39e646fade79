from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from minidocknet.cli import mdn


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without labs and without settings."""
    monkeypatch.setenv("MDN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("MDN_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("MDN_LAB", raising=False)
    return tmp_path / "state"


@pytest.fixture
def add_lab(state_dir: Path) -> Callable[..., None]:
    """A lab's state file with just what choosing and completing look at."""

    def add(name: str, nodes: tuple[str, ...] = ()) -> None:
        folder = state_dir / "labs" / name
        folder.mkdir(parents=True)
        plan = {"nodes": [{"name": node} for node in nodes]}
        (folder / "lab.json").write_text(json.dumps({"status": "running", "plan": plan}))

    return add


@pytest.fixture
def run(state_dir: Path) -> Callable[..., Result]:
    """``run("list", ...)``: the command line in this process, both streams apart."""

    def invoke(*words: str, **settings: str) -> Result:
        return CliRunner().invoke(mdn, list(words), env=settings)

    return invoke
