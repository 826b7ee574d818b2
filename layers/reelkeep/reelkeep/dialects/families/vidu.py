"""What Vidu's formats share towards clients: words, errors, facts. Source: platform.vidu.com/docs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, Protocol

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.dialects.dialect import Http, Reply, explained, naming, row
from reelkeep.dialects.families.creations import measured
from reelkeep.domain import errors
from reelkeep.domain.errors import CannotCancel, ClientError, InvalidRequest, NotFound, Refused
from reelkeep.domain.task import Creation, Failure, FailureClass, Kind, State
from reelkeep.domain.wire import Json

# --- words ---

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


def without_image_bytes(value: Json) -> Json:
    """Without what an image's data: URI holds: a client knows it, and megabytes do not fit an answer."""
    if isinstance(value, dict):
        return {name: without_image_bytes(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_image_bytes(item) for item in value]
    if isinstance(value, str) and value.startswith("data:"):
        return value[: value.find(",") + 1]
    return value


class Size(TypedDict):
    width: int
    height: int


class Facts(TypedDict):
    duration: float
    fps: int
    resolution: Size


def facts(creation: Creation) -> Facts:
    """Of its video: measured rather than claimed."""
    known = measured(creation)
    return {
        "duration": round(known.duration or creation.duration or 0, 3),
        "fps": round(known.fps or creation.fps or 0),
        "resolution": {
            "width": known.width or creation.width or 0,
            "height": known.height or creation.height or 0,
        },
    }


# --- errors. Source: platform.vidu.com/docs/error-code ---

_ERRORS: Mapping[type[ClientError], tuple[int, str]] = {
    errors.ClientError: (400, "BadRequest"),
    errors.InvalidRequest: (400, "FieldInvalid"),
    errors.Missing: (400, "FieldLacking"),
    errors.ItemCountOutOfRange: (400, "FieldItemCountOutOfRange"),
    errors.PageSizeOutOfRange: (400, "PageSizeOutOfRange"),
    errors.Unauthorized: (401, "Unauthorized"),
    errors.NotFound: (404, "NotFound"),
    errors.NotAllowed: (405, "MethodNotAllowed"),
    errors.BodyTooLarge: (413, "RequestEntityTooLarge"),
    errors.KeyReused: (422, "IdempotencyKeyReused"),
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


class Trace(TypedDict):
    trace_id: str


class Error(TypedDict):
    code: int
    reason: str
    message: str
    metadata: Trace


class Server(Protocol):
    """A server that speaks of errors as Vidu's do."""

    def names(self, http: Http) -> Mapping[str, str]:
        """What the client of this call calls a Request's fields."""

    def render_error(self, error: ClientError, http: Http) -> Reply:
        status, word = row(_ERRORS, error)
        message = error.message
        match error:
            case Refused(failure=failure):
                word = reason(failure)
                if word == "InternalServiceFailure":  # that is a 500, and clients repeat those
                    word = "ModelUnavailable"
                status = _STATUS.get(word, 400)
                if failure.reason is not FailureClass.PROVIDER:
                    message = explained(failure, word)
            case CannotCancel(state=state):
                message = f"task state is {WORDS[state]}, can not cancel"
            case NotFound(field="task_id"):
                word = "TaskNotFound"
            case InvalidRequest(field=""):
                word = "BadRequest"
            case InvalidRequest():
                message = naming(error, self.names(http))
        headers = {401: {"www-authenticate": "Token"}, 409: {"x-should-retry": "false"}}.get(status, {})
        trace = http.headers.get("x-amzn-trace-id") or http.headers.get("x-request-id", "")
        return Reply(status=status, body=_envelope(status, word, message, trace), headers=headers)

    def render_fault(self, known: str = "") -> Reply:
        return Reply(status=500, body=_envelope(500, "InternalServiceFailure", known or "internal service failure"))


def _envelope(status: int, reason: str, message: str, trace: str = "") -> Error:
    return {"code": status, "reason": reason, "message": message, "metadata": {"trace_id": trace[:128]}}


def reason(failure: Failure) -> str:
    """The provider's own word, if it is one of Vidu's; but our trouble with our account there must not look like
    the client's."""
    if failure.reason is FailureClass.CANCELLED:
        return "UserCancelled"
    if failure.reason is FailureClass.PROVIDER and failure.code in _ACCOUNT_WORDS:
        return "ModelUnavailable"
    own = failure.code if _OWN.fullmatch(failure.code) else ""
    return own or _REASONS.get(failure.reason, "InternalServiceFailure")
