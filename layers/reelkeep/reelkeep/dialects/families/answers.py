"""How a provider's answers are read, in every format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from reelkeep.dialects.families.creations import creations_in
from reelkeep.dialects.families.lenient import JsonObject, text
from reelkeep.dialects.families.vocabulary import (
    Codes,
    failure_class,
    fold,
    is_about_input,
    is_absence,
    is_trouble,
    meaning_of,
    says_success,
)
from reelkeep.domain.observation import (
    KEY_REFUSED,
    Accepted,
    Busy,
    DispatchOutcome,
    Failed,
    Missing,
    NotYet,
    Observation,
    Pending,
    Refused,
    Succeeded,
    Unknown,
    Unreadable,
)
from reelkeep.domain.task import Creation, Failure, FailureClass, State
from reelkeep.domain.wire import Json, ProviderResponse

_IDS = ("task_id", "taskid", "job_id", "id")  # an aggregator's `id` may be a number of its own books
_ENVELOPES = ("data", "result", "output", "response", "task", "tasks")
_STATUSES = ("task_status", "status", "state")
_ERRORS = ("error", "errors", "detail", "base_resp")
_CODES = ("reason", "err_code", "error_code", "code", "status_code")
_MESSAGES = (
    "message", "msg", "fail_reason", "task_status_msg", "status_msg", "error_message", "error_msg", "detail",
    "error",
)  # fmt: skip
_BEGUN, _ENDED = ("created_at", "submit_time"), ("completed_at", "finished_at", "finish_time", "updated_at")
_NO_ERROR = frozenset({"", "0", "200", "201", "202", "ok", "success", "succeed", "accepted", "created"})

_MOVED = frozenset({301, 302, 307, 308})
_TOO_EARLY = 425  # refused since it might be a repeat (RFC 8470)
# A time-out, a client that seemed to be gone, and a conflict: with what a proxy on the way sent before, maybe.
_UNCLEAR = frozenset({408, 409, 499})
_KEY_STATUSES = frozenset({401, 403})
_CLASSES = {402: FailureClass.CREDIT} | dict.fromkeys((401, 403, 404, 405), FailureClass.PROVIDER)
_ABOUT_OUR_ACCOUNT = (FailureClass.THROTTLED, FailureClass.CREDIT, FailureClass.PROVIDER)
_SENTENCES = {
    FailureClass.POLICY: "the provider's content rules do not allow it",
    FailureClass.INPUT: "the provider could not use what it was given",
    FailureClass.CREDIT: "the provider's account has too few credits",
    FailureClass.THROTTLED: "the provider had too much to do",
    FailureClass.CANCELLED: "it was cancelled at the provider",
    FailureClass.EXPIRED: "it expired at the provider",
}


@dataclass(frozen=True, slots=True)
class Error:
    """What an answer says went wrong."""

    code: str
    message: str
    kind: FailureClass | None  # None if its words say nothing of that
    status: int  # of HTTP; of an error in a 200, the one that it should have had

    def __str__(self) -> str:
        return f"the provider answered {self.status} {self.code}".rstrip()


class Answers:
    """Reads answers by what providers are known to mean. A format says where it differs."""

    name: str
    codes: ClassVar[Codes] = {}  # of errors, beside those that all formats share
    never_accepted: ClassVar[frozenset[str]] = frozenset()  # codes of a 5xx that came before anybody could accept
    absences: ClassVar[frozenset[str]] = frozenset()  # codes that say that there is no such task, if words do not
    cost = "credits"  # what a task calls its price
    retryable: ClassVar[frozenset[FailureClass]] = frozenset({FailureClass.THROTTLED, FailureClass.EXPIRED})

    def task_in(self, body: JsonObject) -> JsonObject:
        """The task in an answer, which may stand in an envelope: {"code": 0, "data": {…}}."""
        enveloped = () if self.task_id(body) else (each for each in _enveloped(body) if self.status(each))
        candidates = (body.object("data"), *enveloped, body, *_enveloped(body))
        return next((each for each in candidates if self.task_id(each) or self.status(each)), body)

    def task_id(self, task: JsonObject) -> str:
        return task.id(*_IDS)

    def status(self, task: JsonObject) -> str:
        return task.text(*_STATUSES)

    def creations(self, task: JsonObject) -> tuple[Creation, ...]:
        return creations_in(task, self.task_id(task))

    # --- the answer to the billable call ---

    def read_dispatched(self, answer: ProviderResponse) -> DispatchOutcome:
        body = _only(answer.json())
        task, error = self.task_in(body), self._error(answer, body)
        named = next((each for each in (task, *_enveloped(body)) if self.task_id(each) not in ("", "0")), None)
        if named is not None:
            task_id = self.task_id(named)
            if answer.ok:
                return Accepted(task_id, named.quantity(self.cost), named.whole("seed"))
            return Unknown(f"the provider answered the submission with {answer.status}, but named a task: {task_id}")
        if error is None:
            if task_id := body.id("data"):
                return Accepted(task_id)
            return Unknown(_with("the provider accepted something, but named no task", _code_and_message(body)[1]))
        kind, status = error.kind, error.status
        if answer.ok and kind is None and not _is_error(body) and (body.object("data") or not error.message):
            return Unknown(_with(str(error), error.message))
        if status in _MOVED:
            return _refused(FailureClass.PROVIDER, message=f"{error}: the operator must correct its address")
        busy = kind is FailureClass.THROTTLED and 400 <= status < 500
        if busy or status == _TOO_EARLY or (status == 429 and kind is not FailureClass.CREDIT):
            return NotYet(answer.retry_after)
        if error.code not in self.never_accepted and (status in _UNCLEAR or not 400 <= status < 500):
            # It may have gone on without us.
            return Unknown(_with(f"the provider answered the submission with {status}", error.message))
        kind = kind or _CLASSES.get(status, FailureClass.INPUT)
        message = error.message or f"the provider answered {status}"
        if kind is FailureClass.PROVIDER and status in _KEY_STATUSES:
            message = f"{KEY_REFUSED}; the operator must correct it"
        return _refused(kind, error.code, message)

    # --- the answer to a poll ---

    def read_observed(self, answer: ProviderResponse) -> Observation:
        body = JsonObject(answer.json())
        task = self.task_in(body)
        if answer.ok and self.status(task):
            return self.observation(task, answer.body)
        error = self._error(answer, body)
        if error is None:
            return Unreadable("the provider named no status", answer.body)
        kind, status = error.kind, error.status
        if status in _KEY_STATUSES:
            return Busy(KEY_REFUSED, answer.retry_after)
        if status in (408, 429) or status >= 500 or kind in _ABOUT_OUR_ACCOUNT:
            return Busy(str(error), answer.retry_after)
        # A firewall's "policy" is none of the provider's: in a refused call only a code counts.
        known = kind if answer.ok else failure_class(error.code, "", self.codes)
        if known in (FailureClass.POLICY, FailureClass.CANCELLED) or (answer.ok and kind is FailureClass.INPUT):
            return Failed(self._failure(known or FailureClass.PROVIDER, error.code, error.message))
        is_missing = error.code in self.absences or is_absence(error.code, error.message)
        if status in (400, 404, 410) and is_missing:
            return Missing()
        if meaning_of(error.code) is State.PROCESSING:  # video_not_ready
            return Pending(State.PROCESSING)
        # Also a 404 that is not in the provider's words: a proxy's page must not make us give a paid task up.
        return Unreadable(str(error), answer.body)

    def observation(self, task: JsonObject, raw: bytes = b"") -> Observation:
        word = self.status(task)
        match meaning_of(word):
            case State.SUCCESS:
                return self._success(task, raw)
            case State() as state:
                return Pending(state)
            case FailureClass() as kind:
                code, message = _code_and_message(task)
                if kind is FailureClass.PROVIDER:
                    by_default = FailureClass.INPUT if is_about_input(f"{code} {message}") else kind
                    kind = failure_class(code, message, self.codes) or by_default
                return Failed(self._failure(kind, code, message))
            case None:
                return Pending(State.PROCESSING, word[:64])

    def _success(self, task: JsonObject, raw: bytes) -> Observation:
        creations = self.creations(task)
        if not creations:
            return Unreadable("the provider reported success without a link to a video", raw, made=True)
        seed = task.whole("seed")
        return Succeeded(
            creations,
            credits=task.quantity(self.cost),
            seed=task.object("metadata").whole("seed") if seed is None else seed,
            tokens=task.object("usage").whole("total_tokens", "completion_tokens"),
            seconds=_seconds(task.moment(*_BEGUN), task.moment(*_ENDED)),
        )

    def _failure(self, kind: FailureClass, code: str, message: str) -> Failure:
        if not message:
            message = f"{_SENTENCES.get(kind, 'the provider failed')} ({code})" if code else _SENTENCES.get(kind, "")
        retryable = kind in self.retryable or is_trouble(code)
        return Failure(
            reason=kind, code=code, message=message or "the provider failed, and gave no reason", retryable=retryable
        )

    # --- the answer to a cancellation ---

    def read_cancelled(self, answer: ProviderResponse) -> bool:
        body = answer.json() if answer.body else {}
        error = self._error(answer, JsonObject(body))
        return error.kind is FailureClass.CANCELLED if error else isinstance(body, dict)

    # --- errors ---

    def _error(self, answer: ProviderResponse, body: JsonObject) -> Error | None:
        """None for an answer without an error."""
        code, message = _code_and_message(body)
        kind = failure_class(code, message, self.codes)
        if not answer.ok:
            return Error(code, message, kind, answer.status)
        if not _is_error(body) and (not code or says_success(message) or body.fields.get("success") is True):
            return None
        status = _http_status(_error_in(body)) or _http_status(body) or 400
        if kind is FailureClass.PROVIDER and status < 500:
            status = 401
        if kind is None and (is_trouble(code) or is_trouble(message)):
            status = 500
        return Error(code, message, kind, status)


def _seconds(begun: datetime | None, ended: datetime | None) -> float | None:
    """Both are by the provider's clock, so its errors cancel out. Some formats have neither."""
    return (ended - begun).total_seconds() if begun and ended and ended > begun else None


