"""Imports run downwards: each package of ``minidocknet`` knows only those below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "minidocknet"

# Lowest first; packages on one line stand side by side and may know each other.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"model"}),
    frozenset({"topology"}),
    frozenset({"plan"}),
    frozenset({"runtime", "links", "switch"}),
    frozenset({"core", "migrate", "faults", "cluster"}),
    frozenset({"api", "compat", "cli", "demo"}),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

# What folders outside of the package may use of it.
PUBLIC = frozenset({"model"})
USERS = ("controllers", "vnfs", "provenance", "experiments")


def imported_modules(source: str, package: str) -> list[tuple[int, str]]:
    """Line and full name of every module imported anywhere in ``source``.

    ``package``: the dotted package that relative imports start from.
    """
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                kept = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*kept, *([node.module] if node.module else [])])
            # "from minidocknet import cli" names a package as well.
            names = [base] if base != PACKAGE else [f"{base}.{alias.name}" for alias in node.names]
            found += [(node.lineno, name) for name in names]
    return found


def upward_imports(path: Path, root: Path) -> list[str]:
    """A sentence for each import in the file that goes up, or into an unknown package."""
    relative = path.relative_to(root).with_suffix("").parts
    owner = relative[1] if len(relative) > 1 else "__init__"
    if owner in ("__init__", "__main__"):
        return []  # The package's front door shows names of every layer.
    if owner not in LEVEL:
        return [f"{path.relative_to(root)}: {PACKAGE}.{owner} stands in no layer; add it to LAYERS"]
    faults = []
    for line, module in imported_modules(path.read_text(), ".".join(relative[:-1])):
        parts = module.split(".")
        if parts[0] != PACKAGE or len(parts) < 2:
            continue
        target = parts[1]
        if target in LEVEL and LEVEL[target] > LEVEL[owner]:
            faults.append(f"{path.relative_to(root)}:{line}: {owner} imports {module} from above")
    return faults


def test_every_import_goes_down() -> None:
    files = sorted((ROOT / PACKAGE).rglob("*.py"))
    assert files
    faults = [fault for path in files for fault in upward_imports(path, ROOT)]
    assert not faults, "\n".join(faults)


def test_users_import_only_the_public_names() -> None:
    faults = []
    for folder in USERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line, module in imported_modules(path.read_text(), folder):
                parts = module.split(".")
                if parts[0] == PACKAGE and len(parts) > 1 and parts[1] in LEVEL.keys() - PUBLIC:
                    faults.append(f"{path.relative_to(ROOT)}:{line}: imports {module}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("source", "bad"),
    [
        ("from minidocknet.core.network import Network\n", True),
        ("import minidocknet.cli\n", True),
        ("from minidocknet import core\n", True),
        ("from ..core import network\n", True),
        ("def late():\n    from minidocknet.core import network\n", True),
        ("from minidocknet.model.errors import MdnError\n", False),
        ("from ..model import errors\n", False),
        ("from . import addressing\n", False),
        ("import networkx\n", False),
    ],
)
def test_the_check_sees_upward_imports(tmp_path: Path, source: str, bad: bool) -> None:
    path = tmp_path / PACKAGE / "plan" / "module.py"
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert bool(upward_imports(path, tmp_path)) is bad


def test_a_package_without_a_layer_is_named(tmp_path: Path) -> None:
    path = tmp_path / PACKAGE / "novelty" / "module.py"
    path.parent.mkdir(parents=True)
    path.write_text("")
    assert "novelty stands in no layer" in upward_imports(path, tmp_path)[0]
