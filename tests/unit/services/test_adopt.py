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
from reelkeep.ports.archive import SourceGone
from tests.fakes.tasks import FakeTasks
from tests.unit.services.harness import NOON, RUNNING, FakeProvider, Harness, creation, request

MADE_AT = NOON - timedelta(hours=1)


def listed(id: str = "p-1", payload: str = "", created_at: datetime = MADE_AT, **changes: Any) -> Listed:
    asked = request(dialect="vidu_ent_v2", payload=payload)
    seen = Succeeded((creation(f"c-{id}"),), credits=20)
    return replace(Listed(provider_task_id=id, created_at=created_at, request=asked, seen=seen), **changes)


def dying(id: str, **at: datetime) -> Listed:
    assets = (Asset(name=name, source=f"https://files.test/{id}", expires_at=moment) for name, moment in at.items())
    return listed(id, seen=Succeeded((Creation(id=id, assets=tuple(assets)),)))


def only(harness: Harness) -> Task:
    (task,) = harness.tasks.recorded.values()
    return task


def adopted(harness: Harness) -> list[Task]:
    return [task for task in harness.tasks.recorded.values() if task.adopted]


def test_a_success_made_elsewhere_with_the_same_account_is_archived_and_announced() -> None:
    harness = Harness(provider=FakeProvider(listed=[listed()]))
    assert harness.adopt().adopted == 1
    task = only(harness)
    assert (task.owner, task.state, task.created_at) == ("adopted", State.ARCHIVING, MADE_AT)
    assert task.adopted == Adoption(at=NOON)
    assert (task.request.prompt, task.request_key, task.credits) == ("a paper boat", "", 20)
    assert harness.executions.started == [(task.id, 1)]
    harness.see_through(task.id)
    assert harness.task(task.id).state is State.SUCCESS
    assert harness.archive.copies == ["https://files.test/c-p-1/video?round=1"]
    [told] = harness.notices.told
    assert told["data"]["adopted"] == {"provider_task_id": "p-1", "lost_task": None}


def test_what_is_adopted_once_is_not_adopted_again() -> None:
    harness = Harness(provider=FakeProvider(listed=[listed()]))
    harness.adopt()
    assert harness.adopt().adopted == 0
    harness.see_through(only(harness).id)
    assert harness.adopt().adopted == 0


def test_two_at_once_adopt_it_once() -> None:
    harness = Harness(provider=FakeProvider(listed=[listed(), listed()]))  # pages move while they are read
    first = harness.adopt()
    assert (first.listed, first.adopted) == (1, 1)
    task = only(harness)
    blind = Harness(provider=harness.provider, tasks=harness.tasks)
    blind.tasks.by_provider_task = lambda *_: []  # an index that lags
    assert blind.adopt().adopted == 0
    assert only(harness) == task


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
def test_one_that_cannot_be_looked_up_does_not_hold_up_the_others(call: str) -> None:
    harness = Harness(provider=FakeProvider(listed=[listed("p-1"), listed("p-2")]), tasks=Throttled(call=call))
    first = harness.adopt()
    assert (first.adopted, first.left) == (1, 1)
    assert [task.provider_task_id for task in adopted(harness)] == ["p-2"]
    again = harness.adopt()
    assert (again.adopted, again.left) == (1, 0)


def test_what_we_asked_for_ourselves_is_left_to_its_own_execution() -> None:
    harness = Harness()
    task = harness.submit()
    harness.pass_(3600)
    harness.provider.listed = [listed("p-1", payload=task.id, created_at=task.created_at)]
    assert harness.adopt().adopted == 0
    harness.see_through(task.id)
    assert harness.adopt().adopted == 0


def test_a_removed_task_is_still_held() -> None:
    harness = Harness()
    task = harness.submit()
    harness.see_through(task.id)
    harness.tasks.save(replace(harness.task(task.id), removed_at=harness.now))
    harness.provider.listed = [listed("p-1")]
    assert harness.adopt().adopted == 0


