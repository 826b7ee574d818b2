"""Gives what a dead letter tells of another chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.operators.dead_letters import DeadLetter, Execution, Meaning, Sweep, Unknown
from reelkeep.domain.errors import TryLater
from reelkeep.ports import Clock, Executions, Tasks
from reelkeep.services.sweep import restart


@dataclass(frozen=True, slots=True)
class Replayed:
    message: DeadLetter
    meaning: Meaning
    done: bool  # the message is of no further use
    result: str


class Replay:
    """Of several messages about the same thing, the first does it."""

    def __init__(self, *, tasks: Tasks, executions: Executions, sweep: Callable[[bool], str], clock: Clock) -> None:
        """`sweep` runs the sweep function, of everything or not, and returns what went wrong, if anything did."""
        self._tasks = tasks
        self._executions = executions
        self._sweep = sweep
        self._clock = clock
        self._swept: dict[bool, str] = {}

    def __call__(self, message: DeadLetter, meaning: Meaning) -> Replayed:
        match meaning:
            case Execution():
                return Replayed(message, meaning, *self._execution(meaning))
            case Sweep():
                if meaning.everything not in self._swept:
                    self._swept[meaning.everything] = self._sweep(meaning.everything)
                wrong = self._swept[meaning.everything]
                return Replayed(message, meaning, not wrong, f"left: the sweep failed: {wrong}" if wrong else "swept")
            case Unknown():
                return Replayed(message, meaning, False, "left: nobody knows what to do with it")

    def _execution(self, failed: Execution) -> tuple[bool, str]:
        task = self._tasks.get(failed.task_id)
        if task is None:
            return False, "left: the table knows no such task (see `archive rebuild`)"
        if not task.unfinished:
            return True, f"nothing to do: the task is {task.state}"
        if failed.run < task.executions:
            return True, f"nothing to do: run {task.executions} of the task has taken over"
        try:
            if not restart(task, tasks=self._tasks, executions=self._executions, now=self._clock()):
                return False, "left: somebody is at work on the task"
        except TryLater as error:
            return False, f"left: {error}"
        return True, "restarted"
