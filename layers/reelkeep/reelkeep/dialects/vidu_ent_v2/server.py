"""Vidu's ent/v2, as it is served to clients."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any

from reelkeep.dialects.dialect import Cancel, Http, List, Show, Submit, submission_of
from reelkeep.dialects.families import vidu
from reelkeep.dialects.families.query import Cursor, Number, Query, Time, Words, filter_of, states
from reelkeep.dialects.families.vidu import Facts, StateWord
from reelkeep.dialects.replies import Nothing, Shape, View, rfc3339, shows
from reelkeep.dialects.vidu_ent_v2 import LARGEST_PAGE, NAME, PREFIX, SEGMENTS
from reelkeep.domain.errors import InvalidRequest, PageSizeOutOfRange
from reelkeep.domain.listing import Listing
from reelkeep.domain.task import Kind
from reelkeep.domain.wire import Json

# --- a list ---

_FROM = Time("created_at.from", "7 days before the end if absent.", fills="created_from")
_TO = Time("created_at.to", "Now if absent.", fills="created_to")
_PAGE = Number("pager.page", "From 0.", usual=0)
_SIZE = Number("pager.pagesz", "Tasks a page.", usual=10, least=1, most=LARGEST_PAGE, error=PageSizeOutOfRange)
_TOKEN = Cursor("pager.page_token", "The next_page_token of the page before; goes before pager.page.", mark=b"\x01")
_MODELS = "Short names such as 2.0 and q2-pro, or long ones such as viduq2-pro."
_PARAMETERS = (
    _FROM,
    _TO,
    Words("task_ids", "Only these tasks.", fills="task_ids"),
    Words("templates", "Only tasks with these templates.", fills="templates"),
    Words("model_versions", _MODELS, fills="models"),
    Words("resolutions", "Such as 720p.", fills="resolutions"),
    states("states", "Any if absent.", vidu.WORDS),
    _PAGE,
    _SIZE,
    _TOKEN,
)


def _listing(http: Http) -> Listing:
    # The seed page writes `paper` where it means `pager`, and clients were made after it.
    query = Query((re.sub(r"^paper\.", "pager.", name), value) for name, value in http.query)
    chosen, cursor = filter_of(query, _PARAMETERS), _TOKEN.read(query)
    if chosen.created_from and chosen.created_to and chosen.created_from > chosen.created_to:
        raise InvalidRequest("created_at.to lies before created_at.from", field=_TO.name)
    size, page = _SIZE.read(query), _PAGE.read(query)
    chosen = replace(chosen, models=tuple(map(_long_name, chosen.models)))
    return Listing(filter=chosen, size=size, cursor=cursor, skip=0 if cursor else page * size)


def _long_name(model: str) -> str:
    """Listings are filtered by short names (2.0, q2-pro), tasks carry long ones (vidu2.0, viduq2-pro)."""
    return f"vidu{model}" if re.match(r"q\d|\d\.\d", model) else model


# --- answers ---


def _repeats(name: str, usual: Json) -> Any:
    """What the client's body says in this field, or else what is usual."""

    def said(view: View) -> Json:
        value = view.sent(NAME).get(name)
        return value if value != "" and type(value) is type(usual) else usual

    return shows(said)


def _position(view: View) -> str | int:
    position = view.sent(NAME).get("wm_position")
    return position if isinstance(position, int | str) and position else "unspecified"


class Creation(Shape):
    id: str = shows("creation.id")
    url: str = shows(lambda view: view.file("video"), says="Permanent.")
    cover_url: str = shows(lambda view: view.file("cover"))
    watermarked_url: str = shows(lambda view: view.file("watermarked"))
    moderation_url: list[str] = shows(lambda view: [view.files[name] for name in view.files if "moderation-" in name])
    video: Facts = shows(Facts.of)


_CREATIONS = shows(lambda view: [*map(Creation.of, view.creations)])


