"""Manifests: the whole record of a task as a file beside its assets, from which the table can be rebuilt."""

from __future__ import annotations

import json
from typing import Any

from reelkeep.adapters import documents
from reelkeep.domain.task import Task

_FORMAT = 2  # raised when an older release would misread what this one writes
_MARK = "manifest"


class NoManifest(Exception):
    """A file that cannot be read as a manifest. The message says why, and quotes nothing of the file."""


def write(task: Task) -> bytes:
    return f'{{"{_MARK}":{_FORMAT},{documents.write(task)[1:]}'.encode()


def read(content: bytes) -> Task:
    """Raises NoManifest. A manifest without a format number is of format 1."""
    try:
        document = json.loads(content)
        written = document.get(_MARK, 1)
    except (ValueError, AttributeError) as error:
        raise NoManifest("it is not a JSON object") from error
    if written not in (1, _FORMAT):
        raise NoManifest(
            f"it has the format {written!r:.20}, and this release reads 1 to {_FORMAT}: use the one that wrote it"
        )
    try:
        document.pop(_MARK, None)
        return documents.from_json(Task, document if written == _FORMAT else _upgraded(document))
    except (ValueError, TypeError, AttributeError) as error:
        raise NoManifest("it does not hold the record of a task") from error


def _upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """A manifest of format 1 in the words of this format. Raises TypeError, AttributeError if it is not one."""
    for creation in document.get("creations", []):
        for asset in creation.get("assets", []):
            if "kept" in asset:
                asset["archived"] = asset.pop("kept")
    for group, names in _GROUPED.items():
        known = document.setdefault(group, {})
        known |= {new: document.pop(old) for old, new in names.items() if old in document}
    for old, new in _RENAMED.items():
        if old in document:
            document[new] = document.pop(old)
    status = document["dispatch"].get("status")
    if status in _STATUSES:
        document["dispatch"]["status"] = _STATUSES[status]
    return document


_GROUPED = {
    "dispatch": {"submission": "status", "placing_at": "started_at"},
    "polling": {
        "looks": "polls",
        "setbacks": "consecutive_errors",
        "absences": "consecutive_not_found",
        "next_look_at": "next_poll_at",
        "woken_at": "called_back_at",
    },
    "announcements": {
        "promised": "acknowledged_to_client",
        "told_at": "announced_at",
        "warned_at": "links_expiring_announced_at",
    },
}
_RENAMED = {"runs": "executions", "trouble": "last_error"}
_STATUSES = {"placing": "started", "placed": "accepted"}
