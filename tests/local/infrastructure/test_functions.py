from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import urllib3

from local import functions
from local.workers import Function


@pytest.fixture
def function(tmp_path: Path) -> Function:
    (tmp_path / "app.py").write_text(
        "def handler(event, context):\n"
        "    if event is None: raise ValueError('nothing')\n"
        "    return {'heard': event, 'request': context.aws_request_id}\n"
    )
    return Function("stack-step", "arn", "app.handler", 5, 128, {}, (tmp_path,), tmp_path / "log", tmp_path)


def invoke(address: str, body: bytes) -> urllib3.BaseHTTPResponse:
    """As the emulator does."""
    headers = {"X-Amzn-Lambda-Request-Id": "request-1"}
    return urllib3.request("POST", address, body=body, headers=headers, retries=False)


def test_an_invocation_is_answered_with_what_the_function_returns(function: Function) -> None:
    with functions.serving() as server:
        server.run([function])
        answer = invoke(f"{server.url}/stack-step", b'{"task_id": "1"}')
    assert answer.status == 200
    assert answer.json() == {"heard": {"task_id": "1"}, "request": "request-1"}


def test_a_functions_error_is_a_failed_invocation(function: Function) -> None:
    with functions.serving() as server:
        server.run([function])
        answer = invoke(f"{server.url}/stack-step", b"null")
    assert answer.status == 500
    assert answer.json()["errorType"] == "ValueError"


def test_a_function_that_does_not_run_here_is_an_error() -> None:
    with functions.serving() as server:
        server.run([])
        answer = invoke(f"{server.url}/other", b"{}")
    assert answer.status == 500
    assert answer.json()["errorType"] == "ResourceNotFoundException"


def test_what_is_invoked_before_the_deployment_waits_for_it(function: Function) -> None:
    with functions.serving() as server:
        answers: list[int] = []
        early = threading.Thread(target=lambda: answers.append(invoke(f"{server.url}/stack-step", b"{}").status))
        early.start()
        server.run([function])
        early.join()
    assert answers == [200]


@pytest.mark.parametrize(
    ("source", "failures", "status"),
    [("aws:dynamodb", ["7"], 500), ("aws:dynamodb", [], 200), ("aws:sqs", ["7"], 200)],
)
def test_a_batch_of_a_stream_that_failed_in_part_is_repeated_whole_because_the_emulator_knows_no_parts(
    function: Function, tmp_path: Path, source: str, failures: list[str], status: int
) -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": number} for number in failures]}
    (tmp_path / "app.py").write_text(f"def handler(event, context):\n    return {answer!r}\n")
    with functions.serving() as server:
        server.run([function])
        event = {"Records": [{"eventSource": source}]}
        assert invoke(f"{server.url}/stack-step", json.dumps(event).encode()).status == status
