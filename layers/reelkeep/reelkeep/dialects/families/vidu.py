"""What Vidu's formats share towards clients: words, errors, facts. Source: platform.vidu.com/docs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from reelkeep.dialects.dialect import Dialect, Http, Problem, Row, explained
from reelkeep.dialects.replies import Shape, View, shows, words
from reelkeep.domain import errors
from reelkeep.domain.errors import CannotCancel, ClientError, InvalidRequest, NotFound, Refused
from reelkeep.domain.task import Failure, FailureClass, Kind
from reelkeep.domain.wire import Json

# --- words ---

StateWord = Literal["created", "queueing", "processing", "success", "failed"]
WORDS = words("created queueing processing processing success failed failed failed")  # cancelled: see the err_code
TYPES = {kind: kind.value for kind in Kind} | {
    Kind.REFERENCE2VIDEO: "character2video",
    Kind.START_END2VIDEO: "headtailimg2video",
    Kind.TEMPLATE2VIDEO: "template",
}


def state(view: View) -> str:
    return WORDS[view.task.state]


def err_code(view: View) -> str:
    return reason(view.task.failure) if view.task.failure else ""


def without_image_bytes(value: Json) -> Json:
    """Without what an image's data: URI holds: a client knows it, and megabytes do not fit an answer."""
    if isinstance(value, dict):
        return {name: without_image_bytes(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_image_bytes(item) for item in value]
    if isinstance(value, str) and value.startswith("data:"):
        return value[: value.find(",") + 1]
    return value


class Size(Shape):
    width: int = shows(lambda view: view.fact("width") or 0)
    height: int = shows(lambda view: view.fact("height") or 0)


class Facts(Shape):
    duration: float = shows(lambda view: round(view.fact("duration") or 0, 3))
    fps: int = shows(lambda view: round(view.fact("fps") or 0))
    resolution: Size = shows(Size.of)


# --- errors. Source: platform.vidu.com/docs/error-code ---

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
_STATUS = {"Conflict": 409, "CreationNotFound": 404}
_STATUS |= dict.fromkeys(("QuotaExceeded", "SystemThrottling", "TooManyRequests"), 429)
_ACCOUNT_WORDS = frozenset({"Unauthorized", "Forbidden", "NotFound"})


class Trace(Shape):
    trace_id: str = shows("request_id")


class Error(Shape):
    code: int = shows("status")
    reason: str = shows("code")
    message: str = shows("message")
    metadata: Trace = shows(Trace.of)


class Server(Dialect):
    """A server that speaks of errors as Vidu's do."""

    error = Error
    errors: Mapping[Any, Row] = {
        errors.ClientError: (400, "BadRequest"),
        errors.InvalidRequest: (400, "FieldInvalid"),
        errors.Missing: (400, "FieldLacking"),
        errors.ItemCountOutOfRange: (400, "FieldItemCountOutOfRange"),
        errors.PageSizeOutOfRange: (400, "PageSizeOutOfRange"),
        errors.Unauthorized: (401, "Unauthorized"),
        errors.Forbidden: (403, "Forbidden"),
        errors.OverBudget: (402, "CreditInsufficient"),
        errors.OverLimit: (429, "QuotaExceeded"),
        errors.Stopped: (503, "ModelUnavailable"),
        errors.NotFound: (404, "NotFound"),
        errors.NotAllowed: (405, "MethodNotAllowed"),
        errors.BodyTooLarge: (413, "RequestEntityTooLarge"),
        errors.KeyReused: (422, "IdempotencyKeyReused"),
    }
    fault = (500, "InternalServiceFailure", "internal service failure")
    scheme = "Token"
    not_repeated = frozenset({409})

    def refined(self, error: ClientError, problem: Problem, http: Http) -> Problem:
        match error:
            case Refused(failure=failure):
                word = reason(failure)
                word = "ModelUnavailable" if word == self.fault[1] else word  # that is a 500: clients repeat those
                message = problem.message if failure.reason is FailureClass.PROVIDER else explained(failure, word)
                return replace(problem, status=_STATUS.get(word, 400), code=word, message=message)
            case CannotCancel(state=state):
                return replace(problem, message=f"task state is {WORDS[state]}, can not cancel")
            case NotFound(field="task_id"):
                return replace(problem, code="TaskNotFound")
            case InvalidRequest(field=""):
                return replace(problem, code="BadRequest")
        return problem


def reason(failure: Failure) -> str:
    """The provider's own word, if it is one of Vidu's; but an error of our account there must not look like
    the client's."""
    if failure.reason is FailureClass.CANCELLED:
        return "UserCancelled"
    if failure.reason is FailureClass.PROVIDER and failure.code in _ACCOUNT_WORDS:
        return "ModelUnavailable"
    own = failure.code if _OWN.fullmatch(failure.code) else ""
    return own or _REASONS.get(failure.reason, "InternalServiceFailure")
