"""Vidu's documented verification of a call, written after its page from what a receiver sees, and nothing else.

https://platform.vidu.com/docs/callback-signature
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


def is_vidus(method: str, target: str, headers: Mapping[str, str], key: str) -> bool:
    """Of a request with this target, as its first line has it, and these headers, their names in lower case."""
    path, _, query = target.partition("?")
    text = f"{method}\n{path}\n{query}\nvidu\n{headers['date']}\n"
    for name in headers["x-hmac-signed-headers"].split(";"):
        text += f"{name}:{headers[name.lower()]}\n"
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return headers["x-hmac-signature"] == base64.b64encode(digest).decode()
