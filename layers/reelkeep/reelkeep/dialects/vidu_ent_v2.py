"""Vidu's ent/v2, both ways. Source: platform.vidu.com/docs; what was seen to differ from it is understood."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from reelkeep.dialects import vidu_ent_v2_openapi as openapi
from reelkeep.dialects.dialect import AnyRoute, Cancel, Http, List, Reply, Show, Submit
from reelkeep.dialects.grammar import lenient, vidu
from reelkeep.dialects.grammar.query import Query
from reelkeep.domain import ids
from reelkeep.domain.errors import ClientError, InvalidRequest, PageSizeOutOfRange
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.observation import Absent, Found, ListedPage, Observation, Placement, Uncertain, Untraceable
from reelkeep.domain.task import Creation, Kind, Request, State, Task
from reelkeep.domain.wire import Answer, Call, Callbacks, Json, Search

if TYPE_CHECKING:  # pydantic takes as long to load as all the rest: what needs it at run time loads it then
    from reelkeep.dialects import vidu_ent_v2_bodies as bodies

_NAME = "vidu_ent_v2"
_PREFIX = "/ent/v2"

_LARGEST_BODY = 5 * 1024 * 1024  # Vidu takes 20 MB; a function is handed 6 MB at most, headers and all
_CLOCKS_DIFFER = timedelta(minutes=5)
_CALL_TAKES = timedelta(minutes=5)  # at most, until the provider has a task of it
_WINDOW = timedelta(days=7)  # of a listing that names no beginning
_LONGEST = timedelta(hours=48)  # that a task may take there, off-peak

_SEGMENTS = {kind: kind.value for kind in Kind} | {Kind.UPSCALE: "upscale-new"}
_SPELLED = {"creation_id": "video_creation_id"}


# --- the server ---


class _Server:
    name = _NAME
    prefixes: tuple[str, ...] = (f"{_PREFIX}/",)

    @cached_property
    def routes(self) -> tuple[AnyRoute, ...]:
        return (
            *(
                Submit(
                    method="POST",
                    path=f"{_PREFIX}/{segment}",
                    description=openapi.describe_submit(segment),
                    parse=partial(_parse_submission, kind),
                    render=_render_submitted,
                )
                for kind, segment in _SEGMENTS.items()
            ),
            Show(
                method="GET",
                path=f"{_PREFIX}/tasks/{{task_id}}/creations",
                description=openapi.SHOW,
                callbacks_signed_by="vidu",
                render=_render_creations,
            ),
            List(
                method="GET",
                path=f"{_PREFIX}/tasks",
                description=openapi.LIST,
                window=_WINDOW,
                parse=_parse_listing,
                render=_render_list,
            ),
            Cancel(
                method="POST",
                path=f"{_PREFIX}/tasks/{{task_id}}/cancel",
                description=openapi.CANCEL,
                render=lambda _: Reply(body={}),
            ),
        )

    def render_error(self, error: ClientError, http: Http) -> Reply:
        return vidu.refusal(error, http, _SPELLED)

    def render_fault(self, known: str = "") -> Reply:
        return vidu.fault(known)

    @property
    def schemas(self) -> Mapping[str, Any]:
        from reelkeep.dialects import vidu_ent_v2_bodies as bodies

        return bodies.schemas(openapi.SCHEMAS)


dialect = _Server()


def _parse_submission(kind: Kind, http: Http) -> Request:
    from reelkeep.dialects import vidu_ent_v2_bodies as bodies

    body = http.json(_LARGEST_BODY)
    said = bodies.read(kind, body)
    return Request(dialect=_NAME, kind=kind, body=body, unexpressed=said.unexpressed(body), **said.understood())


# What else of a client's body its answer repeats, with what stands there if the client did not say.
_ECHOED: dict[str, Json] = {
    "style": "general",
    "movement_amplitude": "auto",
    "bgm": False,
    "audio_type": "",
    "wm_url": "",
    "meta_data": "",
    "is_rec": False,
    "cus_priority": 0,
    "client_request_id": "",
}
_ECHOED_IF_SAID = {
    Kind.REFERENCE2VIDEO: ("subjects",),
    Kind.TEMPLATE2VIDEO: ("template", "area", "beast"),
    Kind.EXTEND: ("video_creation_id", "video_url"),
    Kind.UPSCALE: ("video_creation_id", "video_url", "upscale_resolution"),
    Kind.LIP_SYNC: ("video_url", "audio_url", "text", "speed", "voice_id", "volume", "ref_photo_url"),
    Kind.MULTIFRAME: ("start_image", "image_settings"),
}


def _render_submitted(task: Task) -> Reply:
    request, said = task.request, _said(task)
    position = said.get("wm_position")
    submitted: bodies.Submitted = {
        "task_id": task.id,
        "type": vidu.TYPES[request.kind],
        "state": vidu.WORDS[task.state],
        "model": request.model,
        "style": _echoed(said, "style"),
        "prompt": request.prompt,
        "images": [vidu.shown(image) for image in request.images],
        "duration": request.duration or 0,
        "seed": task.seed or request.seed or 0,
        "aspect_ratio": request.aspect_ratio,
        "resolution": request.resolution,
        "movement_amplitude": _echoed(said, "movement_amplitude"),
        "payload": request.payload,
        "bgm": _echoed(said, "bgm"),
        "audio_type": _echoed(said, "audio_type"),
        "off_peak": request.off_peak,
        "watermark": request.watermark or False,
        "wm_position": position if isinstance(position, int | str) and position else "unspecified",
        "wm_url": _echoed(said, "wm_url"),
        "meta_data": _echoed(said, "meta_data"),
        "is_rec": _echoed(said, "is_rec"),
        "cus_priority": _echoed(said, "cus_priority"),
        "client_request_id": _echoed(said, "client_request_id"),
        "credits": task.credits or 0,
        "created_at": vidu.time(task.created_at),
    }
    own = {name: vidu.shown(said[name]) for name in _ECHOED_IF_SAID.get(request.kind, ()) if name in said}
    return Reply(body={**submitted, **own})


def _said(task: Task) -> Mapping[str, Json]:
    return task.request.body if task.request.dialect == _NAME else {}


def _echoed(said: Mapping[str, Json], name: str) -> Json:
    value, usual = said.get(name), _ECHOED[name]
    return value if value != "" and type(value) is type(usual) else usual


def _render_creations(task: Task, links: Links) -> Reply:
    shown: bodies.TaskCreations = {
        "id": task.id,
        "state": vidu.WORDS[task.state],
        "err_code": vidu.reason(task.failure) if task.failure else "",
        "credits": task.credits or 0,
        "payload": task.request.payload,
        "bgm": _echoed(_said(task), "bgm"),
        "off_peak": task.request.off_peak,
        "creations": _creations(task, links),
    }
    return Reply(body=shown)


def _creations(task: Task, links: Links) -> list[bodies.Creation]:
    """Empty until success, as Vidu's own."""
    return [_creation(creation, links) for creation in task.creations] if task.state is State.SUCCESS else []


