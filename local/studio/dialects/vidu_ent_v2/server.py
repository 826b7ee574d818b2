"""Vidu's enterprise API, `/ent/v2`, from the provider's side.

Sources: platform.vidu.com/docs/{text-to-video, get-generation, cancel-generation, get-account-info,
error-code}. Undocumented, so chosen here: unknown fields are refused; a cancelled task is failed with
UserCancelled.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from local.studio.answers import answer, body_of
from local.studio.callbacks import Wish
from local.studio.dialects.vidu_ent_v2.bodies import error, listed, queried, submitted, told, word
from local.studio.dialects.vidu_ent_v2.catalogue import KINDS, checked, price
from local.studio.dialects.vidu_ent_v2.listing import page
from local.studio.endpoints import Endpoint, RefusedError, guarded, host_of, key_of
from local.studio.faults import Fault
from local.studio.media.sizes import pixels
from local.studio.script import read_script
from local.studio.studio import Studio
from local.studio.tasks import Film, Order, Task

_BODY_LIMIT = 20 * 1024 * 1024
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def routes(studio: Studio) -> list[BaseRoute]:
    provider = _Provider(studio)
    stranger = RefusedError("Unauthorized", "Authorization: Token {your api key} is missing or wrong")

    def known(serve: Endpoint) -> Endpoint:
        return guarded(serve, studio, ("Token",), stranger, error)

    return [
        Route("/ent/v2/tasks/{task_id}/creations", known(provider.query), methods=["GET"]),
        Route("/ent/v2/tasks/{task_id}/cancel", known(provider.cancel), methods=["POST"]),
        Route("/ent/v2/tasks", known(provider.listing), methods=["GET"]),
        Route("/ent/v2/credits", known(provider.credits), methods=["GET"]),
        Route("/ent/v2/{kind}", known(provider.submit), methods=["POST"]),
        Route("/ent/v2/{rest:path}", known(_unknown), methods=_METHODS),
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
                raise RefusedError("CreditInsufficient", "the account has not enough credits")
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
        host = host_of(request)
        return Wish(
            task,
            url,
            states=("processing", "success", "failed"),
            repeated=("success", "failed"),
            body=lambda: queried(task, self._studio, host=host, dead_links=False),
            key=key_of(request, "Token"),
        )

    async def query(self, request: Request) -> Response:
        task = self._task(request)
        task.queries += 1
        fault = self._studio.faults.take("query", scripted=task.script.faults, whose=task.id)
        dead = fault is not None and fault.do == "expired"

        def act() -> Response:
            return JSONResponse(queried(task, self._studio, host=host_of(request), dead_links=dead))

        return await self._answer(fault, act)

    async def cancel(self, request: Request) -> Response:
        task = self._task(request)

        def act() -> Response:
            if self._studio.cancel(task):
                return JSONResponse({})
            state = word(task, self._studio.state(task))
            state = "scheduled" if state == "processing" else state
            raise RefusedError("BadRequest", f"task state is {state}, can not cancel")

        return await self._answer(self._studio.faults.take("cancel"), act)

    async def listing(self, request: Request) -> Response:
        fault = self._studio.faults.take("list")
        do = fault.do if fault else ""

        def act() -> Response:
            tasks, token = page(self._studio, request.query_params)
            items = [listed(task, self._studio, host=host_of(request), dead_links=do == "expired") for task in tasks]
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
            raise RefusedError("TaskNotFound", "task not found")
        return task


async def _unknown(request: Request) -> Response:
    raise RefusedError("NotFound", f"{request.method} {request.url.path} is not served here")


def _key_id(request: Request) -> str:
    return sha256(key_of(request, "Token").encode()).hexdigest()[:16]


async def _object(request: Request) -> dict[str, Any]:
    body = await body_of(request, limit=_BODY_LIMIT)
    if body is None:
        raise RefusedError("BadRequest", "the body is longer than 20 MB")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as wrong:
        raise RefusedError("BadRequest", "the body is not JSON") from wrong
    if not isinstance(value, dict):
        raise RefusedError("BadRequest", "the body is not an object")
    return value


def _shortened(image: str) -> str:
    """Megabytes of base64 are of no use to a simulator once they are checked."""
    return image if len(image) <= 2000 else f"{image[:64]}..."
