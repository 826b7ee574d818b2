"""What holds for every command: help at 80 columns, the options that all have, the exit codes as documented."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.errors import Code
from cli.main import MODULES, build
from tests.unit.cli.harness import Stack
from tests.unit.cli.test_operators import LOCAL

ROOT = Path(__file__).parents[3]
SNAPSHOTS = ROOT / "tests" / "golden" / "cli"


def commands(command: Any = None, *names: str) -> Iterator[tuple[str, Any]]:
    """Every command and group, by its words."""
    command = command or typer.main.get_command(build())
    yield " ".join(names), command
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, *names, name)


ALL = dict(commands())


@pytest.mark.parametrize("words", ALL, ids=lambda words: words or "reelkeep")
def test_the_help_is_as_it_was(stack: Stack, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """UPDATE_SNAPSHOTS=1 writes what is shown now."""
    monkeypatch.setenv("COLUMNS", "80")
    done = stack(*words.split(), "--help")
    shown = (
        re.sub(r"\x1b\[[0-9;]*m", "", "".join(f"{line.rstrip()}\n" for line in done.out.splitlines())).strip() + "\n"
    )
    file = SNAPSHOTS / f"{words.replace(' ', '-') or 'reelkeep'}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(shown)
    assert done.code == 0
    assert shown == file.read_text()
    assert max(map(len, shown.splitlines())) <= 80


def test_no_snapshot_is_of_a_command_that_is_gone() -> None:
    names = {f"{words.replace(' ', '-') or 'reelkeep'}.txt" for words in ALL}
    assert {path.name for path in SNAPSHOTS.iterdir()} == names


def test_every_command_prints_json_if_asked() -> None:
    leaves = {words: each for words, each in ALL.items() if not hasattr(each, "commands")}
    without = {words for words, each in leaves.items() if not any("--json" in option.opts for option in each.params)}
    assert without == set()


def test_the_exit_codes_are_documented() -> None:
    page = (ROOT / "docs" / "command.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| `(\d+)` \|", page, re.MULTILINE)}
    assert documented == {*Code}


def test_the_command_line_loads_the_module_that_has_the_command_alone() -> None:
    top: Any = typer.main.get_command(build())
    assert {word for _, words in MODULES.values() for word in words} == set(top.commands)
    for _, words in MODULES.values():
        part: Any = typer.main.get_command(build(words[0]))
        assert tuple(part.commands if hasattr(part, "commands") else words) == words


HEAVY = {"boto3", "s3transfer", "httpx", "rich", "mcp"}
LOADING = """
import sys
from pathlib import Path
from cli.main import main
from cli.world import World
main(sys.argv[2:], World(checkout=Path(sys.argv[1])))
print(*sys.modules, file=sys.stderr)
"""


def test_status_loads_nothing_that_it_could_do_without(tmp_path: Path) -> None:
    """It is the first thing that an operator types, and most of its time goes to loading."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(LOCAL))
    command = [sys.executable, "-c", LOADING, str(tmp_path), "status", "--local"]
    environ = {
        **os.environ,
        "AWS_MAX_ATTEMPTS": "1",
        "PYTHONPATH": str(ROOT / "layers" / "reelkeep"),
    }  # nobody is there
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "attention" in done.stdout
    assert {"botocore", "cli.operators.status"} <= loaded
    assert {name for name in loaded if name in HEAVY} == set()
    assert {name for name in loaded if name.startswith("cli.operators.")} <= {
        "cli.operators.status",
        "cli.operators.stack",
    }
