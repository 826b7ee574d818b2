"""OpenAI's Videos and the formats that grew from it, as they are served: a task's state, its files, and errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import Http, Reply, explained, row
from reelkeep.dialects.families.form_data import form_in, plain, unpacked
from reelkeep.domain import errors
from reelkeep.domain.errors import CannotCancel, ClientError, Refused, Unauthorized
from reelkeep.domain.task import Creation, Failure, FailureClass, State
from reelkeep.domain.wire import Json

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.families.openai_wire import Error, Status

STATUSES: Mapping[State, Status] = {
    State.CREATED: "queued",
    State.QUEUEING: "queued",
    State.PROCESSING: "in_progress",
    State.ARCHIVING: "in_progress",
    State.SUCCESS: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
    State.EXPIRED: "failed",
}
PROGRESS: Mapping[State, int] = {State.PROCESSING: 50, State.ARCHIVING: 95, State.SUCCESS: 100}  # percent

# --- what is sent ---

# What new-api's form keeps where it is; the rest it moves into metadata, with numbers in it as numbers.
_OWN_FIELDS = frozenset(
    {
        "model", "prompt", "image", "images", "input_reference", "size", "duration", "seconds", "mode", "metadata",
        "provider", "callback_url",
    }
)  # fmt: skip
_TEXTS = frozenset({"payload", "user", "callback_url"})  # also if they look like numbers


def sent(http: Http) -> dict[str, Json]:
    """The body; of a form, the one that would have said the same. Raises InvalidRequest."""
    form = form_in(http)
    if form is None:
        return http.json()
    body = {name: value for name, value in form.items() if name in _OWN_FIELDS}
    moved = {name: _typed(name, value) for name, value in form.items() if name not in _OWN_FIELDS}
    metadata = form.get("metadata") or {}
    metadata = unpacked(metadata) if isinstance(metadata, str) else _typed("metadata", metadata)
    if isinstance(metadata, dict):
        metadata = {**moved, **metadata}
    return {**body, "metadata": metadata} if metadata else body


def _typed(name: str, value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _typed(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [_typed(name, item) for item in value]
    return value if name in _TEXTS else plain(value)


# --- what is answered ---


def facts(creation: Creation) -> dict[str, float | None]:
    """Duration, fps, width and height of its video: measured, or else as the provider claims."""
    video = creation.asset("video")
    kept = video.archived if video else None
    names = ("duration", "fps", "width", "height")
    return {name: getattr(kept, name, None) or getattr(creation, name) for name in names}


# --- errors. Source: platform.openai.com/docs/guides/error-codes, and what OpenAI's clients and LiteLLM look for ---

_ERRORS: Mapping[type[ClientError], tuple[int, str]] = {
    errors.ClientError: (400, "invalid_request"),
    errors.InvalidRequest: (400, "invalid_value"),
    errors.Missing: (400, "missing_required_parameter"),
    errors.Unauthorized: (401, "invalid_api_key"),
    errors.NotFound: (404, "not_found"),
    errors.NotAllowed: (405, "method_not_allowed"),
    errors.CannotCancel: (409, "conflict"),
    errors.BodyTooLarge: (413, "request_too_large"),
    errors.KeyReused: (422, "idempotency_key_reused"),
    errors.Refused: (400, "model_unavailable"),  # our trouble at the provider: not the client's, nothing to repeat
}
_REFUSALS = {
    FailureClass.POLICY: (400, "content_policy_violation"),
    FailureClass.INPUT: (400, "invalid_value"),
    FailureClass.CREDIT: (402, "insufficient_quota"),
    FailureClass.THROTTLED: (429, "rate_limit_exceeded"),
}
_OWN_POLICY_CODES = re.compile("content_policy_violation|moderation_blocked")  # clients look for these
_OWN_CODES = re.compile(r"[a-z0-9_.:-]+")


class Server:
    """A server whose errors are OpenAI's."""

    spelled: Mapping[str, str]  # the client's names of a Request's fields, where they differ

    def render_error(self, error: ClientError, http: Http) -> Reply:
        return refusal(error, self.spelled)

    def render_fault(self, known: str = "") -> Reply:
        message = known or "something went wrong on our side"
        return Reply(status=500, body=_error(message, None, "internal_error", "server_error"))


def refusal(error: ClientError, spelled: Mapping[str, str]) -> Reply:
    """`spelled` has the client's names of fields, where they differ from ours."""
    status, code = row(_ERRORS, error)
    field = spelled.get(error.field, error.field)
    message = re.sub(rf"\b{re.escape(error.field)}\b", field, error.message) if error.field else error.message
    match error:
        case Refused(failure=failure) if failure.reason in _REFUSALS:
            status, code, message = _REFUSALS[failure.reason][0], code_of(failure), message_of(failure)
            if failure.reason is FailureClass.INPUT:
                field = next((name for name in spelled.values() if re.search(rf"\b{name}\b", message)), "")
        case CannotCancel(state=state):
            message = f"the video is {STATUSES[state]}: it can be deleted before that, or once it has ended"
        case Unauthorized():
            message = f"Incorrect API key provided: {message}"  # LiteLLM knows the error by these words
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if status in (409, 429):  # which OpenAI's clients repeat, a POST as well
        headers["x-should-retry"] = "false"
    return Reply(status=status, body=_error(message, field or None, code), headers=headers)


def _error(message: str, param: str | None, code: str, kind: str = "invalid_request_error") -> Error:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def code_of(failure: Failure) -> str:
    """The provider's own word, if it is one of those here, or else one for what kind of failure it is."""
    if _is_own(failure):
        return failure.code
    if failure.reason in _REFUSALS:
        return _REFUSALS[failure.reason][1]
    return "server_error" if failure.reason is FailureClass.PROVIDER else failure.reason.value


def message_of(failure: Failure) -> str:
    return explained(failure, code_of(failure))


def _is_own(failure: Failure) -> bool:
    codes = _OWN_POLICY_CODES if failure.reason is FailureClass.POLICY else _OWN_CODES
    return bool(codes.fullmatch(failure.code))
