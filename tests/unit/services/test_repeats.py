"""A submission that comes again: by its Idempotency-Key, or in its owner's window. The races are played step by step:
what else happens is put between two steps of a submission."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from reelkeep.domain.claims import Claim
from reelkeep.domain.errors import InvalidRequest, KeyReused, Refused, TryLater
from reelkeep.domain.observation import Accepted, DispatchOutcome, Failed, NotYet, Unknown, Untraceable
from reelkeep.domain.observation import Refused as SaidNo
from reelkeep.domain.task import DispatchStatus, Failure, FailureClass, Request, State, Task
from reelkeep.ports import Caller
from tests.fakes import FakeClaims, FakeTasks
from tests.unit.services.harness import ALICE, MALLORY, NOON, FakeArchive, FakeProvider, Harness, request

NO_CREDIT = Failure(reason=FailureClass.CREDIT, code="CreditInsufficient", message="no credit left")
DAY = 86_400
ASKED = request(body={"model": "viduq2", "prompt": "a paper boat"})
OTHER = request(body={"model": "viduq2", "prompt": "another boat"})
WINDOW = replace(ALICE, repeat_window=timedelta(seconds=60))


class DiesAt(BaseException):
    """The function is killed here."""


def then(act: Callable[[], object]) -> Callable[[], object]:
    """Only the first time."""
    left = [act]
    return lambda: left.pop()() if left else None


def dies() -> None:
    raise DiesAt


class Claims(FakeClaims):
    after: Callable[[], object] = staticmethod(lambda: None)

    def claim(self, claim: Claim, now: datetime, *, instead_of: str = "") -> Claim:
        made = super().claim(claim, now, instead_of=instead_of)
        self.after()
        return made


class Tasks(FakeTasks):
    before_create: Callable[[], object] = staticmethod(lambda: None)
    after_create: Callable[[], object] = staticmethod(lambda: None)
    before_save: Callable[[], object] = staticmethod(lambda: None)

    def create(self, task: Task) -> Task:
        self.before_create()
        created = super().create(task)
        self.after_create()
        return created

    def save(self, task: Task) -> Task:
        self.before_save()
        return super().save(task)


class Provider(FakeProvider):
    before: Callable[[], object] = staticmethod(lambda: None)
    after: Callable[[], object] = staticmethod(lambda: None)

    def dispatch(self, task: Task) -> DispatchOutcome:
        self.before()
        placement = super().dispatch(task)
        self.after()
        return placement


class Acts(Harness):
    """A harness on which something can happen between the steps of a submission."""

    provider: Provider
    tasks: Tasks
    claims: Claims

    def __init__(self, *placements: DispatchOutcome) -> None:
        super().__init__(provider=Provider(), tasks=Tasks(), claims=Claims())
        if placements:
            self.provider.outcomes = list(placements)


POINTS: dict[str, Callable[[Acts, Callable[[], object]], object]] = {
    "after the claim": lambda harness, act: setattr(harness.claims, "after", act),
    "before the record": lambda harness, act: setattr(harness.tasks, "before_create", act),
    "after the record": lambda harness, act: setattr(harness.tasks, "after_create", act),
    "before the call": lambda harness, act: setattr(harness.provider, "before", act),
    "after the call": lambda harness, act: setattr(harness.provider, "after", act),
    "before the outcome": lambda harness, act: setattr(harness.tasks, "before_save", act),
}
at_every_point = pytest.mark.parametrize("point", POINTS)


def test_a_repeated_key_gives_the_same_task_and_pays_once() -> None:
    harness = Harness()
    first = harness.submit(ASKED, key="k")
    assert harness.submit(ASKED, key="k") == first
    assert (len(harness.provider.dispatched), len(harness.tasks.recorded)) == (1, 1)


def test_a_repeat_gets_the_task_as_it_is_now() -> None:
    harness = Harness()
    first = harness.submit(ASKED, key="k")
    harness.see_through(first.id)
    again = harness.submit(ASKED, key="k")
    assert (again.id, again.state) == (first.id, State.SUCCESS)
    assert [id for id, _ in harness.executions.started] == [first.id]


def test_without_a_key_the_same_body_is_another_task() -> None:
    harness = Harness()
    assert harness.submit(ASKED).id != harness.submit(ASKED).id
    assert {claim.sort for claim in harness.claims.made.values()} == {"likely"}


def test_two_owners_may_use_the_same_key() -> None:
    harness = Harness()
    assert harness.submit(ASKED, key="k").id != harness.submit(OTHER, MALLORY, key="k").id


@pytest.mark.parametrize(
    "other",
    [
        OTHER,
        replace(ASKED, dialect="vidu_ent_v2"),
        replace(ASKED, kind="img2video"),  # type: ignore[arg-type]  # the path's own, where the body does not say it
        replace(ASKED, provider="ark"),
    ],
)
def test_a_key_that_comes_with_another_request_is_refused_and_nothing_is_placed(other: Request) -> None:
    harness = Harness()
    harness.submit(ASKED, key="k")
    with pytest.raises(KeyReused, match="Idempotency-Key"):
        harness.submit(other, key="k")
    assert len(harness.provider.dispatched) == 1


def test_the_order_of_a_body_s_fields_makes_no_other_request() -> None:
    harness = Harness()
    backwards = request(body=dict(reversed(list(ASKED.body.items()))))
    assert harness.submit(ASKED, key="k").id == harness.submit(backwards, key="k").id


def test_what_a_newer_release_understands_makes_no_other_request() -> None:
    harness = Harness()
    first = harness.submit(ASKED, key="k")
    assert harness.submit(replace(ASKED, seed=7), key="k").id == first.id


def test_a_request_that_is_refused_as_wrong_does_not_use_its_key_up() -> None:
    harness = Harness(provider=FakeProvider(refuses=InvalidRequest("no such style there", field="style")))
    with pytest.raises(InvalidRequest):
        harness.submit(OTHER, key="k")
    harness.provider.refuses = None
    assert harness.submit(ASKED, key="k").state is State.QUEUEING


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "späť", "a\tb", "a\nb", "a\n"])
def test_a_key_that_cannot_be_one_is_refused_by_the_header_s_name(key: str) -> None:
    harness = Harness()
    with pytest.raises(InvalidRequest) as refused:
        harness.submit(ASKED, key=key)
    assert refused.value.field == "Idempotency-Key"
    assert harness.tasks.recorded == {}


@pytest.mark.parametrize("key", ["x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a b~!"])
def test_any_printable_key_is_good(key: str) -> None:
    assert Harness().submit(ASKED, key=key).state is State.QUEUEING


def test_a_key_is_free_again_after_seven_days() -> None:
    harness = Harness()
    first = harness.submit(ASKED, key="k")
    harness.pass_(7 * DAY - 1)
    assert harness.submit(ASKED, key="k").id == first.id
    harness.pass_(1)
    assert harness.submit(OTHER, key="k").id != first.id


def test_a_refusal_is_repeated_and_the_provider_is_not_asked_again() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[SaidNo(NO_CREDIT), Accepted("p-2")]))
    for _ in range(2):
        with pytest.raises(Refused, match="no credit left"):
            harness.submit(ASKED, key="k")
    assert len(harness.provider.dispatched) == 1
    assert harness.executions.started == []


def test_a_task_that_failed_later_is_shown_as_failed_not_as_refused() -> None:
    harness = Harness(provider=FakeProvider(observations=[Failed(NO_CREDIT)]))
    first = harness.submit(ASKED, key="k")
    harness.see_through(first.id)
    assert harness.submit(ASKED, key="k").state is State.FAILED


@at_every_point
def test_a_repeat_while_the_first_is_still_running_gets_the_same_task(point: str) -> None:
    harness = Acts()
    repeats: list[Task] = []
    POINTS[point](harness, then(lambda: repeats.append(harness.submit(ASKED, key="k"))))
    first = harness.submit(ASKED, key="k")
    assert [task.id for task in repeats] == [first.id]
    assert (len(harness.provider.dispatched), len(harness.tasks.recorded)) == (1, 1)
    harness.see_through(first.id)
    assert (harness.task(first.id).state, harness.task(first.id).provider_task_id) == (State.SUCCESS, "p-1")


@at_every_point
def test_a_repeat_after_the_first_died_gets_a_task_that_comes_to_its_end_and_is_paid_once(point: str) -> None:
    harness = Acts()
    POINTS[point](harness, then(dies))
    with pytest.raises(DiesAt):
        harness.submit(ASKED, key="k")
    again = harness.submit(ASKED, key="k")
    assert set(harness.executions.runs) == {again.id}
    called = len(harness.provider.dispatched)
    harness.provider.found = ["p-1" if called else ""]
    harness.see_through(again.id)
    assert (harness.task(again.id).state, len(harness.provider.dispatched)) == (State.SUCCESS, 1)


@at_every_point
def test_two_repeats_at_once_after_the_first_died_get_one_task_and_pay_once(point: str) -> None:
    harness = Acts()
    POINTS[point](harness, then(dies))
    with pytest.raises(DiesAt):
        harness.submit(ASKED, key="k")
    for other in POINTS:
        POINTS[other](harness, lambda: None)
    repeats: list[Task] = []
    harness.tasks.before_create = then(lambda: repeats.append(harness.submit(ASKED, key="k")))
    again = harness.submit(ASKED, key="k")
    assert {task.id for task in repeats} <= {again.id}
    assert len(harness.provider.dispatched) <= 1
    assert list(harness.tasks.recorded) == [again.id]


def test_a_refusal_whose_telling_was_cut_short_is_told_by_a_notice() -> None:
    harness = Acts(SaidNo(NO_CREDIT))
    saves = iter([lambda: None, dies])
    harness.tasks.before_save = lambda: next(saves, lambda: None)()
    with pytest.raises(DiesAt):
        harness.submit(ASKED, key="k")
    with pytest.raises(Refused):
        harness.submit(ASKED, key="k")
    harness.pass_(3600)
    assert harness.sweep().restarted == 1
    [task_id] = harness.tasks.recorded
    harness.see_through(task_id)
    assert [notice["subject"] for notice in harness.notices.told] == [task_id]


@pytest.mark.parametrize("point", ["after the record", "before the call", "after the call", "before the outcome"])
def test_who_was_given_a_task_that_is_refused_then_is_told_by_a_notice(point: str) -> None:
    harness = Acts(SaidNo(NO_CREDIT))
    repeats: list[Task] = []
    POINTS[point](harness, then(lambda: repeats.append(harness.submit(ASKED, key="k"))))
    with pytest.raises(Refused):
        harness.submit(ASKED, key="k")
    [given] = repeats
    assert set(harness.executions.runs) == {given.id}
    harness.see_through(given.id)
    assert [notice["subject"] for notice in harness.notices.told] == [given.id]


def test_a_refusal_that_nobody_else_waits_for_is_told_by_its_answer_alone() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[SaidNo(NO_CREDIT)]))
    with pytest.raises(Refused):
        harness.submit(ASKED, key="k")
    assert list(harness.tasks.unfinished()) == []


def test_a_refusal_that_the_machine_met_is_told_by_a_notice_though_a_repeat_hears_it_first() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[NotYet(), SaidNo(NO_CREDIT)]))
    task = harness.submit(ASKED, key="k")
    harness.pass_(60)
    harness.poll(task.id)
    with pytest.raises(Refused):
        harness.submit(ASKED, key="k")
    harness.finalize(task.id)
    assert [notice["subject"] for notice in harness.notices.told] == [task.id]


def test_a_big_request_is_known_again_and_lies_in_the_archive_once_more_under_the_same_task() -> None:
    harness = Acts()
    big = request(body={"images": ["data:image/png;base64," + "A" * 300_000]})
    harness.tasks.before_create = then(dies)
    with pytest.raises(DiesAt):
        harness.submit(big, key="k")
    assert harness.submit(big, key="k").request == big
    with pytest.raises(KeyReused):
        harness.submit(request(body={"images": ["data:image/png;base64," + "A" * 299_999 + "B"]}), key="k")


# --- an SDK that counts its attempts ---


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


def test_a_first_attempt_after_its_repetition_could_still_come_is_another_wish() -> None:
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


# --- an SDK that does not say that it repeats ---


def test_the_owner_is_told_of_what_may_be_a_repetition_and_both_are_made() -> None:
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
def test_what_says_that_it_is_no_repetition_is_not_told_to_be_one(how: dict[str, Any]) -> None:
    harness = Harness()
    first = harness.submit(ASKED)
    harness.pass_(1)
    for task in (first, harness.submit(ASKED, **how)):
        harness.poll(task.id)
        assert harness.task(task.id).possible_repeat == ""
    assert harness.notices.told == []


def test_a_possible_repetition_is_told_at_once_and_once() -> None:
    harness = Harness()
    first = harness.submit(ASKED)
    second = harness.submit(ASKED)
    assert second.possible_repeat == first.id
    harness.call_back(second.id)  # the provider is quicker than the first poll
    harness.see_through(second.id)
    kinds = [event["type"] for event in harness.notices.told]
    assert kinds == ["reelkeep.task.possible-repeat", "reelkeep.task.success"]


@pytest.mark.parametrize("fault", [RuntimeError("SNS refuses"), DiesAt()])
def test_what_the_submission_could_not_tell_of_is_told_by_the_next_poll(fault: BaseException) -> None:
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


def test_a_request_that_was_refused_before_is_no_repetition_of_what_nobody_has() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[SaidNo(NO_CREDIT), Accepted("p-2")]))
    with pytest.raises(Refused):
        harness.submit(ASKED)
    second = harness.submit(ASKED)
    assert second.possible_repeat == ""
    assert harness.submit(ASKED).possible_repeat == second.id


def test_a_hint_that_cannot_be_had_refuses_no_submission() -> None:
    def refuses() -> None:
        raise TryLater("the table")

    harness = Acts()
    harness.claims.after = refuses
    assert harness.submit(ASKED).state is State.QUEUEING


# --- the owner's window ---


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


def test_in_the_window_what_was_in_vain_may_be_tried_once_more() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[SaidNo(NO_CREDIT), Accepted("p-2")]))
    with pytest.raises(Refused):
        harness.submit(ASKED, WINDOW)
    second = harness.submit(ASKED, WINDOW)
    assert second.provider_task_id == "p-2"
    assert harness.submit(ASKED, WINDOW).id == second.id


def test_in_the_window_what_is_there_already_is_not_made_again() -> None:
    harness = Harness()
    day = replace(ALICE, repeat_window=timedelta(days=1))
    first = harness.submit(ASKED, day)
    harness.see_through(first.id)
    assert harness.submit(ASKED, day).id == first.id
    assert len(harness.provider.dispatched) == 1


def test_two_at_once_that_try_what_was_in_vain_once_more_are_one() -> None:
    harness = Acts(SaidNo(NO_CREDIT), Accepted("p-2"))
    with pytest.raises(Refused):
        harness.submit(ASKED, WINDOW)
    repeats: list[Task] = []
    harness.claims.after = then(lambda: repeats.append(harness.submit(ASKED, WINDOW)))
    assert harness.submit(ASKED, WINDOW).id == repeats[0].id
    assert len(harness.provider.dispatched) == 2


def test_in_the_window_a_task_of_unknown_outcome_is_not_tried_again() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut"), Accepted("p-2")]))
    day = replace(ALICE, repeat_window=timedelta(days=1))
    first = harness.submit(ASKED, day)
    harness.see_through(first.id)
    assert harness.submit(ASKED, day).id == first.id
    assert len(harness.provider.dispatched) == 1


# --- the client gets its task, whatever fails after the call ---


class DownAfterCall(Acts):
    """The table takes nothing more once the provider has been called."""

    def __init__(self, *placements: DispatchOutcome) -> None:
        super().__init__(*placements)

        def down() -> None:
            raise TryLater("throttled")

        self.provider.after = lambda: setattr(self.tasks, "before_save", down)

    def mended(self) -> None:
        self.provider.after = self.tasks.before_save = lambda: None


@pytest.mark.parametrize("placement", [Accepted("p-1"), NotYet(), Unknown("cut"), SaidNo(NO_CREDIT)])
def test_the_client_gets_its_task_when_the_outcome_of_the_call_cannot_be_recorded(placement: DispatchOutcome) -> None:
    harness = DownAfterCall(placement)
    task = harness.submit(ASKED)
    assert (task.state, task.dispatch.status) == (State.CREATED, DispatchStatus.STARTED)
    assert harness.executions.started == [(task.id, 35)]


def test_what_could_not_be_recorded_goes_along_to_the_first_look_also_where_a_provider_can_never_tell() -> None:
    harness = DownAfterCall(Accepted("p-1"))
    task = harness.submit(ASKED)
    harness.mended()
    harness.provider.found = [Untraceable()]
    harness.see_through(task.id)
    assert (harness.task(task.id).state, harness.task(task.id).provider_task_id) == (State.SUCCESS, "p-1")
    assert len(harness.provider.dispatched) == 1


def test_what_nobody_could_take_note_of_is_found_out_and_paid_once() -> None:
    harness = DownAfterCall(Accepted("p-1"))
    harness.executions.fault = TryLater("throttled")
    task = harness.submit(ASKED)
    harness.mended()
    harness.executions.fault = None
    harness.provider.found = ["p-1"]
    harness.see_through(task.id)
    assert (harness.task(task.id).state, len(harness.provider.dispatched)) == (State.SUCCESS, 1)


def test_a_refusal_is_told_though_it_cannot_be_recorded_that_it_was() -> None:
    harness = Acts(SaidNo(NO_CREDIT))
    harness.tasks.before_save = then(lambda: setattr(harness.tasks, "before_save", _down))
    with pytest.raises(Refused):
        harness.submit(ASKED)


def _down() -> None:
    raise TryLater("throttled")


def test_a_fault_of_ours_in_the_call_leaves_an_unknown_outcome_not_a_lost_task() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[RuntimeError("a secret")], found=["p-1"]))
    task = harness.submit(ASKED)
    assert task.dispatch.status is DispatchStatus.UNKNOWN
    assert "RuntimeError" in task.last_error
    assert "secret" not in task.last_error
    harness.see_through(task.id)
    assert (harness.task(task.id).state, len(harness.provider.dispatched)) == (State.SUCCESS, 1)


def test_a_call_for_which_too_little_time_is_left_is_made_by_the_machine() -> None:
    harness = Acts()
    harness.tasks.after_create = lambda: harness.pass_(6)
    task = harness.submit(ASKED)
    assert (task.dispatch.status, harness.provider.dispatched) == (DispatchStatus.WAITING, [])
    assert harness.executions.started == [(task.id, 1)]
    harness.see_through(task.id)
    assert (harness.task(task.id).state, len(harness.provider.dispatched)) == (State.SUCCESS, 1)


def test_a_repeat_starts_what_could_not_be_started() -> None:
    harness = Harness()
    harness.executions.fault = TryLater("throttled")
    task = harness.submit(ASKED, key="k")
    harness.executions.fault = None
    harness.submit(ASKED, key="k")
    assert set(harness.executions.runs) == {task.id}


def test_the_archive_s_faults_leave_the_key_for_another_try() -> None:
    class Down(FakeArchive):
        def store_request(self, task: Task) -> str:
            raise TryLater("the bucket is down")

    harness, big = Harness(archive=Down()), request(body={"images": ["A" * 300_000]})
    with pytest.raises(TryLater):
        harness.submit(big, key="k")
    harness.archive = FakeArchive()
    assert harness.submit(big, key="k").state is State.QUEUEING
