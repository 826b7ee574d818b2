"""What the tests of OpenAI's Videos and its relatives share: requests as clients send them, a task from its beginning
to each of its ends, and JSON that looks like theirs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from reelkeep.dialects.dialect import Http
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, Kind, Polling, Request, State, Task
from reelkeep.domain.wire import Json
from tests.unit.dialects.harness import NOW, TASK_ID, finished, task_of, values

FIRST, LAST, OTHER = (f"https://ex.test/{name}.png" for name in ("first", "last", "other"))
PNG = b"\x89PNG\r\n\x1a\n--x\r\n"
PNG_URI = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
BODY = {"model": "viduq3-pro", "prompt": "a paper boat", "size": "1280x720", "duration": 5}


def posted(body: Json, content_type: str = "application/json") -> Http:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Http(method="POST", path="/v1/videos", headers={"content-type": content_type}, body=sent)


def form(fields: Iterable[tuple[str, str | bytes]], boundary: str = "x") -> Http:
    """As a browser sends it; bytes are a file."""
    body = bytearray()
    for name, value in fields:
        file = '; filename="f"\r\nContent-Type: application/octet-stream' if isinstance(value, bytes) else ""
        content = value if isinstance(value, bytes) else value.encode()
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        body += content + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return posted(bytes(body), f"multipart/form-data; boundary={boundary}")


def request_of(dialect: str, **changes: Any) -> Request:
    plain = Request(
        dialect=dialect,
        kind=Kind.TEXT2VIDEO,
        model="viduq3-pro",
        prompt="a paper boat",
        duration=5,
        resolution="720p",
        aspect_ratio="16:9",
        body=BODY,
    )
    return replace(plain, **changes)


def stages(request: Request) -> Mapping[str, Task]:
    polling = Polling(next_poll_at=NOW + timedelta(seconds=14))
    task = task_of(request, polling=polling, provider_task_id="task_a1")
    ended: dict[str, Any] = {"finished_at": NOW + timedelta(seconds=77), "updated_at": NOW + timedelta(seconds=77)}
    found = Creation(id=f"{TASK_ID}-1", assets=(Asset(name="video", source="https://cdn.example.com/v.mp4"),))
    policy = Failure(reason=FailureClass.POLICY, code="CreationPolicyViolation", message="not allowed")
    late = Failure(reason=FailureClass.DEADLINE, message="no result within 2:00:00")
    cancelled = Failure(reason=FailureClass.CANCELLED, code="UserCancelled", message="cancelled by the client")
    return {
        "created": task,
        "queueing": replace(task, state=State.QUEUEING),
        "processing": replace(task, state=State.PROCESSING),
        "archiving": replace(task, state=State.ARCHIVING, creations=(found,)),
        "success": replace(finished(request), seed=7, **ended),
        "failed": replace(task, state=State.FAILED, failure=policy, **ended),
        "expired": replace(task, state=State.EXPIRED, failure=late, **ended),
        "cancelled": replace(task, state=State.CANCELLED, failure=cancelled, **ended),
    }


NAMES = (
    "model", "prompt", "image", "images", "input_reference", "image_url", "size", "width", "height", "fps", "seed",
    "duration", "seconds", "n", "metadata", "action", "resolution", "aspect_ratio", "audio", "service_tier", "id",
    "task_id", "status", "url", "video_url", "result_url", "fail_reason", "data", "error", "code", "message", "usage",
    "expires_at", "total_tokens", "response_format", "payload", "provider",
)  # fmt: skip
VALUES = values(
    NAMES, "completed", "SUCCESS", "FAILURE", "in_progress", "1280x720", "720p", "16:9", "5", "-1", "url", "true",
    TASK_ID, "referenceGenerate", '{"seed": 7}', "task_not_exist", "\ud83d",
)  # fmt: skip
