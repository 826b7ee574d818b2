"""How Ark says that something went wrong: in answer to a request, or in a task."""

from __future__ import annotations

import re

from reelkeep.dialects.dialect import Http, Reply
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    InvalidRequest,
    KeyReused,
    NotAllowed,
    NotFound,
    Refused,
    Unauthorized,
)
from reelkeep.domain.task import Failure, FailureClass, State
from reelkeep.domain.wire import Json

_SPELLED = {  # a Request's fields, as clients write them here
    "aspect_ratio": "ratio",
    "audio": "generate_audio",
    "creation_id": "content",
    "images": "content",
    "kind": "content",
    "last_frame": "return_last_frame",
    "off_peak": "service_tier",
    "prompt": "content",
    "task_id": "id",
}


def refusal(error: ClientError, http: Http) -> Reply:
    status, code = _status_and_code(error)
    name = _SPELLED.get(error.field, error.field)
    message = re.sub(rf"\b{re.escape(error.field)}\b", name, error.message) if error.field else error.message
    if isinstance(error, CannotCancel):
        task_id = http.path.rpartition("/")[2][:64]
        state = "cancelled" if error.state is State.CANCELLED else "running"
        message = f"Cannot delete task `{task_id}` because it is currently {state}"
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if status in (409, 429):  # clients repeat those, half a second later
        headers["x-should-retry"] = "false"
    request_id = http.headers.get("x-client-request-id") or http.headers.get("x-amzn-trace-id", "")
    said = f"{message}. Request id: {request_id[:128]}" if request_id else message
    return Reply(status=status, body=_error(status, code, said, name), headers=headers)


def fault(known: str = "") -> Reply:
    message = known or "The service encountered an unexpected internal error"
    return Reply(status=500, body=_error(500, "InternalServiceError", message))


def told(failure: Failure) -> Json:
    code = _own_code(failure) or _FAILURES.get(failure.reason, "InternalServiceError")
    return {"code": code, "message": failure.message or failure.reason.value}


def _error(status: int, code: str, message: str, param: str = "") -> Json:
    return {"error": {"code": code, "message": message, "param": param, "type": _TYPES[status]}}


_TYPES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    413: "RequestEntityTooLarge",
    422: "UnprocessableEntity",
    429: "TooManyRequests",
    500: "InternalServerError",
}


def _status_and_code(error: ClientError) -> tuple[int, str]:
    match error:
        case InvalidRequest(missing=True):
            return 400, "MissingParameter"
        case Unauthorized():
            return 401, "AuthenticationError"
        case NotFound():
            return 404, "NotFound.Id" if error.field == "task_id" else "NotFound"
        case NotAllowed():
            return 405, "MethodNotAllowed"
        case CannotCancel(state=State.CANCELLED):
            return 409, "InvalidAction.CancelledTaskDeletion"
        case CannotCancel():  # seen live; the page says no more than that it is refused
            return 409, "InvalidAction.RunningTaskDeletion"
        case BodyTooLarge():
            return 413, "RequestEntityTooLarge"
        case KeyReused():
            return 422, "IdempotencyKeyReused"
        case Refused(failure=failure):
            status, code = _REFUSALS.get(failure.reason, (400, "InvalidEndpoint.ClosedEndpoint"))
            return status, _own_code(failure) or code
        case _:
            return 400, "InvalidParameter"


_REFUSALS = {  # our trouble with our account at the provider must not look like the client's with its own
    FailureClass.POLICY: (400, "SensitiveContentDetected"),
    FailureClass.INPUT: (400, "InvalidParameter"),
    FailureClass.CREDIT: (403, "AccountOverdueError"),
    FailureClass.THROTTLED: (429, "QuotaExceeded"),
}
_FAILURES = {
    FailureClass.POLICY: "OutputVideoSensitiveContentDetected",
    FailureClass.INPUT: "InvalidParameter",
    FailureClass.CREDIT: "AccountOverdueError",
    FailureClass.THROTTLED: "QuotaExceeded",
}


def _own_code(failure: Failure) -> str:
    """The provider's word where it is one of Ark's for the client; other dialects' words mean nothing here."""
    return failure.code if failure.reason in _FAILURES and _OWN.fullmatch(failure.code) else ""


_OWN = re.compile(
    r"((Input|Output)?(Text|Image|Video|Audio)?SensitiveContentDetected|(Invalid|Missing)Parameter"
    r"|AccountOverdueError|QuotaExceeded|RateLimitExceeded)(\.\w+)*"
)
