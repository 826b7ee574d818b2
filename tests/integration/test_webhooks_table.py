"""Webhooks, deliveries, what waits and circuit breakers in the table behave as their fakes do; and of the queue, what
the code relies on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from reelkeep.adapters.dynamodb.webhooks import TableCircuitBreakers, TableDeliveries, TableWaiting, TableWebhooks
from reelkeep.adapters.outbox import SqsOutbox, message_of
from reelkeep.domain.errors import Stale
from reelkeep.domain.notices.circuit_breaker import CircuitBreaker
from reelkeep.domain.notices.webhooks import (
    Attempt,
    BodyFormat,
    Delivery,
    Outcome,
    PauseReason,
    ReleaseMessage,
    Webhook,
    delivery_id,
)
from reelkeep.domain.task import State
from reelkeep.ports.notices import CircuitBreakers, Deliveries, Waiting, Webhooks
from tests.fakes.notices import FakeCircuitBreakers, FakeDeliveries, FakeWaiting, FakeWebhooks
from tests.unit.services.harness import NOON

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


@pytest.fixture(params=["table", "fake"])
def waiting(request: pytest.FixtureRequest, dynamodb: DynamoDBClient) -> Waiting:
    return TableWaiting(dynamodb, request.getfixturevalue("table")) if request.param == "table" else FakeWaiting()


def places(
    waiting: Waiting, after: str = "", size: int = 100, owner: str = "alice", receiver: str = "wh_1"
) -> list[str]:
    return [each.place for each in waiting.page(owner, receiver, after, size)]


def test_what_waits_for_a_receiver_is_in_the_order_of_tasks_and_their_states(waiting: Waiting) -> None:
    states = ("updated", State.SUCCESS, State.PROCESSING)
    made = [delivery(number, event=state, id=f"dl_{9 - n}") for number in (2, 1) for n, state in enumerate(states)]
    for each in [*made, delivery(3, owner="bob"), delivery(4, webhook_id="wh_2"), replace(made[0], replay_number=1)]:
        waiting.put(each.waiting)
        waiting.put(each.waiting)  # which changes nothing
    *expected, replay = places(waiting)
    assert expected == [each.place for each in reversed(made)]
    assert replay.startswith("dl_9.1#")  # it waits for nobody
    assert places(waiting, expected[1], 2) == expected[2:4]
    assert places(waiting, replay) == []

    assert waiting.first(made[0]) == made[2].waiting
    waiting.remove(made[2])
    waiting.remove(made[2])
    assert waiting.first(made[0]) == made[1].waiting
    for each in made[:2]:
        waiting.remove(each)
    assert waiting.first(made[0]) is None


def test_what_is_leased_is_due_later_and_otherwise_as_it_was(waiting: Waiting) -> None:
    made = [replace(delivery(number).waiting, due=NOON, since=NOON) for number in range(30)]
    for each in made:
        waiting.put(each)
    waiting.lease(made[:27], NOON + timedelta(hours=1))
    due = [replace(each, due=NOON + timedelta(hours=1)) for each in made[:27]]
    assert waiting.page("alice", "wh_1", "", 100) == [*due, *made[27:]]


def test_what_waits_expires_with_the_record_of_its_delivery(dynamodb: DynamoDBClient, table: str) -> None:
    TableWaiting(dynamodb, table).put(delivery().waiting)
    TableDeliveries(dynamodb, table).add(delivery())
    first, second = dynamodb.scan(TableName=table)["Items"]
    assert first["expires_at"] == second["expires_at"]


BREAKER = CircuitBreaker(
    id="https://one.test",
    owner="alice",
    times_opened=3,
    open_until=NOON,
    probing_until=NOON,
    strikes=2,
    release_at=NOON,
    release_after="a#4",
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


def test_a_circuit_breaker_expires_after_a_day_and_is_recorded_anew_then(
    dynamodb: DynamoDBClient, table: str
) -> None:
    saved = TableCircuitBreakers(dynamodb, table).save(BREAKER, NOON)
    (item,) = dynamodb.scan(TableName=table)["Items"]
    assert int(item["expires_at"]["N"]) == int((NOON + timedelta(days=1)).timestamp())
    dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})  # as the table does itself
    with pytest.raises(Stale):
        TableCircuitBreakers(dynamodb, table).save(saved, NOON)
    assert TableCircuitBreakers(dynamodb, table).save(BREAKER, NOON) == saved


def test_messages_come_out_when_they_are_due_and_say_what_they_are(aws_endpoint: str) -> None:
    client = boto3.Session("test", "test", region_name="us-east-1").client("sqs", endpoint_url=aws_endpoint)
    url = client.create_queue(QueueName="outbox")["QueueUrl"]
    due = [delivery(number).message for number in range(11)]
    SqsOutbox(client, url).put(*((each, 0) for each in due), (ReleaseMessage("alice", "wh_1"), 0), (due[0], 899.5))
    found = []
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message_of(each["Body"]) for each in messages]
    assert sorted(map(repr, found)) == sorted(map(repr, [*due, ReleaseMessage("alice", "wh_1")]))
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesDelayed"])
    attributes = answer["Attributes"]
    assert attributes == {"ApproximateNumberOfMessagesDelayed": "1"}
    client.delete_queue(QueueUrl=url)
    client.close()
