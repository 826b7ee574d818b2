"""Permanent links: unguessable, valid for years, all revoked at once when the secret is rotated."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from reelkeep.domain import ids
from reelkeep.domain.task import ArchivedFile

Links = Callable[[ArchivedFile], str]  # the permanent link to a file in the archive


def path_of(key: str, secret: bytes) -> str:
    """The path of the permanent link to a key in a task's folder."""
    task_id, file = key.split("/")[-2:]
    return f"/files/{_token(task_id, file, secret)}/{task_id}/{file}"


def is_valid(token: str, task_id: str, file: str, secret: bytes) -> bool:
    """Whether this is a permanent link of ours. Whoever made it up, its parts are safe to use then."""
    is_signed = hmac.compare_digest(token.encode(errors="replace"), _token(task_id, file, secret).encode())
    return is_signed and ids.is_task_id(task_id)


def _token(task_id: str, file: str, secret: bytes) -> str:
    digest = hmac.digest(secret, f"{task_id}/{file}".encode(errors="replace"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:18]).decode()  # 144 bits, 24 characters, no padding
