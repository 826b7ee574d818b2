"""Dead letters: operators see them, and give what they are about another chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reelkeep.domain.dead_letters import DeadLetter, DeadLetterPage, Execution, Meaning, Replayed, Sweep, Unknown
from reelkeep.domain.errors import NotFound, TryLater
from reelkeep.ports.notices import DeadLetters
from reelkeep.ports.platform import Clock
from reelkeep.ports.tasks import Executions, Tasks
from reelkeep.services.sweep import restart


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


_MOST = 100  # letters that are read at once
_LISTING_SECONDS = 10  # for which nobody else sees a letter that is read
_REPLAYING_SECONDS = 60  # a function of the API has 29


@dataclass(frozen=True, slots=True)
class ManageDeadLetters:
    """Lists what failed for good, and does it again."""

    letters: DeadLetters
    understood: Callable[[DeadLetter], Meaning]
    replay: Callable[[], Replay]

    def list(self) -> DeadLetterPage:
        """The oldest of them. They stay where they are."""
        read = self.letters.all(hidden_seconds=_LISTING_SECONDS, most=_MOST)
        self.letters.put_back(read)
        return DeadLetterPage(
            count=max(self.letters.count(), len(read)),
            letters=tuple((letter, self.understood(letter)) for letter in read),
        )

    def do_again(self, ids: Sequence[str]) -> Sequence[Replayed]:
        """Those with these ids, or all that are read at once if none is named. What is done is deleted, what cannot
        be done stays.

        Raises NotFound for an id that is not there, or which somebody else reads just now.
        """
        replay = self.replay()
        left = {each.id: each for each in self.letters.all(hidden_seconds=_REPLAYING_SECONDS, most=_MOST)}
        replayed = list[Replayed]()
        try:
            missing = [each for each in ids if each not in left]
            if missing:
                raise NotFound(
                    f"there is no dead letter {missing[0]}, or somebody else reads it just now", field="ids"
                )
            for letter in [left[each] for each in dict.fromkeys(ids)] or list(left.values()):
                replayed.append(replay(letter, self.understood(letter)))
                if replayed[-1].done:
                    self.letters.delete(letter)
                    del left[letter.id]
        finally:
            self.letters.put_back(list(left.values()))
        return replayed
