"""Importing what a provider still holds: all that is unknown here and alive, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from cli.operators.imports import Import, Imported
from reelkeep.domain.observation import Listed, Missing, Pending, Succeeded
from reelkeep.domain.task import Dispatch, DispatchStatus, State
from tests.integration.example import a_task
from tests.unit.services.harness import NOON, FakeProvider, FakeProviders, Harness, creation, request


def old(number: int, seen: Succeeded | None = None) -> Listed:
    """A success of weeks ago."""
    return Listed(
        provider_task_id=f"p-{number}",
        created_at=NOON - timedelta(days=30, minutes=number),
        request=request(prompt=f"number {number}"),
        seen=seen or Succeeded((creation(f"c{number}"),)),
    )


def known(harness: Harness, numbers: Sequence[int]) -> None:
    for number in numbers:
        task = replace(a_task(number, state=State.SUCCESS), provider_task_id=f"p-{number}")
        dispatch = Dispatch(status=DispatchStatus.ACCEPTED, account="account-1")
        harness.tasks.create(replace(task, dispatch=dispatch))


def imported(harness: Harness, **options: object) -> Imported:
    return Import(
        tasks=harness.tasks,
        providers=FakeProviders(harness.provider),
        executions=harness.executions,
        clock=harness.clock,
        **options,  # type: ignore[arg-type]
    )()


def test_of_500_old_videos_the_300_that_are_unknown_are_imported_and_no_second_time() -> None:
    harness = Harness(provider=FakeProvider(listed=[old(number) for number in range(500)]))
    known(harness, range(0, 400, 2))
    dry = imported(harness, dry_run=True)
    assert (len(dry.imported), len(harness.executions.started)) == (300, 0)
    first = imported(harness)
    assert (first.listed, first.known, first.gone, len(first.imported)) == (500, 200, 0, 300)
    assert len(harness.executions.started) == 300
    for task_id in first.imported[:3]:
        harness.finalize(task_id)
        assert harness.task(task_id).state is State.SUCCESS
    second = imported(harness)
    assert (second.known, second.imported) == (500, [])


def test_whose_they_become_is_said_or_configured() -> None:
    harness = Harness(provider=FakeProvider(listed=[old(1), old(2)], adopt_for=""))
    assert {harness.task(each).owner for each in imported(harness).imported} == {"adopted"}
    harness = Harness(provider=FakeProvider(listed=[old(1)]))
    assert harness.task(imported(harness, owner="alice").imported[0]).owner == "alice"


def test_what_can_be_fetched_no_more_is_counted_and_a_fresh_link_is_asked_for_first() -> None:
    provider = FakeProvider(listed=[old(1, Succeeded(()))], observations=[Succeeded((creation("c1", round=2),))])
    harness = Harness(provider=provider)
    (task_id,) = imported(harness).imported
    assert harness.task(task_id).assets[0].source.endswith("?round=2")

    harness = Harness(provider=FakeProvider(listed=[old(1)], files=False))
    assert (imported(harness).gone, harness.executions.started) == (1, [])
    harness = Harness(provider=FakeProvider(listed=[old(1, Succeeded(()))], observations=[Missing()]))
    assert imported(harness).gone == 1


def test_a_list_that_cannot_be_read_on_is_said_and_what_it_gave_is_imported() -> None:
    harness = Harness(provider=FakeProvider(listed=[old(1), RuntimeError("nonsense")]))
    found = imported(harness)
    assert (len(found.imported), list(found.unread)) == (1, ["vidu"])


def test_one_task_is_adopted_by_its_id_at_the_provider() -> None:
    harness = Harness(provider=FakeProvider(observations=[Succeeded((creation(),))]))
    (task_id,) = imported(harness, only="p-9").imported
    assert harness.task(task_id).provider_task_id == "p-9"
    assert imported(harness, only="p-9").known == 1
    harness = Harness(provider=FakeProvider(observations=[Pending(State.PROCESSING)]))
    assert imported(harness, only="p-9").gone == 1
