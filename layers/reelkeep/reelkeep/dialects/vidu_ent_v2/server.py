"""Vidu's ent/v2, as it is served to clients."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from reelkeep.dialects.dialect import AnyRoute, Cancel, Http, List, Reply, Show, Submit
from reelkeep.dialects.grammar import vidu
from reelkeep.dialects.grammar.creations import kept_links
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.vidu_ent_v2 import NAME, PREFIX, SEGMENTS, listing, openapi
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Creation, Kind, Request, State, Task
from reelkeep.domain.wire import Json

if TYPE_CHECKING:  # pydantic takes as long to load as all the rest: what needs it at run time loads it then
    from reelkeep.dialects.vidu_ent_v2 import replies


class _Server(vidu.Server):
    name = NAME
    prefixes: tuple[str, ...] = (f"{PREFIX}/",)
    spelled: Mapping[str, str] = {"creation_id": "video_creation_id"}

    @cached_property
    def routes(self) -> tuple[AnyRoute, ...]:
        return (
            *(
                Submit(
                    method="POST",
                    path=f"{PREFIX}/{segment}",
                    description=openapi.describe_submit(segment),
                    parse=partial(_parse_submission, kind),
                    render=_render_submitted,
                )
                for kind, segment in SEGMENTS.items()
            ),
            Show(
                method="GET",
                path=f"{PREFIX}/tasks/{{task_id}}/creations",
                description=openapi.SHOW,
                callbacks_signed_by="vidu",
                render=_render_creations,
            ),
            List(
                method="GET",
                path=f"{PREFIX}/tasks",
                description=openapi.LIST,
                window=listing.WINDOW,
                parse=listing.read,
                render=_render_list,
            ),
            Cancel(
                method="POST",
                path=f"{PREFIX}/tasks/{{task_id}}/cancel",
                description=openapi.CANCEL,
                render=lambda _: Reply(body={}),
            ),
        )

    @property
    def schemas(self) -> Mapping[str, Any]:
        from reelkeep.dialects.vidu_ent_v2 import bodies

        return bodies.schemas(openapi.SCHEMAS)


dialect = _Server()


def _parse_submission(kind: Kind, http: Http) -> Request:
    from reelkeep.dialects.vidu_ent_v2 import bodies

    body = http.json()  # Vidu takes 20 MB; a function is not handed so much
    said = bodies.read(kind, body)
    return Request(dialect=NAME, kind=kind, body=body, unexpressed=said.unexpressed(body), **said.understood())


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
    submitted: replies.Submitted = {
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
        "created_at": rfc3339(task.created_at),
    }
    own = {name: vidu.shown(said[name]) for name in _ECHOED_IF_SAID.get(request.kind, ()) if name in said}
    return Reply(body={**submitted, **own})


def _said(task: Task) -> Mapping[str, Json]:
    return task.request.body if task.request.dialect == NAME else {}


def _echoed(said: Mapping[str, Json], name: str) -> Json:
    value, usual = said.get(name), _ECHOED[name]
    return value if value != "" and type(value) is type(usual) else usual


def _render_creations(task: Task, links: Links) -> Reply:
    shown: replies.TaskCreations = {
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


def _creations(task: Task, links: Links) -> list[replies.Creation]:
    """Empty until success, as Vidu's own."""
    return [_creation(creation, links) for creation in task.creations] if task.state is State.SUCCESS else []


def _creation(creation: Creation, links: Links) -> replies.Creation:
    found = kept_links(creation, links)
    return {
        "id": creation.id,
        "url": found.get("video", ""),
        "cover_url": found.get("cover", ""),
        "watermarked_url": found.get("watermarked", ""),
        "moderation_url": [link for name, link in found.items() if name.startswith("moderation-")],
        "video": vidu.facts(creation),
    }


def _render_list(page: Page, links: Links, _: Listing) -> Reply:
    shown: replies.TaskList = {
        "next_page_token": listing.token(page.next_cursor),
        "tasks": [_listed(task, links) for task in page],
    }
    return Reply(body=shown)


def _listed(task: Task, links: Links) -> replies.ListedTask:
    request = task.request
    shown: replies.ListedTask = {
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
        "created_at": rfc3339(task.created_at),
        "credits": task.credits or 0,
    }
    if request.kind is Kind.TEMPLATE2VIDEO:
        shown["template"] = request.template
    return shown
