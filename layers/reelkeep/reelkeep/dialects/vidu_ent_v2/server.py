"""Vidu's ent/v2, as it is served to clients."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import AnyRoute, Cancel, Http, List, Reply, Show, Submit
from reelkeep.dialects.families import vidu
from reelkeep.dialects.families.creations import kept_links
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.grammar.query import Moment, Number, Parameter, Query, Words
from reelkeep.dialects.vidu_ent_v2 import LARGEST_PAGE, NAME, PREFIX, SEGMENTS
from reelkeep.domain import ids
from reelkeep.domain.errors import InvalidRequest, PageSizeOutOfRange
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.task import Creation, Kind, Request, State, Task
from reelkeep.domain.wire import Json

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.vidu_ent_v2 import wire

_KINDS = {segment: kind for kind, segment in SEGMENTS.items()}
_FROM = Moment("created_at.from", "7 days before the end if absent.")
_TO = Moment("created_at.to", "Now if absent.")
_IDS = Words("task_ids", "Only these tasks.")
_TEMPLATES = Words("templates", "Only tasks with these templates.")
_MODELS = Words("model_versions", "Short names such as 2.0 and q2-pro, or long ones such as viduq2-pro.")
_RESOLUTIONS = Words("resolutions", "Such as 720p.")
_STATES = Words("states", "Any if absent.", among=tuple(dict.fromkeys(vidu.WORDS.values())))
_PAGE = Number("pager.page", "From 0.", usual=0)
_SIZE = Number("pager.pagesz", "Tasks a page.", usual=10, least=1, most=LARGEST_PAGE, error=PageSizeOutOfRange)
_TOKEN = Parameter("pager.page_token", "The next_page_token of the page before; goes before pager.page.")


class _Server(vidu.Server):
    name = NAME
    prefixes: tuple[str, ...] = (f"{PREFIX}/",)

    @cached_property
    def routes(self) -> tuple[AnyRoute, ...]:
        return (
            *(_submit(kind, segment) for kind, segment in SEGMENTS.items()),
            Show(
                method="GET",
                path=f"{PREFIX}/tasks/{{task_id}}/creations",
                operation="showViduEntV2Task",
                summary="A task's state and its creations",
                details="There are creations once it is a success, and their links stay.",
                reply="TaskCreations",
                callbacks_signed_by="vidu",
                render=_shown,
            ),
            List(
                method="GET",
                path=f"{PREFIX}/tasks",
                operation="listViduEntV2Tasks",
                summary="Tasks, newest first",
                details="Each filter admits any of its values, and a task is listed if it fits all filters.",
                parameters=(_FROM, _TO, _IDS, _TEMPLATES, _MODELS, _RESOLUTIONS, _STATES, _PAGE, _SIZE, _TOKEN),
                reply="TaskList",
                window=timedelta(days=7),
                parse=_listing,
                render=_listed,
            ),
            Cancel(
                method="POST",
                path=f"{PREFIX}/tasks/{{task_id}}/cancel",
                operation="cancelViduEntV2Task",
                summary="Cancel a task that has not begun",
                details="Possible until the provider has begun to work on it.",
                reply="Nothing",
                render=lambda _: Reply(body={}),
            ),
        )

    def names(self, http: Http) -> Mapping[str, str]:
        kind = _KINDS.get(http.path.rpartition("/")[2])
        if not kind:
            return {}
        from reelkeep.dialects.vidu_ent_v2.wire import BODIES

        return BODIES[kind].names()


dialect = _Server()


def _submit(kind: Kind, segment: str) -> Submit:
    body = "".join(word.capitalize() for word in segment.split("-"))
    return Submit(
        method="POST",
        path=f"{PREFIX}/{segment}",
        operation=f"submitViduEntV2{body}",
        summary=f"Submit a task: {segment}",
        details="The answer repeats what was asked for. Fields that Vidu adds later pass, too.",
        body=body,
        reply="Submitted",
        parse=partial(_asked, kind),
        render=_submitted,
    )


def _asked(kind: Kind, http: Http) -> Request:
    from reelkeep.dialects.translate import asked
    from reelkeep.dialects.vidu_ent_v2.wire import BODIES

    return asked(BODIES[kind], NAME, http.json())  # Vidu takes 20 MB; a function is not handed so much


# --- one task ---

_USUAL: Mapping[str, Json] = {  # what is repeated of a client's body, and stands there if it does not say it
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


def _submitted(task: Task) -> Reply:
    from reelkeep.dialects.translate import Body
    from reelkeep.dialects.vidu_ent_v2.wire import BODIES

    request, sent = task.request, _sent(task)
    position = sent.get("wm_position")
    submitted: wire.Submitted = {
        "task_id": task.id,
        **_asked_for(task),  # type: ignore[typeddict-item]
        **{name: _repeated(task, name) for name in _USUAL},
        "seed": task.seed or request.seed or 0,
        "payload": request.payload,
        "off_peak": request.off_peak,
        "watermark": request.watermark or False,
        "wm_position": position if isinstance(position, int | str) and position else "unspecified",
    }
    own = BODIES[request.kind].model_fields.keys() - submitted.keys() - Body.model_fields.keys()
    said = {name: value for name, value in sent.items() if name in own and value not in (None, "")}
    return Reply(body={**submitted, **vidu.without_image_bytes(said)})


def _sent(task: Task) -> Mapping[str, Json]:
    return task.request.body if task.request.dialect == NAME else {}


def _repeated(task: Task, name: str) -> Json:
    value, usual = _sent(task).get(name), _USUAL[name]
    return value if value != "" and type(value) is type(usual) else usual


def _asked_for(task: Task) -> dict[str, Json]:
    """What the answer to a submission and a list have in common."""
    request = task.request
    return {
        "type": vidu.TYPES[request.kind],
        "state": vidu.WORDS[task.state],
        "model": request.model,
        "prompt": request.prompt,
        "images": vidu.without_image_bytes(list(request.images)),
        "duration": request.duration or 0,
        "resolution": request.resolution,
        "aspect_ratio": request.aspect_ratio,
        "credits": task.credits or 0,
        "created_at": rfc3339(task.created_at),
    }


def _shown(task: Task, links: Links) -> Reply:
    shown: wire.TaskCreations = {
        "id": task.id,
        "state": vidu.WORDS[task.state],
        "err_code": vidu.reason(task.failure) if task.failure else "",
        "credits": task.credits or 0,
        "payload": task.request.payload,
        "bgm": _repeated(task, "bgm"),
        "off_peak": task.request.off_peak,
        "creations": _creations(task, links),
    }
    return Reply(body=shown)


def _creations(task: Task, links: Links) -> list[wire.Creation]:
    """Empty until success, as Vidu's own."""
    return [_creation(creation, links) for creation in task.creations] if task.state is State.SUCCESS else []


