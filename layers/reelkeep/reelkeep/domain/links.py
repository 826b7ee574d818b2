"""Permanent links: ours, unguessable, good for years, dead at once when the secret is rotated."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from reelkeep.domain import ids
from reelkeep.domain.task import Kept

Links = Callable[[Kept], str]  # the permanent link to a kept file


def folder(task_id: str) -> str:
    """Where in the archive everything of a task lies; sorts by day, and follows from the id alone."""
    return f"tasks/{ids.created_at(task_id):%Y/%m/%d}/{task_id}/"


def path_of(key: str, secret: bytes) -> str:
    """The path of the permanent link to a key in a task's folder."""
    task_id, file = key.split("/")[-2:]
    return f"/files/{_token(task_id, file, secret)}/{task_id}/{file}"


def key_of(token: str, task_id: str, file: str, secret: bytes) -> str | None:
    """The key in the archive that a permanent link stands for, or None if the link is not one of ours."""
    if not ids.is_task_id(task_id):
        return None
    if not hmac.compare_digest(token.encode(errors="replace"), _token(task_id, file, secret).encode()):
        return None
    return folder(task_id) + file


def _token(task_id: str, file: str, secret: bytes) -> str:
    digest = hmac.digest(secret, f"{task_id}/{file}".encode(errors="replace"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:18]).decode()  # 144 bits, 24 characters, no padding
