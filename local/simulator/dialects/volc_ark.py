"""Ark's content generation, under `/api/v3` and `/volc/v1`, from the provider's side.

Sources: volcengine.com/docs/82379/{1520757, 1521309, 1521675, 1521720, 1299023}. As it was seen there: nothing is
said of a video before it is done; DELETE cancels what is in the queue, erases what is done, and refuses the rest
with a 409. Undocumented, so chosen here: unknown fields are accepted; ten tasks a page; the last frame is the cover.
"""

import re
from collections.abc import Callable
from fnmatch import fnmatch
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from local.simulator.answers import answer
from local.simulator.callbacks import CallbackRequest
from local.simulator.dialects import Serves
from local.simulator.endpoints import RefusedError, guarded, host_of, json_of
from local.simulator.faults import Fault
from local.simulator.prompt_directives import read_directives
from local.simulator.simulator import Simulator
from local.simulator.tasks import Order, State, Task, VideoSpec

SERVES = (Serves("volc_ark", ("doubao-*", "*seedance*", "ep-*"), path="/api/v3"),)
_TASKS = "/contents/generations/tasks"
_BODY_LIMIT = 64 * 1024 * 1024
_PREFIX = "cgt-"
_MODELS = ("*seedance*", "ep-*")
_SHORT_SIDES = {"480p": 480, "720p": 720, "1080p": 1080, "4k": 2160}
_RATIOS = {"16:9": 16 / 9, "4:3": 4 / 3, "1:1": 1, "3:4": 3 / 4, "9:16": 9 / 16, "21:9": 21 / 9, "adaptive": 16 / 9}
_FLAG = re.compile(r"--(rs|resolution|rt|ratio|dur|duration)\s+(\S+)")
_FLAGS = {"rs": "resolution", "rt": "ratio", "dur": "duration"}
_WORDS = {"created": "queued", "queueing": "queued", "processing": "running", "success": "succeeded"}
_TYPES = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 429: "TooManyRequests"}
_CODES = {400: "InvalidParameter", 401: "AuthenticationError", 403: "AccessDenied", 429: "RateLimitExceeded"}


def routes(simulator: Simulator) -> list[BaseRoute]:
    provider = _Provider(simulator)
    many = {"POST": provider.submit, "GET": provider.listing}
    one = {"GET": provider.query, "DELETE": provider.delete}
    stranger = RefusedError("AuthenticationError", "the API key is missing or wrong", 401)
    return [
        Route(f"{base}{_TASKS}{rest}", guarded(serve, simulator, ("Bearer",), stranger, _error), methods=[method])
        for base in ("/api/v3", "/volc/v1")
        for rest, served in (("", many), ("/{task_id}", one))
        for method, serve in served.items()
    ]


