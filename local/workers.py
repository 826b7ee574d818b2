"""Where the functions run: what AWS Lambda's execution environments are to the deployed stack."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local import runtime

WORKERS: Final = min(16, max(4, os.cpu_count() or 1))  # of each function
IDLE_SECONDS: Final = 60.0  # after which a surplus worker goes
MOST_BYTES_OF_AN_ANSWER: Final = 6 * 1024 * 1024


@dataclass(frozen=True)
class Function:
    """One deployed function and what it was built into."""

    name: str
    arn: str
    handler: str
    timeout: float
    memory: int
    environment: Mapping[str, str]
    folders: tuple[Path, ...]  # what it may import from: its own code first, then its layers
    log: Path
    temporary: Path


class FunctionError(Exception):
    """The function gave no result: `error` is what Lambda would report."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(error["errorMessage"])
        self.error = error


def failed(kind: str, message: str) -> FunctionError:
    return FunctionError({"errorType": kind, "errorMessage": message})


class Worker:
    """One process of one function, for one invocation at a time."""

    def __init__(self, function: Function) -> None:
        self.usable = True
        self.idle_since = time.monotonic()
        self._function = function
        self._channel, theirs = socket.socketpair()
        interpreter = [sys.executable, "-I", "-S", "-B", "-X", "utf8"]
        with theirs, function.log.open("ab") as log:
            arguments = [str(theirs.fileno()), function.handler, *map(str, function.folders)]
            self._process = subprocess.Popen(
                [*interpreter, runtime.__file__, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                cwd=function.folders[0],
                env=environment(function),
                start_new_session=True,
            )

    def invoke(self, event: Any, request_id: str, deadline: float) -> Any:
        """What the function returns, or `FunctionError`."""
        self.usable = False  # until it has answered
        invocation = {
            "event": event,
            "request_id": request_id,
            "deadline": deadline,
            "arn": self._function.arn,
        }
        try:
            self._give_until(deadline)
            self._channel.sendall(json.dumps(invocation).encode() + b"\n")
            answer = self._answer(deadline)
        except TimeoutError:
            text = f"Task timed out after {self._function.timeout:.2f} seconds"
            raise failed("Sandbox.Timedout", text) from None
        except OSError as error:
            raise failed("Runtime.ExitError", f"the process ended; see {self._function.log}") from error
        self.usable = True
        if len(answer) > MOST_BYTES_OF_AN_ANSWER:
            raise failed("Function.ResponseSizeTooLarge", f"{len(answer)} bytes are more than Lambda takes")
        match json.loads(answer):
            case {"error": error}:
                raise FunctionError(error)
            case {"result": result}:
                return result

    def _answer(self, deadline: float) -> bytes:
        parts: list[bytes] = []
        while not parts or not parts[-1].endswith(b"\n"):
            self._give_until(deadline)
            parts.append(self._channel.recv(1 << 16))
            if not parts[-1]:
                raise ConnectionResetError
        return b"".join(parts)

    def _give_until(self, deadline: float) -> None:
        self._channel.settimeout(max(0.001, deadline - time.time()))

    def stop(self) -> None:
        self._channel.close()
        self._process.kill()
        self._process.wait()


def environment(function: Function) -> dict[str, str]:
    """What the function sees: its own variables and those that Lambda sets, nothing of this machine's."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "TMPDIR": str(function.temporary),
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": uuid.uuid4().hex,
        "LAMBDA_TASK_ROOT": str(function.folders[0]),
        **function.environment,
    }


class Pool:
    """The workers of one function. There are only so many: who finds none waits."""

    def __init__(self, function: Function, most: int = WORKERS) -> None:
        self._function = function
        self._turn = threading.Semaphore(most)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []  # the most recently used one last
        self._closed = False

    def invoke(self, event: Any, request_id: str, deadline: float) -> Any:
        """What the function returns, or `FunctionError`. `deadline` is when the caller stops waiting."""
        if not self._turn.acquire(timeout=max(0.0, deadline - time.time())):
            raise failed("Sandbox.Timedout", f"{self._function.name} had no worker free in time")
        try:
            worker = self._take()
            try:
                return worker.invoke(event, request_id, deadline)
            finally:
                self._put_back(worker)
        finally:
            self._turn.release()

    def _take(self) -> Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return Worker(self._function)

    def _put_back(self, worker: Worker) -> None:
        worker.idle_since = time.monotonic()
        with self._lock:
            if worker.usable and not self._closed:
                self._idle.append(worker)
                return
        worker.stop()

    def retire(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Stops the workers that had nothing to do for so long, all but one."""
        limit = time.monotonic() - idle_seconds
        with self._lock:
            old = [worker for worker in self._idle[:-1] if worker.idle_since < limit]
            self._idle = [worker for worker in self._idle if worker not in old]
        for worker in old:
            worker.stop()

    def close(self) -> None:
        """Stops every idle worker now, and the others when they have answered."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.stop()
