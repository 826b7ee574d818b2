"""The simulator without a network, and with its files in stock."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from local.simulator.clock import Clock
from local.simulator.media.cache import CachedFile
from local.simulator.server import application
from local.simulator.simulator import Settings, Simulator
from local.simulator.store import Store
from local.simulator.tasks import Task
from reelkeep.adapters.http.outbound import AnswerLost, NotSent
from tests.chaos.faulty_transport import FaultyTransport, Mode, Ways
from tests.samples import lengthened, picture, video

_PRICE = {"since": "2025-01-01", "unit": "credits", "units": "33", "price": "0.005", "currency": "USD"}
PROVIDERS: dict[str, dict[str, Any]] = {  # each lives on a host of its own, which is the same simulator
    "vidu": {"dialect": "vidu_ent_v2", "models": ["viduq*"], "default": True, "slots": 1, "prices": [_PRICE]},
    "ark": {"dialect": "volc_ark", "models": ["doubao-*"], "root": "/api/v3"},
    "plain": {"dialect": "video_generations", "models": ["kling-*"]},  # it has no list
}


def configuration() -> dict[str, dict[str, Any]]:
    return {
        name: {key: value for key, value in given.items() if key != "root"}
        | {"base_url": f"http://{name}.test{given.get('root', '')}", "api_key": "vda_chaos", "allow_private": True}
        for name, given in PROVIDERS.items()
    }


class Stock:
    """In the media_cache's place: every file is there already, each name with bytes of its own."""

    def __init__(self, folder: Path, video_bytes: int = 0, size: tuple[int, int] = (64, 48)) -> None:
        self._folder = folder
        self._video_bytes = video_bytes
        self._size = size

    async def create(self, task: Task, asset: str) -> CachedFile:
        path = self._path(asset)
        return CachedFile(path, path.stat().st_size, f'"{self.digest(asset)}"')

    def digest(self, asset: str) -> str:
        return sha256(self._path(asset).read_bytes()).hexdigest()

    def _path(self, asset: str) -> Path:
        path = self._folder / f"{self._video_bytes}-{asset}"
        if not path.exists():
            path.write_bytes(self._content(asset))
        return path

    def _content(self, asset: str) -> bytes:
        if asset.endswith(".jpeg"):
            return picture("JPEG")
        at_least = self._video_bytes if asset == "video.mp4" else 0
        plain = video(size=self._size)
        return lengthened(plain, max(at_least, len(plain) + 16 + sum(asset.encode())))


class Provider:
    """Answers requests in memory."""

    def __init__(
        self, settings: Settings, stock: Stock, now: Callable[[], float], simulator: type[Simulator] = Simulator
    ) -> None:
        self.simulator = simulator(settings, Clock(wall=now), Store())
        self._application = application(self.simulator, stock)  # type: ignore[arg-type]  # all that is used of it
        self._loop = asyncio.new_event_loop()
        self._lock = Lock()

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """The whole answer, as it is on the wire."""
        with self._lock:
            return self._loop.run_until_complete(self._answer(method, url, headers, body))

    async def _answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> bytes:
        parts = urlsplit(url)
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": parts.scheme,
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "server": (parts.hostname, 80),
            "client": ("127.0.0.1", 1),
        }
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        await self._application(scope, receive, send)  # type: ignore[arg-type]  # starlette's own names
        content = b"".join(message.get("body", b"") for message in said[1:])
        return raw(said[0]["status"], content, {k.decode(): v.decode() for k, v in said[0]["headers"]})

    def close(self) -> None:
        self.simulator.close()
        self._loop.close()


def raw(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """An answer whose body ends with the connection, unless the headers say how long it is."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return f"HTTP/1.1 {status} Said\r\nconnection: close\r\n{lines}\r\n".encode() + body


class InMemory(httpx.BaseTransport):
    """What would go through the sockets of `Outbound` goes through the faulty transport."""

    def __init__(
        self, transport: FaultyTransport, answer: Callable[[str, str, Mapping[str, str], bytes], bytes]
    ) -> None:
        self._transport = transport
        self._answer = answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        origin, target = str(request.url).removesuffix("/"), request.extensions["target"].decode()

        def happen() -> httpx.Response:
            return _parsed(self._answer(request.method, origin + target, request.headers, request.read()))

        def unsent() -> httpx.Response:
            raise NotSent(f"{origin}: connection refused")

        def lost(_: object) -> httpx.Response:
            raise AnswerLost(f"{origin}: the connection was cut")

        def cut(answer: object) -> httpx.Response:
            assert isinstance(answer, httpx.Response)
            if "content-length" not in answer.headers:
                return lost(answer)
            body = answer.read()
            return httpx.Response(answer.status_code, headers=answer.headers, stream=_Cut(body[: len(body) // 2]))

        ways = Ways(
            happen,
            {
                Mode.UNSENT: unsent,
                Mode.REFUSED: lambda: httpx.Response(429, headers={"retry-after": "30"}),
                Mode.FAULT: lambda: httpx.Response(503),
                Mode.OUTAGE: lambda: httpx.Response(503),
            },
            {Mode.LOST: lost, Mode.CUT: cut},
        )
        answer = self._transport.call(_name(request.method, request.url.host, target), ways)
        assert isinstance(answer, httpx.Response)
        return answer


class _Cut(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        raise httpcore.RemoteProtocolError("peer closed connection")


def _parsed(answer: bytes) -> httpx.Response:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return httpx.Response(int(status.split()[1]), headers=headers, stream=httpx.ByteStream(body))


def _name(method: str, host: str, target: str) -> str:
    """Without what differs from run to run."""
    path = re.sub(r"(?<=[/_-])[0-9a-f-]{12,}", "*", target.partition("?")[0])
    return f"{host.removesuffix('.test')} {method} {path}"
