"""Which tasks a client asks to have listed."""

from __future__ import annotations

import base64

from reelkeep.dialects.dialect import Http
from reelkeep.dialects.grammar.query import Query
from reelkeep.dialects.reelkeep.problems import wrong
from reelkeep.domain import ids
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import State

USUAL_PAGE, LARGEST_PAGE = 20, 100
_ONCE = frozenset({"created_from", "created_to", "limit", "cursor"})
_REPEATED = frozenset({"task_id", "state", "model", "resolution", "template"})


def read(http: Http) -> Listing:
    """Nothing is overlooked: a filter with a slip of the pen would list what was not asked for."""
    seen: set[str] = set()
    for name, value in http.query:
        if name not in _ONCE | _REPEATED:
            raise wrong(name[:64], f"is not a parameter here; {', '.join(sorted(_ONCE | _REPEATED))} are")
        if not value:
            raise wrong(name, "is empty")
        if name in seen & _ONCE:
            raise wrong(name, "is given more than once")
        seen.add(name)
    query = Query(http.query)
    size = query.number("limit", USUAL_PAGE)
    if not 1 <= size <= LARGEST_PAGE:
        raise wrong("limit", f"must be from 1 to {LARGEST_PAGE}")
    return Listing(
        filter=Filter(
            created_from=query.moment("created_from"),
            created_to=query.moment("created_to"),
            task_ids=_task_ids(query.words("task_id")),
            states=_states(query.words("state")),
            models=query.words("model"),
            resolutions=query.words("resolution"),
            templates=query.words("template"),
        ),
        size=size,
        cursor=_read_cursor(query.one("cursor")),
    )


def _task_ids(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(words) > LARGEST_PAGE:
        raise wrong("task_id", f"is given more than {LARGEST_PAGE} times")
    for word in words:
        if not ids.is_task_id(word):
            raise wrong("task_id", "is not the id of a task")
    return words


def _states(words: tuple[str, ...]) -> tuple[State, ...]:
    try:
        return tuple(map(State, words))
    except ValueError as error:
        raise wrong("state", f"must be one of {', '.join(State)}") from error


def cursor(task_id: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(task_id)).decode().rstrip("=")


def _read_cursor(text: str) -> str:
    if not text:
        return ""
    try:
        task_id = base64.urlsafe_b64decode(text + "==").hex()
    except ValueError:
        task_id = ""
    if not ids.is_task_id(task_id) or cursor(task_id) != text:
        raise wrong("cursor", "is not one that a listing gave out")
    return task_id
