"""Dependencies point inwards."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "layers" / "reelkeep" / "reelkeep"
MAY_IMPORT = {
    "domain": {"domain"},
    "ports": {"domain"},
    "services": {"domain", "ports", "services"},
    "dialects": {"domain", "dialects"},
    "adapters": {"domain", "ports", "adapters"},
    "settings": {"domain"},
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The parts of our package that a file imports when it runs, not only for the type checker."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    froms = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[1] for name in froms | names if name.startswith("reelkeep.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_lies_further_in(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert imported(path) <= MAY_IMPORT.get(layer, imported(path))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_settings_read_the_environment(path: Path) -> None:
    if path.name != "settings.py":
        assert "environ" not in path.read_text()
