"""What the functions run in: what AWS Lambda's execution environments are to the deployed stack."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local import runtime

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

    def await_ready(self, deadline: float) -> None:
        """Returns when the function is imported, or raises `FunctionError`."""
        try:
            self._answer(deadline)
        except TimeoutError:
            raise failed("Sandbox.Timedout", f"the function did not start; see {self._function.log}") from None
        except OSError as error:
            raise failed("Runtime.ExitError", f"the function did not start; see {self._function.log}") from error

    def invoke(self, event: Any, request_id: str) -> Any:
        """What the function returns, or `FunctionError`."""
        self.usable = False  # until it has answered
        deadline = time.time() + self._function.timeout
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
