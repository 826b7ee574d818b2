"""One function in a process of its own: what the Lambda runtime does, for the local cloud.

Started with `python -I -S`, so that a function sees the standard library and what it is deployed with, and
nothing that happens to be installed here:

    python -I -S runtime.py CHANNEL HANDLER FOLDER [FOLDER ...]

CHANNEL is the descriptor of a socket. A first line on it says that the function is imported; then invocations come
and answers go, one JSON text a line. The FOLDERs are what the function may import from, in this order. What the
function prints is its log.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import time
import traceback
from typing import Any


class Context:
    identity = None
    client_context = None

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn: str = invocation["arn"]
        self.aws_request_id: str = invocation["request_id"]
        self._deadline: float = invocation["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.time()) * 1000))


def described(error: BaseException) -> dict[str, Any]:
    return {
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def main(channel: int, handler: str, *folders: str) -> None:
    sys.path[:0] = folders
    stream = socket.socket(fileno=channel).makefile("rwb")
    module, _, name = handler.rpartition(".")
    handle = getattr(importlib.import_module(module), name)
    stream.write(b"ready\n")
    stream.flush()
    for line in stream:
        invocation = json.loads(line)
        try:
            text = json.dumps({"result": handle(invocation["event"], Context(invocation))})
        except Exception as error:
            traceback.print_exc()
            text = json.dumps({"error": described(error)})
        sys.stdout.flush()
        try:
            stream.write(text.encode() + b"\n")
            stream.flush()
        except BrokenPipeError:
            os._exit(1)  # whoever asked was killed, and nobody takes the answer


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
