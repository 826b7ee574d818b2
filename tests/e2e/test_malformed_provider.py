"""A provider that does what it was asked, says that it failed, and answers nonsense with secrets in it."""

from __future__ import annotations

from local.stack import Stack
from tests.e2e.archive import Archive
from tests.e2e.client import Client
from tests.e2e.conftest import Aws, Prompt
from tests.e2e.mailbox import Mailbox
from tests.e2e.malformed import SECRETS, MalformedProvider


def test_a_submission_that_met_an_error_but_went_through_is_found_and_not_paid_again(
    alice: Client,
    prompt: Prompt,
    malformed: MalformedProvider,
    mailbox: Mailbox,
    archive: Archive,
    stack: Stack,
    aws: Aws,
) -> None:
    task_id = alice.submitted(prompt("that meets a bad gateway"), provider="malformed", payload="order 19")
    task = alice.ended(task_id)
    assert [body["payload"] for body in malformed.placed] == [task_id]
    assert (task["state"], task["payload"]) == ("failed", "order 19")
    assert (task["failure"]["reason"], task["failure"]["code"]) == ("policy", "CreationPolicyViolation")
    assert mailbox.of(task_id).attributes["provider"] == "malformed"
    assert archive.names(task_id) == ["manifest.json"]

    (kept,) = aws("dynamodb").query(
        TableName=stack.table,
        KeyConditionExpression="pk = :task AND begins_with(sk, :answer)",
        ExpressionAttributeValues={":task": {"S": f"task#{task_id}"}, ":answer": {"S": "answer#"}},
    )["Items"]
    assert "no state at all" in kept["answer"]["S"]
    assert "https://films.example.com/1.mp4?" in kept["answer"]["S"]
    assert [secret for secret in SECRETS if secret in str(kept)] == []
