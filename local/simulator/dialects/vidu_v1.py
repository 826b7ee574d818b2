"""Vidu's v1, the consumer site's API as aggregators serve it, from the provider's side.

Source: gpt-best.apifox.cn, api-218220468. As it was seen there, creations are objects and their links
CloudFront's, good for an hour. Undocumented, so chosen here: errors are those of ent/v2; who upscales pays as
for a new video.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from local.simulator.answers import answer
from local.simulator.clock import rfc3339
from local.simulator.dialects import Serves
from local.simulator.dialects.vidu_ent_v2.bodies import error, told, word
from local.simulator.endpoints import Endpoint, RefusedError, guarded, host_of, json_of
from local.simulator.media.sizes import pixels
from local.simulator.prompt_directives import read_directives
from local.simulator.simulator import Simulator, media_path
from local.simulator.tasks import Order, Task, VideoSpec

SERVES = (Serves("vidu_v1", ("vidu-*", "stable")),)
_BODY_LIMIT = 20 * 1024 * 1024
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_LINK_SECONDS = 3600
_IMAGES = {
    "text2video": range(1), "img2video": range(1, 2), "character2video": range(1, 8),
    "headtailimg2video": range(2, 3), "upscale": range(1),
}  # fmt: skip
_CREDITS_A_SECOND = 4


def routes(simulator: Simulator) -> list[BaseRoute]:
    async def submit(request: Request) -> Response:
        body = await _object(request)
        prompt = " ".join(_prompts(body, "text"))

        def act() -> Response:
            task = simulator.accept(_order(body, prompt, simulator))
            return JSONResponse(_shown(task, simulator, []))

        fault = simulator.faults.take("submit", directed=read_directives(prompt).faults, whose=prompt)
        return await answer(fault, act, refuse=told, pause=simulator.pause)

    async def query(request: Request) -> Response:
        task = simulator.find(request.path_params["task_id"])
        if task is None or task.order.dialect != "vidu_v1":
            raise RefusedError("TaskNotFound", "task not found")
        task.queries += 1
        fault = simulator.faults.take("query", directed=task.directives.faults, whose=task.id)
        dead = fault is not None and fault.do == "expired"
        host = host_of(request)

        def act() -> Response:
            return JSONResponse(_shown(task, simulator, _creations(task, simulator, host=host, dead=dead)))

        return await answer(fault, act, refuse=told, pause=simulator.pause)

    async def unknown(request: Request) -> Response:
        raise RefusedError("NotFound", f"{request.method} {request.url.path} is not served here")

    stranger = RefusedError("Unauthorized", "the key is missing or wrong")

    def known(serve: Endpoint) -> Endpoint:
        return guarded(serve, simulator, ("Token", "Bearer"), stranger, error)

    return [
        Route("/vidu/v1/tasks", known(submit), methods=["POST"]),
        Route("/vidu/v1/tasks/{task_id}", known(query), methods=["GET"]),
        Route("/vidu/v1/{rest:path}", known(unknown), methods=_METHODS),
    ]


async def _object(request: Request) -> dict[str, Any]:
    try:
        value = await json_of(request, limit=_BODY_LIMIT)
    except ValueError as wrong:
        raise RefusedError("BadRequest", "the body is not JSON, or longer than 20 MB") from wrong
    try:
        for prompt in [*value["input"].get("prompts", []), value["settings"]]:
            prompt.get("content", "").strip()
    except (AttributeError, KeyError, TypeError) as wrong:
        raise RefusedError("FieldInvalid", "input or settings are not as they should be") from wrong
    return dict(value)


def _prompts(body: dict[str, Any], kind: str) -> list[str]:
    return [item.get("content", "") for item in body["input"].get("prompts", []) if item.get("type") == kind]


def _order(body: dict[str, Any], prompt: str, simulator: Simulator) -> Order:
    kind, settings = str(body.get("type")), body["settings"]
    if kind not in _IMAGES:
        raise RefusedError("FieldInvalid", f"type must be one of {', '.join(_IMAGES)}")
    if len(_prompts(body, "image")) not in _IMAGES[kind] or (kind == "text2video" and not prompt):
        raise RefusedError("FieldItemCountOutOfRange", f"input.prompts is not what {kind} takes")
    if kind == "upscale" and str(body["input"].get("creation_id")) not in {
        task.creation_id for task in simulator.tasks()
    }:
        raise RefusedError("CreationNotFound", "there is no such creation")
    if not settings.get("model") or settings.get("duration") not in range(1, 17):
        raise RefusedError("FieldInvalid", "settings need a model, and a duration from 1 to 16")
    try:
        width, height = pixels(settings.get("resolution", "360p"), settings.get("aspect_ratio", "16:9"))
    except (KeyError, TypeError) as wrong:
        raise RefusedError("FieldInvalid", "settings.resolution or settings.aspect_ratio is unknown") from wrong
    cost = _CREDITS_A_SECOND * settings["duration"]
    if simulator.spent() + cost > simulator.settings.credits:
        raise RefusedError("CreditInsufficient", "the account has not enough credits")
    return Order("vidu_v1", kind, prompt, VideoSpec(width, height, settings["duration"]), cost, fields=body)


def _shown(task: Task, simulator: Simulator, creations: list[dict[str, Any]]) -> dict[str, Any]:
    fields, state = task.order.fields, simulator.state(task)
    usual = {"style": "general", "aspect_ratio": "16:9"}
    plain, said = {"negative": False, "enhance": True, "recaption": ""}, fields["input"].get("prompts", [])
    return {
        "id": task.id,
        "input": {
            "creation_id": fields["input"].get("creation_id", "0"),
            "prompts": [plain | item for item in said],
            "lang": "en",
        },
        "settings": usual | fields["settings"],
        "type": task.order.kind,
        "state": word(task, state),
        "creations": creations,
        "err_code": task.directives.fail if state == "failed" else "",
        "created_at": rfc3339(task.created_at),
    }


def _creations(task: Task, simulator: Simulator, *, host: str, dead: bool) -> list[dict[str, Any]]:
    if simulator.state(task) != "success":
        return []
    video, now = task.order.video, simulator.clock.now() - (_LINK_SECONDS + 1 if dead else 0)

    def link(asset: str) -> str:
        return host + simulator.links.sign_as_cloudfront(media_path(task, asset), now=now, lifetime=_LINK_SECONDS)

    return [
        {
            "id": task.creation_id,
            "task_id": task.id,
            "type": "video",
            "grade": "draft",
            "uri": link("video.mp4"),
            "cover_uri": link("cover.jpeg"),
            "resolution": str(video.height),
            "vote": "unspecified",
            "is_favor": False,
            "src_video_duration": video.seconds,
            "creator_id": "1",
            "video": {
                "duration": float(video.seconds),
                "fps": video.fps,
                "resolution": {"width": video.width, "height": video.height},
            },
            "is_deleted": False,
            "err_code": "",
            "created_at": rfc3339(task.finishes_at or task.created_at),
        }
    ]
