"""The signatures of webhooks and callbacks: Standard Webhooks, and Vidu's own scheme beside it. Pure.

Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
Vidu's: https://platform.vidu.com/docs/callback-signature, which is Apache APISIX' hmac-auth.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from reelkeep.domain.addresses import target_of

_PREFIX = "whsec_"
_VIDU = "vidu"  # its fixed access key, which is part of what is signed


def secret_of(master: str, owner: str, webhook_id: str, generation: int) -> str:
    """The secret of one webhook: 32 bytes, as Standard Webhooks writes them. It follows from the master secret, and
    stored nowhere."""
    text = "\n".join(["reelkeep.webhook", owner, webhook_id, str(generation)])
    return _PREFIX + base64.b64encode(hmac.digest(master.encode(), text.encode(), hashlib.sha256)).decode()


def standard(message_id: str, body: bytes, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks, with one signature per secret."""
    timestamp = str(int(now.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = (_base64(base64.b64decode(secret.removeprefix(_PREFIX)), signed) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def vidu(url: str, nonce: str, key: str, now: datetime) -> dict[str, str]:
    """The headers of Vidu's scheme for a POST to this URL. `key` takes the place of the API key at Vidu.

    The path and the query are signed as they are sent, percent-encoded where HTTP requires it. The scheme does not
    sign the body; the headers of Standard Webhooks do.
    """
    path, query = target_of(url)
    signed = {"Date": format_datetime(now, usegmt=True), "x-request-nonce": nonce}
    lines = ["POST", path, query, _VIDU, signed["Date"]]
    lines += [f"{name}:{value}" for name, value in signed.items()]
    text = "".join(f"{line}\n" for line in lines)
    return {
        **signed,
        "X-HMAC-SIGNED-HEADERS": ";".join(signed),
        "X-HMAC-ALGORITHM": "hmac-sha256",
        "X-HMAC-ACCESS-KEY": _VIDU,
        "X-HMAC-SIGNATURE": _base64(key.encode(), text.encode()),
    }


def _base64(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
