"""Vidu's v1, as it is served to clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reelkeep.dialects.dialect import AnyRoute, Http, Reply, Show, Submit
from reelkeep.dialects.families import lenient, vidu
from reelkeep.dialects.families.creations import kept_links
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.vidu_v1 import NAME, PATH, bodies, openapi
from reelkeep.domain.links import Links
from reelkeep.domain.task import Creation, Request, State, Task
from reelkeep.domain.wire import Json


class _Server(vidu.Server):
    name = NAME
    prefixes: tuple[str, ...] = ("/vidu/v1/",)
    schemas: Mapping[str, Any] = openapi.SCHEMAS
    spelled: Mapping[str, str] = {
        "kind": "type",
        "model": "settings.model",
        "duration": "settings.duration",
        "resolution": "settings.resolution",
        "aspect_ratio": "settings.aspect_ratio",
        "creation_id": "input.creation_id",
        "prompt": "input.prompts",
        "images": "input.prompts",
    }

    def names(self, http: Http) -> Mapping[str, str]:
        return self.spelled

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        return (
            Submit(method="POST", path=PATH, description=openapi.SUBMIT, parse=_parsed, render=_submitted),
            Show(
                method="GET",
                path=f"{PATH}/{{task_id}}",
                description=openapi.SHOW,
                callbacks_signed_by="vidu",
                render=_shown,
            ),
        )


dialect = _Server()


def _parsed(http: Http) -> Request:
    sent = http.json()
    return Request(dialect=NAME, body=sent, **bodies.read(sent))


def _submitted(task: Task) -> Reply:
    return Reply(body=_task(task, []))


def _shown(task: Task, links: Links) -> Reply:
    creations = [_creation(task, creation, links) for creation in task.creations]
    return Reply(body=_task(task, creations if task.state is State.SUCCESS else []))


def _task(task: Task, creations: list[Json]) -> Json:
    """What the documented answer holds, and no more, whatever the dialect the task came in."""
    request = task.request
    said = lenient.fields(request.body) if request.dialect == NAME else {}
    given, settings = lenient.fields(said.get("input")), lenient.fields(said.get("settings"))
    return {
        "id": task.id,
        "input": {
            "creation_id": request.creation_id or bodies.NO_CREATION,
            "prompts": _prompts(request, given.get("prompts")),
            "lang": lenient.text(given.get("lang")) or _language(request.prompt),
        },
        "settings": {
            "style": lenient.text(settings.get("style")) or "general",
            "duration": request.duration or 0,
            "aspect_ratio": request.aspect_ratio,
            "model": request.model,
        },
        "type": vidu.TYPES[request.kind],
        "state": vidu.WORDS[task.state],
        "creations": creations,
        "err_code": vidu.reason(task.failure) if task.failure else "",
        "created_at": rfc3339(task.created_at),
    }


def _prompts(request: Request, said: Json) -> list[Json]:
    if not isinstance(said, list):
        said = [{"type": "text", "content": request.prompt}] if request.prompt else []
        said += [{"type": "image", "content": image} for image in request.images]
    return [
        {
            "type": lenient.text(prompt.get("type")),
            "content": vidu.without_image_bytes(lenient.text(prompt.get("content"))),
            "negative": prompt.get("negative") is True,
            "enhance": prompt.get("enhance") is not False,
            "recaption": lenient.text(prompt.get("recaption")),
        }
        for prompt in map(lenient.fields, said)
    ]


def _language(text: str) -> str:
    return "zh" if re.search("[\u4e00-\u9fff]", text) else "en"


def _creation(task: Task, creation: Creation, links: Links) -> Json:
    found = kept_links(creation, links)
    return {
        "id": creation.id,
        "task_id": task.id,
        "type": "video",
        "grade": "draft",
        "uri": found.get("video", ""),
        "cover_uri": found.get("cover", ""),
        "resolution": task.request.resolution,
        "vote": "unspecified",
        "is_favor": False,
        "src_video_duration": task.request.duration or 0,
        "creator_id": task.key_id,
        "video": vidu.facts(creation),
        "is_deleted": False,
        "err_code": "",
        "created_at": rfc3339(task.finished_at or task.created_at),
    }
