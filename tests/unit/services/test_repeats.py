"""A submission that comes again by its Idempotency-Key gives the same task, and is paid once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reelkeep.domain.errors import InvalidRequest, KeyReused, Refused
from reelkeep.domain.observation import Accepted, Failed, NotYet
from reelkeep.domain.observation import Refused as SaidNo
from reelkeep.domain.task import Request, State, Task
from tests.unit.services.harness import MALLORY, FakeProvider, Harness, request
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

DAY = 86_400


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
def test_a_key_that_comes_with_another_request_is_refused_and_nothing_is_dispatched(other: Request) -> None:
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


def test_a_refusal_whose_answer_was_cut_short_is_announced_by_a_notice() -> None:
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
def test_a_client_that_was_given_a_task_gets_a_notice_if_it_is_refused_then(point: str) -> None:
    harness = Acts(SaidNo(NO_CREDIT))
    repeats: list[Task] = []
    POINTS[point](harness, then(lambda: repeats.append(harness.submit(ASKED, key="k"))))
    with pytest.raises(Refused):
        harness.submit(ASKED, key="k")
    [given] = repeats
    assert set(harness.executions.runs) == {given.id}
    harness.see_through(given.id)
    assert [notice["subject"] for notice in harness.notices.told] == [given.id]


def test_a_refusal_that_nobody_else_waits_for_is_in_its_answer_alone() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[SaidNo(NO_CREDIT)]))
    with pytest.raises(Refused):
        harness.submit(ASKED, key="k")
    assert list(harness.tasks.unfinished()) == []


def test_a_refusal_that_the_machine_met_is_announced_though_a_repeat_was_answered_with_it_first() -> None:
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