def _creation(creation: Creation, links: Links) -> bodies.Creation:
    found = {asset.name: links(asset.kept) for asset in creation.assets if asset.kept}
    return {
        "id": creation.id,
        "url": found.get("video", ""),
        "cover_url": found.get("cover", ""),
        "watermarked_url": found.get("watermarked", ""),
        "moderation_url": [link for name, link in found.items() if name.startswith("moderation-")],
        "video": vidu.facts(creation),
    }


def _parse_listing(http: Http) -> Listing:
    # The seed page writes `paper` where it means `pager`, and clients were made after it.
    query = Query((re.sub(r"^paper\.", "pager.", name), value) for name, value in http.query)
    created_from, created_to = query.moment("created_at.from"), query.moment("created_at.to")
    task_ids = query.words("task_ids")
    if created_to and not created_from and not task_ids:
        created_from = max(created_to, datetime.min.replace(tzinfo=UTC) + _WINDOW) - _WINDOW
    if created_from and created_to and created_from > created_to:
        raise InvalidRequest("created_at.to lies before created_at.from", field="created_at.to")
    size = query.number("pager.pagesz", 10)
    if not 1 <= size <= openapi.LARGEST_PAGE:
        raise PageSizeOutOfRange(f"pager.pagesz must be from 1 to {openapi.LARGEST_PAGE}", field="pager.pagesz")
    page = query.number("pager.page", 0)
    if page < 0:
        raise InvalidRequest("pager.page counts from 0", field="pager.page")
    token = query.one("pager.page_token")
    return Listing(
        filter=Filter(
            created_from=created_from,
            created_to=created_to,
            task_ids=task_ids,
            states=tuple(state for word in query.words("states") for state in _states(word)),
            models=tuple(_long_name(model) for model in query.words("model_versions")),
            resolutions=query.words("resolutions"),
            templates=query.words("templates"),
        ),
        size=size,
        cursor=_cursor(token) if token else "",
        skip=0 if token else page * size,  # a token knows better where it is
    )


