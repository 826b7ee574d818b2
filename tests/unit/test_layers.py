"""Dependencies point inwards."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "layers" / "reelkeep" / "reelkeep"
MAY_IMPORT = {
    "domain": {"domain"},
    "ports": {"domain", "ports"},
    "services": {"domain", "ports", "services"},
    "dialects": {"domain", "dialects"},
    "media": {"media"},
    "adapters": {"domain", "media", "ports", "adapters"},
    "settings": {"domain"},
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The parts of our package that a file imports when it runs, not only for the type checker."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("reelkeep.")}


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_module_imports_only_what_lies_further_in(layer: str) -> None:
    modules = [path for path in MODULES if path.relative_to(PACKAGE).parts[0].removesuffix(".py") == layer]
    assert modules
    further_out = {str(path.relative_to(PACKAGE)): imported(path) - MAY_IMPORT[layer] for path in modules}
    assert not {path: layers for path, layers in further_out.items() if layers}


def test_only_the_settings_read_the_environment() -> None:
    readers = {str(path.relative_to(PACKAGE)) for path in MODULES if "environ" in path.read_text()}
    assert readers == {"settings.py"}
