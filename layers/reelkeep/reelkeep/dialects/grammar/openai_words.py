"""What OpenAI's Videos and the formats that grew from it call things: a task's state, and what went wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping

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
from reelkeep.domain.task import Creation, Failure, FailureClass, State
from reelkeep.domain.wire import Json

STATUSES = {
    State.CREATED: "queued",
    State.QUEUEING: "queued",
    State.PROCESSING: "in_progress",
    State.ARCHIVING: "in_progress",
    State.SUCCESS: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
    State.EXPIRED: "failed",
}
_CODES = {
    FailureClass.POLICY: (400, "content_policy_violation"),
    FailureClass.INPUT: (400, "invalid_value"),
    FailureClass.CREDIT: (402, "insufficient_quota"),
    FailureClass.THROTTLED: (429, "rate_limit_exceeded"),
}
_OWN = re.compile(r"[a-z0-9_.:-]+")
_OUR_TROUBLE = (400, "model_unavailable")  # with our account there: not the client's, and nothing to repeat


class Server:
    """A server that speaks of errors so."""

    spelled: Mapping[str, str]  # the client's names of a Request's fields, where they differ

    def render_error(self, error: ClientError, http: Http) -> Reply:
        return refusal(error, self.spelled)

    def render_fault(self, known: str = "") -> Reply:
        return fault(known)


def refusal(error: ClientError, spelled: Mapping[str, str]) -> Reply:
    """`spelled` has the client's names of fields, where they differ from ours."""
    status, code = _status_and_code(error)
    message = error.message
    if isinstance(error, CannotCancel):
        message = f"the video is {STATUSES[error.state]}: it can be deleted before that, or once it has ended"
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if status in (409, 429):  # which OpenAI's clients repeat, a POST as well
        headers["x-should-retry"] = "false"
    param = spelled.get(error.field, error.field) or None
    return _reply(status, message, "invalid_request_error", param, code, headers)


def fault(known: str = "") -> Reply:
    return _reply(500, known or "something went wrong on our side", "server_error", None, "internal_error", {})


def code_of(failure: Failure) -> str:
    """The provider's own word, if it is in the form of those here, or else one for what kind of failure it is."""
    if _OWN.fullmatch(failure.code):
        return failure.code
    if failure.reason in _CODES:
        return _CODES[failure.reason][1]
    return "server_error" if failure.reason is FailureClass.PROVIDER else failure.reason.value


def message_of(failure: Failure) -> str:
    """For a person; with the provider's own word, where that is of another form."""
    foreign = "" if _OWN.fullmatch(failure.code) or failure.code in failure.message else f"({failure.code})"
    return " ".join(filter(None, (failure.message or failure.reason.value, foreign)))


def facts(creation: Creation) -> dict[str, float | None]:
    """Duration, fps, width and height of its video: measured, or else as the provider claims."""
    video = creation.asset("video")
    kept = video.kept if video else None
    names = ("duration", "fps", "width", "height")
    return {name: getattr(kept, name, None) or getattr(creation, name) for name in names}


def _status_and_code(error: ClientError) -> tuple[int, str]:
    match error:
        case InvalidRequest(missing=True):
            return 400, "missing_required_parameter"
        case InvalidRequest():
            return 400, "invalid_value"
        case Unauthorized():
            return 401, "invalid_api_key"
        case NotFound():
            return 404, "not_found"
        case NotAllowed():
            return 405, "method_not_allowed"
        case CannotCancel():
            return 409, "conflict"
        case BodyTooLarge():
            return 413, "request_too_large"
        case KeyReused():
            return 422, "idempotency_key_reused"
        case Refused(failure=failure):
            status, code = _CODES.get(failure.reason, _OUR_TROUBLE)
            return status, failure.code if failure.code and failure.reason in _CODES else code
        case _:
            return error.status, "invalid_request"


def _reply(status: int, message: str, kind: str, param: str | None, code: str, headers: Mapping[str, str]) -> Reply:
    error: Json = {"message": message, "type": kind, "param": param, "code": code}
    return Reply(status=status, body={"error": error}, headers=headers)
