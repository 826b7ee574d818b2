"""`python -m admin letters`, on the emulated SQS: what nobody wants replayed is deleted, and nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from admin.commands import main
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
    url = sqs.create_queue(QueueName=f"letters-{table}")["QueueUrl"]
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
        assert main(["letters", "list", "--json"]) == 0
        return {letter["id"] for letter in json.loads(capsys.readouterr().out)}

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
    letter = send("hello")
    answer(typed)
    assert main(["letters", "delete", letter]) == 1
    printed = capsys.readouterr()
    assert letter in printed.err  # what it asks about
    assert "Delete 1 message for good? [y/N]" in printed.err
    assert printed.out == ""
    assert waiting() == {letter}


def test_what_a_person_says_yes_to_is_deleted_and_the_others_stay(
    send: Send, answer: Answer, waiting: Callable[[], set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    letters = [send(f"number {number}") for number in range(12)]
    answer("y\n")
    assert main(["letters", "delete", letters[3], letters[11][:30]]) == 0
    assert capsys.readouterr().out == "deleted 2 messages\n"
    assert waiting() == {*letters} - {letters[3], letters[11]}


def test_all_can_be_deleted_by_a_program_that_is_not_asked(
    send: Send, waiting: Callable[[], set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    letters = [send(f"number {number}") for number in range(3)]
    assert main(["letters", "delete", "--all", "--yes", "--json"]) == 0
    assert [(each["id"], each["deleted"]) for each in json.loads(capsys.readouterr().out)] == [
        (letter, True) for letter in letters
    ]
    assert waiting() == set()
    assert main(["letters", "delete", "--all"]) == 0  # there is nothing to ask about


def test_what_somebody_took_while_the_person_thought_is_not_said_to_be_deleted(
    send: Send, sqs: SQSClient, queue: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = send("hello")

    class Thinking:
        def readline(self) -> str:
            sqs.purge_queue(QueueUrl=queue)
            return "y\n"

    monkeypatch.setattr("sys.stdin", Thinking())
    assert main(["letters", "delete", letter]) == 1
    assert f"{letter} is gone" in capsys.readouterr().out


def test_an_id_that_is_not_there_deletes_nothing(
    send: Send, waiting: Callable[[], set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    letter = send("hello")
    assert main(["letters", "delete", letter, "nothing", "--yes"]) == 1
    assert "no messages in the queue have an id that begins with nothing" in capsys.readouterr().err
    assert waiting() == {letter}


@pytest.mark.parametrize("command", [("list",), ("show",), ("delete",), ("replay", "--json")])
def test_no_command_shows_a_secret_that_a_letter_holds(
    command: tuple[str, ...], send: Send, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    answer("n\n")
    body = {"errorMessage": f"{SIGNED} refused {SECRET}", "headers": {"Authorization": f"Token {SECRET}"}}
    letter = send(
        json.dumps(body),
        TARGET_ARN="arn:aws:lambda:us-east-1:000000000000:function:other",
        ERROR_CODE="INVALID",
        ERROR_MESSAGE=f"refused: {SIGNED} with {SECRET}",
    )
    main(["letters", *command, *([] if command[0] == "list" else [letter])])
    printed = "".join(capsys.readouterr())
    assert letter in printed
    assert "s3cr3t" not in printed
    assert "0123456789abcdef" not in printed
