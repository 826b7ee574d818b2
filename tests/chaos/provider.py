"""The simulator without a network, and with its files in stock."""

from __future__ import annotations

import asyncio
import http.client
import io
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from local.simulator.clock import Clock
from local.simulator.media.cache import Print
from local.simulator.server import application
from local.simulator.simulator import Settings, Simulator
from local.simulator.store import Store
from local.simulator.tasks import Task
from reelkeep.adapters.http.connection import AnswerLost, Deadline, NotSent, Place
from reelkeep.adapters.http.outbound import Outbound, Stream
from tests.chaos.line import Line, Mode, Ways
from tests.samples import lengthened, picture, video

PROVIDERS: dict[str, dict[str, Any]] = {  # each lives on a host of its own, which is the same simulator
    "vidu": {"dialect": "vidu_ent_v2", "models": ["viduq*"], "default": True},
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

    def __init__(self, folder: Path, video_bytes: int = 0) -> None:
        self._folder = folder
        self._video_bytes = video_bytes

    async def develop(self, task: Task, asset: str) -> Print:
        path = self._path(asset)
        return Print(path, path.stat().st_size, f'"{self.digest(asset)}"')

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
        plain = video()
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


class _Wire:
    def __init__(self, place: Place, content: bytes) -> None:
        self.place = place
        self._content = content

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)

    def close(self) -> None:
        return


class InMemory(Outbound):
    """Everything of the door out but its sockets: what would go through them goes on the line."""

    def __init__(self, line: Line, answer: Callable[[str, str, Mapping[str, str], bytes], bytes]) -> None:
        super().__init__(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        self._line = line
        self._answer = answer

    def _exchange(
        self,
        url: str,
        place: Place,
        target: str,
        method: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes | memoryview] | None,
        deadline: Deadline,
    ) -> Stream:
        def happen() -> bytes:
            sent = body if isinstance(body, bytes) else b"".join(body or ())
            return self._answer(method, url, headers, sent)

        def unsent() -> bytes:
            raise NotSent(f"{place}: connection refused")

        def lost(_: object) -> bytes:
            raise AnswerLost(f"{place}: the connection was cut")

        def cut(answer: object) -> bytes:
            assert isinstance(answer, bytes)
            head, _, rest = answer.partition(b"\r\n\r\n")
            if b"content-length" not in head.lower():
                return lost(answer)
            return head + b"\r\n\r\n" + rest[: len(rest) // 2]

        ways = Ways(
            happen,
            {
                Mode.UNSENT: unsent,
                Mode.REFUSED: lambda: raw(429, headers={"retry-after": "30", "content-length": "0"}),
                Mode.FAULT: lambda: raw(503, headers={"content-length": "0"}),
                Mode.OUTAGE: lambda: raw(503, headers={"content-length": "0"}),
            },
            {Mode.LOST: lost, Mode.CUT: cut},
        )
        content = self._line.call(_name(method, place, target), ways)
        assert isinstance(content, bytes)
        wire = _Wire(place, content)
        response = http.client.HTTPResponse(wire, method=method)  # type: ignore[arg-type]  # all that it uses of one
        try:
            response.begin()
        except (OSError, http.client.HTTPException) as error:
            raise AnswerLost(f"{place}: {error}") from error
        return Stream(url, wire, response, lambda _: None)  # type: ignore[arg-type]  # read alike


def _name(method: str, place: Place, target: str) -> str:
    """Without what differs from life to life."""
    path = re.sub(r"(?<=[/_-])[0-9a-f-]{12,}", "*", target.partition("?")[0])
    host = "s3" if place.host.endswith("amazonaws.com") else place.host.removesuffix(".test")
    return f"{host} {method} {re.sub(r'tasks/[0-9/]+/', 'tasks/', path) if host == 's3' else path}"
