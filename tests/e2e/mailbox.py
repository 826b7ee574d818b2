"""A subscriber to the notices: a queue on the topic, and whatever has come into it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.waiting import until

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient


@dataclass(frozen=True)
class Notice:
    event: Mapping[str, Any]
    attributes: Mapping[str, str]
    text: str  # all that came


class Mailbox:
    def __init__(self, sqs: SQSClient, queue: str) -> None:
        self._sqs = sqs
        self._queue = queue
        self.notices: list[Notice] = []

    def of(self, task_id: str, within: float = 300.0) -> Notice:
        """The task's notice, when it has come."""
        return until(lambda: self._all_of(task_id), what=f"the notice of task {task_id}", within=within)[0]

    def await_all(self, task_ids: Sequence[str], within: float = 300.0) -> dict[str, list[Notice]]:
        """The notices of each of these tasks, when there is one of every one."""

        def all_here() -> dict[str, list[Notice]] | None:
            self.empty()
            found: dict[str, list[Notice]] = {task_id: [] for task_id in task_ids}
            for notice in self.notices:
                found.get(notice.event["subject"], []).append(notice)
            return found if all(found.values()) else None

        return until(all_here, what=f"the notices of {len(task_ids)} tasks", within=within)

    def _all_of(self, task_id: str) -> list[Notice]:
        self.empty()
        return [notice for notice in self.notices if notice.event["subject"] == task_id]

    def empty(self) -> None:
        """Takes everything out."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
            if not (messages := answer.get("Messages", [])):
                return
            for message in messages:
                self.notices.append(_notice(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])


def _notice(body: str) -> Notice:
    envelope = json.loads(body)
    attributes = {name: value["Value"] for name, value in envelope.get("MessageAttributes", {}).items()}
    return Notice(json.loads(envelope["Message"]), attributes, body)


@contextmanager
def addressed(sqs: SQSClient, topic: str) -> Iterator[tuple[Mailbox, str]]:
    """A mailbox without a subscription, and its address: the ARN of a queue that accepts messages of the topic."""
    queue = sqs.create_queue(QueueName=f"e2e-{uuid.uuid4().hex}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": attributes["QueueArn"],
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    yield Mailbox(sqs, queue), attributes["QueueArn"]
    sqs.delete_queue(QueueUrl=queue)


@contextmanager
def subscribed(
    sns: SNSClient, sqs: SQSClient, topic: str, only: Mapping[str, Sequence[object]] | None = None
) -> Iterator[Mailbox]:
    """Gets every notice to owners from now on, or `only` those whose attributes have one of these values."""
    only = only or {"owner": [{"exists": True}]}  # what operators are told has none
    with addressed(sqs, topic) as (mailbox, address):
        subscription = sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=address,
            Attributes={"FilterPolicy": json.dumps(only)},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        yield mailbox
        sns.unsubscribe(SubscriptionArn=subscription)
