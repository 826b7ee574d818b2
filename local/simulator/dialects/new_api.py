"""A gateway of new-api, from the provider's side: /v1/video/generations and /v1/videos.

Source: github.com/QuantumNous/new-api (relay/, controller/, dto/), its issues 5266 and 7194. Its quirks: what it does
not know in a body it drops, unless it is in `metadata`; each path has a shape of its own; a task that is not there is
a 400; two forms of errors; no list, no cancel. Which release it is, a prompt can say:

    [release:old]           the link is in `fail_reason`, as it once was
    [release:documented]    the flat shape of the documentation, which no release answers with
    [release:bare]          no link at all: the file is at /v1/videos/{id}/content, for whoever has the key
"""

import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from local.simulator.answers import answer
from local.simulator.dialects import Serves
from local.simulator.endpoints import RefusedError, host_of, is_known, json_of
from local.simulator.faults import Fault
from local.simulator.media.sizes import pixels
from local.simulator.prompt_directives import read_directives
from local.simulator.simulator import Simulator
from local.simulator.tasks import Order, Task, VideoSpec

SERVES = (Serves("video_generations", ("kling*",)), Serves("openai_videos", ("sora*",)))
_PATHS = {"video_generations": "/v1/video/generations", "openai_videos": "/v1/videos"}
_BODY_LIMIT = 20 * 1024 * 1024
_STATES = {"created": "SUBMITTED", "queueing": "QUEUED", "processing": "IN_PROGRESS", "success": "SUCCESS"}
_VIDEO_STATES = {"created": "queued", "queueing": "queued", "processing": "in_progress", "success": "completed"}
_PROGRESS = {"processing": 50, "success": 100, "failed": 100}


def routes(simulator: Simulator) -> list[BaseRoute]:
    provider = _Provider(simulator)
    path = "/v1/videos/{task_id}/content"
    return [
        *(Route(path, provider.submit, methods=["POST"], name=name) for name, path in _PATHS.items()),
        *(Route(path + "/{task_id}", provider.query, methods=["GET"], name=name) for name, path in _PATHS.items()),
        Route(path, provider.content, methods=["GET"]),
    ]


