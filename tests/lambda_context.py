"""What Lambda passes to a handler."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

CONTEXT = SimpleNamespace(
    function_name="test",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:test",
    aws_request_id="7c2f8f5e-7d0d-4c0e-9a53-3f4b1f0f7d11",
    get_remaining_time_in_millis=lambda: 900_000,
)


def http_event(method: str, path: str, **headers: str) -> dict[str, Any]:
    """As an HTTP API sends it (payload format 2.0). Header names are written with underscores."""
    return {
        "rawPath": path,
        "rawQueryString": "",
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"requestId": "JKJaXmPLvHcESHA=", "http": {"method": method, "path": path}},
    }
