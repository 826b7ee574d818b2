"""Dialects are found by their modules' names, and a function loads what its caller speaks and little else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reelkeep.dialects import all_dialects, upstream

LAYER = Path(__file__).parents[3] / "layers" / "reelkeep"
FOLDER = LAYER / "reelkeep" / "dialects"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/server.py"))
UPSTREAMS = sorted(path.parent.name for path in FOLDER.glob("*/client.py") if path.parent.name != "families")


def loaded_by(statement: str) -> set[str]:
    script = f"import sys; sys.path.insert(0, {str(LAYER)!r}); from reelkeep import dialects\n{statement}\n"
    command = [sys.executable, "-c", f"{script}print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_every_dialect_is_named_as_its_module_is() -> None:
    assert sorted(dialect.name for dialect in all_dialects()) == NAMES
    assert [found.name for name in UPSTREAMS if (found := upstream(name))] == UPSTREAMS


def test_a_format_that_only_providers_speak_needs_no_server(tmp_path: Path) -> None:
    package = tmp_path / "pigeon"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "client.py").write_text("upstream = 'coo'")
    extended = f"dialects.__path__.append({str(tmp_path)!r})"
    loaded_by(f"{extended}; assert dialects.upstream('pigeon') == 'coo'; assert dialects.all_dialects()")


@pytest.mark.parametrize("name", ["reelkeep", "families", "dialect", "carrier_pigeon", ""])
def test_what_is_no_dialect_is_no_provider_s(name: str) -> None:
    assert upstream(name) is None


def test_a_provider_s_dialect_brings_no_other_and_no_server() -> None:
    """In one process, which forgets all dialects after each: a process for each takes seconds."""
    script = f"""
for name in {UPSTREAMS}:
    dialects.upstream(name)
    loaded = [module for module in sys.modules if module.startswith("reelkeep.dialects.")]
    others = {{f"reelkeep.dialects.{{other}}" for other in {NAMES} if other != name}}
    assert not {{*others, f"reelkeep.dialects.{{name}}.server"}} & {{*loaded}}, (name, loaded)
    for module in loaded:
        del sys.modules[module]
"""
    loaded_by(script)


def test_an_error_that_is_not_about_a_body_does_not_wait_for_pydantic() -> None:
    setting = (
        "from reelkeep.dialects.dialect import Http; from reelkeep.domain.errors import InvalidRequest, NotFound"
    )
    errors = "NotFound('no such task', field='task_id'), InvalidRequest('page must be 1 or more', field='page')"
    every = f"for each in dialects.all_dialects() for error in ({errors})"
    render = f"[each.render_error(error, Http(method='GET', path='/')) {every}]"
    assert "pydantic" not in loaded_by(f"{setting}; {render}")


def test_who_speaks_another_dialect_waits_for_neither_the_native_api_nor_pydantic() -> None:
    loaded = loaded_by("dialects.dialect_of('/ent/v2/tasks').routes")
    assert "reelkeep.dialects.reelkeep" in loaded
    assert "reelkeep.dialects.reelkeep.tasks" not in loaded
    assert "pydantic" not in loaded
