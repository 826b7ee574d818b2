"""How the native API says that something went wrong: problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import Reply
from reelkeep.dialects.reelkeep.problems import PROBLEMS, InvalidFields, problem_type
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


def refusal(error: ClientError, headers: Mapping[str, str]) -> Reply:
    return _reply(_name(error), error.message, error, headers)


def fault(known: str = "") -> Reply:
    return _reply("fault", known or "Try again in a moment; if it stays so, ask whoever runs this service.")


def failure_body(failure: Failure) -> bodies.Failure:
    return {
        "reason": failure.reason,
        "code": failure.code or None,
        "message": failure.message or None,
        "retryable": failure.retryable,
    }


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
