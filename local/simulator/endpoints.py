"""What the endpoints of every wire format share: who calls, what was sent, and how it is refused."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from local.simulator.answers import body_of
from local.simulator.simulator import Simulator

Endpoint = Callable[[Request], Awaitable[Response]]


class RefusedError(Exception):
    """An error in a format's own words. Where the words alone tell the status, `status` says nothing."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


def guarded(
    serve: Endpoint,
    simulator: Simulator,
    schemes: tuple[str, ...],
    stranger: RefusedError,
    put: Callable[[RefusedError], Response],
) -> Endpoint:
    """Serves whoever has a key. `put` is the format's way to put an error; `stranger` is that for anybody else."""

    async def served(request: Request) -> Response:
        try:
            return await serve(request) if is_known(request, simulator, *schemes) else put(stranger)
        except RefusedError as refused:
            return put(refused)

    return served


def is_known(request: Request, simulator: Simulator, *schemes: str) -> bool:
    key, keys = key_of(request, *schemes), simulator.settings.keys
    return bool(key) and (not keys or key in keys)


def key_of(request: Request, *schemes: str) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme in schemes else ""


def host_of(request: Request) -> str:
    return str(request.base_url).rstrip("/")


async def json_of(request: Request, *, limit: int) -> Any:
    """Raises ValueError for what is not JSON, and for what is longer than the limit."""
    try:
        return json.loads(await body_of(request, limit=limit) or b"")
    except RecursionError as wrong:
        raise ValueError("nested too deeply") from wrong
