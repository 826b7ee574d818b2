from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from reelkeep.domain import ids
from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import (
    Accepted,
    DispatchOutcome,
    Failed,
    Listed,
    Observation,
    Succeeded,
    Unknown,
    Unreadable,
)
from reelkeep.domain.task import Adoption, Asset, Creation, Failure, FailureClass, State, Task
from reelkeep.ports import SourceGone
from tests.fakes import FakeTasks
from tests.unit.services.stage import NOON, RUNNING, FakeProvider, Stage, creation, request

MADE_AT = NOON - timedelta(hours=1)


def listed(id: str = "p-1", payload: str = "", created_at: datetime = MADE_AT, **changes: Any) -> Listed:
    asked = request(dialect="vidu_ent_v2", payload=payload)
    seen = Succeeded((creation(f"c-{id}"),), credits=20)
    return replace(Listed(provider_task_id=id, created_at=created_at, request=asked, seen=seen), **changes)


def dying(id: str, **at: datetime) -> Listed:
    assets = (Asset(name=name, source=f"https://files.test/{id}", expires_at=moment) for name, moment in at.items())
    return listed(id, seen=Succeeded((Creation(id=id, assets=tuple(assets)),)))


def only(stage: Stage) -> Task:
    (task,) = stage.tasks.recorded.values()
    return task


def adopted(stage: Stage) -> list[Task]:
    return [task for task in stage.tasks.recorded.values() if task.adopted]


def test_a_success_made_elsewhere_with_the_same_account_is_archived_and_told_of() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed()]))
    assert stage.adopt().adopted == 1
    task = only(stage)
    assert (task.owner, task.state, task.created_at) == ("adopted", State.ARCHIVING, MADE_AT)
    assert task.adopted == Adoption(at=NOON)
    assert (task.request.prompt, task.request_key, task.credits) == ("a paper boat", "", 20)
    assert stage.executions.started == [(task.id, 1)]
    stage.see_through(task.id)
    assert stage.task(task.id).state is State.SUCCESS
    assert stage.archive.copies == ["https://files.test/c-p-1/video?round=1"]
    [told] = stage.notices.told
    assert told["data"]["adopted"] == {"provider_task_id": "p-1", "lost_task": None}


def test_what_is_adopted_once_is_not_adopted_again() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed()]))
    stage.adopt()
    assert stage.adopt().adopted == 0
    stage.see_through(only(stage).id)
    assert stage.adopt().adopted == 0


def test_two_at_once_adopt_it_once() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed(), listed()]))  # pages move while they are read
    first = stage.adopt()
    assert (first.listed, first.adopted) == (1, 1)
    task = only(stage)
    blind = Stage(provider=stage.provider, tasks=stage.tasks)
    blind.tasks.by_provider_task = lambda *_: []  # an index that lags
    assert blind.adopt().adopted == 0
    assert only(stage) == task


@dataclass
class Throttled(FakeTasks):
    """It refuses its first `refusals` calls of this name."""

    call: str = "by_provider_task"
    refusals: int = 1

    def by_provider_task(self, provider: str, provider_task_id: str) -> list[Task]:
        self._refuse("by_provider_task")
        return super().by_provider_task(provider, provider_task_id)

    def create(self, task: Task) -> Task:
        self._refuse("create")
        return super().create(task)

    def _refuse(self, call: str) -> None:
        if call == self.call and self.refusals:
            self.refusals -= 1
            raise TryLater("throttled")


@pytest.mark.parametrize("call", ["by_provider_task", "create"])
def test_one_that_the_table_says_nothing_of_does_not_hold_up_the_others(call: str) -> None:
    stage = Stage(provider=FakeProvider(listed=[listed("p-1"), listed("p-2")]), tasks=Throttled(call=call))
    first = stage.adopt()
    assert (first.adopted, first.left) == (1, 1)
    assert [task.provider_task_id for task in adopted(stage)] == ["p-2"]
    again = stage.adopt()
    assert (again.adopted, again.left) == (1, 0)