def test_a_success_that_is_very_young_is_left_for_the_next_time() -> None:
    harness = Harness(provider=FakeProvider(listed=[listed(created_at=NOON - timedelta(minutes=9))]))
    assert harness.adopt().listed == 0
    harness.pass_(120)
    assert harness.adopt().adopted == 1


@pytest.mark.parametrize("created_at", [NOON + timedelta(hours=8), None, NOON - timedelta(hours=49)])
def test_a_success_whose_time_is_wrong_is_adopted_all_the_same_and_once(created_at: datetime | None) -> None:
    """A time without its zone, say: it may make no more sense before its links die."""
    success = replace(dying("p-1", video=NOON + timedelta(hours=20)), created_at=created_at)
    harness = Harness(provider=FakeProvider(listed=[success]))
    harness.tasks.by_provider_task = lambda *_: []  # two at once know of none
    assert (harness.adopt().adopted, harness.adopt().adopted) == (1, 0)
    assert only(harness).created_at <= NOON


def test_a_provider_may_be_left_alone() -> None:
    harness = Harness(provider=FakeProvider(adopt_for="", listed=[listed()]))
    assert harness.adopt().adopted == 0
    harness.provider.adopt_for = "alice"
    harness.adopt()
    assert only(harness).owner == "alice"


def test_a_task_whose_answer_was_lost_is_left_to_its_next_poll_while_there_is_one() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut")], found=[None]))
    task = harness.submit()
    harness.pass_(3600)
    harness.provider.listed = [listed("p-9", payload=task.id, created_at=task.created_at)]
    assert harness.adopt().adopted == 0


def test_a_late_find_is_adopted_for_the_owner_of_the_task_that_was_given_up() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut")], found=[None]))
    task = harness.submit(request(payload="order 19"))
    harness.see_through(task.id)
    failure = harness.task(task.id).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST
    harness.provider.listed = [listed("p-9", payload=task.id, created_at=task.created_at)]
    harness.adopt()
    [found] = adopted(harness)
    assert (found.owner, found.key_id, found.request.payload) == ("alice", "key-1", "order 19")
    assert found.adopted == Adoption(at=harness.now, lost_task=task.id)
    assert harness.adopt().adopted == 0


def test_a_late_find_has_the_whole_request_of_the_task_that_was_given_up() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut")], found=[None]))
    task = harness.submit(request(payload="x" * 200_000))
    harness.see_through(task.id)
    harness.provider.listed = [listed("p-9", payload=task.id, created_at=task.created_at)]
    harness.adopt()
    [found] = adopted(harness)
    assert (found.request_key, found.request.payload_omitted) == (harness.task(task.id).request_key, True)
    assert harness.archive.request(found.request_key).payload == "x" * 200_000


def test_a_payload_that_is_no_id_of_ours_is_not_looked_up() -> None:
    class Strict(FakeTasks):
        def get(self, task_id: str) -> Task | None:
            assert ids.is_task_id(task_id)  # the table refuses long keys
            return super().get(task_id)

    harness = Harness(provider=FakeProvider(listed=[listed(payload="x" * 5000)]), tasks=Strict())
    assert harness.adopt().adopted == 1


def test_a_payload_that_names_a_task_at_another_account_makes_nobody_its_owner() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut")]))
    task = harness.submit()
    harness.see_through(task.id)
    elsewhere = FakeProvider(name="vidu-2", listed=[listed("p-9", payload=task.id, created_at=task.created_at)])
    Harness(provider=elsewhere, tasks=harness.tasks, now=harness.now).adopt()
    [found] = adopted(harness)
    assert (found.owner, found.adopted) == ("adopted", Adoption(at=harness.now))


def test_a_task_that_was_given_up_before_its_provider_was_done_is_made_good() -> None:
    harness = Harness(provider=FakeProvider(observations=[RUNNING]))
    task = harness.submit()
    harness.see_through(task.id)
    assert harness.task(task.id).state is State.EXPIRED
    harness.provider.listed = [listed("p-1", created_at=task.created_at)]
    harness.adopt()
    [found] = adopted(harness)
    assert (found.owner, found.state) == ("alice", State.ARCHIVING)


