"""A receiver of webhooks: collects what comes, and answers 204, or 503 as often as it should."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue


@dataclass(frozen=True)
class Message:
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.messages: SimpleQueue[Message] = SimpleQueue()
        self.refusals = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next(self, seconds: float) -> Message | None:
        """The one that came first of those not asked for yet; None if none comes in time."""
        try:
            return self.messages.get(timeout=seconds)
        except Empty:
            return None


class _Post(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.messages.put(Message(self.path, headers, body))
        refused = self.server.refusals > 0
        self.server.refusals -= refused
        self.send_response(503 if refused else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: what came is in the queue."""


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    with Listener() as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), name="listener", daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
