"""Permanent links: unguessable, valid for years. All are revoked at once when the secret is rotated, those of a task
when its files get another epoch."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from reelkeep.domain import ids
from reelkeep.domain.task import ArchivedFile, Task

Links = Callable[[ArchivedFile], str]  # the permanent link to a file in the archive


def file_name(task: Task, file: str) -> str:
    """What a file of the task is called, whoever has its link: the day, the model, and the id. Nothing of the prompt,
    which is its owner's."""
    stem, _, ending = file.rpartition(".")
    number, _, name = stem.partition("-")
    part = "" if (number, name) == ("1", "video") else name if number == "1" else stem
    model = task.request.model or task.request.kind
    said = " ".join(filter(None, (f"{task.created_at:%Y-%m-%d}", model, task.id, part)))
    return f"{safe_name(said)}.{ending}"


def safe_name(name: str) -> str:
    """Without characters that a file's name may not have on some system, and without those that nobody sees: a mark
    that turns the direction of writing around hides a name's real ending."""
    return "".join(each if each.isprintable() and each not in _UNSAFE else "-" for each in name)


_UNSAFE = frozenset('/\\:*?"<>|')


def path_of(key: str, secret: bytes, epoch: int = 0) -> str:
    """The path of the permanent link to a key in a task's folder."""
    task_id, file = key.split("/")[-2:]
    return f"/files/{_token(task_id, file, secret, epoch)}/{task_id}/{file}"


def is_valid(token: str, task_id: str, file: str, secret: bytes, epoch: int = 0) -> bool:
    """Whether this is a permanent link of ours. If so, its parts are safe to use."""
    is_signed = hmac.compare_digest(token.encode(errors="replace"), _token(task_id, file, secret, epoch).encode())
    return is_signed and ids.is_task_id(task_id)


def _token(task_id: str, file: str, secret: bytes, epoch: int) -> str:
    named = f"{epoch}:{task_id}/{file}" if epoch else f"{task_id}/{file}"
    digest = hmac.digest(secret, named.encode(errors="replace"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:18]).decode()  # 144 bits, 24 characters, no padding
