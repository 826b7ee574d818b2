"""Gives an answer, or the fault that stands in its place; and cuts connections for real."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from socket import SO_LINGER, SOL_SOCKET

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from local.simulator.faults import Fault

NONSENSE = b'{"task_id": "8850000\x00\xff<<<'
HTML = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking.</body></html>\n"

_RESET = struct.pack("ii", 1, 0)


class Cut(Response):
    """No answer at all: the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  starlette's
        await cut(scope, receive)


async def cut(scope: Scope, receive: Receive, *, in_order: bool = False) -> None:
    """Ends the connection under the server's feet: by a reset, or `in_order` after what was already sent."""
    transport: asyncio.Transport = scope["state"]["transport"]
    if in_order:
        transport.close()
    else:
        # Without a linger of zero the kernel would say goodbye politely (FIN).
        transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
        transport.abort()
    # Until the server has noticed: it would take an application that says nothing for broken.
    while (await receive())["type"] != "http.disconnect":
        pass


async def answer(
    fault: Fault | None,
    act: Callable[[], Response],
    *,
    refuse: Callable[[Fault], Response],
    pause: Callable[[float], Awaitable[None]],
) -> Response:
    """`act` does what was asked and says so; `refuse` puts the error that a fault asks for in the dialect's words."""
    if fault is None:
        return act()
    if fault.status or fault.do == "refuse":
        return _refusal(fault, refuse)
    match fault.do:
        case "cut":
            return Cut()
        case "slow":
            await pause(5 if fault.seconds is None else fault.seconds)
            return act()
        case "lose":
            act()
            await pause(fault.seconds or 0)
            return Cut()
        case "nonsense":
            act()
            return Response(NONSENSE, media_type="application/json")
        case _:
            return act()


def _refusal(fault: Fault, refuse: Callable[[Fault], Response]) -> Response:
    """502 to 504 come from a gateway, which speaks HTML."""
    html = 502 <= fault.status <= 504
    page = f"<html><body><h1>{fault.status}</h1></body></html>"
    response = HTMLResponse(page, fault.status) if html else refuse(fault)
    if fault.status in (429, 503) and fault.retry_after is not None:
        response.headers["retry-after"] = str(fault.retry_after)
    return response


async def body_of(request: Request, *, limit: int) -> bytes | None:
    """None if it is longer than the limit."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)
