"""`reelkeep` against a running stack: what a user and an operator do on their first day."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main
from cli.world import World
from local.stack import Stack
from tests.e2e.client import SMALL, Client
from tests.e2e.conftest import Prompt, admin


def test_a_video_is_submitted_saved_found_labelled_and_pulled_once(
    stack: Stack, alice: Client, prompt: Prompt, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"HOME": str(tmp_path), "REELKEEP_URL": stack.api_url, "REELKEEP_KEY": alice.key}

    def run(*words: str) -> str:
        assert main(words, World(environ=environ)) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    films, wanted = tmp_path / "films", prompt("from the command line")
    options = ("--model", str(SMALL["model"]), "-d", str(SMALL["duration"]), "-r", str(SMALL["resolution"]))
    (saved,) = json.loads(run("submit", wanted, *options, "--out", str(films), "--json"))["saved"]
    assert Path(saved).read_bytes()[4:8] == b"ftyp"

    (task,) = json.loads(run("list", "--search", "command line", "--json"))
    run("tag", task["id"], "--add", "first-day")
    run("star", task["id"])
    (starred,) = json.loads(run("list", "--starred", "--tag", "first-day", "--json"))
    assert starred["id"] == task["id"]
    assert json.loads(run("pull", task["id"], "-o", str(films), "--json")) == [
        {"path": saved, "bytes": Path(saved).stat().st_size, "fetched": False}
    ]


def test_an_operator_sees_how_the_stack_is(stack: Stack, alice: Client, prompt: Prompt) -> None:
    alice.submitted(prompt("for the operator to see"))
    found = json.loads(admin(stack, "status", "--json", check=False))  # other tests leave what needs a person
    assert found["providers"]
    assert found["submitted"] >= 1
    assert None not in (found["running_executions"], found["dead_letters"])
    admin(stack, "providers", "stop", "video_generations")
    try:
        lines = admin(stack, "status", check=False).splitlines()
    finally:
        admin(stack, "providers", "start", "video_generations")
    assert [line.split()[2] for line in lines if line.startswith("video_generations ")] == ["stopped"]
