"""What Vidu's APIs have in common: words, errors, creations. Source: platform.vidu.com/docs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from reelkeep.dialects.dialect import Http, Reply
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    InvalidRequest,
    ItemCountOutOfRange,
    KeyReused,
    NotAllowed,
    NotFound,
    PageSizeOutOfRange,
    Refused,
    Unauthorized,
)
from reelkeep.domain.task import Creation, Failure, FailureClass, Kind, State
from reelkeep.domain.wire import Json

StateWord = Literal["created", "queueing", "processing", "success", "failed"]
WORDS: dict[State, StateWord] = {
    State.CREATED: "created",
    State.QUEUEING: "queueing",
    State.PROCESSING: "processing",
    State.ARCHIVING: "processing",
    State.SUCCESS: "success",
    State.FAILED: "failed",
    State.CANCELLED: "failed",  # with the err_code UserCancelled
    State.EXPIRED: "failed",
}
TYPES = {kind: kind.value for kind in Kind} | {
    Kind.REFERENCE2VIDEO: "character2video",
    Kind.START_END2VIDEO: "headtailimg2video",
    Kind.TEMPLATE2VIDEO: "template",
}
_REASONS = {
    FailureClass.POLICY: "CreationPolicyViolation",
    FailureClass.INPUT: "BadRequest",
    FailureClass.CREDIT: "CreditInsufficient",
    FailureClass.THROTTLED: "SystemThrottling",
    FailureClass.CANCELLED: "UserCancelled",
    FailureClass.LOST: "CreationNotFound",  # made, and not to be had: clients repeat an InternalServiceFailure
}
# Vidu's words are single ones in capitals, of which there are more than it documents; these are Ark's.
_OWN = re.compile(
    r"(?!.*SensitiveContent|.*RiskDetect|(Invalid|Missing)Parameter|InvalidEndpoint|InvalidAction|InternalServiceError"
    r"|Account(Overdue|Balance)|RateLimit|ServerOverloaded|Model(NotOpen|Loading)|AuthenticationError|AccessDenied"
    r"|OperationDenied)[A-Z][A-Za-z]*"
)
_STATUS = {
    "Conflict": 409,
    "CreationNotFound": 404,
    "QuotaExceeded": 429,
    "SystemThrottling": 429,
    "TooManyRequests": 429,
}
_ACCOUNT_WORDS = frozenset({"Unauthorized", "Forbidden", "NotFound"})


class Server:
    """A server that speaks of errors as Vidu's do."""

    spelled: Mapping[str, str]  # the client's names of a Request's fields, where they differ

    def render_error(self, error: ClientError, http: Http) -> Reply:
        return refusal(error, http, self.spelled)

    def render_fault(self, known: str = "") -> Reply:
        return fault(known)


def refusal(error: ClientError, http: Http, spelled: Mapping[str, str]) -> Reply:
    """The error in Vidu's envelope. `spelled` has the client's names of a Request's fields, where they differ."""
    status, reason = _status_and_reason(error)
    message = error.message
    field = spelled.get(error.field, error.field)
    if isinstance(error, CannotCancel):
        message = f"task state is {WORDS[error.state]}, can not cancel"
    elif isinstance(error, InvalidRequest) and field not in message:
        message = f"{field}: {message}"
    headers = {401: {"www-authenticate": "Token"}, 409: {"x-should-retry": "false"}}.get(status, {})
    return Reply(status=status, body=_envelope(status, reason, message, http.headers), headers=headers)


def fault(known: str = "") -> Reply:
    body = _envelope(500, "InternalServiceFailure", known or "internal service failure", {})
    return Reply(status=500, body=body)


def reason(failure: Failure) -> str:
    """The provider's own word, if it is one of Vidu's; but our trouble with our account there must not look like
    the client's."""
    if failure.reason is FailureClass.CANCELLED:
        return "UserCancelled"
    if failure.reason is FailureClass.PROVIDER and failure.code in _ACCOUNT_WORDS:
        return "ModelUnavailable"
    own = failure.code if _OWN.fullmatch(failure.code) else ""
    return own or _REASONS.get(failure.reason, "InternalServiceFailure")


def shown(value: Json) -> Json:
    """Without what an image's data: URI holds: a client knows it, and megabytes do not fit an answer."""
    if isinstance(value, dict):
        return {name: shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, str) and value.startswith("data:"):
        return value[: value.find(",") + 1]
    return value


def facts(creation: Creation) -> Json:
    """Of its video: measured rather than claimed."""
    video = creation.asset("video")
    known = video.kept if video and video.kept else creation
    return {
        "duration": round(known.duration or creation.duration or 0, 3),
        "fps": round(known.fps or creation.fps or 0),
        "resolution": {
            "width": known.width or creation.width or 0,
            "height": known.height or creation.height or 0,
        },
    }


def _envelope(status: int, reason: str, message: str, headers: Mapping[str, str]) -> Json:
    trace = headers.get("x-amzn-trace-id") or headers.get("x-request-id", "")
    return {"code": status, "reason": reason, "message": message, "metadata": {"trace_id": trace[:128]}}


def _status_and_reason(error: ClientError) -> tuple[int, str]:
    match error:
        case PageSizeOutOfRange():
            return 400, "PageSizeOutOfRange"
        case ItemCountOutOfRange():
            return 400, "FieldItemCountOutOfRange"
        case InvalidRequest(missing=True):
            return 400, "FieldLacking"
        case InvalidRequest():
            return 400, "FieldInvalid" if error.field else "BadRequest"
        case Unauthorized():
            return 401, "Unauthorized"
        case NotFound():
            return 404, "TaskNotFound" if error.field == "task_id" else "NotFound"
        case NotAllowed():
            return 405, "MethodNotAllowed"
        case CannotCancel():
            return 400, "BadRequest"
        case BodyTooLarge():
            return 413, "RequestEntityTooLarge"
        case KeyReused():
            return 422, "IdempotencyKeyReused"
        case Refused(failure=failure):
            word = reason(failure)
            if word == "InternalServiceFailure":  # that is a 500, and clients repeat those
                word = "ModelUnavailable"
            return _STATUS.get(word, 400), word
        case _:
            return error.status, "BadRequest"