def test_a_task_that_was_announced_as_failed_names_the_one_that_holds_what_was_made() -> None:
    table = Throttled(call="create", refusals=0)
    harness = Harness(provider=FakeProvider(observations=[RUNNING]), tasks=table)
    task = harness.submit()
    harness.see_through(task.id)
    told = len(harness.notices.told)
    harness.provider.listed = [listed("p-1", created_at=task.created_at)]
    table.refusals = 1
    assert harness.adopt().left == 1
    harness.adopt()
    [found] = adopted(harness)
    expired = harness.task(task.id)
    assert (expired.state, expired.adopted_as) == (State.EXPIRED, found.id)
    assert expired.failure is not None
    assert expired.failure.message.count(f"kept as task {found.id}") == 1
    assert len(harness.notices.told) == told


def test_what_another_account_lists_under_the_same_id_is_nobody_s() -> None:
    harness = Harness(provider=FakeProvider(observations=[RUNNING]))
    task = harness.submit()
    harness.see_through(task.id)
    harness.provider.account = "account-2"
    harness.provider.listed = [listed("p-1", created_at=task.created_at)]
    harness.adopt()
    [found] = adopted(harness)
    assert (found.owner, found.adopted) == ("adopted", Adoption(at=harness.now))
    assert found.dispatch.account == "account-2"
    assert harness.task(task.id).adopted_as == ""


def given_up() -> tuple[Harness, Task]:
    """A task whose file could never be fetched."""
    harness = Harness()
    task = harness.submit()
    harness.archive.faults["files.test"] = [SourceGone("403")]
    harness.see_through(task.id)
    assert harness.task(task.id).state is State.FAILED
    return harness, harness.task(task.id)


def test_a_file_that_is_given_up_and_still_not_there_is_not_announced_again() -> None:
    harness, _ = given_up()
    harness.provider.listed = [listed("p-1", created_at=harness.now - timedelta(hours=1))]
    harness.provider.files = False
    assert harness.adopt().adopted == 0


@pytest.mark.parametrize("seen", [Succeeded((creation("c-p-1", round=9),)), Unreadable("no links in a list")])
def test_a_file_that_is_given_up_and_turns_out_to_be_there_is_adopted_for_its_owner_once(seen: Observation) -> None:
    harness, task = given_up()
    harness.provider.listed = [listed("p-1", created_at=harness.now - timedelta(hours=1), seen=seen)]
    harness.archive.faults.clear()
    assert harness.adopt().adopted == 1
    [found] = adopted(harness)
    assert (found.owner, found.adopted, harness.task(task.id).adopted_as) == (
        "alice",
        Adoption(at=harness.now, lost_task=task.id),
        found.id,
    )
    harness.see_through(found.id)
    assert harness.task(found.id).state is State.SUCCESS
    assert harness.adopt().adopted == 0


def test_what_was_adopted_and_given_up_again_is_left_alone() -> None:
    harness, _ = given_up()
    harness.provider.listed = [listed("p-1", created_at=harness.now - timedelta(hours=1))]
    harness.adopt()
    harness.see_through(adopted(harness)[0].id)
    harness.provider.listed = [listed("p-1", created_at=harness.now - timedelta(hours=1))]
    assert harness.adopt().adopted == 0


def test_a_success_whose_links_are_dead_already_is_announced_as_lost_once_with_the_reason() -> None:
    harness = Harness(provider=FakeProvider(listed=[listed()]))
    harness.archive.faults["files.test"] = [SourceGone("403: the link is dead")]
    harness.adopt()
    harness.see_through(only(harness).id)
    [told] = harness.notices.told
    assert (told["data"]["state"], told["data"]["failure"]["reason"]) == ("failed", "lost")
    assert "the link is dead" in told["data"]["failure"]["message"]
    assert harness.adopt().adopted == 0


def test_a_success_that_is_listed_without_links_is_polled() -> None:
    there = Succeeded((creation(),))
    harness = Harness(
        provider=FakeProvider(listed=[listed(seen=Unreadable("no link"))], observations=[RUNNING, there])
    )
    harness.adopt()
    assert only(harness).state is State.PROCESSING
    harness.see_through(only(harness).id)
    assert only(harness).state is State.SUCCESS


