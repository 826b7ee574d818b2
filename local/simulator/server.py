"""Puts the parts together as one web server."""

import asyncio
from collections.abc import Callable
from socket import socket
from typing import cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from local.simulator import admin, dialects
from local.simulator.media import delivery
from local.simulator.media.cache import MediaCache
from local.simulator.simulator import Simulator


def application(simulator: Simulator, media_cache: MediaCache) -> Starlette:
    spoken = dialects.routes(simulator)
    return Starlette(routes=[*spoken, *delivery.routes(simulator, media_cache), *admin.routes(simulator)])


class Cuttable(H11Protocol):
    """Lets a response reach its connection, so that it can be cut: see `answers.cut`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Server(uvicorn.Server):
    """Calls `ready` with its address as soon as it answers."""

    def __init__(self, simulator: Simulator, *, host: str, port: int, ready: Callable[[str], None]) -> None:
        self._simulator, self._ready = simulator, ready
        self._media_cache = MediaCache(simulator.settings.data / "media", threads=simulator.settings.render_threads)
        super().__init__(
            uvicorn.Config(
                application(simulator, self._media_cache),
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
        self._calling = asyncio.create_task(self._simulator.callbacks.run(self._simulator))
        if self.started:
            listening = self.servers[0].sockets[0]
            host, port = cast(tuple[str, int], listening.getsockname()[:2])
            self._ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._simulator.hurry()
        self._media_cache.close()
        await self._calling
        await super().shutdown(sockets)
        self._simulator.close()
