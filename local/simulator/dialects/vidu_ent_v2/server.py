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

from local.simulator.answers import answer, body_of
from local.simulator.callbacks import CallbackRequest
from local.simulator.dialects.vidu_ent_v2.bodies import error, listed, queried, submitted, told, word
from local.simulator.dialects.vidu_ent_v2.catalogue import KINDS, checked, price
from local.simulator.dialects.vidu_ent_v2.listing import page
from local.simulator.endpoints import Endpoint, RefusedError, guarded, host_of, key_of
from local.simulator.faults import Fault
from local.simulator.media.sizes import pixels
from local.simulator.prompt_directives import read_directives
from local.simulator.simulator import Simulator
from local.simulator.tasks import Order, Task, VideoSpec

_BODY_LIMIT = 20 * 1024 * 1024
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def routes(simulator: Simulator) -> list[BaseRoute]:
    provider = _Provider(simulator)
    stranger = RefusedError("Unauthorized", "Authorization: Token {your api key} is missing or wrong")

    def known(serve: Endpoint) -> Endpoint:
        return guarded(serve, simulator, ("Token",), stranger, error)

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

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def submit(self, request: Request) -> Response:
        kind = KINDS.get(request.path_params["kind"])
        if kind is None:
            return await _unknown(request)
        body = await _object(request)
        prompt = str(body.get("prompt") or "")

        def act() -> Response:
            fields = checked(kind, body)
            cost = price(fields)
            if self._simulator.spent() + cost > self._simulator.settings.credits:
                raise RefusedError("CreditInsufficient", "the account has not enough credits")
            width, height = pixels(fields["resolution"], fields.get("aspect_ratio", ""))
            spec = VideoSpec(
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
                spec,
                cost,
                off_peak=fields.get("off_peak", False),
                fields=kept,
            )
            task = self._simulator.accept(order)
            if url := fields.get("callback_url"):
                self._simulator.callbacks.add(self._callback_request(task, url, request))
            return JSONResponse(submitted(task))

        directed = read_directives(prompt).faults
        fault = self._simulator.faults.take("submit", directed=directed, whose=prompt)
        return await self._answer(fault, act)

    def _callback_request(self, task: Task, url: str, request: Request) -> CallbackRequest:
        host = host_of(request)
        return CallbackRequest(
            task,
            url,
            states=("processing", "success", "failed"),
            repeated=("success", "failed"),
            body=lambda: queried(task, self._simulator, host=host, dead_links=False),
            key=key_of(request, "Token"),
        )

    async def query(self, request: Request) -> Response:
        task = self._task(request)
        task.queries += 1
        fault = self._simulator.faults.take("query", directed=task.directives.faults, whose=task.id)
        dead = fault is not None and fault.do == "expired"

        def act() -> Response:
            return JSONResponse(queried(task, self._simulator, host=host_of(request), dead_links=dead))

        return await self._answer(fault, act)

    async def cancel(self, request: Request) -> Response:
        task = self._task(request)

        def act() -> Response:
            if self._simulator.cancel(task):
                return JSONResponse({})
            state = word(task, self._simulator.state(task))
            state = "scheduled" if state == "processing" else state
            raise RefusedError("BadRequest", f"task state is {state}, can not cancel")

        return await self._answer(self._simulator.faults.take("cancel"), act)

    async def listing(self, request: Request) -> Response:
        fault = self._simulator.faults.take("list")
        do = fault.do if fault else ""

        def act() -> Response:
            tasks, token = page(self._simulator, request.query_params)
            items = [
                listed(task, self._simulator, host=host_of(request), dead_links=do == "expired") for task in tasks
            ]
            if do == "no-payload":
                items = [{name: item[name] for name in item if name != "payload"} for item in items]
            return JSONResponse({"next_page_token": token, "tasks": items})

        return await self._answer(fault, act)

    async def credits(self, _: Request) -> Response:
        def act() -> Response:
            states = [self._simulator.state(task) for task in self._simulator.tasks()]
            remains = {
                "type": "metered",
                "credit_remain": self._simulator.settings.credits - self._simulator.spent(),
                "concurrency_limit": self._simulator.settings.concurrency,
                "current_concurrency": states.count("processing"),
                "queue_count": states.count("created") + states.count("queueing"),
            }
            return JSONResponse({"remains": [remains], "packages": []})

        return await self._answer(self._simulator.faults.take("credits"), act)

    async def _answer(self, fault: Fault | None, act: Callable[[], Response]) -> Response:
        return await answer(fault, act, refuse=told, pause=self._simulator.pause)

    def _task(self, request: Request) -> Task:
        task = self._simulator.find(request.path_params["task_id"])
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
