"""Dead letters as AWS writes them: what each is understood as, and what replaying it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reelkeep.domain.dead_letters import DeadLetter, Execution, Meaning, Replayed, Sweep, Unknown, understood
from reelkeep.domain.errors import NotFound, TryLater
from reelkeep.domain.observation import Succeeded
from reelkeep.domain.task import State
from reelkeep.services.dead_letters import ManageDeadLetters, Replay
from tests.unit.services.harness import NOON, FakeProvider, Harness, creation

EVENTS = Path(__file__).parents[3] / "events"
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:reelkeep-task"
TASK = "019aa0f4c800a1b2c3d4e5f60718293a"
SECRET = "vda_" + "s3cr3t" * 5


def message(body: Any, attributes: Mapping[str, str] | None = None) -> DeadLetter:
    text = body if isinstance(body, str) else json.dumps(body)
    return DeadLetter(id="m-1", receipt="r-1", sent_at=NOON, body=text, attributes=attributes or {})


def meaning(body: Any, attributes: Mapping[str, str] | None = None) -> Meaning:
    return understood(message(body, attributes), state_machine_arn=MACHINE, sweep_function="reelkeep-sweep")


def example(name: str) -> Any:
    return json.loads((EVENTS / "dlq" / f"{name}.json").read_text())


def execution(**detail: Any) -> Any:
    event = example("execution")
    event["detail"] |= detail
    return event


def scheduled(**attributes: str) -> Meaning:
    message = example("schedule")
    given = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    return meaning(message["MessageBody"], given | attributes)


def test_an_execution_that_failed_names_its_task_and_why_without_the_stack_trace() -> None:
    assert meaning(example("execution")) == Execution(
        task_id=TASK,
        name=f"{TASK}-1",
        status="FAILED",
        reason="Misconfigured: there is no provider 'vidu'",
    )


def test_an_execution_that_was_aborted_has_no_reason() -> None:
    found = meaning(execution(status="ABORTED", error=None, cause=None))
    assert (found.task_id, found.reason) == (TASK, "")


@pytest.mark.parametrize("given", [None, "", "{}", "[1]", '{"task_id": 7}', '{"task_id": "../x"}', "{cut off"])
def test_an_input_that_names_no_task_leaves_the_executions_name(given: str | None) -> None:
    assert meaning(execution(input=given)).task_id == TASK


def test_an_execution_that_somebody_began_by_hand_with_garbage_is_left_to_a_person() -> None:
    found = meaning(execution(input="{}", name="5d8f6c1e-try", error="States.Runtime", cause="no wait_seconds"))
    assert found == Unknown(
        reason="the execution 5d8f6c1e-try (FAILED) names no task: States.Runtime: no wait_seconds"
    )


def test_an_execution_of_another_machine_is_not_ours() -> None:
    assert isinstance(meaning(execution(stateMachineArn=f"{MACHINE}-2")), Unknown)


def test_a_sweep_that_failed_is_understood_with_what_it_was_asked() -> None:
    failed = example("sweep")
    why = "TryLater: the table is too busy to be read"
    assert meaning(failed) == Sweep(reason=why, everything=True)
    assert meaning(failed | {"requestPayload": []}) == Sweep(reason=why)


def test_a_sweep_that_could_not_be_begun_is_a_sweep() -> None:
    assert scheduled() == Sweep(reason="never begun: TooManyRequestsException: Rate Exceeded.")


def test_what_was_meant_for_another_function_is_not_ours() -> None:
    other = "arn:aws:lambda:eu-central-1:123456789012:function:reelkeep-sweep2"
    assert isinstance(scheduled(TARGET_ARN=other), Unknown)
    failed = example("sweep")
    assert isinstance(meaning(failed | {"requestContext": {"functionArn": other}}), Unknown)


def test_changes_that_no_webhook_was_told_of_are_named_for_what_they_are() -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:reelkeep-announce"
    found = meaning({"requestContext": {"functionArn": arn}, "DDBStreamBatchInfo": {"batchSize": 3}})
    assert isinstance(found, Unknown)
    assert "no webhook was told" in found.reason


@pytest.mark.parametrize("body", ["", "hi", "[]", "null", '{"detail": 1}', '{"requestContext": {"functionArn": 1}}'])
def test_what_nobody_understands_is_unknown(body: str) -> None:
    assert isinstance(meaning(body), Unknown)


def test_a_reason_shows_no_secret() -> None:
    found = meaning(execution(cause=json.dumps({"errorType": "X", "errorMessage": f"key {SECRET} refused"})))
    assert "refused" in found.reason
    assert SECRET not in found.reason


Replayer = Callable[[Any], Replayed]


def replayer(harness: Harness, sweeps: list[bool] | None = None, wrong: str = "") -> Replayer:
    swept = [] if sweeps is None else sweeps

    def sweep(everything: bool) -> str:
        swept.append(everything)
        return wrong

    replay = Replay(tasks=harness.tasks, executions=harness.executions, sweep=sweep, clock=harness.clock)
    return lambda body: replay(message(body), meaning(body))


def failed_execution(task_id: str) -> Any:
    return execution(input=json.dumps({"task_id": task_id, "wait_seconds": 1}), name=task_id)


def test_an_unfinished_task_gets_an_execution_under_the_next_number() -> None:
    harness = Harness()
    task = harness.submit()
    found = replayer(harness)(failed_execution(task.id))
    assert (found.done, found.result, harness.task(task.id).executions) == (True, "restarted", 1)
    assert harness.executions.started[-1] == (task.id, 1)


def test_many_messages_about_one_task_restart_it_once() -> None:
    harness = Harness()
    task = harness.submit()
    replay = replayer(harness)
    for _ in range(3):
        assert replay(failed_execution(task.id)).done
    assert harness.task(task.id).executions == 1


def test_a_task_that_a_later_run_took_over_or_that_has_ended_needs_nothing_and_its_message_goes() -> None:
    harness = Harness(provider=FakeProvider(observations=[Succeeded((creation(),))]))
    task = harness.submit()
    harness.tasks.save(replace(harness.task(task.id), executions=1))
    running = replayer(harness)(failed_execution(task.id))
    harness.see_through(task.id)
    ended = replayer(harness)(failed_execution(task.id))
    assert (running.done, ended.done, harness.task(task.id).executions) == (True, True, 1)
    assert harness.task(task.id).state is State.SUCCESS


def test_a_task_that_ended_and_was_not_told_gets_an_execution() -> None:
    harness = Harness(provider=FakeProvider(observations=[Succeeded((creation(),))]))
    task = harness.submit()
    harness.see_through(task.id)
    harness.tasks.save(harness.task(task.id).with_announcements(announced_at=None))
    assert replayer(harness)(failed_execution(task.id)).result == "restarted"


def test_a_message_about_a_task_that_does_not_exist_stays() -> None:
    found = replayer(Harness())(failed_execution(TASK))
    assert not found.done
    assert "archive rebuild" in found.result


def test_a_message_stays_while_no_execution_can_be_started() -> None:
    harness = Harness()
    task = harness.submit()
    harness.executions.fault = TryLater("Step Functions is out")
    replay = replayer(harness)
    assert not replay(failed_execution(task.id)).done
    harness.executions.fault = None
    assert replay(failed_execution(task.id)).result == "restarted"


def test_many_failed_sweeps_are_made_up_for_by_one_of_each_kind() -> None:
    sweeps: list[bool] = []
    replay = replayer(Harness(), sweeps)
    ordinary = example("sweep") | {"requestPayload": {}}
    assert all(replay(body).done for body in (ordinary, example("sweep"), ordinary, ordinary))
    assert sweeps == [False, True]


def test_a_sweep_that_fails_again_leaves_its_dead_letter() -> None:
    found = replayer(Harness(), wrong="TryLater")(example("sweep"))
    assert (found.done, found.result) == (False, "left: the sweep failed: TryLater")


def test_what_nobody_understands_stays() -> None:
    assert not replayer(Harness())("hello").done


@dataclass
class FakeLetters:
    """The queue, in memory."""

    waiting: list[DeadLetter]
    hidden: list[DeadLetter] = field(default_factory=list)  # whoever has received them has yet to put them back

    def count(self) -> int:
        return len(self.waiting) + len(self.hidden)

    def all(self, *, hidden_seconds: int, most: float) -> list[DeadLetter]:
        self.hidden, self.waiting = self.waiting, []
        return list(self.hidden)

    def put_back(self, messages: Sequence[DeadLetter]) -> None:
        self.waiting += messages
        self.hidden = [each for each in self.hidden if each not in messages]

    def delete(self, message: DeadLetter) -> None:
        self.hidden.remove(message)


def test_operators_see_dead_letters_and_replay_those_they_name_or_all_and_what_cannot_be_done_stays() -> None:
    harness = Harness()
    task = harness.submit()
    failed, odd = (
        replace(message(body), id=name) for name, body in (("m-1", failed_execution(task.id)), ("m-2", "odd"))
    )
    letters = FakeLetters([failed, odd])
    manage = ManageDeadLetters(
        letters,
        partial(understood, state_machine_arn=MACHINE, sweep_function="reelkeep-sweep"),
        lambda: Replay(tasks=harness.tasks, executions=harness.executions, sweep=lambda _: "", clock=harness.clock),
    )
    page = manage.list()
    assert (page.count, [found.what for _, found in page.letters]) == (2, ["execution", "unknown"])
    with pytest.raises(NotFound, match="no dead letter m-3"):
        manage.do_again(["m-1", "m-3"])
    assert (letters.waiting, harness.task(task.id).executions) == ([failed, odd], 0)
    (done,) = manage.do_again(["m-1"])
    assert (done.result, letters.waiting, letters.hidden) == ("restarted", [odd], [])
    (left,) = manage.do_again([])
    assert (left.done, letters.waiting) == (False, [odd])
