"""What Ark, BytePlus and aggregators answer, read leniently."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from reelkeep.dialects.grammar import creations, lenient, statuses
from reelkeep.dialects.volc_ark import NAME
from reelkeep.domain.observation import (
    Accepted,
    Failed,
    ListedPage,
    Missing,
    NotYet,
    Observation,
    Pending,
    Placement,
    Succeeded,
    Unreadable,
)
from reelkeep.domain.task import Creation, Failure, FailureClass, Kind, Request, State
from reelkeep.domain.wire import Answer, Json


def placement(answer: Answer) -> Placement:
    said = unwrapped(answer)
    if 200 <= answer.status < 300:
        task_id = id_of(said)
        return Accepted(task_id) if task_id else statuses.unnamed()
    if clear := statuses.placed(answer):
        return clear
    code, message = _code_and_message(said)
    kind = _class_of(code, statuses.refusal_class(answer))
    if answer.status == 429 or kind is FailureClass.THROTTLED:
        return NotYet(answer.retry_after)
    return statuses.refused(answer, kind, code, message)


def observed(answer: Answer) -> Observation:
    said = unwrapped(answer)
    if answer.status == 200:
        return _observation(said, answer.body)
    code, _ = _code_and_message(said)
    if nothing := statuses.seen(answer, code):
        return nothing
    if answer.status in (400, 404) and _NO_SUCH_TASK.fullmatch(code):
        return Missing()
    return statuses.unreadable(answer, code)


def listed(items: Sequence[Json], since: datetime) -> ListedPage:
    return creations.successes(items, made=_is_done, id_of=id_of, read=_listed, ended_at="updated_at", since=since)


def _is_done(said: Mapping[str, Json]) -> bool:
    return lenient.text(said.get("status")).lower() in _DONE


def _listed(said: Mapping[str, Json]) -> tuple[Request, Observation]:
    return _request(said), _observation(said, b"")


def _request(said: Mapping[str, Json]) -> Request:
    """The list says neither what was asked for in words, nor what was shown."""
    audio, seconds = said.get("generate_audio"), lenient.whole(said.get("duration"))
    return Request(
        dialect=NAME,
        kind=Kind.TEXT2VIDEO,
        model=lenient.text(said.get("model"))[:256],
        duration=seconds or None,
        resolution=lenient.text(said.get("resolution"))[:256],
        aspect_ratio=lenient.text(said.get("ratio"))[:256],
        audio=audio if isinstance(audio, bool) else None,
        off_peak=said.get("service_tier") == "flex",
    )


def unwrapped(answer: Answer) -> Mapping[str, Json]:
    """The body; some aggregators put what they have to say into {"code": 0, "data": {...}}, and Ark's own words, if
    they pass them on, into another `data` in there."""
    said = lenient.fields(answer.json())
    inner = lenient.fields(said.get("data"))
    return {**lenient.fields(inner.get("data")), **inner} if inner else said


def id_of(said: Mapping[str, Json]) -> str:
    """Ark's name for it is `id`, which in a wrapper may be a number of the aggregator's books."""
    return lenient.identifier(said.get("task_id")) or lenient.identifier(said.get("id"))


def _code_and_message(said: Mapping[str, Json]) -> tuple[str, str]:
    """Of an error in Ark's envelope, or without it, as some aggregators pass it on."""
    error = lenient.fields(said.get("error")) or said
    return lenient.text(error.get("code"))[:256], lenient.text(error.get("message"))[:500]


def _observation(said: Mapping[str, Json], raw: bytes) -> Observation:
    word = lenient.text(said.get("status")).lower()
    if not word:
        return Unreadable("the provider named no status", raw)
    if word in _DONE:
        creation = _creation(said)
        if not creation.asset("video"):
            return Unreadable("the provider reported success without a link to a video", raw, made=True)
        usage = lenient.fields(said.get("usage"))
        tokens = lenient.whole(usage.get("total_tokens"))
        if tokens is None:
            tokens = lenient.whole(usage.get("completion_tokens"))
        return Succeeded((creation,), seed=lenient.whole(said.get("seed")), tokens=tokens)
    if word in _ENDS:
        reason, sentence = _ENDS[word]
        code, message = _code_and_message({"error": said.get("error")})
        kind = _class_of(code, reason) if reason is FailureClass.PROVIDER else reason
        retryable = kind in (FailureClass.THROTTLED, FailureClass.EXPIRED) or code.startswith("InternalService")
        return Failed(Failure(reason=kind, code=code, message=message or sentence, retryable=retryable))
    if word in _PENDING:
        return Pending(_PENDING[word])
    return Pending(State.PROCESSING, word[:64])


def _creation(said: Mapping[str, Json]) -> Creation:
    """A task makes one creation, which has no id of its own; a final version is ordered by the draft's task."""
    content = lenient.fields(said.get("content"))
    sources = {
        "video": lenient.link(content.get("video_url")) or lenient.link(said.get("video_url")),
        "last-frame": lenient.link(content.get("last_frame_url")),
    }
    return Creation(
        id=id_of(said) or "1",
        assets=creations.assets(sources),
        duration=lenient.number(said.get("duration")),
        fps=lenient.number(said.get("framespersecond")),
    )


_DONE = frozenset({"succeeded", "success", "completed"})
_PENDING = {
    **dict.fromkeys(("queued", "pending", "submitted", "not_start"), State.QUEUEING),
    **dict.fromkeys(("running", "processing", "in_progress"), State.PROCESSING),
}
_ENDS = {
    **dict.fromkeys(("failed", "failure"), (FailureClass.PROVIDER, "the provider failed, and gave no reason")),
    **dict.fromkeys(("cancelled", "canceled"), (FailureClass.CANCELLED, "it was cancelled at the provider")),
    "expired": (FailureClass.EXPIRED, "the provider did not begin in time"),
}
_NO_SUCH_TASK = re.compile(r"(?!InvalidEndpoint|Model).*not_?(found|exist).*", re.IGNORECASE)
_CLASSES = (
    (r".*Sensitive.*|.*PolicyViolation|.*RiskDetect.*", FailureClass.POLICY),
    (r"AccountOverdue.*|.*Balance.*", FailureClass.CREDIT),
    (r".*RateLimit.*|QuotaExceeded.*|ServerOverloaded.*|ModelLoading.*", FailureClass.THROTTLED),
    (r"InvalidEndpointOrModel.*|(Invalid|Missing)Parameter.*|BadRequest.*", FailureClass.INPUT),
    (r"Authentication.*|AccessDenied.*|OperationDenied.*|ModelNotOpen.*|InvalidEndpoint.*", FailureClass.PROVIDER),
)


def _class_of(code: str, otherwise: FailureClass) -> FailureClass:
    return next((found for words, found in _CLASSES if re.fullmatch(words, code)), otherwise)
