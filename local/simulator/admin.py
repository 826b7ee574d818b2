"""`/simulator/...`: what a test or a demonstration tells the simulator, and asks it. Loopback only.

GET|PUT|DELETE /simulator/faults   the global faults (see `faults`)
GET  /simulator/tasks              every task, newest first, and how many were really generated (billed)
GET  /simulator/clock              the simulator's time
POST /simulator/clock              {"advance_seconds": 3600} moves it forward
"""

import json
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from local.simulator.answers import body_of
from local.simulator.clock import rfc3339
from local.simulator.faults import fault_from_json
from local.simulator.simulator import Simulator
from local.simulator.tasks import Task

_LIMIT = 1 << 20


def routes(simulator: Simulator) -> list[BaseRoute]:
    async def faults(request: Request) -> Response:
        match request.method:
            case "PUT":
                body = await _object(request)
                listed = body.get("faults")
                if body.keys() != {"faults"} or not isinstance(listed, list):
                    raise ValueError('expected {"faults": [...]}')
                simulator.faults.replace([fault_from_json(item) for item in listed])
            case "DELETE":
                simulator.faults.replace([])
            case _:
                pass
        return JSONResponse({"faults": simulator.faults.listing()})

    async def tasks(_: Request) -> Response:
        listed = [_shown(task, simulator) for task in simulator.tasks()]
        return JSONResponse({"total": len(listed), "generated": _generated(listed), "tasks": listed})

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            seconds = (await _object(request)).get("advance_seconds")
            if isinstance(seconds, bool) or not isinstance(seconds, int | float):
                raise ValueError('expected {"advance_seconds": number}')
            simulator.advance(seconds)
        now = simulator.clock.now()
        return JSONResponse({"now": rfc3339(now), "skipped_seconds": simulator.clock.skipped})

    return [
        Route("/simulator/faults", _local(faults), methods=["GET", "PUT", "DELETE"]),
        Route("/simulator/tasks", _local(tasks), methods=["GET"]),
        Route("/simulator/clock", _local(clock), methods=["GET", "POST"]),
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


def _shown(task: Task, simulator: Simulator) -> dict[str, object]:
    state = task.state(simulator.clock.now())
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
        "callbacks": simulator.callbacks.calls.get(task.id, []),
    }


def _generated(listed: list[dict[str, object]]) -> int:
    return sum(task["state"] == "success" for task in listed)


async def _object(request: Request) -> dict[str, object]:
    body = await body_of(request, limit=_LIMIT)
    value = json.loads(body or b"")
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    return value