class _Asked(Shape):
    type: str = shows(lambda view: vidu.TYPES[view.request.kind])
    state: StateWord = shows(vidu.state)
    model: str = shows("request.model")
    prompt: str = shows("request.prompt")
    images: list[str] = shows(lambda view: vidu.without_image_bytes([*view.request.images]))
    duration: int = shows("request.duration", 0)
    resolution: str = shows("request.resolution")
    aspect_ratio: str = shows("request.aspect_ratio")
    credits: int = shows("task.credits", 0, write=ceil)
    created_at: str = shows("task.created_at", write=rfc3339)


class Submitted(_Asked):
    """And what else belongs to its kind, if the body said it."""

    task_id: str = shows("task.id")
    style: str = _repeats("style", "general")
    movement_amplitude: str = _repeats("movement_amplitude", "auto")
    bgm: bool = _repeats("bgm", False)
    audio_type: str = _repeats("audio_type", "")
    wm_url: str = _repeats("wm_url", "")
    meta_data: str = _repeats("meta_data", "")
    is_rec: bool = _repeats("is_rec", False)
    cus_priority: int = _repeats("cus_priority", 0)
    client_request_id: str = _repeats("client_request_id", "")
    seed: int = shows(lambda view: view.task.seed or view.request.seed or 0)
    payload: str = shows("request.payload")
    off_peak: bool = shows("request.off_peak")
    watermark: bool = shows("request.watermark", False)
    wm_position: str | int = shows(_position)

    @classmethod
    def of(cls, view: View) -> dict[str, Json]:
        from reelkeep.dialects.translate import Body
        from reelkeep.dialects.vidu_ent_v2.wire import BODIES

        shown = super().of(view)
        own = BODIES[view.request.kind].model_fields.keys() - shown.keys() - Body.model_fields.keys()
        said = {name: value for name, value in view.sent(NAME).items() if name in own and value not in (None, "")}
        return {**shown, **vidu.without_image_bytes(said)}


class TaskCreations(Shape):
    id: str = shows("task.id")
    state: StateWord = shows(vidu.state)
    err_code: str = shows(vidu.err_code, says="Why it failed; empty if it did not.")
    credits: int = shows("task.credits", 0, write=ceil)
    payload: str = shows("request.payload")
    bgm: bool = _repeats("bgm", False)
    off_peak: bool = shows("request.off_peak")
    creations: list[Creation] = _CREATIONS


def _template(view: View) -> str | None:
    return view.request.template if view.request.kind is Kind.TEMPLATE2VIDEO else None


class ListedTask(_Asked):
    id: str = shows("task.id")
    key_id: str = shows("task.key_id")
    template: str = shows(_template, optional=True)
    creations: list[Creation] = _CREATIONS


class TaskList(Shape):
    next_page_token: str = shows("page.next_cursor", write=_TOKEN.write, says="Empty on the last page.")
    tasks: list[ListedTask] = shows(lambda views: [*map(ListedTask.of, views.tasks)])


def _submit(segment: str) -> Submit:
    body = "".join(word.capitalize() for word in segment.split("-"))
    path, operation = f"{PREFIX}/{segment}", f"submitViduEntV2{body}"
    return Submit(path, operation, Submitted, body=body, parse=submission_of(NAME, body))


_LISTED: Any = {"parameters": _PARAMETERS, "window": timedelta(days=7), "parse": _listing}


class _Server(vidu.Server):
    name = NAME
    prefixes = (f"{PREFIX}/",)
    routes = (
        *map(_submit, SEGMENTS.values()),
        Show(f"{PREFIX}/tasks/{{task_id}}/creations", "showViduEntV2Task", TaskCreations, callbacks_signed_by="vidu"),
        List(f"{PREFIX}/tasks", "listViduEntV2Tasks", TaskList, **_LISTED),
        Cancel(f"{PREFIX}/tasks/{{task_id}}/cancel", "cancelViduEntV2Task", Nothing),
    )


dialect = _Server()