class _Provider:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def submit(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        dialect = next(name for name, path in _PATHS.items() if path == request.url.path)
        try:
            order = _order(dialect, await json_of(request, limit=_BODY_LIMIT))
        except RefusedError as refusal:
            return _task_error(refusal.status, refusal.code, refusal.message)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return _task_error(400, "invalid_request", "the body is not JSON, too long, or has a wrong type in it")

        def act() -> Response:
            task = self._simulator.accept(order)
            made = {"id": task.id, "task_id": task.id, "object": "video", "model": order.fields["model"]}
            return JSONResponse({**made, "status": "queued", "progress": 0, "created_at": int(task.created_at)})

        fault = self._simulator.faults.take(
            "submit", directed=read_directives(order.prompt).faults, whose=order.prompt
        )
        return await answer(fault, act, refuse=_told, pause=self._simulator.pause)

    async def query(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        task = self._simulator.find(request.path_params["task_id"])
        if task is None or task.order.dialect not in _PATHS:
            return _task_error(400, "task_not_exist", "task_not_exist")
        task.queries += 1
        fault = self._simulator.faults.take("query", directed=task.directives.faults, whose=task.id)
        host = host_of(request)
        link = host + self._simulator.link(task, "video.mp4", dead=fault is not None and fault.do == "expired")
        shape = _video if request.url.path.startswith("/v1/videos/") else _task

        def act() -> Response:
            return JSONResponse(shape(task, self._simulator.state(task), link))

        return await answer(fault, act, refuse=_told, pause=self._simulator.pause)

    async def content(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        task = self._simulator.find(request.path_params["task_id"])
        if task is None or task.order.dialect not in _PATHS:
            return _error(404, "", "Task not found")
        if self._simulator.state(task) != "success":
            return _error(400, "", "Task is not completed yet")
        asset = "cover.jpeg" if request.query_params.get("variant") == "thumbnail" else "video.mp4"
        return RedirectResponse(self._simulator.link(task, asset), 302)

    def _refused(self, request: Request) -> Response | None:
        return None if is_known(request, self._simulator, "Bearer") else _error(401, "", "Invalid token")


def _order(dialect: str, body: object) -> Order:
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body["model"]:
        raise RefusedError("invalid_request", "model is required")
    prompt, metadata = body.get("prompt"), body.get("metadata") or {}
    if not isinstance(prompt, str) or not prompt.strip():
        raise RefusedError("invalid_request", "prompt is required")
    metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
    seconds = next((int(body[name]) for name in ("seconds", "duration") if body.get(name)), 5)
    if not 1 <= seconds <= 60:
        raise RefusedError("invalid_seconds", "seconds is out of range")
    images = body.get("images") or [image for image in (body.get("image"), body.get("input_reference")) if image]
    size = re.fullmatch(r"(\d{2,4})x(\d{2,4})", body.get("size") or "")
    try:
        asked = (metadata.get("resolution") or body.get("size") or "720p", metadata.get("aspect_ratio") or "16:9")
        width, height = (int(size[1]), int(size[2])) if size else pixels(*asked)
    except KeyError as wrong:
        raise RefusedError("invalid_size", "the size is unknown") from wrong
    fields = {
        "model": body["model"],
        "images": [str(image)[:200] for image in images],
        "size": f"{width}x{height}",
        "seed": metadata.get("seed"),
        "metadata": {name: str(value)[:200] for name, value in metadata.items()},
    }
    return Order(dialect, "generate", prompt, VideoSpec(width, height, seconds), 20, fields=fields)


def _release(task: Task) -> str:
    found = re.search(r"\[release:(old|documented|bare)\]", task.order.prompt)
    return found[1] if found else ""


def _task(task: Task, state: str, link: str) -> dict[str, Any]:
    release, spec = _release(task), task.order.video
    if release == "documented":
        flat: dict[str, Any] = {"task_id": task.id, "status": _VIDEO_STATES.get(state, "failed")}
        if state == "success":
            facts = {"duration": spec.seconds, "fps": spec.fps, "width": spec.width, "height": spec.height}
            flat |= {"url": link, "format": "mp4", "metadata": {**facts, "seed": task.order.fields["seed"] or 0}}
        return flat | ({"error": {"code": 400, "message": task.directives.fail}} if state == "failed" else {})
    word = _STATES.get(state, "FAILURE")
    told = {
        "id": int(task.creation_id) % 1_000_000,
        "created_at": int(task.created_at),
        "updated_at": int(task.finishes_at or task.created_at),
        "task_id": task.id,
        "platform": "52",
        "quota": 100,
        "action": task.order.kind,
        "status": task.directives.odd_state or word if state == "processing" else word,
        "fail_reason": task.directives.fail if state == "failed" else "",
        "progress": f"{_PROGRESS.get(state, 0)}%",
        "properties": {"origin_model_name": task.order.fields["model"]},
        "data": None,
    }
    if state == "success" and release != "bare":
        told["fail_reason" if release == "old" else "result_url"] = link
    return {"code": "success", "message": "", "data": told}


def _video(task: Task, state: str, link: str) -> dict[str, Any]:
    word = _VIDEO_STATES.get(state, "failed")
    video: dict[str, Any] = {
        "id": task.id,
        "task_id": task.id,
        "object": "video",
        "model": task.order.fields["model"],
        "status": task.directives.odd_state or word if state == "processing" else word,
        "progress": _PROGRESS.get(state, 0),
        "created_at": int(task.created_at),
    }
    if state == "success":
        spec = task.order.video
        video |= {"completed_at": int(task.finishes_at or 0), "seconds": str(spec.seconds)}
        video |= {"size": task.order.fields["size"]}
        video |= {} if _release(task) == "bare" else {"metadata": {"url": link}}
    if state == "failed":
        video["error"] = {"message": task.directives.fail, "code": task.directives.fail}
    return video


def _told(fault: Fault) -> Response:
    return _task_error(fault.status or 400, fault.reason or "fail_to_fetch_task", "told to refuse")


def _task_error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message, "data": None}, status)


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": "new_api_error", "param": "", "code": code}}, status)
