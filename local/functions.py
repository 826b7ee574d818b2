"""Takes the functions' invocations from the emulator.

The emulator itself would start a process for each simultaneous invocation, in its own Python, with its own
packages and environment. In its "proxy mode" it sends every invocation to an address instead: ours.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.pools import WAIT_SECONDS, Pool
from local.workers import Function, FunctionError


class Server(ThreadingHTTPServer):
    """`POST /<function name>` with the event as the body answers what the function returns."""

    daemon_threads = True
    request_queue_size = 1024  # a burst must not be refused

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Invocation)
        self._pools: dict[str, Pool] = {}
        self._deployed = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def run(self, functions: Iterable[Function]) -> None:
        """Runs these functions from now on. What is invoked earlier waits for this."""
        old, self._pools = self._pools, {function.name: Pool(function) for function in functions}
        for pool in self._pools.values():
            pool.warm_up()
        self._deployed.set()
        for pool in old.values():
            pool.close()

    def pool(self, name: str) -> Pool:
        """Raises `FunctionError` if there is no such function."""
        self._deployed.wait(WAIT_SECONDS)
        if (pool := self._pools.get(name)) is None:
            raise FunctionError({"errorType": "ResourceNotFoundException", "errorMessage": f"no function {name}"})
        return pool

    def service_actions(self) -> None:
        for pool in self._pools.values():
            pool.retire()


class Invocation(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request_id = self.headers["X-Amzn-Lambda-Request-Id"]
        try:
            answer = self.server.pool(self.path.removeprefix("/")).invoke(event, request_id)
            self._answer(500 if _repeats_stream(event, answer) else 200, answer)
        except FunctionError as failure:
            self._answer(500, failure.error)

    def _answer(self, status: int, body: Any) -> None:
        text = json.dumps(body).encode()
        head = f"HTTP/1.0 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        with contextlib.suppress(ConnectionError):  # the emulator may wait no longer
            self.wfile.write(head.encode() + text)

    def log_message(self, *_: object) -> None:
        """Nothing: the functions have logs of their own."""


def _repeats_stream(event: Any, answer: Any) -> bool:
    """Whether a batch of a table's stream has to be repeated: to the emulator, such a batch fails as a whole."""
    records = event.get("Records", []) if isinstance(event, dict) else []
    of_stream = any(record.get("eventSource") == "aws:dynamodb" for record in records)
    return of_stream and bool(answer["batchItemFailures"])


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A server that runs no function yet."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="functions", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            server.run([])