def test_what_we_asked_for_ourselves_is_left_to_its_own_execution() -> None:
    stage = Stage()
    task = stage.submit()
    stage.pass_(3600)
    stage.provider.listed = [listed("p-1", payload=task.id, created_at=task.created_at)]
    assert stage.adopt().adopted == 0
    stage.see_through(task.id)
    assert stage.adopt().adopted == 0


def test_a_removed_task_is_still_held() -> None:
    stage = Stage()
    task = stage.submit()
    stage.see_through(task.id)
    stage.tasks.save(replace(stage.task(task.id), removed_at=stage.now))
    stage.provider.listed = [listed("p-1")]
    assert stage.adopt().adopted == 0


def test_a_success_that_is_very_young_is_left_for_the_next_time() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed(created_at=NOON - timedelta(minutes=9))]))
    assert stage.adopt().listed == 0
    stage.pass_(120)
    assert stage.adopt().adopted == 1


@pytest.mark.parametrize("created_at", [NOON + timedelta(hours=8), None, NOON - timedelta(hours=49)])
def test_a_success_whose_time_is_wrong_is_adopted_all_the_same_and_once(created_at: datetime | None) -> None:
    """A time without its zone, say: it may make no more sense before its links die."""
    success = replace(dying("p-1", video=NOON + timedelta(hours=20)), created_at=created_at)
    stage = Stage(provider=FakeProvider(listed=[success]))
    stage.tasks.by_provider_task = lambda *_: []  # two at once know of none
    assert (stage.adopt().adopted, stage.adopt().adopted) == (1, 0)
    assert only(stage).created_at <= NOON


def test_a_provider_may_be_left_alone() -> None:
    stage = Stage(provider=FakeProvider(adopt_for="", listed=[listed()]))
    assert stage.adopt().adopted == 0
    stage.provider.adopt_for = "alice"
    stage.adopt()
    assert only(stage).owner == "alice"


def test_a_task_whose_answer_was_lost_is_left_to_its_next_look_while_there_is_one() -> None:
    stage = Stage(provider=FakeProvider(outcomes=[Unknown("cut")], found=[None]))
    task = stage.submit()
    stage.pass_(3600)
    stage.provider.listed = [listed("p-9", payload=task.id, created_at=task.created_at)]
    assert stage.adopt().adopted == 0


def test_a_late_find_is_adopted_for_the_owner_of_the_task_that_was_given_up() -> None:
    stage = Stage(provider=FakeProvider(outcomes=[Unknown("cut")], found=[None]))
    task = stage.submit(request(payload="order 19"))
    stage.see_through(task.id)
    failure = stage.task(task.id).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST
    stage.provider.listed = [listed("p-9", payload=task.id, created_at=task.created_at)]
    stage.adopt()
    [found] = adopted(stage)
    assert (found.owner, found.key_id, found.request.payload) == ("alice", "key-1", "order 19")
    assert found.adopted == Adoption(at=stage.now, lost_task=task.id)
    assert stage.adopt().adopted == 0


def test_a_late_find_has_the_whole_request_of_the_task_that_was_given_up() -> None:
    stage = Stage(provider=FakeProvider(outcomes=[Unknown("cut")], found=[None]))
    task = stage.submit(request(payload="x" * 200_000))
    stage.see_through(task.id)
    stage.provider.listed = [listed("p-9", payload=task.id, created_at=task.created_at)]
    stage.adopt()
    [found] = adopted(stage)
    assert (found.request_key, found.request.payload_omitted) == (stage.task(task.id).request_key, True)
    assert stage.archive.request(found.request_key).payload == "x" * 200_000


def test_a_payload_that_is_no_id_of_ours_is_not_looked_up() -> None:
    class Strict(FakeTasks):
        def get(self, task_id: str) -> Task | None:
            assert ids.is_task_id(task_id)  # the table refuses long keys
            return super().get(task_id)

    stage = Stage(provider=FakeProvider(listed=[listed(payload="x" * 5000)]), tasks=Strict())
    assert stage.adopt().adopted == 1