def _only(value: Json) -> JsonObject:
    """The object, or the one in a list of one."""
    return JsonObject(value[0] if isinstance(value, list) and len(value) == 1 else value)


def _enveloped(body: JsonObject) -> Iterator[JsonObject]:
    for outer in (body, body.object("data")):
        yield from (_only(outer.fields.get(name)) for name in _ENVELOPES)


def _error_in(body: JsonObject) -> JsonObject:
    """Of {"error": {…}}, {"errors": [{…}]} and their like."""
    found = (
        JsonObject(each[0] if isinstance(each, list) and each else each) for each in map(body.fields.get, _ERRORS)
    )
    return next(filter(None, found), body.object("response_metadata").object("error"))


def _code_and_message(body: JsonObject) -> tuple[str, str]:
    """Code and message of an error: of {"error": {…}}, of {"code", "message"}, or of a task that failed."""
    nested = _error_in(body)
    code = (nested or body).id(*_CODES) or nested.id("type")  # a task's own `type` is what kind of task it is
    message = nested.text(*_MESSAGES) or body.text(*_MESSAGES) or body.first(_first_text, ("errors", "detail"))
    return ("" if fold(code) in _NO_ERROR else code[:256]), message[:500]


def _first_text(value: Json) -> str:
    return next((each for each in value if isinstance(each, str)), "") if isinstance(value, list) else text(value)


def _is_error(body: JsonObject) -> bool:
    """Whether it says so itself, beside a code that only the provider knows."""
    nested = _error_in(body)
    return (
        body.fields.get("success") is False
        or bool(_http_status(body) or body.first(_first_text, ("error", "errors", "detail")))
        or meaning_of(body.text("status", "state")) in (FailureClass.PROVIDER, FailureClass.POLICY)
        or (bool(nested.text(*_MESSAGES)) and fold(nested.id(*_CODES)) not in (_NO_ERROR - {""}))
    )


def _http_status(body: JsonObject) -> int:
    """The status of HTTP that an error in a 200 should have had; 0 if it names none."""
    numbers = (body.whole(name) or 0 for name in ("code", "status_code", "status"))
    return next((number for number in numbers if 400 <= number < 600), 0)


def _with(sentence: str, message: str) -> str:
    return f"{sentence}: {message}" if message else sentence


def _refused(kind: FailureClass, code: str = "", message: str = "") -> Refused:
    return Refused(Failure(reason=kind, code=code, message=message))