def test_a_success_that_has_no_links_at_all_is_lost_and_not_merely_late() -> None:
    nowhere = Unreadable("the provider reported success without a link to a video", made=True)
    harness = Harness(provider=FakeProvider(listed=[listed(seen=nowhere)], observations=[nowhere]))
    harness.adopt()
    harness.see_through(only(harness).id)
    failure = only(harness).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST
    assert "without a link" in failure.message
    assert harness.adopt().adopted == 0


def test_a_task_that_was_lost_for_want_of_links_is_made_good_when_the_list_has_them() -> None:
    nowhere = Unreadable("the provider reported success without a link to a video", made=True)
    harness = Harness(provider=FakeProvider(observations=[nowhere], outcomes=[Accepted("p-1", credits=30)]))
    task = harness.submit()
    harness.see_through(task.id)
    failure = harness.task(task.id).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST
    harness.provider.listed = [listed("p-1", created_at=task.created_at, seen=Succeeded((creation("c-1"),)))]
    harness.adopt()
    [found] = adopted(harness)
    assert found.credits == 30  # the answer to the submission said so, and the list does not
    assert found.adopted == Adoption(at=harness.now, lost_task=task.id)
    harness.see_through(found.id)
    assert harness.task(found.id).state is State.SUCCESS


def test_what_is_nearest_to_losing_its_links_goes_first() -> None:
    hours = {"late": 20, "soon": 1, "later": 23}
    lines = [dying(id, video=NOON + timedelta(hours=after)) for id, after in hours.items()]
    lines.append(dying("its cover", video=NOON + timedelta(hours=22), cover=NOON + timedelta(minutes=1)))
    harness = Harness(provider=FakeProvider(listed=[*lines, listed("unsaid")]))  # which is 24 h after it was made
    harness.adopt()
    order = [harness.task(id).provider_task_id for id, _ in harness.executions.started]
    assert order == ["its cover", "soon", "late", "later", "unsaid"]


def test_what_may_be_the_outcome_of_a_lost_answer_is_held_back_until_its_links_are_about_to_die() -> None:
    """At a provider that echoes nothing, it may be the task's own."""
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut")], found=[None]))
    task = harness.submit(request(expires_after=172_800))
    stranger = listed("p-8", created_at=task.created_at, request=request(model="another"))
    early, late = (task.created_at + timedelta(hours=hours) for hours in (-2, 1))  # by its own clock
    unnamed = listed("p-7", created_at=late, request=request(model=""))
    anothers = listed("p-6", created_at=task.created_at, payload="order 19")
    harness.provider.listed = [listed("p-9", created_at=early), stranger, anothers, unnamed]
    harness.pass_(3600)
    harness.adopt()
    assert [each.provider_task_id for each in adopted(harness)] == ["p-8", "p-6"]
    harness.pass_(20 * 3600)
    harness.adopt()
    assert [each.provider_task_id for each in adopted(harness)] == ["p-8", "p-6", "p-9", "p-7"]


def test_what_is_known_to_be_another_tasks_own_is_not_held_back_for_a_lost_answer() -> None:
    failed = Failed(Failure(reason=FailureClass.PROVIDER))
    outcomes: list[DispatchOutcome | BaseException] = [Accepted("p-1"), Unknown("cut")]
    harness = Harness(provider=FakeProvider(outcomes=outcomes, observations=[failed]))
    first, _ = harness.submit(), harness.submit()
    harness.see_through(first.id)
    harness.provider.listed = [listed("p-1", created_at=first.created_at)]
    harness.pass_(3600)
    harness.adopt()
    assert [each.adopted for each in adopted(harness)] == [Adoption(at=harness.now, lost_task=first.id)]


def test_what_a_provider_made_twice_for_one_task_is_archived_twice() -> None:
    harness = Harness()
    task = harness.submit()
    harness.pass_(3600)
    harness.provider.listed = [listed("p-2", payload=task.id, created_at=task.created_at)]
    harness.adopt()
    assert [(each.provider_task_id, each.owner) for each in adopted(harness)] == [("p-2", "alice")]