def test_a_payload_that_names_a_task_at_another_account_makes_nobody_its_owner() -> None:
    stage = Stage(provider=FakeProvider(outcomes=[Unknown("cut")]))
    task = stage.submit()
    stage.see_through(task.id)
    elsewhere = FakeProvider(name="vidu-2", listed=[listed("p-9", payload=task.id, created_at=task.created_at)])
    Stage(provider=elsewhere, tasks=stage.tasks, now=stage.now).adopt()
    [found] = adopted(stage)
    assert (found.owner, found.adopted) == ("adopted", Adoption(at=stage.now))


def test_a_task_that_was_given_up_before_its_provider_was_done_is_made_good() -> None:
    stage = Stage(provider=FakeProvider(observations=[RUNNING]))
    task = stage.submit()
    stage.see_through(task.id)
    assert stage.task(task.id).state is State.EXPIRED
    stage.provider.listed = [listed("p-1", created_at=task.created_at)]
    stage.adopt()
    [found] = adopted(stage)
    assert (found.owner, found.state) == ("alice", State.ARCHIVING)


def test_who_was_told_that_a_task_failed_learns_from_it_which_one_holds_what_was_made() -> None:
    table = Throttled(call="create", refusals=0)
    stage = Stage(provider=FakeProvider(observations=[RUNNING]), tasks=table)
    task = stage.submit()
    stage.see_through(task.id)
    told = len(stage.notices.told)
    stage.provider.listed = [listed("p-1", created_at=task.created_at)]
    table.refusals = 1
    assert stage.adopt().left == 1
    stage.adopt()
    [found] = adopted(stage)
    expired = stage.task(task.id)
    assert (expired.state, expired.adopted_as) == (State.EXPIRED, found.id)
    assert expired.failure is not None
    assert expired.failure.message.count(f"kept as task {found.id}") == 1
    assert len(stage.notices.told) == told


def test_what_another_account_lists_under_the_same_id_is_nobody_s() -> None:
    stage = Stage(provider=FakeProvider(observations=[RUNNING]))
    task = stage.submit()
    stage.see_through(task.id)
    stage.provider.account = "account-2"
    stage.provider.listed = [listed("p-1", created_at=task.created_at)]
    stage.adopt()
    [found] = adopted(stage)
    assert (found.owner, found.adopted) == ("adopted", Adoption(at=stage.now))
    assert found.dispatch.account == "account-2"
    assert stage.task(task.id).adopted_as == ""


def given_up() -> tuple[Stage, Task]:
    """A task whose file could never be fetched."""
    stage = Stage()
    task = stage.submit()
    stage.archive.faults["files.test"] = [SourceGone("403")]
    stage.see_through(task.id)
    assert stage.task(task.id).state is State.FAILED
    return stage, stage.task(task.id)


def test_a_file_that_is_given_up_and_still_not_there_is_not_announced_again() -> None:
    stage, _ = given_up()
    stage.provider.listed = [listed("p-1", created_at=stage.now - timedelta(hours=1))]
    stage.provider.files = False
    assert stage.adopt().adopted == 0


@pytest.mark.parametrize("seen", [Succeeded((creation("c-p-1", round=9),)), Unreadable("no links in a list")])
def test_a_file_that_is_given_up_and_turns_out_to_be_there_is_adopted_for_its_owner_once(seen: Observation) -> None:
    stage, task = given_up()
    stage.provider.listed = [listed("p-1", created_at=stage.now - timedelta(hours=1), seen=seen)]
    stage.archive.faults.clear()
    assert stage.adopt().adopted == 1
    [found] = adopted(stage)
    assert (found.owner, found.adopted, stage.task(task.id).adopted_as) == (
        "alice",
        Adoption(at=stage.now, lost_task=task.id),
        found.id,
    )
    stage.see_through(found.id)
    assert stage.task(found.id).state is State.SUCCESS
    assert stage.adopt().adopted == 0


def test_what_was_adopted_and_given_up_again_is_left_alone() -> None:
    stage, _ = given_up()
    stage.provider.listed = [listed("p-1", created_at=stage.now - timedelta(hours=1))]
    stage.adopt()
    stage.see_through(adopted(stage)[0].id)
    stage.provider.listed = [listed("p-1", created_at=stage.now - timedelta(hours=1))]
    assert stage.adopt().adopted == 0


