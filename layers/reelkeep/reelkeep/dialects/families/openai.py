"""OpenAI's Videos and the formats that grew from it, as they are served: a task's state, its files, and errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from reelkeep.dialects.dialect import Dialect, Http, Problem, Row, explained
from reelkeep.dialects.families.form_data import form_in, plain, unpacked
from reelkeep.dialects.replies import Shape, View, shows, words
from reelkeep.domain import errors
from reelkeep.domain.errors import CannotCancel, ClientError, Refused, Unauthorized
from reelkeep.domain.task import Failure, FailureClass, State
from reelkeep.domain.wire import Json

Status = Literal["queued", "in_progress", "completed", "failed"]
STATUSES = words("queued queued in_progress in_progress completed failed failed failed")
PROGRESS = {State.PROCESSING: 50, State.ARCHIVING: 95, State.SUCCESS: 100}  # percent


def status(view: View) -> str:
    return STATUSES[view.task.state]


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


# --- errors. Source: platform.openai.com/docs/guides/error-codes, and what OpenAI's clients and LiteLLM look for ---

_REFUSALS = {
    FailureClass.POLICY: (400, "content_policy_violation"),
    FailureClass.INPUT: (400, "invalid_value"),
    FailureClass.CREDIT: (402, "insufficient_quota"),
    FailureClass.THROTTLED: (429, "rate_limit_exceeded"),
}
_OWN_POLICY_CODES = re.compile("content_policy_violation|moderation_blocked")  # clients look for these
_OWN_CODES = re.compile(r"[a-z0-9_.:-]+")


class Explained(Shape):
    message: str = shows("message")
    type: str = shows(lambda problem: "invalid_request_error" if problem.status < 500 else "server_error")
    param: str | None = shows("field", None)
    code: str | None = shows("code")


class Error(Shape):
    error: Explained = shows(Explained.of)


class Server(Dialect):
    """A server whose errors are OpenAI's."""

    error = Error
    errors: Mapping[Any, Row] = {
        errors.ClientError: (400, "invalid_request"),
        errors.InvalidRequest: (400, "invalid_value"),
        errors.Missing: (400, "missing_required_parameter"),
        errors.Unauthorized: (401, "invalid_api_key"),
        errors.Forbidden: (403, "insufficient_permissions"),
        errors.OverBudget: (402, "insufficient_quota"),
        errors.OverLimit: (429, "rate_limit_exceeded"),
        errors.Stopped: (503, "model_unavailable"),
        errors.NotFound: (404, "not_found"),
        errors.NotAllowed: (405, "method_not_allowed"),
        errors.CannotCancel: (409, "conflict"),
        errors.BodyTooLarge: (413, "request_too_large"),
        errors.KeyReused: (422, "idempotency_key_reused"),
        errors.Refused: (400, "model_unavailable"),  # an error of our account, which clients must not repeat
        **_REFUSALS,
    }
    fault = (500, "internal_error", "something went wrong on our side")

    def names(self, http: Http) -> Mapping[str, str]:
        return {}  # what is `known` is enough

    def refined(self, error: ClientError, problem: Problem, http: Http) -> Problem:
        match error:
            case Refused(failure=failure) if failure.reason in _REFUSALS:
                problem = replace(problem, code=code_of(failure), message=message_of(failure))
                if failure.reason is FailureClass.INPUT:
                    names = (name for name in self.known.values() if re.search(rf"\b{name}\b", problem.message))
                    problem = replace(problem, field=next(names, ""))
            case CannotCancel(state=state):
                message = f"the video is {STATUSES[state]}: it can be deleted before that, or once it has ended"
                return replace(problem, message=message)
            case Unauthorized():  # LiteLLM knows the error by these words
                return replace(problem, message=f"Incorrect API key provided: {problem.message}")
        return problem


def code_of(failure: Failure) -> str:
    """The provider's own word, if it is one of those here, or else one for what kind of failure it is."""
    own = _OWN_POLICY_CODES if failure.reason is FailureClass.POLICY else _OWN_CODES
    if own.fullmatch(failure.code):
        return failure.code
    if failure.reason in _REFUSALS:
        return _REFUSALS[failure.reason][1]
    return "server_error" if failure.reason is FailureClass.PROVIDER else failure.reason.value


def message_of(failure: Failure) -> str:
    return explained(failure, code_of(failure))
