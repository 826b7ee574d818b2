"""Where everything lies in the bucket. Every key follows from the id of its task."""

from __future__ import annotations

from reelkeep.domain import ids

TASKS = "tasks/"
QUARANTINE = "quarantine/"


def folder(task_id: str) -> str:
    """Of all that is archived of a task; sorts by day. Raises OverflowError for an id of no possible time."""
    return f"{TASKS}{_day(task_id)}/{task_id}/"


def manifest_key(task_id: str) -> str:
    return f"{folder(task_id)}manifest.json"


def request_key(task_id: str) -> str:
    """Of a request that is too big for the table."""
    return f"{folder(task_id)}request.json"


def file_key(task_id: str, number: int, name: str, extension: str) -> str:
    """Of a file of the task's creation with this number, from 1."""
    return f"{folder(task_id)}{number}-{name}.{extension}"


def quarantine_folder(task_id: str) -> str:
    return f"{QUARANTINE}{_day(task_id)}/{task_id}/"


def quarantine_key(task_id: str, number: int, name: str) -> str:
    """Of what is not the media that this file should be; a lifecycle rule of the bucket deletes it."""
    return f"{quarantine_folder(task_id)}{number}-{name}"


def _day(task_id: str) -> str:
    return f"{ids.created_at(task_id):%Y/%m/%d}"