def test_a_success_whose_links_are_dead_already_is_told_to_be_lost_once_with_the_reason() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed()]))
    stage.archive.faults["files.test"] = [SourceGone("403: the link is dead")]
    stage.adopt()
    stage.see_through(only(stage).id)
    [told] = stage.notices.told
    assert (told["data"]["state"], told["data"]["failure"]["reason"]) == ("failed", "lost")
    assert "the link is dead" in told["data"]["failure"]["message"]
    assert stage.adopt().adopted == 0


def test_a_success_that_is_listed_without_links_is_looked_at() -> None:
    there = Succeeded((creation(),))
    stage = Stage(provider=FakeProvider(listed=[listed(seen=Unreadable("no link"))], observations=[RUNNING, there]))
    stage.adopt()
    assert only(stage).state is State.PROCESSING
    stage.see_through(only(stage).id)
    assert only(stage).state is State.SUCCESS


def test_a_success_that_has_no_links_at_all_is_lost_and_not_merely_late() -> None:
    nowhere = Unreadable("the provider reported success without a link to a video", made=True)
    stage = Stage(provider=FakeProvider(listed=[listed(seen=nowhere)], observations=[nowhere]))
    stage.adopt()
    stage.see_through(only(stage).id)
    failure = only(stage).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST
    assert "without a link" in failure.message
    assert stage.adopt().adopted == 0


def test_a_task_that_was_lost_for_want_of_links_is_made_good_when_the_list_has_them() -> None:
    nowhere = Unreadable("the provider reported success without a link to a video", made=True)
    stage = Stage(provider=FakeProvider(observations=[nowhere]))
    task = stage.submit()
    stage.see_through(task.id)
    failure = stage.task(task.id).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST
    stage.provider.listed = [listed("p-1", created_at=task.created_at)]
    stage.adopt()
    [found] = adopted(stage)
    assert found.adopted == Adoption(at=stage.now, lost_task=task.id)
    stage.see_through(found.id)
    assert stage.task(found.id).state is State.SUCCESS


def test_what_is_nearest_to_losing_its_links_goes_first() -> None:
    hours = {"late": 20, "soon": 1, "later": 23}
    lines = [dying(id, video=NOON + timedelta(hours=after)) for id, after in hours.items()]
    lines.append(dying("its cover", video=NOON + timedelta(hours=22), cover=NOON + timedelta(minutes=1)))
    stage = Stage(provider=FakeProvider(listed=[*lines, listed("unsaid")]))  # which is 24 h after it was made
    stage.adopt()
    order = [stage.task(id).provider_task_id for id, _ in stage.executions.started]
    assert order == ["its cover", "soon", "late", "later", "unsaid"]


def test_what_may_be_the_outcome_of_a_lost_answer_is_held_back_until_its_links_are_about_to_die() -> None:
    """At a provider that echoes nothing, it may be the task's own."""
    stage = Stage(provider=FakeProvider(outcomes=[Unknown("cut")], found=[None]))
    task = stage.submit(request(expires_after=172_800))
    stranger = listed("p-8", created_at=task.created_at, request=request(model="another"))
    early, late = (task.created_at + timedelta(hours=hours) for hours in (-2, 1))  # by its own clock
    unnamed = listed("p-7", created_at=late, request=request(model=""))
    anothers = listed("p-6", created_at=task.created_at, payload="order 19")
    stage.provider.listed = [listed("p-9", created_at=early), stranger, anothers, unnamed]
    stage.pass_(3600)
    stage.adopt()
    assert [each.provider_task_id for each in adopted(stage)] == ["p-8", "p-6"]
    stage.pass_(20 * 3600)
    stage.adopt()
    assert [each.provider_task_id for each in adopted(stage)] == ["p-8", "p-6", "p-9", "p-7"]


def test_what_is_known_to_be_another_tasks_own_is_not_held_back_for_a_lost_answer() -> None:
    failed = Failed(Failure(reason=FailureClass.PROVIDER))
    outcomes: list[DispatchOutcome | BaseException] = [Accepted("p-1"), Unknown("cut")]
    stage = Stage(provider=FakeProvider(outcomes=outcomes, observations=[failed]))
    first, _ = stage.submit(), stage.submit()
    stage.see_through(first.id)
    stage.provider.listed = [listed("p-1", created_at=first.created_at)]
    stage.pass_(3600)
    stage.adopt()
    assert [each.adopted for each in adopted(stage)] == [Adoption(at=stage.now, lost_task=first.id)]


