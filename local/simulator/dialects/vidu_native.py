"""The aggregator's `/vidu-native`, from the provider's side.

Source: doc.aimanyi.top/api-391200090, and of the submission its sibling /v1/video/create. Its quirks, as they were
seen: ids with a colon, another id in the answers to queries, a word that nobody documents while an image is
fetched, milliseconds before the end and seconds after it, an `error` that is "" when there is none. Errors are
not documented: they are in OpenAI's form here.
"""

from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from local.simulator.answers import answer
from local.simulator.dialects import Serves
from local.simulator.endpoints import RefusedError, guarded, host_of, json_of
from local.simulator.faults import Fault
from local.simulator.media.sizes import pixels
from local.simulator.prompt_directives import read_directives
from local.simulator.simulator import Simulator
from local.simulator.tasks import Order, Task, VideoSpec

SERVES = (Serves("vidu_native", ("veo*", "grok*")),)
_PATH = "/vidu-native/video/generations"
_BODY_LIMIT = 20 * 1024 * 1024
_PREFIX = "vidu:"
_RATIOS = {"16:9": "16:9", "9:16": "9:16", "1:1": "1:1", "3:2": "4:3", "2:3": "3:4"}  # and what is made of each


def routes(simulator: Simulator) -> list[BaseRoute]:
    async def serve(request: Request) -> Response:
        return await (submit(request) if request.method == "POST" else query(request))

    async def submit(request: Request) -> Response:
        try:
            body = await json_of(request, limit=_BODY_LIMIT)
        except ValueError as wrong:
            raise RefusedError("invalid_json", "the body is not JSON, or too long") from wrong
        prompt = body.get("prompt") if isinstance(body, dict) else None
        if not isinstance(prompt, str) or not prompt:
            raise RefusedError("invalid_value", "prompt is required")

        def act() -> Response:
            task = simulator.accept(_order(body, prompt))
            return JSONResponse(_told(task, simulator, _PREFIX + task.id))

        fault = simulator.faults.take("submit", directed=read_directives(prompt).faults, whose=prompt)
        return await answer(fault, act, refuse=_refusal, pause=simulator.pause)

    async def query(request: Request) -> Response:
        task_id = request.path_params["task_id"]
        task = simulator.find(task_id.removeprefix(_PREFIX)) if task_id.startswith(_PREFIX) else None
        if task is None or task.order.dialect != "vidu_native":
            raise RefusedError("task_not_exist", "task_not_exist", 404)
        task.queries += 1
        fault = simulator.faults.take("query", directed=task.directives.faults, whose=task.id)
        dead = fault is not None and fault.do == "expired"
        host = host_of(request)

        def act() -> Response:
            told = _told(task, simulator, str(UUID(int=int(task.creation_id)))) | {"video_url": None}
            if simulator.state(task) in ("success", "failed"):
                told |= {"error": task.directives.fail, "progress": 100, "completed_at": told["status_update_time"]}
            if told["status"] == "completed":
                told["video_url"] = host + simulator.link(task, "video.mp4", dead=dead)
                told["thumbnail_url"] = host + simulator.link(task, "cover.jpeg", dead=dead)
            return JSONResponse(told)

        return await answer(fault, act, refuse=_refusal, pause=simulator.pause)

    stranger = RefusedError("invalid_api_key", "the key is missing or wrong", 401)
    served = guarded(serve, simulator, ("Bearer",), stranger, _error)
    return [Route(_PATH, served, methods=["POST"]), Route(_PATH + "/{task_id}", served, methods=["GET"])]


def _order(body: dict[str, Any], prompt: str) -> Order:
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise RefusedError("invalid_value", "model is required")
    images, seconds, ratio = body.get("images", []), body.get("duration", 5), body.get("aspect_ratio", "16:9")
    if not isinstance(images, list) or len(images) > 7 or seconds not in range(1, 17) or ratio not in _RATIOS:
        raise RefusedError("invalid_value", "images, duration or aspect_ratio is wrong")
    try:
        width, height = pixels(str(body.get("size", "720P")).lower(), _RATIOS[ratio])
    except KeyError as wrong:
        raise RefusedError("invalid_value", "size is unknown") from wrong
    fields = {**body, "images": [str(image)[:200] for image in images]}
    return Order("vidu_native", "video", prompt, VideoSpec(width, height, seconds), 20, fields=fields)


def _told(task: Task, simulator: Simulator, shown_id: str) -> dict[str, Any]:
    state = simulator.state(task)
    fetching = bool(task.order.fields["images"]) and not task.directives.odd_state
    running = "image_downloading" if fetching else task.directives.odd_state or "processing"
    ended = state in ("success", "failed")
    words = {"success": "completed", "failed": "failed", "processing": running}
    return {
        "id": shown_id,
        "status": words.get(state, "pending"),
        "status_update_time": int((task.finishes_at or 0) if ended else simulator.clock.now() * 1000),
        "enhanced_prompt": "",
    }


def _refusal(fault: Fault) -> Response:
    return _error(RefusedError(fault.reason or "told_to_refuse", "told to refuse", fault.status or 400))


def _error(refused: RefusedError) -> Response:
    error = {"message": refused.message, "type": "invalid_request_error", "param": None, "code": refused.code}
    return JSONResponse({"error": error}, refused.status)
