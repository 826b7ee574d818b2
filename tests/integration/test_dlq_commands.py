"""`reelkeep dlq`, on the emulated SQS: what should not be replayed is deleted, and nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from cli.main import main
from tests.integration.conftest import CREDENTIALS

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

Answer = Callable[[str], None]
Send = Callable[..., str]

SECRET = "vda_" + "s3cr3t" * 5
SIGNED = "https://files.test/1.mp4?X-Amz-Signature=0123456789abcdef"


@pytest.fixture
def sqs(aws_endpoint: str) -> Iterator[SQSClient]:
    client = boto3.client("sqs", endpoint_url=aws_endpoint, **CREDENTIALS)
    yield client
    client.close()


@pytest.fixture
def queue(sqs: SQSClient, aws_endpoint: str, table: str, monkeypatch: pytest.MonkeyPatch) -> str:
    url = sqs.create_queue(QueueName=f"messages-{table}")["QueueUrl"]
    environment = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TABLE_NAME": table,
        "DEAD_LETTER_QUEUE_URL": url,
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:reelkeep-task",
        "SWEEP_FUNCTION": "reelkeep-sweep",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return url


@pytest.fixture
def send(sqs: SQSClient, queue: str) -> Send:
    def send(body: str, **attributes: str) -> str:
        """Its id."""
        given: Any = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        return sqs.send_message(QueueUrl=queue, MessageBody=body, MessageAttributes=given)["MessageId"]

    return send


@pytest.fixture
def waiting(sqs: SQSClient, queue: str, capsys: pytest.CaptureFixture[str]) -> Callable[[], set[str]]:
    def waiting() -> set[str]:
        capsys.readouterr()
        assert main(["dlq", "list", "--json"]) == 0
        return {message["id"] for message in json.loads(capsys.readouterr().out)}

    return waiting


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """What the person at the terminal types, who may have gone away."""

    def answer(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return answer


@pytest.mark.parametrize("typed", ["n\n", ""])
def test_nothing_is_deleted_unless_a_person_says_yes(
    typed: str, send: Send, answer: Answer, waiting: Callable[[], set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    message = send("hello")
    answer(typed)
    assert main(["dlq", "delete", message]) == 1
    printed = capsys.readouterr()
    assert message in printed.err  # what it asks about
    assert "Delete 1 message for good? [y/N]" in printed.err
    assert printed.out == ""
    assert waiting() == {message}


def test_what_a_person_says_yes_to_is_deleted_and_the_others_stay(
    send: Send, answer: Answer, waiting: Callable[[], set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    messages = [send(f"number {number}") for number in range(12)]
    answer("y\n")
    assert main(["dlq", "delete", messages[3], messages[11][:30]]) == 0
    assert capsys.readouterr().out == "deleted 2 messages\n"
    assert waiting() == {*messages} - {messages[3], messages[11]}


def test_all_can_be_deleted_by_a_program_that_is_not_asked(
    send: Send, waiting: Callable[[], set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    messages = [send(f"number {number}") for number in range(3)]
    assert main(["dlq", "delete", "--all", "--yes", "--json"]) == 0
    assert [(each["id"], each["deleted"]) for each in json.loads(capsys.readouterr().out)] == [
        (message, True) for message in messages
    ]
    assert waiting() == set()
    assert main(["dlq", "delete", "--all"]) == 0  # there is nothing to ask about


def test_what_somebody_took_while_the_person_thought_is_not_said_to_be_deleted(
    send: Send, sqs: SQSClient, queue: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = send("hello")

    class Thinking:
        def readline(self) -> str:
            sqs.purge_queue(QueueUrl=queue)
            return "y\n"

    monkeypatch.setattr("sys.stdin", Thinking())
    assert main(["dlq", "delete", message]) == 1
    assert f"{message} is gone" in capsys.readouterr().out


def test_an_id_that_is_not_there_deletes_nothing(
    send: Send, waiting: Callable[[], set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    message = send("hello")
    assert main(["dlq", "delete", message, "nothing", "--yes"]) == 5
    assert "no messages in the queue have an id that begins with nothing" in capsys.readouterr().err
    assert waiting() == {message}


@pytest.mark.parametrize("command", [("list",), ("show",), ("delete",), ("replay", "--json")])
def test_no_command_shows_a_secret_that_a_letter_holds(
    command: tuple[str, ...], send: Send, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    answer("n\n")
    body = {"errorMessage": f"{SIGNED} refused {SECRET}", "headers": {"Authorization": f"Token {SECRET}"}}
    message = send(
        json.dumps(body),
        TARGET_ARN="arn:aws:lambda:us-east-1:000000000000:function:other",
        ERROR_CODE="INVALID",
        ERROR_MESSAGE=f"refused: {SIGNED} with {SECRET}",
    )
    main(["dlq", *command, *([] if command[0] == "list" else [message])])
    printed = "".join(capsys.readouterr())
    assert message in printed
    assert "s3cr3t" not in printed
    assert "0123456789abcdef" not in printed
