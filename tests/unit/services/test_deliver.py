"""Whatever a receiver does, every message reaches it or the dead letters, in order for each task, and nobody else
waits for it. Time is simulated; the queue is one as SQS has them."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest

from reelkeep.domain.notices import signatures
from reelkeep.domain.notices.webhooks import (
    ATTEMPTS,
    CALLBACKS,
    BodyFormat,
    DeliveryRef,
    Outcome,
    PauseReason,
    WebhookSettings,
)
from reelkeep.domain.task import State
from tests.unit.services.harness import ALICE, MALLORY, NOON
from tests.unit.services.webhook_harness import (
    MASTER,
    MOST_RECEIVES,
    Received,
    Receiver,
    WebhookHarness,
    accepting,
    task,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WAY = (State.PROCESSING, State.ARCHIVING, State.SUCCESS)
GOOD, BAD, BOB = "https://good.test/h", "https://bad.test/h", "https://bob.test/h"


def fails_for_an_hour(received: Received) -> tuple[int, float]:
    return (503, 0.1) if received.at < NOON + HOUR else (200, 0.1)


def slow(_: Received) -> tuple[int, float]:
    return 200, 9.5


def redirects(_: Received) -> tuple[int, float]:
    return 302, 0.1


def hangs(_: Received) -> tuple[int, float]:
    return 200, 1e9


def live(harness: WebhookHarness, tasks: int) -> None:
    """Forty tasks of alice's and forty of another's go their way, a change every few seconds."""
    going = [task(number, caller) for number in range(tasks) for caller in (ALICE, MALLORY)]
    going = [replace(each, id=f"{each.id[:-6]}{number:06x}") for number, each in enumerate(going)]
    for state in WAY:
        for number, each in enumerate(going):
            going[number] = harness.change(each, state)
            harness.pass_(timedelta(seconds=3))


@pytest.mark.parametrize(
    ("receiver", "arrives"), [(fails_for_an_hour, True), (slow, True), (redirects, False), (hangs, False)]
)
def test_every_message_arrives_or_is_given_up_in_order_and_the_rest_is_undisturbed(
    receiver: Receiver, arrives: bool
) -> None:
    harness = WebhookHarness()
    harness.webhook(GOOD, states=WAY)
    bad = harness.webhook(BAD, receiver, states=WAY)
    harness.webhook(BOB, accepting, MALLORY, states=WAY)
    live(harness, tasks=40)
    harness.pass_(5 * DAY)
    assert harness.is_done

    changes = 40 * len(WAY)
    arrived: dict[str, list[Received]] = {GOOD: [], BAD: [], BOB: []}
    for received in harness.received:
        arrived[received.url].append(received)
    for url in (GOOD, BOB):
        events = [(received, json.loads(received.body)) for received in arrived[url]]
        assert len({received.id for received, _ in events}) == len(events) == changes
        for received, event in events:
            told = harness.deliveries.recorded[event["data"]["owner"], webhook_of(harness, url), received.id]
            assert received.at - told.created_at < timedelta(seconds=1)

    for events_of_a_task in in_order(arrived[BAD]).values():
        assert events_of_a_task == [str(state) for state in WAY]
    sent = [each for each in harness.deliveries.recorded.values() if each.webhook_id == bad.id]
    if arrives:
        assert len(arrived[BAD]) == len(sent) == changes
        assert {each.outcome for each in sent} == {Outcome.DELIVERED}
        assert harness.queue.undelivered == []
    else:
        assert arrived[BAD] == []
        assert {each.outcome for each in sent} == {Outcome.FAILED}
        assert max(len(each.attempts) for each in sent) <= ATTEMPTS
        assert sorted(harness.queue.undelivered) == sorted(each.id for each in sent)
    owners = {url: {json.loads(each.body)["data"]["owner"] for each in found} for url, found in arrived.items()}
    assert owners == {GOOD: {"alice"}, BOB: {"mallory"}, BAD: {"alice"} if arrives else set()}


def webhook_of(harness: WebhookHarness, url: str) -> str:
    return next(each.id for each in harness.webhooks.recorded.values() if each.url == url)


def in_order(received: list[Received]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for each in received:
        event = json.loads(each.body)
        found[event["subject"]].append(event["data"]["state"])
    return found


def test_the_next_message_of_a_task_waits_for_the_one_before_and_those_of_others_do_not() -> None:
    harness = WebhookHarness()

    def refuses_one_for_an_hour(received: Received) -> tuple[int, float]:
        told = json.loads(received.body)["data"]
        early = (told["task_id"], told["state"]) == (task(1).id, "processing") and received.at < NOON + HOUR
        return (503 if early else 200), 0.1

    harness.webhook(GOOD, refuses_one_for_an_hour, states=WAY)
    for number in (1, 2):
        going = harness.change(task(number), State.PROCESSING)
        harness.pass_(timedelta(seconds=1))
        harness.change(going, State.SUCCESS)
    harness.pass_(timedelta(minutes=1))
    assert in_order(harness.received) == {task(2).id: ["processing", "success"]}
    harness.pass_(DAY)
    assert in_order(harness.received)[task(1).id] == ["processing", "success"]


def test_what_the_version_before_left_in_its_queue_is_delivered_in_order() -> None:
    harness = WebhookHarness()
    harness.webhook(GOOD, fails_for_an_hour, states=WAY)
    going = task()
    for state in WAY:
        going = harness.change(going, state)
        harness.waiting = type(harness.waiting)()  # it did not know of any
        harness.build()
    harness.pass_(DAY)
    assert in_order(harness.received) == {going.id: ["processing", "archiving", "success"]}
    assert harness.is_done


def test_a_message_is_tried_for_about_a_day() -> None:
    harness = WebhookHarness()
    harness.webhook(BAD, redirects)
    harness.change(task(), State.FAILED)
    harness.pass_(3 * DAY)
    (delivery,) = harness.deliveries.recorded.values()
    waits = [
        round((later.at - earlier.at).total_seconds())
        for earlier, later in zip(delivery.attempts, delivery.attempts[1:], strict=False)
    ]
    assert waits == [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800]
    assert {(each.status, each.error, each.milliseconds) for each in delivery.attempts} == {(302, "", 100)}


def test_every_attempt_has_the_same_id_and_body_and_a_time_of_its_own() -> None:
    seen: list[Received] = []

    def third_time(received: Received) -> tuple[int, float]:
        seen.append(received)
        return (204 if len(seen) == 3 else 500), 0.1

    harness = WebhookHarness()
    harness.webhook(GOOD, third_time)
    harness.change(task(), State.SUCCESS)
    harness.pass_(HOUR)
    assert len(seen) == 3
    assert len({(each.id, each.body) for each in seen}) == 1
    assert len({each.headers["webhook-timestamp"] for each in seen}) == 3


def test_throttled_and_crashed_functions_use_up_no_attempt() -> None:
    """They use up receives, of which there are many."""
    harness = WebhookHarness()
    harness.webhook(GOOD)
    harness.change(task(), State.SUCCESS)
    turns = iter([True] * (MOST_RECEIVES - 2))
    harness.throttled = lambda: next(turns, False)
    harness.pass_(DAY)
    (delivery,) = harness.deliveries.recorded.values()
    assert (delivery.outcome, len(delivery.attempts)) == (Outcome.DELIVERED, 1)


def test_a_copy_of_a_message_that_comes_early_makes_no_attempt_and_no_further_copy() -> None:
    harness = WebhookHarness()
    harness.webhook(BAD, redirects)
    harness.change(task(), State.SUCCESS)
    harness.pass_(timedelta(minutes=1))  # the third attempt is due in some two minutes
    (delivery,) = harness.deliveries.recorded.values()
    harness.queue.put((delivery.message, 0))
    harness.pass_(timedelta(seconds=30))
    assert [*harness.deliveries.recorded.values()] == [delivery]
    harness.pass_(DAY * 2)
    (delivery,) = harness.deliveries.recorded.values()
    assert len(delivery.attempts) == ATTEMPTS


def test_a_receiver_that_answers_gone_gets_nothing_more_and_its_owner_gets_a_notification() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(BAD, lambda _: (410, 0.1))
    harness.change(task(1), State.SUCCESS)
    harness.pass_(HOUR)
    paused = harness.manage("show", webhook.id)
    assert paused.paused is PauseReason.GONE
    assert harness.notices.attributes == [{"type": "reelkeep.webhook.paused", "owner": "alice"}]
    (event,) = harness.notices.told
    assert event["data"] == {"webhook_id": webhook.id, "owner": "alice", "reason": "gone", "failing_since": None}
    harness.change(task(2), State.SUCCESS)
    harness.pass_(DAY)
    gone, held = sorted(harness.deliveries.recorded.values(), key=lambda each: each.task_id)
    assert (gone.outcome, len(gone.attempts)) == (Outcome.FAILED, 1)
    assert (held.outcome, held.attempts) == (Outcome.HELD, ())
    assert (harness.is_done, harness.queue.undelivered) == (True, [])


def test_a_callback_that_is_gone_ends_only_itself() -> None:
    harness = WebhookHarness()
    harness.receivers |= {BAD: lambda _: (410, 0.1), GOOD: accepting}
    harness.change(task(1, callback_url=BAD), State.SUCCESS)
    harness.pass_(HOUR)
    harness.change(task(2, callback_url=GOOD), State.SUCCESS)
    harness.pass_(HOUR)
    assert [each.url for each in harness.received] == [GOOD]
    assert harness.notices.told == []


def test_a_webhook_that_fails_for_days_is_paused_and_can_be_resumed() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(BAD, redirects)
    for day in range(6):
        assert harness.manage("show", webhook.id).paused is None
        harness.change(task(day), State.SUCCESS)
        harness.pass_(DAY)
    assert harness.manage("show", webhook.id).paused is PauseReason.FAILING
    events = [(event["type"], event["data"].get("reason")) for event in harness.notices.told]
    assert events == [("reelkeep.webhook.failing", None), ("reelkeep.webhook.paused", "failing")]  # once each
    harness.change(task(8), State.SUCCESS)  # held

    harness.receivers[BAD] = accepting
    harness.manage("change", WebhookSettings(webhook_id=webhook.id, active=True))
    harness.change(task(9), State.SUCCESS)
    harness.pass_(HOUR)
    assert [json.loads(each.body)["subject"] for each in harness.received] == [task(9).id]
    resumed = harness.manage("show", webhook.id)
    assert (resumed.paused, resumed.failing_since) == (None, None)
    held = next(each for each in harness.deliveries.recorded.values() if each.task_id == task(8).id)
    assert held.outcome is Outcome.HELD
    harness.manage("replay", DeliveryRef(webhook.id, held.id))
    harness.pass_(HOUR)
    assert [json.loads(each.body)["subject"] for each in harness.received] == [task(9).id, task(8).id]


def test_one_success_resets_all_failures() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(BAD, fails_for_an_hour)
    harness.change(task(), State.SUCCESS)
    harness.pass_(timedelta(minutes=30))
    assert harness.manage("show", webhook.id).failing_since is not None
    harness.pass_(DAY)
    assert harness.manage("show", webhook.id).failing_since is None


def test_a_replay_goes_out_at_once_although_the_next_attempt_is_hours_away() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(BAD, redirects)
    harness.change(task(), State.SUCCESS)
    harness.pass_(6 * HOUR)
    (delivery,) = harness.deliveries.recorded.values()
    harness.receivers[BAD] = accepting
    harness.manage("replay", DeliveryRef(webhook.id, delivery.id))
    harness.pass_(timedelta(seconds=1))
    assert [each.id for each in harness.received] == [delivery.id]
    harness.pass_(2 * DAY)  # what was left of the first round means nothing any more
    assert len(harness.received) == 1
    assert harness.is_done


def test_a_delivery_that_is_replayed_without_end_still_fits_its_record_and_has_all_its_attempts() -> None:
    harness = WebhookHarness()
    harness.receivers[BAD] = lambda _: (503, 0.1)
    harness.change(task(callback_url=BAD), State.SUCCESS)
    harness.pass_(2 * DAY)
    [delivery] = harness.deliveries.recorded.values()
    for _ in range(20):
        harness.manage("replay", DeliveryRef(CALLBACKS, delivery.id))
        harness.pass_(2 * DAY)
    [delivery] = harness.deliveries.recorded.values()
    assert (delivery.outcome, delivery.replay_number) == (Outcome.FAILED, 20)
    assert len(delivery.attempts) == 50 + ATTEMPTS


def test_a_replay_has_a_whole_day_of_its_own() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(BAD, redirects)
    harness.change(task(), State.SUCCESS)
    harness.pass_(2 * DAY)
    (delivery,) = harness.deliveries.recorded.values()
    harness.manage("replay", DeliveryRef(webhook.id, delivery.id))
    harness.pass_(2 * DAY)
    (delivery,) = harness.deliveries.recorded.values()
    assert len(delivery.attempts) == 2 * ATTEMPTS
    assert harness.queue.undelivered == [delivery.id, delivery.id]


def test_a_replay_that_is_asked_for_during_an_attempt_is_made() -> None:
    harness = WebhookHarness()

    def replays(received: Received) -> tuple[int, float]:
        harness.receivers[GOOD] = accepting
        harness.manage("replay", DeliveryRef(webhook.id, received.id))
        return 503, 0.1

    webhook = harness.webhook(GOOD, replays)
    harness.change(task(), State.SUCCESS)
    harness.pass_(HOUR)
    (delivery,) = harness.deliveries.recorded.values()
    assert (delivery.outcome, delivery.replay_number, len(harness.received)) == (Outcome.DELIVERED, 1, 1)
    assert harness.is_done


def test_a_webhook_that_is_deleted_during_an_attempt_stays_deleted() -> None:
    harness = WebhookHarness()

    def deletes(_: Received) -> tuple[int, float]:
        harness.manage("delete", webhook.id)
        return 503, 0.1

    webhook = harness.webhook(BAD, deletes)
    harness.change(task(), State.SUCCESS)
    harness.pass_(DAY)
    assert harness.webhooks.recorded == {}
    assert [each.outcome for each in harness.deliveries.recorded.values()] == [Outcome.HELD]


def test_a_webhook_that_answers_is_not_written_again() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(GOOD)
    harness.change(task(), State.SUCCESS)
    harness.pass_(HOUR)
    assert harness.manage("show", webhook.id) == webhook


def test_messages_are_signed_with_both_secrets_for_a_day_after_a_rotation() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(GOOD)
    first = signatures.secret_of(MASTER, "alice", webhook.id, 1)
    second = harness.manage("rotate", webhook.id).secret
    counts = []
    for number, hours in enumerate((1, 22, 2)):
        harness.pass_(hours * HOUR)
        harness.change(task(number), State.SUCCESS)
        harness.pass_(timedelta(seconds=1))
        signed = harness.received[-1].headers["webhook-signature"].split()
        counts.append(len(signed))
        moment = harness.received[-1].at
        both = signatures.standard(harness.received[-1].id, harness.received[-1].body, [second, first], moment)
        assert both["webhook-signature"].split()[: len(signed)] == signed
    assert counts == [2, 2, 1]


def test_a_callback_in_vidus_dialect_is_signed_as_vidu_does_too() -> None:
    harness = WebhookHarness()
    harness.receivers[GOOD] = accepting
    secret = harness.manage("rotate", CALLBACKS).secret
    harness.change(task(dialect="vidu_ent_v2", callback_url=GOOD), State.PROCESSING)
    harness.change(task(2, dialect="volc_ark", callback_url=GOOD), State.PROCESSING)
    harness.pass_(HOUR)
    vidu, ark = harness.received
    assert vidu.headers.items() >= signatures.vidu(GOOD, "nonce", secret, vidu.at).items()
    assert "X-HMAC-SIGNATURE" not in ark.headers
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= ark.headers.keys()
    assert (json.loads(vidu.body)["state"], json.loads(ark.body)["status"]) == ("processing", "running")


def test_a_receiver_of_vidus_scheme_has_a_day_to_learn_a_new_secret() -> None:
    """There is room for one signature only, so that it is by the secret that was there first."""
    harness = WebhookHarness()
    webhook = harness.webhook(GOOD, body_format=BodyFormat.DIALECT)
    first = signatures.secret_of(MASTER, "alice", webhook.id, 1)
    second = harness.manage("rotate", webhook.id).secret
    for number, secret in enumerate((first, second)):
        harness.change(task(number, dialect="vidu_ent_v2"), State.SUCCESS)
        harness.pass_(25 * HOUR)
        headers = harness.received[-1].headers
        assert headers.items() >= signatures.vidu(GOOD, "nonce", secret, harness.received[-1].at).items()


def test_nothing_is_sent_to_a_webhook_that_was_deleted_meanwhile() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(BAD, redirects)
    harness.change(task(), State.SUCCESS)
    harness.pass_(timedelta(seconds=1))
    harness.receivers[BAD] = accepting
    harness.manage("delete", webhook.id)
    harness.pass_(2 * DAY)
    assert harness.received == []
    assert harness.is_done


def test_what_waits_when_its_webhook_is_paused_is_held() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(BAD, redirects)
    harness.change(task(), State.SUCCESS)
    harness.pass_(timedelta(seconds=1))
    harness.receivers[BAD] = accepting
    harness.manage("change", WebhookSettings(webhook_id=webhook.id, active=False))
    harness.pass_(DAY)
    assert [each.outcome for each in harness.deliveries.recorded.values()] == [Outcome.HELD]
    assert (harness.received, harness.is_done) == ([], True)


def test_the_log_of_a_delivery_shows_no_body_and_no_address() -> None:
    harness = WebhookHarness()
    harness.webhook("https://good.test/h?token=abc")
    harness.change(task(), State.SUCCESS)
    harness.pass_(HOUR)
    (delivery,) = harness.deliveries.recorded.values()
    assert "good.test" not in json.dumps(delivery.facts)
    assert delivery.url_without_query == "https://good.test/h"
