"""Kling's videos, as they are served to clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from reelkeep.dialects.dialect import AnyRoute, Dialect, Http, List, Row, Show, Submit, submission_of
from reelkeep.dialects.families.query import Number, Query
from reelkeep.dialects.kling import LARGEST_PAGE, MOST_PAGES, NAME, PATH, SEGMENTS
from reelkeep.dialects.replies import Shape, View, always, shows, words
from reelkeep.domain import errors
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import FailureClass

_PAGE = Number("pageNum", "From 1.", usual=1, least=1, most=MOST_PAGES)
_SIZE = Number("pageSize", "Tasks a page.", usual=30, least=1, most=LARGEST_PAGE)


def _listing(segment: str, http: Http) -> Listing:
    query, kinds = Query(http.query), tuple(kind for kind, word in SEGMENTS.items() if word == segment)
    page, size = _PAGE.read(query), _SIZE.read(query)
    return Listing(filter=Filter(kinds=kinds), size=size, skip=(page - 1) * size)


# --- answers ---

Status = Literal["submitted", "processing", "succeed", "failed"]
_STATUSES = words("submitted submitted processing processing succeed failed failed failed")


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


class Film(Shape):
    id: str = shows("creation.id")
    url: str = shows(lambda view: view.file("video"), says="Permanent.")
    watermark_url: str = shows(lambda view: view.files.get("watermarked"), optional=True)
    duration: str = shows(lambda view: f"{round(view.fact('duration') or 0, 1):g}", says="Seconds, as in 5.1.")


def _result(view: View) -> dict[str, Any] | None:
    return {"videos": [*map(Film.of, view.creations)]} if view.succeeded else None


def _why(view: View) -> str:
    failure = view.task.failure
    return failure.message or failure.reason.value if failure else ""


class Data(Shape):
    task_id: str = shows("task.id")
    task_status: Status = shows(lambda view: _STATUSES[view.task.state])
    task_status_msg: str = shows(_why, says="Why it failed.")
    task_info: dict[str, str] = shows(
        lambda view: {"external_task_id": view.request.payload}, says="The `external_task_id`."
    )
    created_at: int = shows("task.created_at", write=_milliseconds, says="Milliseconds since 1970.")
    updated_at: int = shows("ended_at", write=_milliseconds, says="Milliseconds since 1970.")
    task_result: dict[str, list[Film]] = shows(_result, optional=True, says="The `videos`, on success.")
    final_unit_deduction: str = shows("task.credits", write=str, optional=True, says="What the provider charged.")


class _Accepted(Shape):
    code: int = always(0, says="0 if it is no error.")
    message: str = always("SUCCEED")


class Task(_Accepted):
    request_id: str = shows("task.id")
    data: Data = shows(Data.of)


class TaskList(_Accepted):
    request_id: str = always("")
    data: list[Data] = shows(lambda views: [*map(Data.of, views.tasks)])


class Error(Shape):
    code: int = shows("code", says="0 if it is none.")
    message: str = shows("message")
    request_id: str = shows("request_id")


_LISTED: Any = {
    "parameters": (_PAGE, _SIZE),
    "window": timedelta(days=30),  # so long Kling has the files
    "numbered": True,
}


def _routes(segment: str) -> Iterator[AnyRoute]:
    many, body = f"/kling{PATH}/{segment}", "".join(part.capitalize() for part in segment.split("-"))
    yield Submit(many, f"submitKling{body}", Task, body=body, parse=submission_of(NAME, body))
    yield List(many, f"listKling{body}", TaskList, parse=partial(_listing, segment), **_LISTED)
    yield Show(f"{many}/{{task_id}}", f"showKling{body}", Task, event=Data)  # callbacks come without the envelope


class _Server(Dialect):
    name = NAME
    prefixes = ("/kling/",)
    routes = tuple(each for segment in dict.fromkeys(SEGMENTS.values()) for each in _routes(segment))
    error = Error
    errors: Mapping[Any, Row] = {
        errors.ClientError: (400, 1201),
        errors.Unauthorized: (401, 1002),
        errors.Forbidden: (403, 1103),
        errors.OverBudget: (402, 1102),
        errors.OverLimit: (429, 1302),
        errors.Stopped: (503, 5001),
        errors.NotFound: (404, 1203),
        errors.NotAllowed: (405, 1202),
        errors.BodyTooLarge: (413, 1201),
        errors.KeyReused: (422, 1201),
        errors.Refused: (403, 1103),  # an error of our account must not look like one of the client's
        FailureClass.POLICY: (400, 1301),
        FailureClass.CREDIT: (429, 1102),
        FailureClass.THROTTLED: (429, 1302),
        FailureClass.INPUT: (400, 1201),
    }
    fault = (500, 5000, "internal server error")


dialect = _Server()
