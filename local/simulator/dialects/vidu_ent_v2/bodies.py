"""The bodies of ent/v2: what is said about a task, and how errors look."""

from secrets import token_hex
from typing import Any

from starlette.responses import JSONResponse, Response

from local.simulator.clock import rfc3339
from local.simulator.endpoints import RefusedError
from local.simulator.faults import Fault
from local.simulator.simulator import Simulator
from local.simulator.tasks import State, Task

_STATUSES = {
    "Unauthorized": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "TaskNotFound": 404,
    "CreationNotFound": 404,
    "Conflict": 409,
    "TooManyRequests": 429,
    "QuotaExceeded": 429,
    "SystemThrottling": 429,
    "Canceled": 499,
    "InternalServiceFailure": 500,
}
_REASONS = {status: reason for reason, status in reversed(_STATUSES.items())}
_ECHOED = {
    "model": "", "style": "general", "prompt": "", "images": [], "duration": 5, "seed": 0, "aspect_ratio": "",
    "resolution": "720p", "movement_amplitude": "auto", "payload": "", "bgm": False, "audio_type": "",
    "off_peak": False, "watermark": False, "wm_position": "unspecified", "wm_url": "", "meta_data": "",
    "is_rec": False, "cus_priority": 0, "client_request_id": "",
}  # fmt: skip
_LISTED = ("template", "model", "prompt", "images", "duration", "resolution", "aspect_ratio", "payload")


def submitted(task: Task) -> dict[str, Any]:
    fields = task.order.fields
    optional: dict[str, Any] = {name: fields[name] for name in ("template", "audio") if name in fields}
    return {
        "task_id": task.id,
        "type": task.order.kind,
        "state": "created",
        **{name: fields.get(name, otherwise) for name, otherwise in _ECHOED.items()},
        **optional,
        "credits": task.order.credits,
        "created_at": rfc3339(task.created_at),
    }


def queried(task: Task, simulator: Simulator, *, host: str, dead_links: bool) -> dict[str, Any]:
    fields, state = task.order.fields, simulator.state(task)
    return {
        "id": task.id,
        "state": word(task, state),
        "err_code": _err_code(task, state),
        "credits": _charged(task, state),
        "payload": fields.get("payload", ""),
        "bgm": fields.get("bgm", False),
        "off_peak": task.order.off_peak,
        "creations": _creations(task, simulator, state, host=host, dead_links=dead_links),
    }


def listed(task: Task, simulator: Simulator, *, host: str, dead_links: bool) -> dict[str, Any]:
    fields, state = task.order.fields, simulator.state(task)
    return {
        "id": task.id,
        "key_id": fields["key_id"],
        "type": task.order.kind,
        **{name: fields.get(name, _ECHOED.get(name, "")) for name in _LISTED},
        "state": word(task, state),
        "creations": _creations(task, simulator, state, host=host, dead_links=dead_links),
        "created_at": rfc3339(task.created_at),
        "credits": _charged(task, state),
    }


def word(task: Task, state: State) -> str:
    """There is no word for cancelled; which one stands for it is not documented."""
    if state == "cancelled":
        return "failed"
    return task.directives.odd_state or state if state == "processing" else state


def error(refused: RefusedError) -> Response:
    status = _STATUSES.get(refused.code, 400)
    return _envelope(status, refused.code, refused.message)


def told(fault: Fault) -> Response:
    """The refusal that a fault asks for."""
    reason = fault.reason or _REASONS.get(fault.status, "BadRequest")
    return _envelope(fault.status or _STATUSES.get(reason, 400), reason, "told to refuse")


def _envelope(status: int, reason: str, message: str) -> Response:
    body = {"code": status, "reason": reason, "message": message, "metadata": {"trace_id": token_hex(16)}}
    return JSONResponse(body, status)


def _err_code(task: Task, state: State) -> str:
    return {"cancelled": "UserCancelled", "failed": task.directives.fail}.get(state, "")


def _charged(task: Task, state: State) -> int:
    return 0 if state in ("failed", "cancelled") else task.order.credits


def _creations(
    task: Task, simulator: Simulator, state: State, *, host: str, dead_links: bool
) -> list[dict[str, Any]]:
    if state != "success":
        return []
    spec = task.order.video

    def link(asset: str) -> str:
        return host + simulator.link(task, asset, dead=dead_links)

    return [
        {
            "id": task.creation_id,
            "url": link("video.mp4"),
            "cover_url": link("cover.jpeg"),
            "watermarked_url": link("watermarked.mp4") if spec.watermark else "",
            "moderation_url": [link(asset) for asset in task.assets() if asset.startswith("moderation-")],
            "video": {
                "duration": float(spec.seconds),
                "fps": spec.fps,
                "resolution": {"width": spec.width, "height": spec.height},
            },
        }
    ]