def _states(word: str) -> tuple[State, ...]:
    states = tuple(state for state, shown in vidu.WORDS.items() if shown == word)
    if not states:
        known = ", ".join(dict.fromkeys(vidu.WORDS.values()))
        raise InvalidRequest(f"states must be among {known}", field="states")
    return states


def _long_name(model: str) -> str:
    """Listings are filtered by short names (2.0, q2-pro), tasks carry long ones (vidu2.0, viduq2-pro)."""
    return f"vidu{model}" if re.match(r"q\d|\d\.\d", model) else model


_TOKEN_MARK = b"\x01"  # a version, and what makes it unlikely that any text is taken for a token


def _token(cursor: str) -> str:
    if not cursor:
        return ""
    return base64.urlsafe_b64encode(_TOKEN_MARK + bytes.fromhex(cursor)).decode().rstrip("=")


def _cursor(token: str) -> str:
    try:
        read = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        read = b""
    cursor = read[len(_TOKEN_MARK) :].hex()
    if not ids.is_task_id(cursor) or token != _token(cursor):
        raise InvalidRequest("pager.page_token is not one that was given out here", field="pager.page_token")
    return cursor


def _render_list(page: Page, links: Links, _: Listing) -> Reply:
    shown: bodies.TaskList = {
        "next_page_token": _token(page.next_cursor),
        "tasks": [_listed(task, links) for task in page],
    }
    return Reply(body=shown)


def _listed(task: Task, links: Links) -> bodies.ListedTask:
    request = task.request
    shown: bodies.ListedTask = {
        "id": task.id,
        "key_id": task.key_id,
        "type": vidu.TYPES[request.kind],
        "model": request.model,
        "prompt": request.prompt,
        "images": [vidu.shown(image) for image in request.images],
        "duration": request.duration or 0,
        "resolution": request.resolution,
        "aspect_ratio": request.aspect_ratio,
        "state": vidu.WORDS[task.state],
        "creations": _creations(task, links),
        "created_at": vidu.time(task.created_at),
        "credits": task.credits or 0,
    }
    if request.kind is Kind.TEMPLATE2VIDEO:
        shown["template"] = request.template
    return shown


# --- the client ---


