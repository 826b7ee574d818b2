"""Who gets an event about a change, and which; once, however often the change arrives."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openai import InvalidWebhookSignatureError, OpenAI

from reelkeep.adapters import documents
from reelkeep.dialects import all_dialects
from reelkeep.domain.notices.notice import News, notice
from reelkeep.domain.notices.webhooks import CALLBACKS, BodyFormat, Outcome, Webhook, WebhookSettings
from reelkeep.domain.record_size import needs_truncation, truncate_request
from reelkeep.domain.task import (
    Announcements,
    ArchivedFile,
    Asset,
    Creation,
    Dispatch,
    DispatchStatus,
    Failure,
    FailureClass,
    Kind,
    Request,
    State,
)
from tests.unit.services.harness import MALLORY, NOON
from tests.unit.services.webhook_harness import WebhookHarness, accepting, links, task

URL, OTHER = "https://one.test/h", "https://two.test/h"
HOUR = timedelta(hours=1)
WAY = (State.PROCESSING, State.ARCHIVING, State.SUCCESS)


def told(harness: WebhookHarness) -> list[tuple[str, str]]:
    """Whom of which state, in the order of time."""
    return [(each.url, each.event) for each in sorted(harness.deliveries.recorded.values(), key=lambda d: d.id)]


def test_a_webhook_gets_the_states_that_it_asked_for_and_by_default_the_final_ones() -> None:
    harness = WebhookHarness()
    harness.webhook(URL)
    harness.webhook(OTHER, states=(State.PROCESSING, State.ARCHIVING))
    going = task()
    for state in WAY:
        harness.pass_(HOUR)
        going = harness.change(going, state)
    assert told(harness) == [(OTHER, "processing"), (OTHER, "archiving"), (URL, "success")]


def test_a_batch_of_changes_reads_each_owners_webhooks_once() -> None:
    harness, read = WebhookHarness(), list[str]()
    harness.webhook(URL)

    def webhooks_of(owner: str) -> list[Webhook]:
        read.append(owner)
        return harness.webhooks.of(owner)

    announce = replace(harness.announce, webhooks_of=webhooks_of).for_batch()
    changed = [replace(task(), id=f"{number:032x}") for number in range(3)] + [task(caller=MALLORY)]
    for each in changed:
        announce(each, replace(each, state=State.SUCCESS))
    assert read == [changed[0].owner, MALLORY.owner]
    assert len(told(harness)) == 3


def test_an_owner_gets_events_of_its_own_tasks_only() -> None:
    harness = WebhookHarness()
    harness.webhook(URL)
    harness.webhook(OTHER, caller=MALLORY)
    harness.change(task(caller=MALLORY), State.SUCCESS)
    assert told(harness) == [(OTHER, "success")]


def test_a_file_that_comes_after_success_is_announced_to_webhooks_that_get_successes_as_events() -> None:
    harness = WebhookHarness()
    harness.webhook(URL)
    harness.webhook(OTHER, states=(State.FAILED,))
    harness.webhook("https://three.test/h", body_format=BodyFormat.DIALECT)
    file = ArchivedFile(key="1-cover", bytes=7, sha256="ab", content_type="image/jpeg")
    pending, kept = (
        replace(task(), state=State.SUCCESS, creations=(Creation(id="c1", assets=(cover,)),))
        for cover in (Asset(name="cover", last_error="404"), Asset(name="cover", archived=file))
    )
    for _ in range(2):
        harness.change(pending, State.SUCCESS, creations=kept.creations)
    harness.change(kept, State.SUCCESS)
    [delivery] = harness.deliveries.recorded.values()
    assert (delivery.url, delivery.event) == (URL, "updated")
    event = json.loads(delivery.body)
    assert (event["type"], event["id"]) == ("reelkeep.task.updated", f"{pending.id}.updated-1")
    assert event["data"]["creations"][0]["files"]["cover"]["url"] == links(file)


def test_a_success_that_is_not_what_was_ordered_is_announced_to_webhooks_that_ask_for_that() -> None:
    harness = WebhookHarness()
    harness.webhook(URL)
    harness.webhook(OTHER, states=(State.FAILED,), news=(News.DIFFERS,), body_format=BodyFormat.DIALECT)
    file = ArchivedFile(key="x", bytes=1, sha256="ab", content_type="video/mp4", duration=2.0)
    made = Creation(id="c1", assets=(Asset(name="video", archived=file),), duration=5.0)
    going = replace(task(), state=State.ARCHIVING, creations=(made,))
    for _ in range(2):
        harness.change(going, State.SUCCESS)
    harness.change(replace(going, id="0" * 32), State.FAILED)
    sent = sorted((each.url, each.event) for each in harness.deliveries.recorded.values())
    assert sent == [(URL, "failed"), (URL, "success"), (OTHER, "differs"), (OTHER, "failed")]
    [differing] = [each for each in harness.deliveries.recorded.values() if each.event == "differs"]
    event = json.loads(differing.body)
    assert (event["type"], event["id"]) == ("reelkeep.task.differs", f"{going.id}.differs")
    assert event["data"]["differs"][0]["delivered"] == "2"


def test_a_change_that_arrives_again_is_not_announced_again() -> None:
    harness = WebhookHarness()
    harness.webhook(URL)
    before = task(callback_url=OTHER)
    harness.receivers[OTHER] = harness.receivers[URL]
    harness.change(before, State.SUCCESS)
    harness.change(before, State.SUCCESS)
    harness.pass_(HOUR)
    again = replace(before, updated_at=NOON - HOUR)  # the same change, heard of when everything had arrived
    harness.now = NOON
    harness.change(again, State.SUCCESS)
    harness.pass_(HOUR)
    assert len(harness.received) == 2


def test_what_was_recorded_but_not_handed_over_is_handed_over_the_next_time() -> None:
    harness = WebhookHarness()
    harness.webhook(URL)
    put, harness.queue.put = harness.queue.put, broken
    with pytest.raises(ConnectionError):
        harness.change(task(), State.SUCCESS)
    harness.queue.put = put
    harness.change(task(), State.SUCCESS)
    harness.pass_(HOUR)
    assert [json.loads(each.body)["type"] for each in harness.received] == ["reelkeep.task.success"]


def test_what_waits_for_its_next_attempt_is_not_handed_over_once_more() -> None:
    harness = WebhookHarness()
    harness.webhook(URL, lambda _: (503, 0.1))
    harness.change(task(), State.SUCCESS)
    harness.pass_(HOUR)
    harness.now = NOON
    before = set(harness.queue.messages)
    harness.change(task(), State.SUCCESS)
    assert harness.queue.messages == before


def broken(*_: object) -> None:
    raise ConnectionError


def test_a_change_that_is_not_of_the_state_is_not_announced() -> None:
    harness = WebhookHarness()
    harness.webhook(URL)
    ended = replace(task(), state=State.SUCCESS)
    harness.change(ended, State.SUCCESS, announcements=Announcements(announced_at=NOON))
    assert told(harness) == []


def test_a_refusal_that_answered_the_submission_is_not_announced() -> None:
    harness = WebhookHarness()
    harness.webhook(URL)
    failure = Failure(reason=FailureClass.CREDIT)
    created = replace(task(callback_url=OTHER), state=State.CREATED, dispatch=Dispatch(), updated_at=NOON)
    refused = {"failure": failure, "dispatch": Dispatch(status=DispatchStatus.REFUSED)}
    harness.change(created, State.FAILED, **refused)
    assert told(harness) == []
    later = replace(created, updated_at=NOON - HOUR)  # refused when it was placed again
    harness.change(later, State.FAILED, **refused)
    assert sorted(told(harness)) == [(URL, "failed"), (OTHER, "failed")]


def test_a_task_that_ends_as_soon_as_it_is_recorded_is_announced_unless_it_was_refused() -> None:
    harness = WebhookHarness()
    harness.webhook(URL)
    created = replace(task(), state=State.CREATED, dispatch=Dispatch(status=DispatchStatus.WAITING), updated_at=NOON)
    harness.change(created, State.CANCELLED)
    assert told(harness) == [(URL, "cancelled")]


def test_a_refusal_is_announced_if_a_repeat_of_the_submission_was_given_the_task() -> None:
    harness = WebhookHarness()
    harness.webhook(URL)
    created = replace(task(), state=State.CREATED, updated_at=NOON)
    created = created.with_announcements(acknowledged_to_client=True)
    failure = Failure(reason=FailureClass.CREDIT)
    harness.change(created, State.FAILED, failure=failure, dispatch=Dispatch(status=DispatchStatus.REFUSED))
    assert told(harness) == [(URL, "failed")]


def test_an_event_is_a_cloudevent_and_shows_no_creation_before_the_end() -> None:
    harness = WebhookHarness()
    harness.webhook(URL, states=WAY)
    going = task()
    for state in WAY:
        harness.pass_(HOUR)
        going = harness.change(going, state)
        harness.pass_(HOUR)
        received = harness.received[-1]
        assert received.headers["content-type"] == "application/cloudevents+json"
        assert json.loads(received.body) == json.loads(json.dumps(notice(going, links)))
        assert json.loads(received.body)["id"] == f"{going.id}.{state}"


@pytest.mark.parametrize("state", WAY)
def test_what_is_archived_already_is_not_shown_before_all_of_it_is(state: State) -> None:
    kept = ArchivedFile(key="x", bytes=1, sha256="ab", content_type="video/mp4")
    made = Creation(id="1", assets=(Asset(name="video", archived=kept), Asset(name="cover")))
    shown = notice(replace(task(), state=state, creations=(made,)), links)["data"]["creations"]
    assert len(shown) == (1 if state is State.SUCCESS else 0)


def test_a_big_file_is_announced_with_the_checksum_that_it_has() -> None:
    kept = ArchivedFile(key="x", bytes=1 << 30, sha256="", crc32="cbf43926", content_type="video/mp4")
    made = Creation(id="1", assets=(Asset(name="video", archived=kept),))
    [creation] = notice(replace(task(), state=State.SUCCESS, creations=(made,)), links)["data"]["creations"]
    assert (creation["files"]["video"]["sha256"], creation["files"]["video"]["crc32"]) == (None, "cbf43926")


@pytest.mark.parametrize("name", [dialect.name for dialect in all_dialects()])
def test_a_callback_brings_what_the_tasks_own_dialect_shows(name: str) -> None:
    harness = WebhookHarness()
    harness.receivers[URL] = lambda _: (200, 0.1)
    going = task(dialect=name, callback_url=URL, payload="order 17")
    kept = ArchivedFile(key="x", bytes=1, sha256="ab", content_type="video/mp4")
    made = Creation(id=f"{going.id}-1", assets=(Asset(name="video", archived=kept),))
    for state in WAY:
        harness.pass_(HOUR)
        going = harness.change(going, state, creations=() if state is State.PROCESSING else (made,))
    harness.pass_(HOUR)
    assert [each.event for each in harness.deliveries.recorded.values()] == ["processing", "success"]  # one each
    for received in harness.received:
        body = json.loads(received.body)
        assert going.id in (body.get("id"), body.get("task_id"), body.get("data", {}).get("id"))
        assert received.headers["content-type"] == "application/json"
    if name != "openai_videos":  # whose events say only which video it is
        assert [links(kept) in received.body.decode() for received in harness.received] == [False, True]


@pytest.mark.parametrize(
    ("state", "type_"),
    [(State.SUCCESS, "video.completed"), (State.FAILED, "video.failed"), (State.EXPIRED, "video.failed")],
)
def test_openais_sdk_unwraps_what_a_webhook_brings_of_a_task_in_openais_format(state: State, type_: str) -> None:
    harness = WebhookHarness(now=datetime.now(UTC))  # the SDK refuses what is old by its own clock
    webhook = harness.manage("create", WebhookSettings(url=URL, body_format=BodyFormat.DIALECT))
    harness.receivers[URL] = accepting
    changed = harness.change(task(dialect="openai_videos"), state)
    harness.pass_(timedelta(seconds=1))
    [received] = harness.received
    with OpenAI(api_key="rk", webhook_secret=webhook.secret) as client:
        event: Any = client.webhooks.unwrap(received.body, received.headers)
        assert (event.object, event.type, event.data.id) == ("event", type_, changed.id)
        with pytest.raises(InvalidWebhookSignatureError):
            client.webhooks.unwrap(received.body + b" ", received.headers)


def test_a_task_whose_event_is_too_large_for_a_record_is_announced_as_far_as_it_fits() -> None:
    quotes = '"' * 8_170
    asked = Request(
        dialect="reelkeep",
        kind=Kind.MULTIFRAME,
        prompt=quotes[:5_000],
        images=tuple(f"https://ex.test/{quotes}" for _ in range(4)),
        video_url=f"https://ex.test/{quotes}",
        payload=quotes * 8,
        body={"kind": "multiframe"},
    )
    assert needs_truncation(asked)
    assert truncate_request(asked).images == asked.images
    assert truncate_request(asked).payload == asked.payload
    harness = WebhookHarness()
    harness.webhook(URL, body_format=BodyFormat.DIALECT, states=WAY)
    harness.change(replace(task(), request=truncate_request(asked)), State.PROCESSING)
    [delivery] = harness.deliveries.recorded.values()
    assert len(documents.write(delivery).encode()) < 400_000
    said = json.loads(delivery.body)
    assert (said["id"], said["state"], said["payload"]) == (task().id, "processing", None)


def test_vidus_callback_is_the_creations_answer() -> None:
    harness = WebhookHarness()
    harness.receivers[URL] = lambda _: (200, 0.1)
    harness.change(task(dialect="vidu_ent_v2", callback_url=URL, payload="order 17"), State.PROCESSING)
    harness.pass_(HOUR)
    body = json.loads(harness.received[0].body)
    assert (body["id"], body["state"], body["payload"], body["creations"]) == (
        task().id, "processing", "order 17", [],
    )  # fmt: skip


def test_a_webhook_may_ask_for_the_body_of_the_dialect() -> None:
    harness = WebhookHarness()
    harness.webhook(URL, body_format=BodyFormat.DIALECT)
    harness.change(task(dialect="volc_ark"), State.SUCCESS)
    harness.pass_(HOUR)
    assert json.loads(harness.received[0].body)["status"] == "succeeded"


def test_what_comes_while_a_webhook_is_paused_is_held() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(URL)
    harness.manage("change", WebhookSettings(webhook_id=webhook.id, active=False))
    harness.change(task(callback_url=OTHER), State.SUCCESS)
    harness.receivers[OTHER] = harness.receivers[URL]
    harness.pass_(HOUR)
    outcomes = {each.webhook_id: each.outcome for each in harness.deliveries.recorded.values()}
    assert outcomes == {webhook.id: Outcome.HELD, CALLBACKS: Outcome.DELIVERED}
