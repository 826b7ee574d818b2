"""Provider callbacks: where a provider calls us about a task, and whether it was the provider that called."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

from reelkeep.domain.wire import Signature

_CLOCKS_DIFFER = timedelta(minutes=5)
CALLBACK_REPLAY_WINDOW = 2 * _CLOCKS_DIFFER  # at most, from when a signed call came: its clock may be ahead


def path_of(provider: str, task_id: str, key: str) -> str:
    """Unguessable for everybody but us and the provider, since the token is made with our key there."""
    return f"/wake/{_token(provider, task_id, key)}/{task_id}"


def is_token(token: str, provider: str, task_id: str, key: str) -> bool:
    return hmac.compare_digest(token.encode(errors="replace"), _token(provider, task_id, key).encode())


def is_signed(signature: Signature, key: str, now: datetime) -> bool:
    """Whether it was made with this key, within the last minutes."""
    digest = hmac.digest(key.encode(), signature.text, hashlib.sha256)
    return hmac.compare_digest(signature.digest, digest) and abs(now - signature.made_at) <= _CLOCKS_DIFFER


def name_of(signature: Signature) -> str:
    """What the callback is recorded under: a hash of its signature, because the signature itself is a secret."""
    return hashlib.sha256(signature.digest).hexdigest()


def _token(provider: str, task_id: str, key: str) -> str:
    digest = hmac.digest(key.encode(), f"reelkeep wake {provider}/{task_id}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:18]).decode()  # 144 bits, 24 characters, no padding
