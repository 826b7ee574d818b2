"""The state machine, as its definition has it: waits, tasks with their retries, choices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.chaos.faulty_transport import Killed

_HERE = Path(__file__).parent
DEFINITION: dict[str, Any] = yaml.safe_load((_HERE.parents[1] / "statemachine" / "task.asl.yaml").read_text())
WATCH: dict[str, Any] = yaml.safe_load((_HERE.parents[1] / "statemachine" / "watch.asl.yaml").read_text())
# An execution that is under way when the stack is updated goes on by the definition that it began with.
RELEASE_BEFORE: dict[str, Any] = yaml.safe_load((_HERE / "release_0_2_0" / "task.asl.yaml").read_text())
_ANY = "States.TaskFailed"  # as the language has it: any error but a time-out


class ExecutionFailed(Exception):
    """No retry is left."""


Invoke = Callable[[str, dict[str, Any]], dict[str, Any]]


def execution(data: dict[str, Any], invoke: Invoke, definition: Mapping[str, Any] = DEFINITION) -> Generator[float]:
    """Sees one task through, and yields the seconds to wait for in between. Raises ExecutionFailed."""
    name = definition["StartAt"]
    while True:
        state = definition["States"][name]
        match state["Type"]:
            case "Wait":
                yield float(data[state["SecondsPath"].removeprefix("$.")])
            case "Task":
                data = yield from _task(name.lower(), state, data, invoke)
            case "Choice":
                name = next((c["Next"] for c in state["Choices"] if _holds(c, data)), state["Default"])
                continue
            case "Succeed":
                return
        name = state["Next"]


def _task(
    function: str, state: dict[str, Any], data: dict[str, Any], invoke: Invoke
) -> Generator[float, None, dict[str, Any]]:
    tried: Counter[int] = Counter()
    while True:
        try:
            return invoke(function, data)
        except (Exception, Killed) as error:
            number, retry = next(
                (number, each)
                for number, each in enumerate(state["Retry"])
                if {type(error).__name__, _ANY} & set(each["ErrorEquals"])
            )
            if tried[number] == retry["MaxAttempts"]:
                raise ExecutionFailed(f"{function}: {error!r}") from error
            seconds = retry["IntervalSeconds"] * retry["BackoffRate"] ** tried[number]
            tried[number] += 1
        yield min(seconds, retry.get("MaxDelaySeconds", seconds))


def _holds(choice: dict[str, Any], data: dict[str, Any]) -> bool:
    name = choice["Variable"].removeprefix("$.")
    return name in data if choice.get("IsPresent") else data[name] is choice["BooleanEquals"]
