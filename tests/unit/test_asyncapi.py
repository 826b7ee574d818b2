"""The AsyncAPI document is valid, its examples are true, and every published event is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, ValidationError

from docs.generate.asyncapi import document
from docs.generate.events import events
from reelkeep.domain.notices import alerts
from reelkeep.domain.notices.notice import attributes, health_event, notice, webhook_attributes
from reelkeep.domain.notices.notice import test_event as tried
from reelkeep.domain.notices.subscription import EVENT_TYPES, FINAL_STATES
from reelkeep.domain.notices.webhooks import PauseReason, Webhook
from reelkeep.domain.task import Adoption, ArchivedFile, Asset, Creation, Failure, Request, State, Task
from tests.for_each import for_each

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = json.loads(json.dumps(document()))
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
BY_TYPE = {message["name"]: message for message in MESSAGES.values()}
AT_WEBHOOKS = {
    message["name"]: message
    for name, here in DOCUMENT["channels"]["webhooks"]["messages"].items()
    for message in [MESSAGES[name] if "$ref" in here else here]
}
EXAMPLES = [
    (name, example)
    for messages in (BY_TYPE, AT_WEBHOOKS)
    for name, message in messages.items()
    for example in message["examples"]
]


def closed(schema: Any) -> Any:
    """The schema, in which an object may hold nothing that it does not name."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    return {"additionalProperties": False, **inner} if isinstance(schema.get("properties"), dict) else inner


def check(event: Mapping[str, Any], headers: Mapping[str, str | Sequence[str]]) -> None:
    message = BY_TYPE[event["type"]]
    if "webhook-id" in headers:
        message = AT_WEBHOOKS[event["type"]]
    told = json.loads(json.dumps({"payload": event, "headers": headers}))
    for part, value in told.items():
        schema = closed({**message[part], "components": {"schemas": SCHEMAS}})
        Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER).validate(value)


def test_the_document_is_valid_asyncapi() -> None:
    schema = json.loads((ROOT / "tests" / "golden" / "asyncapi" / "3.0.0.json").read_text())
    assert [error.message for error in Draft7Validator(schema).iter_errors(DOCUMENT)] == []
    assert not Draft7Validator(schema).is_valid({**DOCUMENT, "channels": []})


def test_every_reference_of_the_document_leads_somewhere() -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for each in node for found in references(each)] if isinstance(node, list) else []

    found = references(DOCUMENT)
    for reference in found:
        node = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    told = [name for channel in DOCUMENT["channels"].values() for name in channel["messages"]]
    assert set(told) == set(MESSAGES)
    assert found


def test_every_schema_is_one() -> None:
    for schema in [*SCHEMAS.values(), *(message["headers"] for message in MESSAGES.values())]:
        Draft7Validator.check_schema(schema)


def test_a_webhook_is_shown_its_signature_and_no_attributes_of_a_topic() -> None:
    assert len(AT_WEBHOOKS) == len(DOCUMENT["channels"]["webhooks"]["messages"])
    for message in AT_WEBHOOKS.values():
        assert sorted(message["headers"]["properties"]) == ["webhook-id", "webhook-signature", "webhook-timestamp"]


@for_each("name, example", EXAMPLES)
def test_every_example_fits_its_schema(name: str, example: dict[str, Any]) -> None:
    assert example["payload"]["type"] == name
    check(example["payload"], example["headers"])


def test_there_is_a_file_with_an_example_of_each_event_and_no_other() -> None:
    """test_openapi.py fails when one is stale."""
    files = sorted((ROOT / "events" / "notices").glob("*.json"))
    assert [path.stem for path in files] == sorted(MESSAGES)


def test_what_is_named_as_a_type_is_described_and_the_other_way_round() -> None:
    assert list(EVENT_TYPES) == [each.type for each in events() if each.channels != ("webhooks",)]


def test_only_events_that_an_owner_may_get_name_an_owner_to_filter_by() -> None:
    for each in events():
        assert ("owner" in each.headers) is ("notices" in each.channels)


moments = st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1), max_value=datetime(2099, 1, 1))  # noqa: DTZ001  naive, as it wants them
words = st.sampled_from(["", "viduq2", "x"])
assets = st.builds(
    Asset,
    name=st.sampled_from(["video", "cover"]),
    expires_at=st.none() | moments,
    archived=st.none() | st.builds(ArchivedFile, sha256=words, crc32=words),
    lost=words,
)
tasks = st.builds(
    Task,
    id=st.uuids().map(lambda each: each.hex),
    request=st.builds(Request, model=words, tags=st.lists(words.filter(bool), max_size=2).map(tuple)),
    created_at=moments,
    updated_at=moments,
    finished_at=st.none() | moments,
    creations=st.lists(st.builds(Creation, assets=st.lists(assets, max_size=2).map(tuple)), max_size=2).map(tuple),
    failure=st.none() | st.builds(Failure),
    adopted=st.none() | st.builds(Adoption),
    owner=st.sampled_from(["alice", "bob"]),
    provider=words.filter(bool),
)


@given(tasks, st.sampled_from(FINAL_STATES))
def test_every_notice_is_as_the_document_says(task: Task, state: State) -> None:
    ended = replace(task, state=state)
    check(notice(ended, lambda kept: "https://keep.test/files/x"), attributes(ended))


@given(tasks, st.sampled_from([State.PROCESSING, State.ARCHIVING]))
def test_what_webhooks_get_before_the_end_is_as_the_document_says(task: Task, state: State) -> None:
    headers = {"webhook-id": "1", "webhook-timestamp": "2", "webhook-signature": "v1,x"}
    check(notice(replace(task, state=state), lambda kept: "https://keep.test/files/x"), headers)


@given(st.builds(Webhook, created_at=moments, failing_since=st.none() | moments), moments)
def test_events_about_a_webhook_are_as_the_document_says(webhook: Webhook, now: datetime) -> None:
    failing = replace(webhook, failing_since=webhook.failing_since or now, paused=None)
    for changed in (*(replace(webhook, paused=why) for why in (PauseReason.GONE, PauseReason.FAILING)), failing):
        event = health_event(changed, now)
        check(event, webhook_attributes(event))
    headers = {"webhook-id": "1", "webhook-timestamp": "2", "webhook-signature": "v1,x"}
    check(tried("delivery", webhook, now), headers)


@given(tasks, moments)
def test_every_alert_is_as_the_document_says(task: Task, now: datetime) -> None:
    found = [alerts.delayed(task, now), alerts.links_expiring(task, now), alerts.lost(task, now)]
    for alert in filter(None, found):
        check(alert, alerts.attributes(task, alert))


def test_what_the_document_does_not_say_is_found_out() -> None:
    _, example = EXAMPLES[0]
    for wrong in ({**example["payload"], "more": 1}, {**example["payload"], "specversion": "2.0"}):
        with pytest.raises(ValidationError):
            check(wrong, example["headers"])
