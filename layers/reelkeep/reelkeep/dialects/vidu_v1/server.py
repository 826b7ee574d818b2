"""Vidu's v1, as it is served to clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import AnyRoute, Http, Reply, Show, Submit
from reelkeep.dialects.families import vidu
from reelkeep.dialects.families.creations import kept_links
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.vidu_v1 import NAME, NO_CREATION, PATH
from reelkeep.domain.links import Links
from reelkeep.domain.task import Creation, Request, State, Task

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.vidu_v1 import wire


class _Server(vidu.Server):
    name = NAME
    prefixes: tuple[str, ...] = ("/vidu/v1/",)

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        return (
            Submit(
                method="POST",
                path=PATH,
                operation="submitViduV1Task",
                summary="Submit a task",
                details="Words and pictures are prompts alike; `type` says what is made of them.",
                body="Submission",
                reply="Task",
                parse=_asked,
                render=lambda task: Reply(body=_task(task, [])),
            ),
            Show(
                method="GET",
                path=f"{PATH}/{{task_id}}",
                operation="showViduV1Task",
                summary="A task and its creations",
                details="There are creations once it is a success, and their links stay.",
                reply="Task",
                callbacks_signed_by="vidu",
                render=_shown,
            ),
        )

    def names(self, http: Http) -> Mapping[str, str]:
        from reelkeep.dialects.vidu_v1.wire import Submission

        return Submission.names()


dialect = _Server()


def _asked(http: Http) -> Request:
    from reelkeep.dialects.translate import asked
    from reelkeep.dialects.vidu_v1.wire import Submission

    return asked(Submission, NAME, http.json())


def _shown(task: Task, links: Links) -> Reply:
    creations = [_creation(task, creation, links) for creation in task.creations]
    return Reply(body=_task(task, creations if task.state is State.SUCCESS else []))


def _task(task: Task, creations: list[wire.Creation]) -> wire.Task:
    """What the documented answer holds, and no more, whatever the dialect the task came in."""
    request = task.request
    sent = JsonObject(request.body if request.dialect == NAME else {})
    given = sent.object("input")
    return {
        "id": task.id,
        "input": {
            "creation_id": request.creation_id or NO_CREATION,
            "prompts": _prompts(request, given),
            "lang": given.text("lang") or ("zh" if re.search("[\u4e00-\u9fff]", request.prompt) else "en"),
        },
        "settings": {
            "style": sent.object("settings").text("style") or "general",
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


def _prompts(request: Request, given: JsonObject) -> list[wire.ShownPrompt]:
    prompts = given.fields.get("prompts")
    if not isinstance(prompts, list):
        prompts = [{"type": "text", "content": request.prompt}] if request.prompt else []
        prompts += [{"type": "image", "content": image} for image in request.images]
    return [
        {
            "type": prompt.text("type"),
            "content": vidu.without_image_bytes(prompt.text("content")),
            "negative": prompt.fields.get("negative") is True,
            "enhance": prompt.fields.get("enhance") is not False,
            "recaption": prompt.text("recaption"),
        }
        for prompt in map(JsonObject, prompts)
    ]


def _creation(task: Task, creation: Creation, links: Links) -> wire.Creation:
    files = kept_links(creation, links)
    return {
        "id": creation.id,
        "task_id": task.id,
        "type": "video",
        "grade": "draft",
        "uri": files.get("video", ""),
        "cover_uri": files.get("cover", ""),
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
