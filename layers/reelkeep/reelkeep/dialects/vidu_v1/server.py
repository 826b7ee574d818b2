"""Vidu's v1, as it is served to clients."""

from __future__ import annotations

import re
from typing import Any

from reelkeep.dialects.dialect import Show, Submit, submission_of
from reelkeep.dialects.families import vidu
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.families.vidu import Facts, StateWord
from reelkeep.dialects.replies import Shape, View, always, rfc3339, shows
from reelkeep.dialects.vidu_v1 import NAME, NO_CREATION, PATH


def _given(view: View, place: str) -> JsonObject:
    """What the client said in this object of its body."""
    return JsonObject(view.sent(NAME)).object(place)


class ShownPrompt(Shape):
    type: str = shows(lambda prompt: prompt.text("type"))
    content: str = shows(lambda prompt: vidu.without_image_bytes(prompt.text("content")))
    negative: bool = shows(lambda prompt: prompt.fields.get("negative") is True)
    enhance: bool = shows(lambda prompt: prompt.fields.get("enhance") is not False)
    recaption: str = shows(lambda prompt: prompt.text("recaption"))


def _prompts(view: View) -> list[dict[str, Any]]:
    prompts, request = _given(view, "input").fields.get("prompts"), view.request
    if not isinstance(prompts, list):
        prompts = [{"type": "text", "content": request.prompt}] if request.prompt else []
        prompts += [{"type": "image", "content": image} for image in request.images]
    return [ShownPrompt.of(JsonObject(prompt)) for prompt in prompts]


def _language(view: View) -> str:
    is_chinese = re.search("[\u4e00-\u9fff]", view.request.prompt)
    return _given(view, "input").text("lang") or ("zh" if is_chinese else "en")


class ShownInput(Shape):
    creation_id: str = shows("request.creation_id", NO_CREATION)
    prompts: list[ShownPrompt] = shows(_prompts)
    lang: str = shows(_language)


class ShownSettings(Shape):
    style: str = shows(lambda view: _given(view, "settings").text("style"), "general")
    duration: int = shows("request.duration", 0)
    aspect_ratio: str = shows("request.aspect_ratio")
    model: str = shows("request.model")


class Creation(Shape):
    id: str = shows("creation.id")
    task_id: str = shows("task.id")
    type: str = always("video")
    grade: str = always("draft")
    uri: str = shows(lambda view: view.file("video"), says="Permanent.")
    cover_uri: str = shows(lambda view: view.file("cover"))
    resolution: str = shows("request.resolution")
    vote: str = always("unspecified")
    is_favor: bool = always(False)
    src_video_duration: int = shows("request.duration", 0)
    creator_id: str = shows("task.key_id")
    video: Facts = shows(Facts.of)
    is_deleted: bool = always(False)
    err_code: str = always("")
    created_at: str = shows("ended_at", write=rfc3339)


class Task(Shape):  # only the fields of the documented answer, whatever dialect the task came in
    id: str = shows("task.id")
    input: ShownInput = shows(ShownInput.of)
    settings: ShownSettings = shows(ShownSettings.of)
    type: str = shows(lambda view: vidu.TYPES[view.request.kind])
    state: StateWord = shows(vidu.state)
    creations: list[Creation] = shows(lambda view: [*map(Creation.of, view.creations)])
    err_code: str = shows(vidu.err_code, says="Why it failed; empty if it did not.")
    created_at: str = shows("task.created_at", write=rfc3339)


class _Server(vidu.Server):
    name = NAME
    prefixes = ("/vidu/v1/",)
    routes = (
        Submit(PATH, "submitViduV1Task", Task, parse=submission_of(NAME)),
        Show(f"{PATH}/{{task_id}}", "showViduV1Task", Task, callbacks_signed_by="vidu"),
    )


dialect = _Server()
