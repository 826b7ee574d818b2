"""Dead letters, as they are served to operators."""

from __future__ import annotations

from typing import Any, Literal

from reelkeep.dialects.dialect import AnyRoute, Http, Operation
from reelkeep.dialects.replies import Moment, Shape, rfc3339, shows
from reelkeep.domain.dead_letters import Replayed
from reelkeep.domain.scopes import Scope

_LARGEST_BODY = 16_384  # bytes


def _ids(http: Http) -> list[str]:
    from reelkeep.dialects.reelkeep.dead_letters.wire import ReplayRequest
    from reelkeep.dialects.values import read

    return read(ReplayRequest, http.json(_LARGEST_BODY)).ids or []


class DeadLetter(Shape):
    """What failed for good, after every retry."""

    id: str = shows(lambda pair: pair[0].id)
    sent_at: Moment = shows(lambda pair: rfc3339(pair[0].sent_at))
    what: Literal["execution", "sweep", "unknown"] = shows(
        lambda pair: pair[1].what, says="An execution of a task, a sweep, or what only a person can understand."
    )
    task_id: str | None = shows(lambda pair: pair[1].task_id or None)
    reason: str = shows(lambda pair: pair[1].reason, says="For a person.")


class DeadLetters(Shape):
    """The oldest of them, some 100 at the most."""

    count: int = shows("count", says="About how many there are in all.")
    letters: list[DeadLetter] = shows(lambda page: [*map(DeadLetter.of, page.letters)])


class ReplayedLetter(DeadLetter):
    """What became of it."""

    done: bool = shows("done", says="If so, the letter is deleted. If not, it stays.")
    result: str = shows("result", says="For a person.")

    @classmethod
    def of(cls, replayed: Replayed) -> dict[str, Any]:
        letter = DeadLetter.of((replayed.message, replayed.meaning))
        return letter | {"done": replayed.done, "result": replayed.result}


class Replays(Shape):
    """What became of each."""

    replayed: list[ReplayedLetter] = shows(lambda replayed: [*map(ReplayedLetter.of, replayed)])


ROUTES: tuple[AnyRoute, ...] = (
    Operation("/dead-letters", "listDeadLetters", DeadLetters, scope=Scope.OPERATE),
    Operation(
        "/dead-letters/replay",
        "replayDeadLetters",
        Replays,
        method="POST",
        body="ReplayRequest",
        parse=_ids,
        scope=Scope.OPERATE,
    ),
)
