"""A receiver that does not answer delays no other one. Time is simulated, also in the middle of an attempt."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from reelkeep.domain.notices.webhooks import ATTEMPTS, Delivery, DeliveryRef, Outcome, WebhookSettings
from reelkeep.domain.task import State
from tests.unit.services.harness import MALLORY, NOON
from tests.unit.services.webhook_harness import TIMEOUT, WORKERS, Received, WebhookHarness, accepting, task

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=seconds) for seconds in (1, 60, 3600, 86_400))
GOOD, BAD = "https://good.test/h", "https://bad.test/h"


def hangs(_: Received) -> tuple[int, float]:
    return 200, 1e9


def tell(harness: WebhookHarness, number: int, **asked: Any) -> None:
    harness.change(task(number, **asked), State.SUCCESS)


def errors(harness: WebhookHarness) -> Counter[str]:
    """Why attempts had no answer, before their first colon."""
    found = (attempt for delivery in harness.deliveries.recorded.values() for attempt in delivery.attempts)
    return Counter(attempt.error.partition(":")[0] for attempt in found if attempt.status is None)


def latest(harness: WebhookHarness) -> Delivery:
    return max(harness.deliveries.recorded.values(), key=lambda each: each.task_id)


def delays(harness: WebhookHarness, url: str, after: datetime = NOON) -> list[timedelta]:
    told = {delivery.id: delivery.created_at for delivery in harness.deliveries.recorded.values()}
    return [each.at - told[each.id] for each in harness.received if each.url == url and told[each.id] >= after]


def test_a_hundred_receivers_that_hang_hold_up_a_good_one_for_one_time_out_and_seldom() -> None:
    dice = random.Random(1)
    harness = WebhookHarness(jitter=lambda: dice.uniform(0.9, 1.1))
    harness.webhook(GOOD)
    bad = [f"https://bad{number}.test/h" for number in range(WORKERS)]
    harness.receivers |= dict.fromkeys(bad, hangs)
    number = 0
    for second in range(600):
        for url in bad * {0: 3, 300: 1}.get(second, 0):  # all at once, as if they had agreed
            number += 1
            tell(harness, number, caller=MALLORY, callback_url=url)
        number += 1
        tell(harness, number)
        harness.pass_(SECOND)
    harness.pass_(2 * DAY)

    found = delays(harness, GOOD)
    assert len(found) == 600
    assert max(found) <= timedelta(seconds=TIMEOUT + 1)
    assert sum(delay > SECOND for delay in found) <= 3 * TIMEOUT
    given_up = [each for each in harness.deliveries.recorded.values() if each.owner == "mallory"]
    assert {(each.outcome, len(each.attempts)) for each in given_up} == {(Outcome.FAILED, ATTEMPTS)}
    assert len(harness.queue.undelivered) == len(given_up) == 400


def test_a_receiver_that_hangs_is_waited_for_by_one_message_at_a_time() -> None:
    harness = WebhookHarness()
    most = 0

    def watched(received: Received) -> tuple[int, float]:
        nonlocal most
        most = max(most, 1 + sum(waits_until > harness.now for waits_until, _, _ in harness.busy))
        return hangs(received)

    harness.webhook(BAD, watched)
    for number in range(WORKERS):
        tell(harness, number)
    harness.pass_(HOUR)
    assert most == 1
    assert errors(harness)["no answer in time"] == errors(harness).total() < 10


def test_nobody_waits_long_until_a_new_receiver_has_answered() -> None:
    harness = WebhookHarness()
    harness.webhook(GOOD)
    for number in range(500):
        tell(harness, number)
    harness.pass_(MINUTE)
    assert len(harness.received) == 500
    assert max(delays(harness, GOOD)) <= 5 * SECOND
    assert {len(each.attempts) for each in harness.deliveries.recorded.values()} == {1}
    tell(harness, 501)
    harness.pass_(MINUTE)
    assert delays(harness, GOOD)[-1] < SECOND


def test_a_receiver_that_answers_again_gets_everything_in_order() -> None:
    harness, states = WebhookHarness(), (State.ARCHIVING, State.SUCCESS)
    harness.webhook(BAD, lambda _: (200, 0.1 if harness.now >= NOON + HOUR else 1e9), states=states)
    for number in range(50):
        harness.change(harness.change(task(number), State.ARCHIVING), State.SUCCESS)
        harness.pass_(MINUTE)
    harness.pass_(DAY)
    assert {each.outcome for each in harness.deliveries.recorded.values()} == {Outcome.DELIVERED}
    assert harness.queue.undelivered == []
    told = defaultdict(list)
    for each in harness.received:
        data = json.loads(each.body)["data"]
        told[data["task_id"]].append(data["state"])
    assert told == {task(number).id: ["archiving", "success"] for number in range(50)}


def test_a_receiver_that_answers_late_or_badly_is_no_receiver_that_hangs() -> None:
    for answer in ((200, 9.5), (500, 9.5), (503, 0.1), (302, 0.1)):
        harness = WebhookHarness()
        harness.webhook(BAD, lambda _, answer=answer: answer)  # type: ignore[misc]  # its type is that of the answer
        for number in range(20):
            tell(harness, number)
        harness.pass_(HOUR)
        assert errors(harness) == {}


def test_a_receiver_that_used_to_answer_may_time_out_twice_in_a_row_but_not_three_times() -> None:
    harness = WebhookHarness()
    script = iter([0.1, 1e9, 1e9, 0.1, 1e9, 1e9, 1e9])
    harness.webhook(BAD, lambda _: (200, next(script)))
    for number in range(6):
        tell(harness, number)
        harness.pass_(timedelta(seconds=TIMEOUT + 1))  # to the end of its first attempt, and not to its second
        harness.queue.messages.clear()
    assert errors(harness) == {"no answer in time": 4}
    tell(harness, 6)
    harness.pass_(timedelta(seconds=TIMEOUT + 1))
    assert errors(harness) == {"no answer in time": 5}
    tell(harness, 7)
    harness.pass_(SECOND)
    assert errors(harness) == {"no answer in time": 5}
    assert next(each for each in harness.waiting.all if each.message.delivery_id == latest(harness).id).due


def test_a_receiver_that_hangs_is_probed_less_and_less_often_and_at_least_every_quarter_of_an_hour() -> None:
    harness = WebhookHarness()
    asked: list[datetime] = []

    def watched(received: Received) -> tuple[int, float]:
        asked.append(received.at)
        return hangs(received)

    harness.webhook(BAD, watched)
    for number in range(3 * 60):
        tell(harness, number)
        harness.pass_(MINUTE)
    waits = [round((later - earlier) / MINUTE) for earlier, later in pairwise(asked)]
    assert waits[:4] == [1, 2, 4, 8]
    assert set(waits[4:]) == {16}


def test_after_a_function_died_in_a_probe_the_receiver_gets_nothing_for_a_minute() -> None:
    harness = WebhookHarness()
    harness.webhook(BAD, hangs)
    tell(harness, 1)
    harness.pass_(SECOND)  # it asks
    harness.busy.clear()  # and is gone
    tell(harness, 2)
    harness.pass_(timedelta(seconds=11))
    assert errors(harness) == {}
    harness.receivers[BAD] = accepting
    harness.pass_(timedelta(seconds=40))
    assert harness.received == []
    harness.pass_(timedelta(minutes=5))
    assert {each.outcome for each in harness.deliveries.recorded.values()} == {Outcome.DELIVERED}


def test_a_callback_address_that_hangs_affects_neither_other_addresses_nor_other_owners() -> None:
    harness = WebhookHarness()
    harness.webhook(BAD, hangs)
    tell(harness, 1)
    tell(harness, 2, callback_url="https://bad.test/callback?1")
    harness.receivers |= {"https://bad.test/callback?1": hangs, "https://other.test/c": accepting}
    harness.pass_(timedelta(seconds=20))
    harness.receivers |= {"https://bad.test/callback?2": accepting}
    tell(harness, 3, callback_url="https://bad.test/callback?2")  # where another one hung
    tell(harness, 4, callback_url="https://other.test/c")
    tell(harness, 5, caller=MALLORY, callback_url="https://bad.test/callback?2")
    harness.pass_(SECOND)
    assert sorted(each.url for each in harness.received) == ["https://bad.test/callback?2", "https://other.test/c"]
    assert {owner for owner, _ in harness.breakers.recorded} == {"alice", "mallory"}
    harness.receivers["https://bad.test/callback?1"] = accepting
    harness.pass_(HOUR)
    assert len(harness.received) == 4


def test_a_webhook_that_hangs_for_days_is_paused_as_ever() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(BAD, hangs)
    for number in range(12):
        tell(harness, number)
        harness.pass_(DAY / 2)
    assert harness.manage("show", webhook.id).paused is not None
    harness.receivers[BAD] = accepting
    harness.manage("change", WebhookSettings(webhook_id=webhook.id, active=True))
    tell(harness, 20)
    harness.pass_(HOUR)
    assert len(harness.received) == 1


def test_receivers_that_are_dead_for_hours_delay_nobody_and_their_messages_wait_as_data() -> None:
    """Two thousand messages wait for them in the end, and the queue has a handful. `benchmarks/webhooks.py` shows the
    same for a whole day at a hundred messages a second."""
    dice = random.Random(1)
    harness = WebhookHarness(jitter=lambda: dice.uniform(0.9, 1.1))
    bob, refusing = "https://bob.test/h", "https://refuses.test/h"
    harness.webhook(GOOD)
    harness.webhook(bob, caller=MALLORY)
    dead = {harness.webhook(url).id for url in (BAD, refusing)}
    longest = 0
    for number in range(1_100):
        if number == 50:
            harness.receivers |= {BAD: hangs, refusing: lambda _: (503, 0.1)}
        tell(harness, 2 * number)
        if number % 4 == 0:
            tell(harness, 2 * number + 1, caller=MALLORY)
        harness.pass_(15 * SECOND)
        longest = max(longest, len(harness.queue.messages))
    outcomes = Counter(each.outcome for each in harness.deliveries.recorded.values())
    assert len(harness.waiting.all) == outcomes[Outcome.WAITING] > 2_000
    assert longest < 50
    assert harness.queue.most_in_flight < 10

    revived = harness.now
    harness.receivers |= {BAD: accepting, refusing: accepting}
    harness.pass_(9 * HOUR)  # those that were tried most often wait that long
    assert harness.is_done
    assert {each.outcome for each in harness.deliveries.recorded.values()} == {Outcome.DELIVERED}
    assert max(delays(harness, GOOD) + delays(harness, bob)) < SECOND
    waited = [each.attempts for each in harness.deliveries.recorded.values() if each.webhook_id in dead]
    untried = [attempts[0].at for attempts in waited if len(attempts) == 1]
    assert len(untried) > 2_000
    assert max(untried) < revived + 20 * MINUTE


def test_what_has_waited_for_a_day_for_a_receiver_that_is_dead_is_given_up_and_its_log_says_so() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(BAD, hangs)
    for number in range(40 * 12):
        tell(harness, number)
        harness.pass_(5 * MINUTE)
    given_up = [each for each in harness.deliveries.recorded.values() if each.outcome is Outcome.FAILED]
    assert len(given_up) >= 15 * 12
    for each in given_up:
        assert DAY <= each.attempts[-1].at - each.created_at < DAY + 9 * HOUR  # the longest wait is one of 8 hours
        assert len(each.attempts) <= ATTEMPTS
    assert errors(harness)["not tried"] >= 14 * 12
    assert harness.queue.undelivered == [each.id for each in sorted(given_up, key=lambda each: each.attempts[-1].at)]
    assert [event["type"] for event in harness.notices.told] == ["reelkeep.webhook.failing"]
    harness.receivers[BAD] = accepting
    harness.manage("replay", DeliveryRef(webhook.id, given_up[0].id))
    harness.pass_(HOUR)
    assert harness.is_done
    assert {each.outcome for each in harness.deliveries.recorded.values()} == {Outcome.DELIVERED, Outcome.FAILED}


def test_answers_that_come_at_the_same_moment_are_all_recorded() -> None:
    harness = WebhookHarness()
    script = iter([0.1, 1e9, 1e9, 1e9])
    harness.webhook(BAD, lambda _: (200, next(script)))
    tell(harness, 0)
    harness.pass_(SECOND)
    for number in (1, 2, 3):
        tell(harness, number)
    harness.pass_(timedelta(seconds=TIMEOUT))  # each of the three read what was known before them
    harness.queue.messages.clear()
    tell(harness, 4)
    harness.pass_(SECOND)
    assert errors(harness) == {"no answer in time": 3}
    assert latest(harness).attempts == ()