def test_what_is_older_than_five_days_is_not_asked_for() -> None:
    harness = Harness(provider=FakeProvider(listed=[listed(created_at=NOON - timedelta(hours=122, seconds=1))]))
    assert harness.adopt().listed == 0


def test_what_died_before_anybody_could_know_of_it_is_not_announced_as_lost() -> None:
    harness = Harness(provider=FakeProvider(listed=[listed(created_at=NOON - timedelta(hours=24, seconds=1))]))
    assert harness.adopt().adopted == 0


def test_a_list_that_breaks_off_is_adopted_as_far_as_it_goes_and_reported() -> None:
    harness = Harness(provider=FakeProvider(listed=[listed(), TryLater("the provider answered 503"), listed("p-2")]))
    result = harness.adopt()
    assert (result.adopted, result.unread) == (1, {"vidu": "the provider answered 503"})


def test_a_list_that_nobody_can_read_costs_its_own_account_only() -> None:
    harness = Harness(
        provider=FakeProvider(listed=[listed(), OverflowError("date value out of range"), listed("p-2")])
    )
    result = harness.adopt()
    assert (result.adopted, result.unread) == (1, {"vidu": "OverflowError('date value out of range')"})


class Odd(FakeTasks):
    """Stumbles over one id."""

    def by_provider_task(self, provider: str, provider_task_id: str) -> list[Task]:
        if provider_task_id == "p-1":
            raise ValueError(provider_task_id)
        return super().by_provider_task(provider, provider_task_id)


def test_a_success_that_nobody_can_read_costs_that_one_only() -> None:
    harness = Harness(tasks=Odd(), provider=FakeProvider(listed=[listed(), listed("p-2")]))
    result = harness.adopt()
    assert (result.adopted, result.left, result.unread) == (1, 1, {"vidu": "ValueError('p-1')"})


def test_an_execution_that_cannot_be_started_is_left_to_the_sweep() -> None:
    harness = Harness(provider=FakeProvider(listed=[listed(), listed("p-2")]))
    harness.executions.fault = TryLater("throttled")
    assert harness.adopt().adopted == 2
    harness.executions.fault = None
    harness.pass_(3600)
    assert harness.sweep().restarted == 2


def test_what_there_is_no_time_for_is_counted() -> None:
    harness = Harness(provider=FakeProvider(listed=[listed(), listed("p-2")]))
    left = iter([300.0, 300.0, 300.0, 5.0])  # twice while the list is read
    result = harness.adopt(lambda: next(left))
    assert (result.listed, result.adopted, result.left, result.unread) == (2, 1, 1, {})


def test_a_list_that_there_is_no_time_to_read_leaves_time_for_what_was_read() -> None:
    harness = Harness(provider=FakeProvider(listed=[listed(), listed("p-2")]))
    left = iter([300.0, 100.0, 100.0])
    result = harness.adopt(lambda: next(left))
    assert (result.listed, result.adopted, result.left) == (1, 1, 0)
    assert "no time" in result.unread["vidu"]


def test_a_failed_task_that_turns_out_to_be_made_is_adopted_for_its_owner() -> None:
    failed = Failed(Failure(reason=FailureClass.PROVIDER, code="InternalServiceFailure"))
    harness = Harness(provider=FakeProvider(outcomes=[Accepted("p-1")], observations=[failed]))
    harness.see_through(harness.submit().id)
    harness.provider.listed = [listed("p-1")]
    harness.adopt()
    assert [task.owner for task in adopted(harness)] == ["alice"]


@pytest.mark.parametrize("length", [70_000, 1_000_000])
def test_a_request_too_big_for_the_table_is_adopted_in_short(length: int) -> None:
    harness = Harness(
        provider=FakeProvider(listed=[listed(request=request(prompt="x" * length, payload="y" * length))])
    )
    harness.adopt()
    task = only(harness)
    assert len(task.request.prompt) < 100
    assert not task.request.payload_omitted
