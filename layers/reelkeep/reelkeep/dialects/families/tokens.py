"""JSON Web Tokens (RFC 7519), for providers that want one in the place of a key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from reelkeep.domain.wire import Json


def hs256(claims: Mapping[str, Json], secret: str) -> str:
    header = {"alg": "HS256", "typ": "JWT"}
    text = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{_base64url(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


def _base64url(said: bytes) -> str:
    return base64.urlsafe_b64encode(said).rstrip(b"=").decode()
