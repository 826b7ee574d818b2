"""Dialects are found by their modules' names, and a function loads what its caller speaks and little else."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from reelkeep import dialects
from reelkeep.dialects import all_dialects, upstream

LAYER = Path(__file__).parents[3] / "layers" / "reelkeep"
SHARED = {"dialect", "families", "grammar", "translate"}
NAMES = sorted({module.name for module in pkgutil.iter_modules(dialects.__path__)} - SHARED)
UPSTREAMS = [name for name in NAMES if name != "reelkeep"]


def loaded_by(statement: str) -> set[str]:
    script = f"import sys; sys.path.insert(0, {str(LAYER)!r}); from reelkeep import dialects; {statement}"
    command = [sys.executable, "-c", f"{script}; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_every_dialect_is_named_as_its_module_is() -> None:
    assert sorted(dialect.name for dialect in all_dialects()) == NAMES
    assert [found.name for name in NAMES if (found := upstream(name))] == [
        each for each in NAMES if each != "reelkeep"
    ]


@pytest.mark.parametrize("name", ["grammar", "dialect", "carrier_pigeon", ""])
def test_what_is_no_dialect_is_no_provider_s(name: str) -> None:
    assert upstream(name) is None


@pytest.mark.parametrize("name", UPSTREAMS)
def test_a_provider_s_dialect_brings_no_other_and_no_server(name: str) -> None:
    loaded = loaded_by(f"dialects.upstream({name!r})")
    assert not {f"reelkeep.dialects.{other}" for other in NAMES if other != name} & loaded
    assert f"reelkeep.dialects.{name}.server" not in loaded


def test_who_speaks_another_dialect_waits_for_neither_the_native_api_nor_pydantic() -> None:
    loaded = loaded_by("dialects.dialect_of('/ent/v2/tasks').routes")
    assert "reelkeep.dialects.reelkeep" in loaded
    assert "reelkeep.dialects.reelkeep.tasks" not in loaded
    assert "pydantic" not in loaded
