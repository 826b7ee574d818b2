"""A submission that an SDK repeats by itself, or that its owner's window takes for a repeat."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reelkeep.domain.errors import Refused, TryLater
from reelkeep.domain.observation import Accepted, Unknown
from reelkeep.domain.observation import Refused as SaidNo
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.task import State, Task
from reelkeep.ports.owners import Caller
from tests.unit.services.harness import ALICE, MALLORY, NOON, FakeProvider, Harness
from tests.unit.services.repeats_harness import (
    ASKED,
    NO_CREDIT,
    OTHER,
    POINTS,
    Acts,
    DiesAt,
    at_every_point,
    dies,
    then,
)

WINDOW = replace(ALICE, settings=OwnerSettings(repeat_window=60))


def test_a_request_that_marks_itself_as_a_repetition_is_the_same_task() -> None:
    harness = Harness()
    first = harness.submit(ASKED, attempt=0)
    harness.pass_(30)
    assert [harness.submit(ASKED, attempt=attempt).id for attempt in (1, 2)] == [first.id] * 2
    assert harness.submit(OTHER, attempt=1).id != first.id
    assert harness.submit(ASKED, MALLORY, attempt=1).id != first.id
    assert len(harness.provider.dispatched) == 3


def test_a_first_attempt_is_a_task_of_its_own_and_its_repetition_is_of_the_latest_one() -> None:
    harness = Harness()
    first, second = harness.submit(ASKED, attempt=0), harness.submit(ASKED, attempt=0)
    assert first.id != second.id
    assert harness.submit(ASKED, attempt=1).id == second.id


def test_a_repetition_whose_first_attempt_never_arrived_is_a_task_and_so_are_its_repetitions() -> None:
    harness = Harness()
    second = harness.submit(ASKED, attempt=1)
    assert harness.submit(ASKED, attempt=2).id == second.id
    assert len(harness.provider.dispatched) == 1


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_first_attempt_that_its_repetition_overtook_is_the_same_task_and_the_next_is_another(attempt: int) -> None:
    harness = Harness()
    second = harness.submit(ASKED, attempt=attempt)
    harness.pass_(120)
    assert harness.submit(OTHER, attempt=0).id != second.id
    assert harness.submit(ASKED, attempt=0).id == second.id
    assert harness.submit(ASKED, attempt=1).id == second.id
    assert harness.submit(ASKED, attempt=0).id != second.id
    assert len(harness.provider.dispatched) == 3


def test_a_first_attempt_that_comes_too_late_for_its_repetition_is_another_task() -> None:
    harness = Harness()
    second = harness.submit(ASKED, attempt=1)
    harness.pass_(45 * 60)
    assert harness.submit(ASKED, attempt=0).id != second.id


@at_every_point
def test_a_first_attempt_that_meets_its_repetition_under_way_is_the_same_task(point: str) -> None:
    harness = Acts()
    late: list[Task] = []
    POINTS[point](harness, then(lambda: late.append(harness.submit(ASKED, attempt=0))))
    second = harness.submit(ASKED, attempt=1)
    assert [task.id for task in late] == [second.id]
    assert len(harness.provider.dispatched) == 1


@pytest.mark.parametrize("times", [[600, 1201], [960], [1800, 2699]])
def test_an_sdk_repeats_as_late_as_its_time_outs_let_it(times: list[int]) -> None:
    harness = Harness()
    first = harness.submit(ASKED, attempt=0)
    for attempt, seconds in enumerate(times, 1):
        harness.now = NOON + timedelta(seconds=seconds)
        assert harness.submit(ASKED, attempt=attempt).id == first.id
    harness.now = NOON + timedelta(minutes=45)
    assert harness.submit(ASKED, attempt=1).id != first.id


@pytest.mark.parametrize("before", [ALICE, WINDOW])
@pytest.mark.parametrize("after", [ALICE, WINDOW])
def test_a_marked_repetition_is_one_whatever_its_owner_s_window_is_and_was(before: Caller, after: Caller) -> None:
    harness = Harness()
    first = harness.submit(ASKED, before, attempt=0)
    harness.pass_(600)
    assert harness.submit(ASKED, after, attempt=1).id == first.id
    assert harness.submit(ASKED, after, attempt=0).id != first.id


def test_a_repetition_of_what_was_refused_tries_once_more() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[SaidNo(NO_CREDIT), Accepted("p-2")]))
    with pytest.raises(Refused):
        harness.submit(ASKED, attempt=0)
    assert harness.submit(ASKED, attempt=1).provider_task_id == "p-2"


@at_every_point
def test_a_marked_repetition_after_the_first_died_is_paid_once(point: str) -> None:
    harness = Acts()
    POINTS[point](harness, then(dies))
    with pytest.raises(DiesAt):
        harness.submit(ASKED, attempt=0)
    again = harness.submit(ASKED, attempt=1)
    harness.provider.found = ["p-1" if harness.provider.dispatched else ""]
    harness.see_through(again.id)
    assert (harness.task(again.id).state, len(harness.provider.dispatched)) == (State.SUCCESS, 1)


def test_the_owner_is_notified_of_what_may_be_a_repetition_and_both_are_made() -> None:
    harness = Harness()
    first = harness.submit(ASKED)
    harness.pass_(600)
    tagged = replace(ASKED, tags=("campaign-7",))
    second, third = harness.submit(tagged), harness.submit(OTHER)
    for task in (first, second, third):
        harness.poll(task.id)
    assert [harness.task(each.id).possible_repeat for each in (first, second, third)] == ["", first.id, ""]
    assert len(harness.provider.dispatched) == 3
    [event], [attributes] = harness.notices.told, harness.notices.attributes
    assert (event["type"], event["subject"]) == ("reelkeep.task.possible-repeat", second.id)
    assert (event["data"]["possible_repeat"], event["data"]["tags"]) == (first.id, ["campaign-7"])
    assert (attributes["type"], attributes["owner"]) == ("reelkeep.task.possible-repeat", "alice")
    assert "state" not in attributes


@pytest.mark.parametrize(
    "how",
    [{"key": "k"}, {"attempt": 0}, {"caller": MALLORY}, {"caller": WINDOW}],
)
def test_what_says_that_it_is_no_repetition_is_not_reported_as_one(how: dict[str, Any]) -> None:
    harness = Harness()
    first = harness.submit(ASKED)
    harness.pass_(1)
    for task in (first, harness.submit(ASKED, **how)):
        harness.poll(task.id)
        assert harness.task(task.id).possible_repeat == ""
    assert harness.notices.told == []


def test_a_possible_repetition_is_reported_at_once_and_once() -> None:
    harness = Harness()
    first = harness.submit(ASKED)
    second = harness.submit(ASKED)
    assert second.possible_repeat == first.id
    harness.call_back(second.id)  # the provider is quicker than the first poll
    harness.see_through(second.id)
    kinds = [event["type"] for event in harness.notices.told]
    assert kinds == ["reelkeep.task.possible-repeat", "reelkeep.task.success"]


@pytest.mark.parametrize("fault", [RuntimeError("SNS refuses"), DiesAt()])
def test_what_the_submission_could_not_report_is_reported_by_the_next_poll(fault: BaseException) -> None:
    harness = Harness()
    first = harness.submit(ASKED)
    harness.notices.faults = [fault, None]
    with suppress(DiesAt):
        harness.submit(ASKED)
    [second] = harness.tasks.recorded.keys() - {first.id}
    assert harness.task(second).possible_repeat == first.id
    assert harness.notices.told == []
    harness.poll(second)
    harness.poll(second)
    assert [event["id"] for event in harness.notices.told] == [f"{second}.possible-repeat"]


def test_a_request_that_was_refused_before_is_not_reported_as_a_repetition() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[SaidNo(NO_CREDIT), Accepted("p-2")]))
    with pytest.raises(Refused):
        harness.submit(ASKED)
    second = harness.submit(ASKED)
    assert second.possible_repeat == ""
    assert harness.submit(ASKED).possible_repeat == second.id


def test_a_submission_succeeds_even_if_likely_repeats_cannot_be_looked_up() -> None:
    def refuses() -> None:
        raise TryLater("the table")

    harness = Acts()
    harness.claims.after = refuses
    assert harness.submit(ASKED).state is State.QUEUEING


def test_in_its_owner_s_window_an_identical_body_is_a_repeat() -> None:
    harness = Harness()
    first = harness.submit(ASKED, WINDOW)
    harness.pass_(59)
    assert harness.submit(ASKED, WINDOW).id == first.id
    assert harness.submit(OTHER, WINDOW).id != first.id
    harness.pass_(1)
    assert harness.submit(ASKED, WINDOW).id != first.id


def test_a_key_of_its_own_takes_precedence_over_the_window() -> None:
    harness = Harness()
    first = harness.submit(ASKED, WINDOW)
    second = harness.submit(ASKED, WINDOW, key="k")
    assert second.id != first.id
    harness.pass_(3600)
    assert harness.submit(ASKED, WINDOW, key="k").id == second.id


def test_a_key_cannot_be_made_that_stands_for_a_body() -> None:
    harness = Harness()
    first = harness.submit(ASKED, WINDOW)
    [(_, _, name)] = harness.claims.made
    assert harness.submit(OTHER, WINDOW, key=name).id != first.id


def test_in_the_window_what_failed_may_be_tried_once_more() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[SaidNo(NO_CREDIT), Accepted("p-2")]))
    with pytest.raises(Refused):
        harness.submit(ASKED, WINDOW)
    second = harness.submit(ASKED, WINDOW)
    assert second.provider_task_id == "p-2"
    assert harness.submit(ASKED, WINDOW).id == second.id


def test_in_the_window_what_is_made_already_is_not_made_again() -> None:
    harness = Harness()
    day = replace(ALICE, settings=OwnerSettings(repeat_window=86_400))
    first = harness.submit(ASKED, day)
    harness.see_through(first.id)
    assert harness.submit(ASKED, day).id == first.id
    assert len(harness.provider.dispatched) == 1


def test_two_at_once_that_try_once_more_what_failed_are_one_task() -> None:
    harness = Acts(SaidNo(NO_CREDIT), Accepted("p-2"))
    with pytest.raises(Refused):
        harness.submit(ASKED, WINDOW)
    repeats: list[Task] = []
    harness.claims.after = then(lambda: repeats.append(harness.submit(ASKED, WINDOW)))
    assert harness.submit(ASKED, WINDOW).id == repeats[0].id
    assert len(harness.provider.dispatched) == 2


def test_in_the_window_a_task_of_unknown_outcome_is_not_tried_again() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut"), Accepted("p-2")]))
    day = replace(ALICE, settings=OwnerSettings(repeat_window=86_400))
    first = harness.submit(ASKED, day)
    harness.see_through(first.id)
    assert harness.submit(ASKED, day).id == first.id
    assert len(harness.provider.dispatched) == 1
