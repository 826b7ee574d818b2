"""Serves the files as an object store does: signed links, ranges, and now and then badly."""

import re
from email.utils import formatdate
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from local.simulator.answers import HTML, Cut, cut
from local.simulator.faults import Fault
from local.simulator.media.cache import ClosedError, MediaCache
from local.simulator.simulator import Simulator, media_path

_TYPES = {".mp4": "video/mp4", ".jpeg": "image/jpeg"}
_REFUSALS = {
    "expired": ("AccessDenied", "Request has expired"),
    "forged": ("SignatureDoesNotMatch", "The signature does not match the one we calculated"),
}
_CHUNK = 1 << 18


def routes(simulator: Simulator, media_cache: MediaCache) -> list[BaseRoute]:
    async def deliver(request: Request) -> Response:
        task_id, asset = request.path_params["task_id"], request.path_params["asset"]
        verdict = simulator.links.verdict(request.url.path, request.query_params, now=simulator.clock.now())
        if verdict != "good":
            return _xml(403, *_REFUSALS[verdict])
        task = simulator.find(task_id)
        if task is None or asset not in task.assets() or request.url.path != media_path(task, asset):
            return _xml(404, "NoSuchKey", "The specified key does not exist.")
        if simulator.state(task) != "success":
            return _xml(404, "NoSuchKey", "The specified key does not exist.")
        fault = None
        if request.method == "GET":
            task.downloads += 1
            directed = task.directives.faults if asset == "video.mp4" else ()
            fault = simulator.faults.take("media", directed=directed, whose=task.id)
        if fault and fault.status:
            return _xml(fault.status, "SlowDown" if fault.status == 503 else "Error", "Told to.")
        if fault and fault.do == "html":
            return Response(HTML, media_type="text/html")
        if fault and fault.do == "slow":
            await simulator.pause(5 if fault.seconds is None else fault.seconds)
        try:
            cached = await media_cache.create(task, asset)
        except ClosedError:
            return Cut()
        size = cached.size // 2 if fault and fault.do == "truncated" else cached.size
        headers = {
            "content-type": _TYPES[Path(asset).suffix],
            "etag": cached.etag,
            "last-modified": formatdate(task.finishes_at, usegmt=True),
            "accept-ranges": "bytes",
        }
        wanted = "" if fault and fault.do == "no-range" else request.headers.get("range", "")
        span = _span(wanted, size)
        if span is None:
            refusal = _xml(416, "InvalidRange", "The requested range is not satisfiable")
            refusal.headers["content-range"] = f"bytes */{size}"
            return refusal
        status = 200
        if span != range(size):
            status, headers["content-range"] = 206, f"bytes {span.start}-{span.stop - 1}/{size}"
        return Delivery(cached.path, span, status=status, headers=headers, fault=fault)

    return [Route("/simulator/media/{task_id}/{creation_id}/{asset}", deliver, methods=["GET"])]


class Delivery(Response):
    """A stretch of a file, sent whole or as the fault wants it."""

    def __init__(self, path: Path, span: range, *, status: int, headers: dict[str, str], fault: Fault | None) -> None:
        self._path, self._span, self._do = path, span, fault.do if fault else ""
        if self._do != "no-length":
            headers["content-length"] = str(len(span))
        self.status_code, self.background = status, None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        broken = self._do in ("cut", "short")
        left = len(self._span) // 2 if broken else len(self._span)
        if scope["method"] == "HEAD":
            left = 0
        with self._path.open("rb") as file:
            file.seek(self._span.start)
            while left and (chunk := file.read(min(_CHUNK, left))):
                left -= len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if broken:
            await cut(scope, receive, in_order=self._do == "short")
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _span(header: str, size: int) -> range | None:
    """The bytes of a single range; all of them if the header asks for none; None if it cannot be met."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.replace(" ", ""))
    if match is None or match.groups() == ("", ""):
        return range(size)
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size) if int(last) else None
    start, stop = int(first), min(size, int(last) + 1) if last else size
    if last and int(last) < int(first):
        return range(size)
    return range(start, stop) if start < size else None


def _xml(status: int, code: str, message: str) -> Response:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>\n{error}', status, media_type="application/xml")
