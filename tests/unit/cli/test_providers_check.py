"""`reelkeep providers check FILE`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from cli.main import main
from local.simulator.server import Server
from local.simulator.simulator import Settings, Simulator

ARK = {"dialect": "volc_ark", "base_url": "https://ark.test/api/v3", "api_key": "sk-1234567", "models": ["ep-*"]}
VIDU = {"dialect": "vidu_v1", "base_url": "https://vidu.test", "api_key": "vda_12345", "authorization": "Token {key}"}


@contextmanager
def serving_simulator(data: Path) -> Iterator[str]:
    """A provider that takes one key; its address."""
    address: Queue[str] = Queue()
    simulator = Simulator(Settings(data=data, keys=frozenset({"right-key-1"})))
    server = Server(simulator, host="127.0.0.1", port=0, ready=address.put)
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield address.get(timeout=60)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "providers.json"


def test_what_is_right_is_shown_in_its_order_without_the_keys(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(json.dumps({"second": {**VIDU, "default": True}, "first": ARK}))
    assert main(["providers", "check", str(file)]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["PROVIDER", "DIALECT", "BASE", "URL", "MODELS", "DEFAULT"]
    assert [row.split() for row in rows] == [
        ["second", "vidu_v1", "https://vidu.test", "-", "yes"],
        ["first", "volc_ark", "https://ark.test/api/v3", "ep-*", "-"],
    ]
    assert main(["providers", "check", "--json", str(file)]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown)["second"]["authorization"] == "Token {key}"
    assert "vda_12345" not in shown


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"ark": {**ARK, "base_url": "ark.test"}}, "ark.base_url: an address that begins with https:// is wanted"),
        ({"ark": {**ARK, "dialect": "ark"}}, "ark.dialect: no provider speaks 'ark'"),
        ({"ark": {**ARK, "dialect": "volc_arc"}}, "no provider speaks 'volc_arc' (did you mean volc_ark?)"),
        ({"ark": {**ARK, "modles": []}}, "ark.modles: Extra inputs are not permitted (did you mean models?)"),
        (
            {"a": {**ARK, "base_url": "https://ark.test/api/v3/contents/generations/tasks"}, "b": ARK, "c": ARK},
            "calls have anyway: leave it out; b.models: tasks for ep-* go to a, which has it too and comes first; c",
        ),
        ({"v": {**VIDU, "default": True}, "w": {**VIDU, "default": True}}, "w.default: v is the default already"),
        ({}, "there is no provider in it"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_is_named_without_the_keys(
    content: object, said: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        file.write_text(json.dumps(content))
    assert main(["providers", "check", str(file)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert said in captured.err
    assert "sk-1234567" not in captured.err


def test_a_table_alone_does_not_tell_where_the_secret_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TABLE_NAME", "tasks")
    monkeypatch.delenv("PROVIDERS_SECRET_ARN", raising=False)
    assert main(["providers", "check"]) == 1
    assert "name the stack with --stack" in capsys.readouterr().err


def test_a_provider_that_is_called_says_whether_it_takes_the_key(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving_simulator(file.parent) as address:
        local = {"base_url": address, "allow_private": True, "dialect": "vidu_ent_v2"}
        file.write_text(json.dumps({"v": {**local, "api_key": "right-key-1"}}))
        assert main(["providers", "check", "--live", str(file)]) == 0
        heading, row = (line.split() for line in capsys.readouterr().out.splitlines())
        assert (heading[-1], row[-1]) == ("LIVE", "ok")
        file.write_text(json.dumps({"v": {**local, "api_key": "wrong-key-1"}}))
        assert main(["providers", "check", "--live", str(file)]) == 1
        said = capsys.readouterr().err
        assert "wrong: v: " in said
        assert "wrong-key-1" not in said