def _creation(creation: Creation, links: Links) -> wire.Creation:
    files = kept_links(creation, links)
    return {
        "id": creation.id,
        "url": files.get("video", ""),
        "cover_url": files.get("cover", ""),
        "watermarked_url": files.get("watermarked", ""),
        "moderation_url": [link for name, link in files.items() if name.startswith("moderation-")],
        "video": vidu.facts(creation),
    }


# --- a list ---


def _listing(http: Http) -> Listing:
    # The seed page writes `paper` where it means `pager`, and clients were made after it.
    query = Query((re.sub(r"^paper\.", "pager.", name), value) for name, value in http.query)
    created_from, created_to, words = _FROM.read(query), _TO.read(query), _STATES.read(query)
    if created_from and created_to and created_from > created_to:
        raise InvalidRequest("created_at.to lies before created_at.from", field=_TO.name)
    size, page, token = _SIZE.read(query), _PAGE.read(query), query.one(_TOKEN.name)
    return Listing(
        filter=Filter(
            created_from=created_from,
            created_to=created_to,
            task_ids=_IDS.read(query),
            states=tuple(state for state, word in vidu.WORDS.items() if word in words),
            models=tuple(_long_name(model) for model in _MODELS.read(query)),
            resolutions=_RESOLUTIONS.read(query),
            templates=_TEMPLATES.read(query),
        ),
        size=size,
        cursor=_cursor(token) if token else "",
        skip=0 if token else page * size,  # a token knows better where it is
    )


def _long_name(model: str) -> str:
    """Listings are filtered by short names (2.0, q2-pro), tasks carry long ones (vidu2.0, viduq2-pro)."""
    return f"vidu{model}" if re.match(r"q\d|\d\.\d", model) else model


def _listed(page: Page, links: Links, _: Listing) -> Reply:
    tasks = [_listed_task(task, links) for task in page]
    shown: wire.TaskList = {"next_page_token": _token(page.next_cursor), "tasks": tasks}
    return Reply(body=shown)


def _listed_task(task: Task, links: Links) -> wire.ListedTask:
    request = task.request
    template = {"template": request.template} if request.kind is Kind.TEMPLATE2VIDEO else {}
    shown = {"id": task.id, "key_id": task.key_id, **_asked_for(task), "creations": _creations(task, links)}
    return {**shown, **template}  # type: ignore[typeddict-item]


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
        raise InvalidRequest(f"{_TOKEN.name} is not one that was given out here", field=_TOKEN.name)
    return cursor
