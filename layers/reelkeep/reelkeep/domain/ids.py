"""Task ids: ours, opaque, sortable by time, safe in a URL and as an execution's name."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta

SHARDS = "0123456789abcdef"  # the last digit of an id: what is kept by it is spread evenly
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TASK_ID = re.compile(r"[0-9a-f]{32}")
REFERENCE = r"reelkeep:[0-9a-f]{32}(/[a-z0-9-]{1,64})?"  # to an archived file, as the input of another task


def new_task_id(now: datetime) -> str:
    """Milliseconds since 1970 as 12 hexadecimal digits, then 80 random bits."""
    return f"{_milliseconds(now):012x}{secrets.token_hex(10)}"


def adopted_task_id(provider: str, provider_task_id: str, created_at: datetime) -> str:
    """The id of the task that adopts a result. It follows from the result alone, so nothing is adopted twice."""
    digest = hashlib.sha256(f"{provider}#{provider_task_id}".encode()).hexdigest()
    return f"{max(0, _milliseconds(created_at)):012x}{digest[:20]}"


def is_task_id(text: str) -> bool:
    return _TASK_ID.fullmatch(text) is not None


def created_at(task_id: str) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(task_id[:12], 16))


def creation_id(task_id: str, number: int) -> str:
    """The id of a task's creation with this number, from 1."""
    return f"{task_id}-{number}"


def task_of_creation(text: str) -> tuple[str, int] | None:
    """The task and the number in a creation's id, or None if it is not one of ours."""
    task_id, _, number = text.partition("-")
    return (task_id, int(number)) if is_task_id(task_id) and re.fullmatch(r"[1-9]\d{0,3}", number) else None


def file_of_reference(text: str) -> tuple[str, str] | None:
    """The task and the asset that a reference names, or None if it is none. A task alone stands for its video."""
    if not re.fullmatch(REFERENCE, text):
        return None
    task_id, _, name = text.removeprefix("reelkeep:").partition("/")
    return task_id, name or "video"


def first_id_at(moment: datetime) -> str:
    """The smallest id that a task made at this moment could have: turns a time into a range of ids."""
    return f"{max(0, _milliseconds(moment)):012x}" + "0" * 20


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
