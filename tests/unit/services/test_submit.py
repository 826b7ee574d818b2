from __future__ import annotations

import pytest

from reelkeep.domain.errors import InvalidRequest, Refused, TryLater
from reelkeep.domain.observation import Accepted, NotYet, Unknown
from reelkeep.domain.observation import Refused as SaidNo
from reelkeep.domain.task import DispatchStatus, Failure, FailureClass, Kind, State, Task
from tests.unit.services.harness import LONGEST_WAIT, MALLORY, FakeProvider, Harness, request


def test_an_accepted_task_is_queueing_with_its_id_at_the_provider_and_an_execution() -> None:
    harness = Harness()
    task = harness.submit()
    assert (task.state, task.dispatch.status, task.provider_task_id) == (
        State.QUEUEING,
        DispatchStatus.ACCEPTED,
        "p-1",
    )
    assert task.credits == 20
    [(started, wait)] = harness.executions.started
    assert started == task.id
    assert 25 < wait < 75  # what it usually takes


def test_the_task_is_recorded_before_the_provider_is_called() -> None:
    harness = Harness()
    seen: list[Task | None] = []

    class Watching(FakeProvider):
        def dispatch(self, task: Task) -> Accepted:
            seen.append(harness.tasks.get(task.id))
            return Accepted("p-1")

    harness.provider = Watching()
    harness.submit()
    assert [task.dispatch.status if task else None for task in seen] == [DispatchStatus.STARTED]


def test_a_model_that_the_client_does_not_name_is_the_provider_s_and_the_same_submission_stays_the_same() -> None:
    harness = Harness(provider=FakeProvider(default_model="viduq3-pro"))
    asked = request(model="", body={"prompt": "a paper boat"})
    task = harness.submit(asked, key="take-1")
    [placed] = harness.provider.dispatched
    assert (task.request.model, placed.request.model) == ("viduq3-pro", "viduq3-pro")
    assert placed.request.body == {"prompt": "a paper boat"}
    harness.provider.default_model = "viduq4"
    assert harness.submit(asked, key="take-1").id == task.id


def test_what_cannot_be_expressed_is_refused_with_nothing_recorded_started_or_dispatched() -> None:
    harness = Harness(provider=FakeProvider(refuses=InvalidRequest("no such style there", field="style")))
    with pytest.raises(InvalidRequest, match="no such style"):
        harness.submit()
    assert not list(harness.tasks.unfinished())
    assert (harness.provider.dispatched, harness.executions.started) == ([], [])


def test_a_callback_to_where_nothing_can_go_is_refused_with_nothing_recorded_or_dispatched() -> None:
    harness = Harness()
    harness.destinations.unreachable.add("https://inside.test")
    with pytest.raises(InvalidRequest) as refused:
        harness.submit(request(callback_url="https://inside.test"))
    assert refused.value.field == "callback_url"
    assert (harness.tasks.recorded, harness.provider.dispatched) == ({}, [])


def test_a_definite_refusal_is_answered_at_once_and_starts_nothing() -> None:
    failure = Failure(reason=FailureClass.CREDIT, code="CreditInsufficient", message="no credit left")
    harness = Harness(provider=FakeProvider(outcomes=[SaidNo(failure)]))
    with pytest.raises(Refused, match="no credit left"):
        harness.submit()
    assert harness.executions.started == []


def test_while_the_provider_is_busy_the_client_gets_its_task_and_the_machine_dispatches_it_later() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[NotYet(retry_after=40), Accepted("p-9")]))
    task = harness.submit()
    assert (task.state, task.dispatch.status) == (State.CREATED, DispatchStatus.WAITING)
    assert harness.executions.started == [(task.id, 40)]
    harness.pass_(40)
    harness.poll(task.id)
    assert (harness.task(task.id).provider_task_id, harness.task(task.id).last_error) == ("p-9", "")
    assert len(harness.provider.dispatched) == 2


def test_a_provider_that_stays_busy_is_asked_to_take_the_task_ever_more_seldom() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[NotYet()]))
    id = harness.submit().id
    verdicts = [harness.poll(id) for _ in range(6)]
    waits = [verdict.wait_seconds for verdict in verdicts]
    assert waits == sorted(waits)
    assert waits[-1] > 8 * waits[0]
    assert {verdict.last_error for verdict in verdicts} == {"the provider could not be reached or was busy"}


def test_what_no_provider_took_before_its_deadline_is_not_dispatched_any_more() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[NotYet(), Accepted("p-1")]))
    id = harness.submit().id
    harness.pass_(LONGEST_WAIT.total_seconds())
    harness.poll(id)
    assert (harness.task(id).state, len(harness.provider.dispatched)) == (State.EXPIRED, 1)


def test_a_lost_answer_is_never_followed_by_a_second_call_while_the_provider_cannot_tell() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("time-out")], found=[None]))
    task = harness.submit()
    harness.see_through(task.id)
    assert len(harness.provider.dispatched) == 1
    ended = harness.task(task.id)
    assert ended.state is State.FAILED
    assert ended.failure is not None
    assert "outcome unknown" in ended.failure.message


