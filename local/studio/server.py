"""Puts the parts together as one web server."""

import asyncio
from collections.abc import Callable
from socket import socket
from typing import cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from local.studio import admin
from local.studio.dialects import DIALECTS
from local.studio.media import delivery
from local.studio.media.darkroom import Darkroom
from local.studio.studio import Studio


def application(studio: Studio, darkroom: Darkroom) -> Starlette:
    dialects = [route for dialect in DIALECTS for route in dialect(studio)]
    return Starlette(routes=[*dialects, *delivery.routes(studio, darkroom), *admin.routes(studio)])


class Cuttable(H11Protocol):
    """Lets a response reach its connection, so that it can be cut: see `answers.cut`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Server(uvicorn.Server):
    """Calls `ready` with its address as soon as it answers."""

    def __init__(self, studio: Studio, *, host: str, port: int, ready: Callable[[str], None]) -> None:
        self._studio, self._ready = studio, ready
        self._darkroom = Darkroom(studio.settings.data / "media", threads=studio.settings.render_threads)
        super().__init__(
            uvicorn.Config(
                application(studio, self._darkroom),
                host=host,
                port=port,
                http=Cuttable,
                ws="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=5,
            )
        )

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self._calling = asyncio.create_task(self._studio.callbacks.run(self._studio))
        if self.started:
            listening = self.servers[0].sockets[0]
            host, port = cast(tuple[str, int], listening.getsockname()[:2])
            self._ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._studio.hurry()
        self._darkroom.close()
        await self._calling
        await super().shutdown(sockets)
        self._studio.close()
