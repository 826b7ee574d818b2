"""Kling's videos, from the provider's side.

Sources: kling.ai/document-api; github.com/vercel/ai, packages/klingai. As it is documented: an `external_task_id` is
unique in an account; a task is at the address of its kind only; callbacks are not signed, and come at every change.
Undocumented, so chosen here: lists are newest first; a task that is not there is a 1203; a second costs one unit;
who sends a token (RFC 7519) instead of a key has one that is signed with the secret of a key ACCESS:SECRET.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from local.simulator.answers import answer
from local.simulator.callbacks import CallbackRequest
from local.simulator.dialects import Serves
from local.simulator.endpoints import Endpoint, RefusedError, host_of, json_of, key_of
from local.simulator.faults import Fault
from local.simulator.media.sizes import RATIOS, pixels
from local.simulator.prompt_directives import read_directives
from local.simulator.simulator import Simulator
from local.simulator.tasks import Order, State, Task, VideoSpec

SERVES = (Serves("kling", ("kling*",)),)
_PATH = "/v1/videos"
_KINDS = ("text2video", "image2video", "multi-image2video", "video-extend", "lip-sync", "effects")
_BODY_LIMIT = 64 * 1024 * 1024
_MODES = {"std": "720p", "pro": "1080p", "4k": "4K"}
_WORDS = {"created": "submitted", "queueing": "submitted", "processing": "processing", "success": "succeed"}
_CODES = {400: 1201, 401: 1002, 403: 1103, 404: 1203, 429: 1303, 503: 5001}


def routes(simulator: Simulator) -> list[BaseRoute]:
    provider = _Provider(simulator)
    served = []
    for kind in _KINDS:
        many, one = f"{_PATH}/{kind}", f"{_PATH}/{kind}/{{task_id}}"
        served += [
            Route(many, provider.known(provider.submit), methods=["POST"], name=kind),
            Route(many, provider.known(provider.listing), methods=["GET"], name=kind),
            Route(one, provider.known(provider.query), methods=["GET"], name=kind),
        ]
    return [*served, Route("/account/costs", provider.known(provider.costs), methods=["GET"])]


class _Provider:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def known(self, serve: Endpoint) -> Endpoint:
        """Serves whoever has a key, or a token of one."""

        async def served(request: Request) -> Response:
            try:
                key = key_of(request, "Bearer")
                keys = self._simulator.settings.keys
                if not key or not (not keys or key in keys or any(_is_token(key, each) for each in keys)):
                    raise RefusedError("1002", "Authorization is invalid", 401)
                return await serve(request)
            except RefusedError as refused:
                return _error(refused)

        return served

    async def submit(self, request: Request) -> Response:
        try:
            body = await json_of(request, limit=_BODY_LIMIT)
        except ValueError as wrong:
            raise RefusedError("1200", "the body is not JSON, or too long") from wrong
        if not isinstance(body, dict):
            raise RefusedError("1200", "the body is not an object")
        kind = _kind(request)
        prompt = str(body.get("prompt") or "")

        def act() -> Response:
            order = _order(kind, body, prompt)
            mark = body.get("external_task_id")
            if mark and any(task.order.fields["external_task_id"] == mark for task in self._tasks()):
                raise RefusedError("1201", "external_task_id is not unique")
            if self._simulator.spent() + order.credits > self._simulator.settings.credits:
                raise RefusedError("1102", "the resource pack is used up", 429)
            task = self._simulator.accept(order)
            if url := body.get("callback_url"):
                states: tuple[State, ...] = ("queueing", "processing", "success", "failed")
                shown = partial(self._shown, task, request, None)
                self._simulator.callbacks.add(CallbackRequest(task, str(url), states, repeated=states, body=shown))
            return _said(self._shown(task, request, None))

        directed = read_directives(prompt).faults
        return await self._answer(self._simulator.faults.take("submit", directed=directed, whose=prompt), act)

    async def query(self, request: Request) -> Response:
        task = self._simulator.find(request.path_params["task_id"])
        if task is None or task.order.dialect != "kling" or task.order.kind != _kind(request):
            raise RefusedError("1203", "the requested resource does not exist", 404)
        task.queries += 1
        fault = self._simulator.faults.take("query", directed=task.directives.faults, whose=task.id)
        return await self._answer(fault, lambda: _said(self._shown(task, request, fault)))

    async def listing(self, request: Request) -> Response:
        asked = request.query_params
        try:
            page, size = int(asked.get("pageNum", 1)), int(asked.get("pageSize", 30))
        except ValueError as wrong:
            raise RefusedError("1201", "pageNum and pageSize must be numbers") from wrong
        if page not in range(1, 1001) or size not in range(1, 501):
            raise RefusedError("1201", "pageNum or pageSize is out of range")
        fault = self._simulator.faults.take("list")

        def act() -> Response:
            tasks = [task for task in self._tasks() if task.order.kind == _kind(request)]
            return _said([self._shown(task, request, fault) for task in tasks[(page - 1) * size : page * size]])

        return await self._answer(fault, act)

    async def costs(self, _: Request) -> Response:
        """The packs: one of video units. Free of charge; the real one shows what was spent twelve hours late."""

        def act() -> Response:
            settings = self._simulator.settings
            pack = {
                "resource_pack_name": "Video Generation",
                "resource_pack_id": "simulated",
                "resource_pack_type": "decreasing_total",
                "total_quantity": float(settings.credits),
                "remaining_quantity": float(settings.credits - self._simulator.spent()),
                "status": "online",
            }
            return _said({"code": 0, "msg": "success", "resource_pack_subscribe_infos": [pack]})

        return await self._answer(self._simulator.faults.take("credits"), act)

    def _tasks(self) -> list[Task]:
        return [task for task in self._simulator.tasks() if task.order.dialect == "kling"]

    async def _answer(self, fault: Fault | None, act: Callable[[], Response]) -> Response:
        return await answer(fault, act, refuse=_told, pause=self._simulator.pause)

    def _shown(self, task: Task, request: Request, fault: Fault | None) -> dict[str, Any]:
        state = self._simulator.state(task)
        odd = task.directives.odd_state if state == "processing" else ""
        shown: dict[str, Any] = {
            "task_id": task.id,
            "task_status": odd or _WORDS.get(state, "failed"),
            "task_status_msg": _reason(task) if state == "failed" else "",
            "task_info": {"external_task_id": task.order.fields["external_task_id"]},
            "created_at": int(task.created_at * 1000),
            "updated_at": int((task.finishes_at or task.created_at) * 1000),
        }
        if state != "success":
            return shown
        link = partial(self._simulator.link, task, dead=fault is not None and fault.do == "expired")
        video = {"id": task.creation_id, "url": host_of(request) + link("video.mp4")}
        if task.order.video.watermark:
            video["watermark_url"] = host_of(request) + link("watermarked.mp4")
        video["duration"] = f"{task.order.video.seconds}.1"
        return {**shown, "task_result": {"videos": [video]}, "final_unit_deduction": f"{task.order.credits}"}


def _kind(request: Request) -> str:
    return request.url.path.removeprefix(f"{_PATH}/").partition("/")[0]


def _order(kind: str, body: dict[str, Any], prompt: str) -> Order:
    inner = body.get("input")
    said = {**(inner if isinstance(inner, dict) else {}), **body}
    needed = {"text2video": "prompt", "image2video": "image", "multi-image2video": "image_list"}.get(kind)
    if needed and not body.get(needed):
        raise RefusedError("1201", f"{needed} is required")
    if any(str(body.get(name, "")).startswith("data:") for name in ("image", "image_tail")):
        raise RefusedError("1201", "image must be base64 without data:")
    seconds, mode, ratio = said.get("duration", "5"), said.get("mode", "std"), said.get("aspect_ratio", "16:9")
    if not isinstance(seconds, str) or not seconds.isdecimal() or int(seconds) not in range(3, 16):
        raise RefusedError("1201", "duration must be a string from 3 to 15")
    if ratio not in RATIOS or (kind != "lip-sync" and mode not in _MODES):
        raise RefusedError("1201", "mode or aspect_ratio is not valid")
    width, height = pixels(_MODES.get(mode, "720p"), ratio)
    marked = (body.get("watermark_info") or {}).get("enabled") is True
    spec = VideoSpec(width, height, int(seconds), audio=body.get("sound") == "on", watermark=marked)
    kept = {name: str(value)[:200] for name, value in body.items()} | {
        "external_task_id": body.get("external_task_id") or ""
    }
    return Order("kling", kind, prompt, spec, int(seconds), fields=kept)


def _reason(task: Task) -> str:
    """Kling says so in words only."""
    failure = task.directives.fail
    return "Failure to pass the risk control system" if failure == "CreationPolicyViolation" else failure


def _is_token(text: str, key: str) -> bool:
    access, is_pair, secret = key.partition(":")
    signed, _, signature = text.rpartition(".")
    digest = base64.urlsafe_b64encode(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)).rstrip(b"=")
    if not is_pair or not hmac.compare_digest(digest, signature.encode()):
        return False
    claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
    return bool(claims["iss"] == access and claims["exp"] > claims["nbf"])


def _told(fault: Fault) -> Response:
    status = fault.status or 400
    return _error(RefusedError(fault.reason or str(_CODES.get(status, 5000)), "told to refuse", status))


def _said(data: Any) -> Response:
    return JSONResponse({"code": 0, "message": "SUCCEED", "request_id": "r-1", "data": data})


def _error(refused: RefusedError) -> Response:
    code: Any = int(refused.code) if refused.code.isdecimal() else refused.code
    return JSONResponse({"code": code, "message": refused.message, "request_id": "r-1"}, refused.status)