def test_a_lost_answer_is_found_again_at_the_provider() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut")], found=["", None, "p-7"]))
    task = harness.submit()
    harness.see_through(task.id)
    assert harness.task(task.id).state is State.SUCCESS
    assert harness.task(task.id).provider_task_id == "p-7"
    assert len(harness.provider.dispatched) == 1


def test_a_call_that_certainly_never_arrived_is_made_again() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut"), Accepted("p-8")], found=[""]))
    task = harness.submit()
    harness.see_through(task.id)
    assert harness.task(task.id).provider_task_id == "p-8"


def test_a_function_that_dies_in_the_call_leaves_a_task_that_is_searched_for_and_not_repeated() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[KeyboardInterrupt("killed")], found=["p-5"]))
    with pytest.raises(KeyboardInterrupt):
        harness.submit()
    [task] = harness.tasks.unfinished()
    harness.pass_(3600)
    assert harness.sweep().restarted == 1
    harness.see_through(task.id)
    assert harness.task(task.id).provider_task_id == "p-5"
    assert len(harness.provider.dispatched) == 1


def test_a_big_request_lies_in_the_archive_and_the_provider_gets_it_whole() -> None:
    harness = Harness()
    image = "data:image/png;base64," + "A" * 3_000_000
    task = harness.submit(request(images=(image,), body={"images": [image]}))
    assert harness.provider.dispatched[0].request.images == (image,)
    assert task.request.images == (image,)
    recorded = harness.task(task.id)
    assert recorded.request_key == "big"
    assert len(str(recorded)) < 10_000


def test_a_submission_that_waited_long_for_the_name_of_a_callback_does_not_wait_for_the_provider_too() -> None:
    harness = Harness()
    harness.destinations.check = lambda url, field: harness.pass_(10)
    task = harness.submit(request(callback_url="https://slow.test/h"))
    assert (harness.provider.dispatched, task.dispatch.status) == ([], DispatchStatus.WAITING)
    harness.see_through(task.id)
    assert harness.task(task.id).state is State.SUCCESS


def test_a_big_request_that_is_dispatched_later_is_dispatched_whole() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[NotYet(), Accepted("p-1")]))
    asked = request(images=("data:image/png;base64," + "A" * 300_000,))
    task = harness.submit(asked)
    harness.pass_(60)
    harness.poll(task.id)
    assert [each.request for each in harness.provider.dispatched] == [asked, asked]


def test_an_execution_that_could_not_be_started_does_not_lose_the_accepted_task() -> None:
    harness = Harness()
    harness.executions.fault = TryLater("throttled")
    task = harness.submit()
    assert task.state is State.QUEUEING
    harness.executions.fault = None
    harness.pass_(3600)
    assert harness.sweep().restarted == 1


def test_a_creation_of_ours_is_known_by_its_providers_id_when_it_is_built_on() -> None:
    harness = Harness()
    first = harness.submit()
    harness.see_through(first.id)
    second = harness.submit(request(kind=Kind.UPSCALE, creation_id=f"{first.id}-1"))
    assert harness.provider.dispatched[1].source_creation == "c1"
    assert [each.provider for each in harness.provider.chosen_for] == ["", "vidu"]  # where the creation is
    assert second.request.creation_id == f"{first.id}-1"


@pytest.mark.parametrize("creation", ["{id}-2", "0" * 32 + "-1"])
def test_a_creation_that_is_not_there_is_refused_by_name(creation: str) -> None:
    harness = Harness()
    first = harness.submit()
    harness.see_through(first.id)
    with pytest.raises(InvalidRequest, match="there is no creation") as refused:
        harness.submit(request(kind=Kind.UPSCALE, creation_id=creation.format(id=first.id)))
    assert refused.value.field == "creation_id"


def test_a_creation_is_built_on_where_it_is_and_nowhere_else() -> None:
    harness = Harness()
    first = harness.submit()
    harness.see_through(first.id)
    with pytest.raises(InvalidRequest, match="at another provider") as refused:
        harness.submit(request(kind=Kind.UPSCALE, creation_id=f"{first.id}-1", provider="ark"))
    assert (refused.value.field, len(harness.provider.dispatched)) == ("creation_id", 1)


def test_another_owners_creation_is_not_there() -> None:
    harness = Harness()
    first = harness.submit()
    harness.see_through(first.id)
    with pytest.raises(InvalidRequest, match="there is no creation"):
        harness.submit(request(kind=Kind.UPSCALE, creation_id=f"{first.id}-1"), MALLORY)


def test_an_id_that_is_not_of_ours_is_the_providers_own() -> None:
    harness = Harness()
    harness.submit(request(kind=Kind.UPSCALE, creation_id="885000000000000777"))
    assert harness.provider.dispatched[0].source_creation == ""
