"""Vidu's enterprise API, `/ent/v2`, from the provider's side.

Sources: platform.vidu.com/docs/{text-to-video, get-generation, cancel-generation, get-account-info,
error-code}. Undocumented, so chosen here: unknown fields are refused; a cancelled task is failed with
UserCancelled.
"""

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from local.studio.answers import answer, body_of
from local.studio.callbacks import Wish
from local.studio.faults import Fault
from local.studio.script import read_script
from local.studio.studio import Studio
from local.studio.tasks import Film, Order, Task
from local.studio.vidu_bodies import error, listed, queried, submitted, told, word
from local.studio.vidu_catalogue import KINDS, RefusalError, checked, pixels, price
from local.studio.vidu_list import page

_BODY_LIMIT = 20 * 1024 * 1024
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

_Endpoint = Callable[[Request], Awaitable[Response]]


def routes(studio: Studio) -> list[BaseRoute]:
    provider = _Provider(studio)
    return [
        Route("/ent/v2/tasks/{task_id}/creations", _guarded(studio, provider.query), methods=["GET"]),
        Route("/ent/v2/tasks/{task_id}/cancel", _guarded(studio, provider.cancel), methods=["POST"]),
        Route("/ent/v2/tasks", _guarded(studio, provider.listing), methods=["GET"]),
        Route("/ent/v2/credits", _guarded(studio, provider.credits), methods=["GET"]),
        Route("/ent/v2/{kind}", _guarded(studio, provider.submit), methods=["POST"]),
        Route("/ent/v2/{rest:path}", _guarded(studio, _unknown), methods=_METHODS),
    ]


class _Provider:
    """The endpoints: each meets the fault that is due, or does as documented."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def submit(self, request: Request) -> Response:
        kind = KINDS.get(request.path_params["kind"])
        if kind is None:
            return await _unknown(request)
        body = await _object(request)
        prompt = str(body.get("prompt") or "")

        def act() -> Response:
            fields = checked(kind, body)
            cost = price(fields)
            if self._studio.spent() + cost > self._studio.settings.credits:
                raise RefusalError("CreditInsufficient", "the account has not enough credits")
            width, height = pixels(fields["resolution"], fields.get("aspect_ratio", ""))
            film = Film(
                width,
                height,
                fields["duration"],
                audio=fields.get("audio", False),
                watermark=fields.get("watermark", False),
            )
            kept = fields | {"key_id": _key_id(request)}
            kept["images"] = [_shortened(image) for image in fields.get("images", [])]
            order = Order(
                "vidu_ent_v2",
                kind.type,
                prompt,
                film,
                cost,
                off_peak=fields.get("off_peak", False),
                fields=kept,
            )
            task = self._studio.accept(order)
            if url := fields.get("callback_url"):
                self._studio.callbacks.wish(self._wish(task, url, request))
            return JSONResponse(submitted(task))

        scripted = read_script(prompt).faults
        fault = self._studio.faults.take("submit", scripted=scripted, whose=prompt)
        return await self._answer(fault, act)

    def _wish(self, task: Task, url: str, request: Request) -> Wish:
        host = _host(request)
        return Wish(
            task,
            url,
            states=("processing", "success", "failed"),
            repeated=("success", "failed"),
            body=lambda: queried(task, self._studio, host=host, dead_links=False),
            key=_key(request),
        )

    async def query(self, request: Request) -> Response:
        task = self._task(request)
        task.queries += 1
        fault = self._studio.faults.take("query", scripted=task.script.faults, whose=task.id)
        dead = fault is not None and fault.do == "expired"

        def act() -> Response:
            return JSONResponse(queried(task, self._studio, host=_host(request), dead_links=dead))

        return await self._answer(fault, act)

    async def cancel(self, request: Request) -> Response:
        task = self._task(request)

        def act() -> Response:
            if self._studio.cancel(task):
                return JSONResponse({})
            state = word(task, self._studio.state(task))
            state = "scheduled" if state == "processing" else state
            raise RefusalError("BadRequest", f"task state is {state}, can not cancel")

        return await self._answer(self._studio.faults.take("cancel"), act)

    async def listing(self, request: Request) -> Response:
        fault = self._studio.faults.take("list")
        do = fault.do if fault else ""

        def act() -> Response:
            tasks, token = page(self._studio, request.query_params)
            items = [listed(task, self._studio, host=_host(request), dead_links=do == "expired") for task in tasks]
            if do == "no-payload":
                items = [{name: item[name] for name in item if name != "payload"} for item in items]
            return JSONResponse({"next_page_token": token, "tasks": items})

        return await self._answer(fault, act)

    async def credits(self, _: Request) -> Response:
        def act() -> Response:
            states = [self._studio.state(task) for task in self._studio.tasks()]
            remains = {
                "type": "metered",
                "credit_remain": self._studio.settings.credits - self._studio.spent(),
                "concurrency_limit": self._studio.settings.concurrency,
                "current_concurrency": states.count("processing"),
                "queue_count": states.count("created") + states.count("queueing"),
            }
            return JSONResponse({"remains": [remains], "packages": []})

        return await self._answer(self._studio.faults.take("credits"), act)

    async def _answer(self, fault: Fault | None, act: Callable[[], Response]) -> Response:
        return await answer(fault, act, refuse=told, pause=self._studio.pause)

    def _task(self, request: Request) -> Task:
        task = self._studio.find(request.path_params["task_id"])
        if task is None or task.order.dialect != "vidu_ent_v2":
            raise RefusalError("TaskNotFound", "task not found")
        return task


def _guarded(studio: Studio, serve: _Endpoint) -> _Endpoint:
    async def guarded(request: Request) -> Response:
        keys = studio.settings.keys
        try:
            key = _key(request)
            if not key or (keys and key not in keys):
                raise RefusalError("Unauthorized", "Authorization: Token {your api key} is missing or wrong")
            return await serve(request)
        except RefusalError as refused:
            return error(refused)

    return guarded


async def _unknown(request: Request) -> Response:
    raise RefusalError("NotFound", f"{request.method} {request.url.path} is not served here")


def _key(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme == "Token" else ""


def _key_id(request: Request) -> str:
    return sha256(_key(request).encode()).hexdigest()[:16]


def _host(request: Request) -> str:
    return str(request.base_url).rstrip("/")


async def _object(request: Request) -> dict[str, Any]:
    body = await body_of(request, limit=_BODY_LIMIT)
    if body is None:
        raise RefusalError("BadRequest", "the body is longer than 20 MB")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as wrong:
        raise RefusalError("BadRequest", "the body is not JSON") from wrong
    if not isinstance(value, dict):
        raise RefusalError("BadRequest", "the body is not an object")
    return value


def _shortened(image: str) -> str:
    """Megabytes of base64 are of no use to a simulator once they are checked."""
    return image if len(image) <= 2000 else f"{image[:64]}..."
