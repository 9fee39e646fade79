"""``from minidocknet import ...``: what scripts rely on."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minidocknet

FRONT_DOOR = Path(minidocknet.__file__)


def _typed_names() -> dict[str, str]:
    """Name -> module, as type checkers see them."""
    found = {}
    for node in ast.walk(ast.parse(FRONT_DOOR.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minidocknet."):
            found |= {alias.name: node.module.removeprefix("minidocknet.") for alias in node.names}
    return found


def test_type_checkers_and_python_see_the_same_names() -> None:
    assert _typed_names() == minidocknet._PUBLIC


@pytest.mark.parametrize("name", minidocknet._PUBLIC)
def test_every_public_name_is_there_and_has_a_docstring(name: str) -> None:
    assert getattr(minidocknet, name).__doc__
    assert name in dir(minidocknet)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Netwrok'"):
        minidocknet.Netwrok  # noqa: B018


def test_the_package_itself_loads_nothing() -> None:
    code = (
        "import sys, minidocknet; print([m for m in sys.modules if m.startswith('minidocknet.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
