"""Kling's videos, as they are served to clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from reelkeep.dialects.dialect import AnyRoute, Http, List, Reply, Show, Submit, naming, row
from reelkeep.dialects.families.creations import kept_links, measured
from reelkeep.dialects.grammar.query import Number, Query
from reelkeep.dialects.kling import LARGEST_PAGE, MOST_PAGES, NAME, PATH, SEGMENTS
from reelkeep.domain import errors
from reelkeep.domain.errors import ClientError, InvalidRequest
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import Creation, FailureClass, Kind, Request, State, Task

if TYPE_CHECKING:  # with pydantic, for which only a submission waits
    from reelkeep.dialects.kling import wire

_WORDS: dict[State, wire.Status] = dict.fromkeys(State, "failed")
_WORDS |= {State.CREATED: "submitted", State.QUEUEING: "submitted", State.SUCCESS: "succeed"}
_WORDS |= {State.PROCESSING: "processing", State.ARCHIVING: "processing"}
_PAGE = Number("pageNum", "From 1.", usual=1, least=1, most=MOST_PAGES)
_SIZE = Number("pageSize", "Tasks a page.", usual=30, least=1, most=LARGEST_PAGE)


def _routes(word: str) -> Iterator[AnyRoute]:
    many, named = f"/kling{PATH}/{word}", _name(word)
    yield Submit(
        method="POST",
        path=many,
        operation=f"submitKling{named}",
        summary=f"Submit a task: {word}",
        body=named,
        reply="Task",
        parse=lambda http: _asked(word, http),
        render=lambda task: _shown(task, lambda _: ""),
    )
    yield List(
        method="GET",
        path=many,
        operation=f"listKling{named}",
        summary=f"Tasks of the last 30 days, newest first: {word}",
        parameters=(_PAGE, _SIZE),
        reply="TaskList",
        window=timedelta(days=30),  # so long Kling has the files
        numbered=True,
        parse=lambda http: _listing(tuple(kind for kind in SEGMENTS if SEGMENTS[kind] == word), http),
        render=lambda page, links, _: Reply(body=_envelope() | {"data": [_data(task, links) for task in page]}),
    )
    yield Show(
        method="GET",
        path=f"{many}/{{task_id}}",
        operation=f"showKling{named}",
        summary=f"A task and its video: {word}",
        reply="Task",
        event=_data,  # callbacks come without the envelope
        render=_shown,
    )


def _name(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("-"))


def _body(word: str) -> Any:
    return getattr(import_module("reelkeep.dialects.kling.wire"), _name(word))


def _asked(word: str, http: Http) -> Request:
    from reelkeep.dialects.translate import asked

    return asked(_body(word), NAME, http.json())


def _listing(kinds: tuple[Kind, ...], http: Http) -> Listing:
    query = Query(http.query)
    page, size = _PAGE.read(query), _SIZE.read(query)
    return Listing(filter=Filter(kinds=kinds), size=size, skip=(page - 1) * size)


def _envelope(request_id: str = "", code: int = 0, message: str = "SUCCEED") -> dict[str, Any]:
    return {"code": code, "message": message, "request_id": request_id}


def _shown(task: Task, links: Links) -> Reply:
    return Reply(body=_envelope(task.id) | {"data": _data(task, links)})


def _data(task: Task, links: Links) -> wire.Data:
    failure = task.failure
    data: wire.Data = {
        "task_id": task.id,
        "task_status": _WORDS[task.state],
        "task_status_msg": failure.message or failure.reason.value if failure else "",
        "task_info": {"external_task_id": task.request.payload},
        "created_at": int(task.created_at.timestamp() * 1000),
        "updated_at": int((task.finished_at or task.updated_at).timestamp() * 1000),
    }
    if task.state is State.SUCCESS:
        data["task_result"] = {"videos": [_film(each, links) for each in task.creations]}
    if task.credits is not None:
        data["final_unit_deduction"] = str(task.credits)
    return data


def _film(creation: Creation, links: Links) -> wire.Film:
    files, seconds = kept_links(creation, links), measured(creation).duration or creation.duration or 0
    film: wire.Film = {"id": creation.id, "url": files.get("video", ""), "duration": f"{round(seconds, 1):g}"}
    if "watermarked" in files:
        film["watermark_url"] = files["watermarked"]
    return film


_ERRORS: Mapping[type[ClientError] | FailureClass, tuple[int, int]] = {
    errors.ClientError: (400, 1201),
    errors.Unauthorized: (401, 1002),
    errors.NotFound: (404, 1203),
    errors.NotAllowed: (405, 1202),
    errors.BodyTooLarge: (413, 1201),
    errors.KeyReused: (422, 1201),
    errors.Refused: (403, 1103),  # our trouble at the provider must not look like theirs
    FailureClass.POLICY: (400, 1301),
    FailureClass.CREDIT: (429, 1102),
    FailureClass.THROTTLED: (429, 1302),
    FailureClass.INPUT: (400, 1201),
}


class _Server:
    name = NAME
    prefixes: tuple[str, ...] = ("/kling/",)
    routes: tuple[AnyRoute, ...] = tuple(each for word in dict.fromkeys(SEGMENTS.values()) for each in _routes(word))

    def render_error(self, error: ClientError, http: Http) -> Reply:
        (status, code), message = row(_ERRORS, error), error.message
        if isinstance(error, InvalidRequest) and error.field:
            word = http.path.rpartition("/")[2]
            message = naming(error, _body(word).names() if word in SEGMENTS.values() else {})
        # Clients repeat a 429 half a second later.
        headers = {401: {"www-authenticate": "Bearer"}, 429: {"x-should-retry": "false"}}.get(status, {})
        request_id = http.headers.get("x-amzn-trace-id", "")[:128]
        return Reply(status=status, body=_envelope(request_id, code, message), headers=headers)

    def render_fault(self, known: str = "") -> Reply:
        return Reply(status=500, body=_envelope("", 5000, known or "internal server error"))


dialect = _Server()
