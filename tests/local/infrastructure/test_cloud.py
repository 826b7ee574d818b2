from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from local import claims, deployment, providers
from local.errors import CloudError, last_lines
from local.stack import Stack

STACK = Stack(
    api_url="http://127.0.0.1:4566/api",
    aws_endpoint_url="http://127.0.0.1:4566",
    region="us-east-1",
    bucket="bucket",
    table="table",
    topic_arn="topic",
    state_machine_arn="machine",
    providers_secret_arn="providers",
    link_secret_arn="links",
    sweep_function="sweep",
    dead_letter_queue_url="http://127.0.0.1:4566/queue",
    archive="archive",
    provider="http://127.0.0.1:4567",
    api_key="key",
    aws_secret_access_key="secret",
)


def test_the_stack_file_can_be_read_again_and_only_by_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    STACK.write(path)
    STACK.write(path)
    assert Stack.read(path) == STACK
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{}", '{"api_key": "key"}'])
def test_a_stack_file_that_says_something_else_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stack.json"
    assert Stack.read(path) is None
    path.write_text(text)
    assert Stack.read(path) is None


def test_a_folder_serves_one_local_cloud_at_a_time(tmp_path: Path) -> None:
    with claims.alone(tmp_path):
        second = claims.alone(tmp_path)
        with pytest.raises(CloudError, match=f"already: stop process {os.getpid()} first"):
            second.__enter__()
    with claims.alone(tmp_path):
        pass


def test_who_finds_somebody_at_work_waits_for_its_turn(tmp_path: Path) -> None:
    order: list[str] = []

    def work() -> None:
        with claims.in_turn(tmp_path):
            order.append("second")

    second = threading.Thread(target=work)
    with claims.in_turn(tmp_path):
        second.start()
        second.join(0.1)
        order.append("first")
    second.join(10)
    assert order == ["first", "second"]


def test_a_port_that_is_taken_is_named_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CloudError, match=rf"port {port} cannot be used .*make up PORT="):
            claims.require_free(port)


def test_a_folder_on_a_full_disk_is_named_with_what_is_needed(tmp_path: Path) -> None:
    claims.require_space(tmp_path, 1)
    with pytest.raises(CloudError, match=rf"{tmp_path} has \d+ MB left, and 1000000000000 are needed"):
        claims.require_space(tmp_path, 10**18)


@pytest.mark.parametrize("port", ["0", "-1", "65535", "99999", "abc", ""])
def test_a_port_that_is_none_is_refused_before_anything_starts(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", f"--port={port}"]) == 2
    assert f"{port!r} is not a port, which is a number from 1 to 65534" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    assert main(["up", "--data", str(file / "data")]) == 1
    assert capsys.readouterr().err == f"error: {file / 'data'}: Not a directory\n"


def test_without_its_packages_it_says_where_to_get_them() -> None:
    command = [sys.executable, "-S", "-m", "cli", "up"]
    started = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (started.returncode, started.stdout) == (1, "")
    assert re.fullmatch(r"error: there is no \w+ in .*: run `make setup`, .*\n", started.stderr)


def test_free_ports_differ_and_are_free() -> None:
    first, second = claims.free_ports(2)
    assert first != second
    claims.require_free(first)


PROVIDER = {"dialect": "vidu_ent_v2", "base_url": "https://api.vidu.com", "api_key": "k"}


def test_a_file_of_providers_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "providers.json"
    path.write_text(json.dumps({"vidu": {**PROVIDER, "models": ["vidu*"]}}))
    assert providers.read(path) == {"vidu": {**PROVIDER, "models": ["vidu*"]}}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read"),
        ("{", "Invalid JSON"),
        ("[]", "should be an object"),
        ("{}", "there is no provider in it"),
        ('{"vidu": 1}', "wrong: vidu: "),
        ('{"vidu": {"dialect": "vidu_ent_v2", "base_url": 1}}', r"vidu\.base_url: .*; vidu\.api_key: Field required"),
    ],
)
def test_a_wrong_file_of_providers_is_refused_with_the_reason(
    tmp_path: Path, content: str | None, complaint: str
) -> None:
    path = tmp_path / "providers.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CloudError, match=complaint):
        providers.read(path)


def test_the_local_cloud_does_not_start_with_wrong_providers(tmp_path: Path) -> None:
    path = tmp_path / "providers.json"
    path.write_text(json.dumps({"vidu": {**PROVIDER, "api_key": "vda_12345", "dialect": "klingon"}}))
    command = [sys.executable, "-m", "cli", "up", "--data", str(tmp_path / "data"), "--providers", str(path)]
    started = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (started.returncode, started.stdout) == (1, "")
    assert started.stderr.startswith(f"error: {path}: ")
    assert "vidu.dialect: no provider speaks 'klingon'" in started.stderr
    assert "vda_12345" not in started.stderr
    assert not (tmp_path / "data").exists()


def test_the_simulator_is_a_provider_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "providers.json"
    path.write_text(json.dumps(providers.simulator("http://127.0.0.1:4567")))
    assert providers.read(path) == providers.simulator("http://127.0.0.1:4567")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ("template.yaml", "functions/submit/app.py", "layers/reelkeep/reelkeep/x.py", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    (tmp_path / "statemachine").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["template.yaml", "functions/submit/app.py", "layers/new.txt"])
def test_a_change_of_what_is_built_is_noticed(repository: Path, name: str) -> None:
    before = deployment.fingerprint(repository)
    assert deployment.fingerprint(repository) == before
    (repository / name).write_text("2")
    assert deployment.fingerprint(repository) != before


@pytest.mark.parametrize("name", ["README.md", "functions/submit/__pycache__/app.cpython-311.pyc"])
def test_a_change_of_anything_else_is_not(repository: Path, name: str) -> None:
    before = deployment.fingerprint(repository)
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text("2")
    assert deployment.fingerprint(repository) == before


def test_a_person_is_shown_the_end_of_each_log_that_holds_anything(tmp_path: Path) -> None:
    long, empty = tmp_path / "long.log", tmp_path / "empty.log"
    long.write_text("".join(f"line {n}\n" for n in range(100)))
    empty.touch()
    shown: list[Any] = list(last_lines([long, empty, tmp_path / "none.log"]))
    assert shown[0] == f"--- the end of {long}"
    assert shown[1:] == [f"line {n}" for n in range(80, 100)]
