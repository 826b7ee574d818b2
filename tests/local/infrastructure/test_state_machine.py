from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

State = dict[str, Any]
Answers = dict[str, Iterator[State]]

TASK_ID = "task"


def run(machine: dict[str, Any], answers: dict[str, list[State]], given: State) -> tuple[list[str], list[int]]:
    """The states on the way and the seconds waited, with these answers of the functions in turn."""
    waiting = {name: iter(each) for name, each in answers.items()}
    passed, waited, state = [], [], given
    name = machine["StartAt"]
    while True:
        passed.append(name)
        definition = machine["States"][name]
        match definition["Type"]:
            case "Wait":
                waited.append(at(definition["SecondsPath"], state))
            case "Task":
                assert definition["Parameters"]["Payload.$"] == "$"
                assert definition["OutputPath"] == "$.Payload"
                state = next(waiting[name])
            case "Choice":
                name = chosen(definition, state)
                continue
            case "Succeed":
                return passed, waited
        name = definition["Next"]


def chosen(definition: State, state: State) -> str:
    for choice in definition["Choices"]:
        is_there = choice["Variable"].removeprefix("$.") in state
        if is_there if "IsPresent" in choice else at(choice["Variable"], state) is choice["BooleanEquals"]:
            return str(choice["Next"])
    return str(definition["Default"])


def at(path: str, state: State) -> Any:
    return state[path.removeprefix("$.")]


def busy(seconds: int) -> State:
    return {"task_id": TASK_ID, "finished": False, "wait_seconds": seconds}


DONE = {"task_id": TASK_ID, "finished": True, "wait_seconds": 0}


def test_a_task_is_polled_until_its_provider_is_done_and_then_kept(machine: dict[str, Any]) -> None:
    given = {"task_id": TASK_ID, "wait_seconds": 20}
    passed, waited = run(machine, {"Poll": [busy(40), busy(5), DONE], "Finalize": [DONE]}, given)
    assert passed == (["Wait", "Poll", "Finished?"] * 3 + ["Finalize", "Archived?", "Done"])
    assert waited == [20, 40, 5]


def test_what_cannot_be_kept_yet_is_tried_again_without_asking_the_provider(machine: dict[str, Any]) -> None:
    given = {"task_id": TASK_ID, "wait_seconds": 0}
    passed, waited = run(machine, {"Poll": [DONE], "Finalize": [busy(60), busy(120), DONE]}, given)
    assert passed.count("Poll") == 1
    assert passed.count("Finalize") == 3
    assert waited == [0, 60, 120]


def tasks(machine: dict[str, Any]) -> dict[str, State]:
    return {name: state for name, state in machine["States"].items() if state["Type"] == "Task"}


def test_no_state_hands_on_more_than_the_functions_answer(machine: dict[str, Any]) -> None:
    shaping = {"InputPath", "ResultPath", "ResultSelector", "Result", "Assign", "Output", "Arguments"}
    for state in machine["States"].values():
        assert not shaping & state.keys()


def test_a_task_waits_long_for_a_free_function_less_for_the_platform_and_least_after_a_crash(
    machine: dict[str, Any],
) -> None:
    for state in tasks(machine).values():
        busy, platform, crash = state["Retry"]
        assert busy["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
        assert "Lambda.ServiceException" in platform["ErrorEquals"]
        assert crash["ErrorEquals"] == ["States.TaskFailed", "States.Timeout"]
        assert busy["MaxAttempts"] > platform["MaxAttempts"] > crash["MaxAttempts"] > 0


def test_every_task_has_a_timeout_above_its_functions_own(machine: dict[str, Any], functions: dict[str, Any]) -> None:
    for name, state in tasks(machine).items():
        assert state["TimeoutSeconds"] > functions[f"{name}Function"]["Timeout"]


def test_the_machine_outlasts_the_longest_deadline(machine: dict[str, Any]) -> None:
    assert machine["TimeoutSeconds"] > (72 + 79 + 72) * 3600


def test_every_placeholder_is_filled_in_by_the_template(machine: dict[str, Any], resources: dict[str, Any]) -> None:
    wanted = set(re.findall(r"\$\{(\w+)\}", str(machine)))
    assert wanted == resources["TaskStateMachine"]["Properties"]["DefinitionSubstitutions"].keys()
