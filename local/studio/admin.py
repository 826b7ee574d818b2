"""`/studio/...`: what a test or a demonstration tells the studio, and asks it. Loopback only.

GET|PUT|DELETE /studio/faults   the global faults (see `faults`)
GET  /studio/tasks              every task, newest first, and how many were really generated (billed)
GET  /studio/clock              the studio's time
POST /studio/clock              {"advance_seconds": 3600} moves it forward
"""

import json
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from local.studio.answers import body_of
from local.studio.clock import rfc3339
from local.studio.faults import fault_from_json
from local.studio.studio import Studio
from local.studio.tasks import Task

_LIMIT = 1 << 20


def routes(studio: Studio) -> list[BaseRoute]:
    async def faults(request: Request) -> Response:
        match request.method:
            case "PUT":
                body = await _object(request)
                listed = body.get("faults")
                if body.keys() != {"faults"} or not isinstance(listed, list):
                    raise ValueError('expected {"faults": [...]}')
                studio.faults.replace([fault_from_json(item) for item in listed])
            case "DELETE":
                studio.faults.replace([])
            case _:
                pass
        return JSONResponse({"faults": studio.faults.listing()})

    async def tasks(_: Request) -> Response:
        listed = [_shown(task, studio) for task in studio.tasks()]
        return JSONResponse({"total": len(listed), "generated": _generated(listed), "tasks": listed})

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            seconds = (await _object(request)).get("advance_seconds")
            if isinstance(seconds, bool) or not isinstance(seconds, int | float):
                raise ValueError('expected {"advance_seconds": number}')
            studio.advance(seconds)
        now = studio.clock.now()
        return JSONResponse({"now": rfc3339(now), "skipped_seconds": studio.clock.skipped})

    return [
        Route("/studio/faults", _local(faults), methods=["GET", "PUT", "DELETE"]),
        Route("/studio/tasks", _local(tasks), methods=["GET"]),
        Route("/studio/clock", _local(clock), methods=["GET", "POST"]),
    ]


def _local(
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        if request.client is None or not ip_address(request.client.host).is_loopback:
            return JSONResponse({"error": "only from this machine"}, 403)
        try:
            return await endpoint(request)
        except ValueError as wrong:
            return JSONResponse({"error": str(wrong)}, 400)

    return guarded


def _shown(task: Task, studio: Studio) -> dict[str, object]:
    state = task.state(studio.clock.now())
    return {
        "id": task.id,
        "creation_id": task.creation_id,
        "dialect": task.order.dialect,
        "kind": task.order.kind,
        "state": state,
        "billed": state in ("processing", "success"),
        "credits": task.order.credits,
        "prompt": task.order.prompt,
        "request": task.order.fields,
        "created_at": rfc3339(task.created_at),
        "started_at": None if task.started_at is None else rfc3339(task.started_at),
        "finishes_at": None if task.finishes_at is None else rfc3339(task.finishes_at),
        "queries": task.queries,
        "downloads": task.downloads,
        "callbacks": studio.callbacks.calls.get(task.id, []),
    }


def _generated(listed: list[dict[str, object]]) -> int:
    return sum(task["state"] == "success" for task in listed)


async def _object(request: Request) -> dict[str, object]:
    body = await body_of(request, limit=_LIMIT)
    value = json.loads(body or b"")
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    return value
