"""Webhooks, deliveries and circuit breakers in the table behave as their fakes do; and of the queue, what the code
relies on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from reelkeep.adapters.dynamodb.webhooks import TableCircuitBreakers, TableDeliveries, TableWebhooks
from reelkeep.adapters.outbox import SqsOutbox, message_of
from reelkeep.domain.errors import Stale
from reelkeep.domain.notices.circuit_breaker import CircuitBreaker
from reelkeep.domain.notices.webhooks import Attempt, BodyFormat, Delivery, Outcome, PauseReason, Webhook, delivery_id
from reelkeep.domain.task import State
from reelkeep.ports import CircuitBreakers, Deliveries, Webhooks
from tests.fakes import FakeCircuitBreakers, FakeDeliveries, FakeWebhooks
from tests.unit.services.stage import NOON

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@pytest.fixture(params=["table", "fake"])
def webhooks(request: pytest.FixtureRequest, dynamodb: DynamoDBClient) -> Webhooks:
    return TableWebhooks(dynamodb, request.getfixturevalue("table")) if request.param == "table" else FakeWebhooks()


@pytest.fixture(params=["table", "fake"])
def deliveries(request: pytest.FixtureRequest, dynamodb: DynamoDBClient) -> Deliveries:
    if request.param == "table":
        return TableDeliveries(dynamodb, request.getfixturevalue("table"))
    return FakeDeliveries()


@pytest.fixture(params=["table", "fake"])
def breakers(request: pytest.FixtureRequest, dynamodb: DynamoDBClient) -> CircuitBreakers:
    return (
        TableCircuitBreakers(dynamodb, request.getfixturevalue("table"))
        if request.param == "table"
        else FakeCircuitBreakers()
    )


WEBHOOK = Webhook(
    id="wh_1",
    owner="alice",
    url="https://one.test/h?k=1",
    states=(State.PROCESSING, State.SUCCESS),
    body_format=BodyFormat.DIALECT,
    description="一",
    paused=PauseReason.FAILING,
    created_at=NOON,
    generation=3,
    rotated_at=NOON,
    failing_since=NOON,
)


def delivery(number: int = 1, **changes: Any) -> Delivery:
    at = NOON + timedelta(seconds=number)
    made = Delivery(
        id=delivery_id("wh_1", f"{number:032x}", State.SUCCESS, at),
        owner="alice",
        webhook_id="wh_1",
        event="success",
        task_id=f"{number:032x}",
        url="https://one.test/h",
        body='{"一": 1}',
        scheme="vidu",
        created_at=at,
    )
    return replace(made, **changes)


def test_a_webhook_is_read_as_it_was_written(webhooks: Webhooks) -> None:
    webhooks.create(WEBHOOK)
    assert webhooks.get("alice", "wh_1") == WEBHOOK
    assert webhooks.get("bob", "wh_1") is None
    assert webhooks.get("alice", "wh_2") is None
    with pytest.raises(Stale):
        webhooks.create(WEBHOOK)


def test_an_owners_webhooks_are_its_own_oldest_first(webhooks: Webhooks) -> None:
    for number, owner in ((2, "alice"), (1, "alice"), (3, "al"), (4, "alice#x")):
        webhooks.create(replace(WEBHOOK, id=f"wh_{number}", owner=owner))
    assert [webhook.id for webhook in webhooks.of("alice")] == ["wh_1", "wh_2"]
    webhooks.delete("alice", "wh_1")
    webhooks.delete("alice", "wh_1")
    assert [webhook.id for webhook in webhooks.of("alice")] == ["wh_2"]


def test_a_webhook_is_replaced_only_as_it_was_read(webhooks: Webhooks) -> None:
    webhooks.create(WEBHOOK)
    saved = webhooks.save(replace(WEBHOOK, description="new"))
    assert webhooks.get("alice", "wh_1") == saved
    with pytest.raises(Stale):
        webhooks.save(WEBHOOK)
    webhooks.delete("alice", "wh_1")
    with pytest.raises(Stale):
        webhooks.save(saved)


def test_a_delivery_is_recorded_once(deliveries: Deliveries) -> None:
    assert deliveries.add(delivery()) == delivery()
    attempt = Attempt(at=NOON, status=None, error="no answer in time", milliseconds=10_000)
    saved = deliveries.save(replace(delivery(), outcome=Outcome.FAILED, attempts=(attempt,), next_attempt_at=NOON))
    assert deliveries.add(delivery()) == saved
    assert deliveries.get("alice", "wh_1", delivery().id) == saved
    assert deliveries.get("bob", "wh_1", delivery().id) is None
    assert deliveries.get("alice", "wh_2", delivery().id) is None
    with pytest.raises(Stale):
        deliveries.save(delivery())


def test_deliveries_are_listed_newest_first(deliveries: Deliveries) -> None:
    made = [deliveries.add(delivery(number)).id for number in range(5)]
    deliveries.add(delivery(7, owner="bob"))
    deliveries.add(delivery(8, webhook_id="wh_2"))
    assert [each.id for each in deliveries.page("alice", "wh_1", 3)] == made[:1:-1]
    assert [each.id for each in deliveries.page("alice", "wh_1", 3, made[2])] == [made[1], made[0]]


def test_big_deliveries_are_all_listed_although_a_query_ends_at_a_megabyte(
    dynamodb: DynamoDBClient, table: str
) -> None:
    deliveries = TableDeliveries(dynamodb, table)
    for number in range(6):
        deliveries.add(delivery(number, body="x" * 300_000))
    assert len(deliveries.page("alice", "wh_1", 6)) == 6


def test_what_is_known_of_a_delivery_ends_after_thirty_days(dynamodb: DynamoDBClient, table: str) -> None:
    TableDeliveries(dynamodb, table).add(delivery())
    (item,) = dynamodb.scan(TableName=table)["Items"]
    assert int(item["expires_at"]["N"]) == int((delivery().created_at + timedelta(days=30)).timestamp())


BREAKER = CircuitBreaker(
    id="https://one.test", owner="alice", times_opened=3, open_until=NOON, probing_until=NOON, consecutive_timeouts=2
)


def test_a_circuit_breaker_is_its_owners_and_replaced_only_as_it_was_read(breakers: CircuitBreakers) -> None:
    assert breakers.get("alice", BREAKER.id) is None
    saved = breakers.save(BREAKER, NOON)
    assert breakers.get("alice", BREAKER.id) == saved == replace(BREAKER, version=1)
    assert breakers.get("bob", BREAKER.id) is None
    assert breakers.get("alice", "wh_1") is None
    with pytest.raises(Stale):
        breakers.save(BREAKER, NOON)
    assert breakers.save(replace(saved, closed=True), NOON).version == 2
    with pytest.raises(Stale):
        breakers.save(saved, NOON)


def test_a_circuit_breaker_is_forgotten_after_a_day_and_so_it_is_recorded_anew(
    dynamodb: DynamoDBClient, table: str
) -> None:
    saved = TableCircuitBreakers(dynamodb, table).save(BREAKER, NOON)
    (item,) = dynamodb.scan(TableName=table)["Items"]
    assert int(item["expires_at"]["N"]) == int((NOON + timedelta(days=1)).timestamp())
    dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})  # as the table does itself
    with pytest.raises(Stale):
        TableCircuitBreakers(dynamodb, table).save(saved, NOON)
    assert TableCircuitBreakers(dynamodb, table).save(BREAKER, NOON) == saved


@pytest.fixture
def queue(aws_endpoint: str) -> Iterator[tuple[Any, str]]:
    session = boto3.Session("test", "test", region_name="us-east-1")
    client = session.client("sqs", endpoint_url=aws_endpoint)
    attributes: Any = {
        "FifoQueue": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    url = client.create_queue(QueueName="outbox.fifo", Attributes=attributes)["QueueUrl"]
    yield client, url
    client.delete_queue(QueueUrl=url)
    client.close()


def test_messages_of_a_task_come_in_order_and_a_waiting_one_keeps_only_its_own_back(queue: tuple[Any, str]) -> None:
    client, url = queue
    outbox = SqsOutbox(client, url)
    first, other = delivery(1), delivery(2)
    second = replace(first, id=delivery_id("wh_1", first.task_id, State.FAILED, NOON))
    for each in (first, first, second, other):  # the repetition is none
        outbox.put(each)

    def receive() -> dict[str, str]:
        messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages", [])
        return {message_of(each["Body"]).delivery_id: each["ReceiptHandle"] for each in messages}

    came = receive()
    assert list(came) == [first.id]
    outbox.retry_in(came[first.id], 3600)
    assert list(receive()) == [other.id]
    assert receive() == {}
    outbox.retry_in(came[first.id], 0)
    again = receive()
    assert list(again) == [first.id]
    client.delete_message(QueueUrl=url, ReceiptHandle=again[first.id])
    assert list(receive()) == [second.id]
