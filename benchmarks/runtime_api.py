"""A function under the real runtime interface client: its process, and the Lambda Runtime API that it speaks to.

Source: docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import ctypes
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeVar

_PATIENCE_SECONDS: Final = 60.0
_FUNCTION_SECONDS: Final = 900  # what the function believes it has


class Broken(Exception):
    """The function failed: its figures would mean nothing."""


class _Asked(NamedTuple):
    """The function is idle and asks for an event."""

    at: float


class _Answered(NamedTuple):
    at: float
    body: bytes
    failed: bool


_Happened = TypeVar("_Happened", _Asked, _Answered)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.happened: SimpleQueue[_Asked | _Answered] = SimpleQueue()
        self.invocations: SimpleQueue[tuple[str, bytes] | None] = SimpleQueue()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece

    def do_GET(self) -> None:
        self.server.happened.put(_Asked(time.perf_counter()))
        invocation = self.server.invocations.get()
        if invocation is None:
            self.close_connection = True
            return
        request_id, event = invocation
        headers = {
            "lambda-runtime-aws-request-id": request_id,
            "lambda-runtime-deadline-ms": str(int((time.time() + _FUNCTION_SECONDS) * 1000)),
            "lambda-runtime-invoked-function-arn": "arn:aws:lambda:us-east-1:000000000000:function:benchmark",
            "lambda-runtime-trace-id": "Root=1-6a9f3c00-0123456789abcdef01234567;Sampled=0",
        }
        self._reply(200, event, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.happened.put(_Answered(time.perf_counter(), body, failed=not self.path.endswith("/response")))
        self._reply(202, b'{"status": "OK"}', {})

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in {**headers, "content-type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Call(NamedTuple):
    seconds: float  # from the event's handing over to the answer
    since_start: float  # from the process's start to the answer
    answer: bytes


class Environment:
    """What Lambda calls an execution environment: one process, which gets one event at a time."""

    def __init__(
        self, command: Sequence[str | Path], *, variables: Mapping[str, str], folder: Path, log: Path
    ) -> None:
        self._log = log
        self._ids = count(1)
        self._server = _Server()
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"127.0.0.1:{self._server.server_address[1]}"
        with log.open("wb") as output:
            self._began = time.perf_counter()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                env={**variables, "AWS_LAMBDA_RUNTIME_API": address},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._server.invocations.put(None)
        self._server.shutdown()
        self._server.server_close()

    def initialized(self) -> float:
        """Seconds from the process's start until it asks for its first event. Raises Broken."""
        return self._next(_Asked).at - self._began

    def call(self, event: bytes) -> Call:
        """One invocation, after which the function is idle again. Raises Broken."""
        began = time.perf_counter()
        self._server.invocations.put((f"00000000-0000-4000-8000-{next(self._ids):012}", event))
        answered = self._next(_Answered)
        self._next(_Asked)
        return Call(answered.at - began, answered.at - self._began, answered.body)

    def cpu(self) -> float:
        """CPU seconds that the process has used so far, user and system, in all its threads. Linux only."""
        clock = ctypes.c_int()
        if ctypes.CDLL(None).clock_getcpuclockid(self._process.pid, ctypes.byref(clock)):
            raise Broken("this system does not tell the CPU time of another process")
        return time.clock_gettime(clock.value)

    def _next(self, kind: type[_Happened]) -> _Happened:
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                happened = self._server.happened.get(timeout=0.5)
            except Empty:
                if self._process.poll() is not None:
                    break
                continue
            if isinstance(happened, _Answered) and happened.failed:
                raise Broken(f"the function failed: {happened.body.decode(errors='replace')}\n{self._output()}")
            if isinstance(happened, kind):
                return happened
            raise Broken(f"the function said {happened} out of turn")
        raise Broken(f"the function says nothing more\n{self._output()}")

    def _output(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]