def test_what_a_provider_made_twice_for_one_task_is_archived_twice() -> None:
    stage = Stage()
    task = stage.submit()
    stage.pass_(3600)
    stage.provider.listed = [listed("p-2", payload=task.id, created_at=task.created_at)]
    stage.adopt()
    assert [(each.provider_task_id, each.owner) for each in adopted(stage)] == [("p-2", "alice")]


def test_what_is_older_than_five_days_is_not_asked_for() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed(created_at=NOON - timedelta(hours=122, seconds=1))]))
    assert stage.adopt().listed == 0


def test_what_died_before_anybody_could_know_of_it_is_not_told_to_be_lost() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed(created_at=NOON - timedelta(hours=24, seconds=1))]))
    assert stage.adopt().adopted == 0


def test_a_list_that_breaks_off_is_adopted_as_far_as_it_goes_and_said_to_be_broken() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed(), TryLater("the provider answered 503"), listed("p-2")]))
    result = stage.adopt()
    assert (result.adopted, result.unread) == (1, {"vidu": "the provider answered 503"})


def test_a_list_that_nobody_can_read_costs_its_own_account_only() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed(), OverflowError("date value out of range"), listed("p-2")]))
    result = stage.adopt()
    assert (result.adopted, result.unread) == (1, {"vidu": "OverflowError('date value out of range')"})


class Odd(FakeTasks):
    """Stumbles over one id."""

    def by_provider_task(self, provider: str, provider_task_id: str) -> list[Task]:
        if provider_task_id == "p-1":
            raise ValueError(provider_task_id)
        return super().by_provider_task(provider, provider_task_id)


def test_a_success_that_nobody_can_read_costs_that_one_only() -> None:
    stage = Stage(tasks=Odd(), provider=FakeProvider(listed=[listed(), listed("p-2")]))
    result = stage.adopt()
    assert (result.adopted, result.left, result.unread) == (1, 1, {"vidu": "ValueError('p-1')"})


def test_an_execution_that_cannot_be_started_is_left_to_the_sweep() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed(), listed("p-2")]))
    stage.executions.fault = TryLater("throttled")
    assert stage.adopt().adopted == 2
    stage.executions.fault = None
    stage.pass_(3600)
    assert stage.sweep().restarted == 2


def test_what_there_is_no_time_for_is_counted() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed(), listed("p-2")]))
    left = iter([300.0, 300.0, 300.0, 5.0])  # twice while the list is read
    result = stage.adopt(lambda: next(left))
    assert (result.listed, result.adopted, result.left, result.unread) == (2, 1, 1, {})


def test_a_list_that_there_is_no_time_to_read_leaves_time_for_what_was_read() -> None:
    stage = Stage(provider=FakeProvider(listed=[listed(), listed("p-2")]))
    left = iter([300.0, 100.0, 100.0])
    result = stage.adopt(lambda: next(left))
    assert (result.listed, result.adopted, result.left) == (1, 1, 0)
    assert "no time" in result.unread["vidu"]


def test_a_failed_task_that_turns_out_to_be_made_is_adopted_for_its_owner() -> None:
    failed = Failed(Failure(reason=FailureClass.PROVIDER, code="InternalServiceFailure"))
    stage = Stage(provider=FakeProvider(outcomes=[Accepted("p-1")], observations=[failed]))
    stage.see_through(stage.submit().id)
    stage.provider.listed = [listed("p-1")]
    stage.adopt()
    assert [task.owner for task in adopted(stage)] == ["alice"]


@pytest.mark.parametrize("length", [70_000, 1_000_000])
def test_a_request_too_big_for_the_table_is_adopted_in_short(length: int) -> None:
    stage = Stage(provider=FakeProvider(listed=[listed(request=request(prompt="x" * length, payload="y" * length))]))
    stage.adopt()
    task = only(stage)
    assert len(task.request.prompt) < 100
    assert not task.request.payload_omitted