class _Provider:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._erased: set[str] = set()

    async def submit(self, request: Request) -> Response:
        try:
            sent = await json_of(request, limit=_BODY_LIMIT)
        except ValueError as wrong:
            raise RefusedError("InvalidParameter", "the body is not JSON, or too long") from wrong
        body = {name: value for name, value in _object(sent, "body").items() if value is not None}
        items = body.get("content")
        content = [_object(item, "content") for item in items] if isinstance(items, list) else []
        prompt = "\n".join(str(item.get("text", "")) for item in content if item.get("type") == "text")

        def act() -> Response:
            order = _order(body, content, prompt)
            if self._simulator.spent() + order.credits > self._simulator.settings.credits:
                raise RefusedError("AccountOverdueError", "the account has an overdue balance", 403)
            task = self._simulator.accept(order)
            if url := body.get("callback_url"):
                states: tuple[State, ...] = ("queueing", "processing", "success", "failed")
                shown = partial(self._shown, task, request, None)
                self._simulator.callbacks.add(CallbackRequest(task, str(url), states, repeated=states, body=shown))
            return JSONResponse({"id": _PREFIX + task.id})

        directed = read_directives(prompt).faults
        return await self._answer(self._simulator.faults.take("submit", directed=directed, whose=prompt), act)

    async def query(self, request: Request) -> Response:
        task = self._task(request)
        task.queries += 1
        fault = self._simulator.faults.take("query", directed=task.directives.faults, whose=task.id)
        return await self._answer(fault, lambda: JSONResponse(self._shown(task, request, fault)))

    async def delete(self, request: Request) -> Response:
        task = self._task(request)

        def act() -> Response:
            state = self._simulator.state(task)
            if state in ("processing", "cancelled"):
                word = _WORDS.get(state, state)
                message = f"Cannot delete task `{_PREFIX}{task.id}` because it is currently {word}."
                raise RefusedError(f"InvalidAction.{word.capitalize()}TaskDeletion", message, 409)
            if not self._simulator.cancel(task):
                self._erased.add(task.id)
            return JSONResponse({})

        return await self._answer(self._simulator.faults.take("cancel"), act)

    async def listing(self, request: Request) -> Response:
        query = request.query_params
        size, page = (_number(query.get(name), usual) for name, usual in (("page_size", 10), ("page_num", 1)))
        fault = self._simulator.faults.take("list")

        def act() -> Response:
            items = [self._shown(task, request, fault) for task in self._simulator.tasks() if self._known(task)]
            for name in ("status", "model", "service_tier", "task_ids"):
                field, wanted = "id" if name == "task_ids" else name, query.getlist(f"filter.{name}")
                items = [item for item in items if not wanted or item[field] in wanted]
            return JSONResponse({"items": items[(page - 1) * size : page * size], "total": len(items)})

        return await self._answer(fault, act)

    async def _answer(self, fault: Fault | None, act: Callable[[], Response]) -> Response:
        return await answer(fault, act, refuse=_told, pause=self._simulator.pause)

    def _known(self, task: Task) -> bool:
        return task.order.dialect == "volc_ark" and task.id not in self._erased

    def _task(self, request: Request) -> Task:
        task = self._simulator.find(request.path_params["task_id"].removeprefix(_PREFIX))
        if task is None or not self._known(task):
            raise RefusedError("ResourceNotFound", "the specified task is not found", 404)
        return task

    def _shown(self, task: Task, request: Request, fault: Fault | None) -> dict[str, Any]:
        state, fields = self._simulator.state(task), task.order.fields
        word = (
            task.directives.odd_state
            if state == "processing" and task.directives.odd_state
            else _WORDS.get(state, state)
        )
        shown = {
            "id": _PREFIX + task.id,
            "model": fields["model"],
            "status": word,
            "created_at": int(task.created_at),
            "updated_at": int(task.finishes_at or task.created_at),
            "service_tier": fields.get("service_tier", "default"),
            "execution_expires_after": fields.get("execution_expires_after", 172_800),
        }
        if state == "failed":
            failure = task.directives.fail.replace("CreationPolicyViolation", "OutputVideoSensitiveContentDetected")
            shown["error"] = {"code": failure, "message": "The request failed. Request id: 0217"}
        if state != "success":
            return shown
        spec, dead = task.order.video, fault is not None and fault.do == "expired"
        host = host_of(request)
        content = {"video_url": host + self._simulator.link(task, "video.mp4", dead=dead)}
        if fields.get("return_last_frame"):
            content["last_frame_url"] = host + self._simulator.link(task, "cover.jpeg", dead=dead)
        tokens = spec.width * spec.height * spec.fps * spec.seconds // 1024
        facts = {"resolution": fields["resolution"], "ratio": fields["ratio"], "seed": fields.get("seed", 4711)}
        return {
            **shown,
            **facts,
            "content": content,
            "usage": {"completion_tokens": tokens, "total_tokens": tokens},
            "duration": spec.seconds,
            "framespersecond": spec.fps,
            "generate_audio": spec.audio,
            "draft": fields.get("draft", False),
        }


def _order(body: dict[str, Any], content: list[dict[str, Any]], prompt: str) -> Order:
    model = str(body.get("model") or "")
    if not model:
        raise RefusedError("MissingParameter", "the parameter `model` is required")
    if not any(fnmatch(model, known) for known in _MODELS):
        raise RefusedError("InvalidEndpointOrModel.NotFound", f"the model or endpoint {model} does not exist", 404)
    if not content:
        raise RefusedError("MissingParameter", "the parameter `content` is required")
    flags = {_FLAGS.get(name, name): value for name, value in _FLAG.findall(prompt)}
    usual = {"resolution": "720p", "ratio": "16:9", "duration": 5}
    said = {**usual, **flags, **body}
    resolution, seconds = str(said["resolution"]).lower(), _number(said["duration"], 5)
    seconds = 5 if seconds == -1 else seconds
    if resolution not in _SHORT_SIDES or said["ratio"] not in _RATIOS or seconds not in range(1, 31):
        raise RefusedError("InvalidParameter", "`resolution`, `ratio` or `duration` is not valid")
    side, ratio = _SHORT_SIDES[resolution], _RATIOS[said["ratio"]]
    width, height = (round(side * scale / 2) * 2 for scale in (max(ratio, 1), max(1 / ratio, 1)))
    spec = VideoSpec(width, height, seconds, audio=bool(body.get("generate_audio")))
    kept = {name: value for name, value in body.items() if name != "content"}
    kept |= {"resolution": resolution, "ratio": said["ratio"]}
    flex = body.get("service_tier") == "flex"
    return Order("volc_ark", "video", prompt, spec, 4 * seconds, off_peak=flex, fields=kept)


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RefusedError("InvalidParameter", f"the parameter `{name}` is not valid")
    return value


def _number(value: object, usual: int) -> int:
    try:
        return int(str(value)) if value is not None else usual
    except ValueError as wrong:
        raise RefusedError("InvalidParameter", f"{value} is not a number") from wrong


def _told(fault: Fault) -> Response:
    status = fault.status or 400
    return _error(RefusedError(fault.reason or _CODES.get(status, "InternalServiceError"), "told to refuse", status))


def _error(refused: RefusedError) -> Response:
    error = {
        "code": refused.code,
        "message": f"{refused.message} Request id: 0217",
        "param": "",
        "type": _TYPES.get(refused.status, "Error"),
    }
    return JSONResponse({"error": error}, refused.status)