class _Client:
    name = _NAME
    authorization = "Token {key}"
    callbacks: Callbacks | None = Callbacks(field="callback_url", signature=vidu.callback_signature)

    def place(self, task: Task) -> Call:
        request = task.request
        body = dict(request.body) if request.dialect == _NAME and request.body else _written(request)
        if task.source_creation:
            body["video_creation_id"] = task.source_creation
        for ours in ("callback_url", "provider"):
            body.pop(ours, None)
        body["payload"] = task.id  # what a lost answer is found again by; the client's own we echo ourselves
        return Call(method="POST", path=f"{_PREFIX}/{_SEGMENTS[request.kind]}", body=body)

    def read_placed(self, answer: Answer) -> Placement:
        return vidu.placement(answer)

    def observe(self, task: Task) -> Call:
        return Call(method="GET", path=f"{_PREFIX}/tasks/{task.provider_task_id}/creations")

    def read_observed(self, answer: Answer) -> Observation:
        return vidu.observed(answer)

    def list_successes(self, since: datetime, page: str) -> Call | None:
        """The list knows when a task was made, not when it ended, which is two days later at the most."""
        name, _, value = page.partition("=")
        query = (
            ("created_at.from", vidu.time(since - _LONGEST)),
            ("states", "success"),
            ("pager.pagesz", str(openapi.LARGEST_PAGE)),
            (name or "pager.page", value or "0"),
        )
        return Call(method="GET", path=f"{_PREFIX}/tasks", query=query)

    def read_successes(self, answer: Answer, since: datetime, page: str) -> ListedPage | None:  # noqa: ARG002
        said = lenient.fields(answer.json())
        items = said.get("tasks")
        if answer.status != 200 or not isinstance(items, list):
            return None
        read = vidu.listed(items, _NAME)
        token = lenient.text(said.get("next_page_token"))
        if token and items:
            return replace(read, next_page=f"pager.page_token={token}")
        name, _, number = page.partition("=")
        if len(items) < openapi.LARGEST_PAGE or name == "pager.page_token":
            return read
        return replace(read, next_page=f"pager.page={int(number or 0) + 1}")

    def cancel(self, task: Task) -> Call | None:
        task_id = task.provider_task_id
        if not task_id:
            return None
        return Call(method="POST", path=f"{_PREFIX}/tasks/{task_id}/cancel", body={"id": task_id})

    def read_cancelled(self, answer: Answer) -> bool:
        return answer.status == 200 or lenient.fields(answer.json()).get("reason") == "UserCancelled"

    def find(self, task: Task) -> Search:
        """By our id in the payload, among all that was made around the time of the call.

        The list is not documented to show payloads. If it shows none, its tasks are looked at one by one, where they
        are; what was asked for in our words comes first.
        """
        first, last = task.lost_since - _CLOCKS_DIFFER, task.lost_since + _CALL_TAKES + _CLOCKS_DIFFER
        window = (("created_at.from", vidu.time(first)), ("created_at.to", vidu.time(last)))
        page, number, unnamed, named = ("pager.page", "0"), 0, dict[str, bool](), False
        while True:
            query = (*window, page, ("pager.pagesz", str(openapi.LARGEST_PAGE)))
            answer = yield Call(method="GET", path=f"{_PREFIX}/tasks", query=query)
            said = lenient.fields(answer.json())
            listed = said.get("tasks")
            if answer.status != 200 or not isinstance(listed, list):
                return Uncertain(f"the provider answered {answer.status} when it was asked for its list")
            for found in map(lenient.fields, listed):
                task_id = lenient.identifier(found.get("id"))
                if found.get("payload") == task.id and task_id:
                    return Found(task_id)
                named = named or bool(found.get("payload"))
                unnamed[task_id] = found.get("prompt") == task.request.prompt
            token = lenient.text(said.get("next_page_token"))
            if not listed or (not token and len(listed) < openapi.LARGEST_PAGE):
                break
            number += 1
            page = ("pager.page_token", token) if token else ("pager.page", str(number))
        for task_id in () if named else sorted(unnamed, key=lambda each: not unnamed[each]):
            if not task_id:
                return Uncertain("the provider lists a task without an id")
            answer = yield Call(method="GET", path=f"{_PREFIX}/tasks/{task_id}/creations")
            said = lenient.fields(answer.json())
            if answer.status != 200:
                return Uncertain("the provider lists a task that may be this one, but does not show it")
            if said.get("payload") == task.id:
                return Found(task_id)
            if "payload" not in said:
                return Untraceable()
        return Absent()


upstream = _Client()


def _written(request: Request) -> dict[str, Json]:
    from reelkeep.dialects import vidu_ent_v2_bodies as bodies

    return bodies.write(request)
