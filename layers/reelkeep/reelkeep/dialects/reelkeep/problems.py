"""What can go wrong, as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import Reply
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    Conflict,
    InvalidRequest,
    KeyReused,
    LimitReached,
    NotAllowed,
    NotFound,
    Refused,
    Unauthorized,
)
from reelkeep.domain.task import Failure, FailureClass

if TYPE_CHECKING:  # with pydantic, for which an error need not wait
    from reelkeep.dialects.reelkeep import bodies

# One line each: the last part of its type, its status, its title.
PROBLEMS: dict[str, tuple[int, str]] = {
    "invalid-request": (400, "The request is not valid"),
    "unauthorized": (401, "There is no valid API key"),
    "no-credit": (402, "The provider's account has too few credits"),
    "limit-reached": (403, "There are as many as there may be"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "This method is not served here"),
    "cannot-cancel": (409, "It is too late to cancel"),
    "conflict": (409, "It does not fit what is there already"),
    "body-too-large": (413, "The body is too large"),
    "idempotency-key-reused": (422, "The Idempotency-Key was used for another request"),
    "refused-by-provider": (422, "The provider refused the request"),
    "throttled-by-provider": (429, "The provider takes no more at the moment"),
    "fault": (500, "Something went wrong on our side"),
}


def problem_type(name: str) -> str:
    """Relative to the API's own address, and leads to an explanation."""
    return f"/docs#problem-{name}"


class InvalidFields(InvalidRequest):
    """Everything that is wrong with a body, field by field."""

    def __init__(self, wrong: Iterable[tuple[str, str]], *, missing: bool = False) -> None:
        self.wrong = tuple((field[:200], message) for field, message in wrong)
        field, message = self.wrong[0]
        super().__init__(f"{field} {message}", field=field, missing=missing)


def wrong(field: str, message: str) -> InvalidFields:
    return InvalidFields([(field, message)])


def failure_body(failure: Failure) -> bodies.Failure:
    return {
        "reason": failure.reason,
        "code": failure.code or None,
        "message": failure.message or None,
        "retryable": failure.retryable,
    }


def refusal(error: ClientError, headers: Mapping[str, str]) -> Reply:
    return _reply(_name(error), error.message, error, headers)


def fault(known: str = "") -> Reply:
    return _reply("fault", known or "Try again in a moment; if it stays so, ask whoever runs this service.")


def _name(error: ClientError) -> str:
    match error:
        case Unauthorized():
            return "unauthorized"
        case NotFound():
            return "not-found"
        case NotAllowed():
            return "method-not-allowed"
        case CannotCancel():
            return "cannot-cancel"
        case Conflict():
            return "conflict"
        case LimitReached():
            return "limit-reached"
        case BodyTooLarge():
            return "body-too-large"
        case KeyReused():
            return "idempotency-key-reused"
        case Refused(failure=Failure(reason=FailureClass.CREDIT)):
            return "no-credit"
        case Refused(failure=Failure(reason=FailureClass.THROTTLED)):
            return "throttled-by-provider"
        case Refused():
            return "refused-by-provider"
    return "invalid-request"


def _reply(
    name: str, detail: str, error: ClientError | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    status, title = PROBLEMS[name]
    problem: bodies.Problem = {
        "type": problem_type(name),
        "title": title,
        "status": status,
        "detail": detail,
    }
    match error:
        case InvalidFields(wrong=wrong):
            problem["errors"] = [{"field": field, "message": message} for field, message in wrong]
        case InvalidRequest(field=field) | Conflict(field=field) if field:
            problem["errors"] = [{"field": field, "message": error.message}]
        case Refused(failure=failure):
            problem["failure"] = failure_body(failure)
    return Reply(status=status, body=problem, headers={"content-type": "application/problem+json", **(headers or {})})
