"""Gateways that resell video models under OpenAI's paths, as their client knows them: new-api above all.

They answer in more shapes than one, by their release and by the path that is asked. All of them are understood at
either path. Source: github.com/QuantumNous/new-api (controller/, relay/, dto/), its issues 5266 and 7194.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from reelkeep.dialects.grammar import creations, lenient, statuses, video_request
from reelkeep.dialects.grammar.client import Client
from reelkeep.domain.expiry import link_expiry
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
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, Kind, Request, State
from reelkeep.domain.wire import Answer, Json

_QUEUEING = frozenset({"queued", "pending", "submitted", "not_start", "created"})
_PROCESSING = frozenset({"in_progress", "processing", "running", "generating"})
_DONE = frozenset({"completed", "succeeded", "success"})
_ENDED = {
    "failed": FailureClass.PROVIDER,
    "failure": FailureClass.PROVIDER,
    "error": FailureClass.PROVIDER,
    "cancelled": FailureClass.CANCELLED,
    "canceled": FailureClass.CANCELLED,
    "expired": FailureClass.EXPIRED,
}
_BEFORE_ANY_CHANNEL = frozenset({"model_not_found", "get_channel_failed"})  # with 503, but certainly not accepted
_CLASSES = (
    (r"policy|sensitive|moderation|safety|prompt_blocked|敏感|违规|审核", FailureClass.POLICY),
    (r"rate.?limit|too.?many|throttl", FailureClass.THROTTLED),
    (r"quota|credit|balance|arrears|余额|额度|欠费", FailureClass.CREDIT),
)
_ABOUT_INPUT = (r"invalid|unsupported|required|parameter", FailureClass.INPUT)
_CONTENT = re.compile(r"https?://[^/?#]+(?:/[^?#]*)?/v1/videos/[^/?#]+/content(?:[?#].*)?")


class Gateway(Client):
    def write(self, request: Request) -> dict[str, Json]:
        return video_request.written(request)

    def travelling(self, request: Request) -> dict[str, Json]:
        return video_request.travelling(super().travelling(request))

    def read_placed(self, answer: Answer) -> Placement:
        said = lenient.fields(answer.json())
        code, message = _error(said)
        if 200 <= answer.status < 300:
            data = said.get("data")
            task_id = _id(lenient.fields(data)) or _id(said) or lenient.identifier(data)
            if task_id:
                return Accepted(task_id)
            if not code or code == "success":
                return statuses.unnamed()
        elif code not in _BEFORE_ANY_CHANNEL and (clear := statuses.placed(answer)):
            return clear
        kind = _class_of(f"{code} {message}", statuses.refusal_class(answer))
        if kind is FailureClass.THROTTLED or (answer.status == 429 and kind is not FailureClass.CREDIT):
            return NotYet(answer.retry_after)
        return statuses.refused(answer, kind, code, message)

    def read_observed(self, answer: Answer) -> Observation:
        said = lenient.fields(answer.json())
        code, message = _error(said)
        if answer.status == 200:
            return _told(said, answer.body)
        if nothing := statuses.seen(answer, code):
            return nothing
        unrouted = message.startswith("Invalid URL")  # new-api's words for a path that it does not serve
        if code == "task_not_exist" or (answer.status == 404 and (code or message) and not unrouted):
            return Missing()
        return statuses.unreadable(answer, code)


def _id(said: Mapping[str, Json]) -> str:
    """In an envelope `id` is the row's number in the gateway's own table."""
    return lenient.identifier(said.get("task_id")) or lenient.identifier(said.get("id"))


def _error(said: Mapping[str, Json]) -> tuple[str, str]:
    """Code and message of `{error: {…}}`, of `{code, message, data: null}`, or of `{fail_reason}`."""
    nested = lenient.fields(said.get("error"))
    error = nested or said
    code = error.get("code") or nested.get("type")  # a task's own `type` is what kind of task it is
    messages = (error.get("message"), said.get("error"), said.get("fail_reason"))
    message = next((text for text in map(lenient.text, messages) if text), "")
    return (lenient.text(code) or lenient.identifier(code))[:256], message[:500]


def _class_of(words: str, otherwise: FailureClass, *more: tuple[str, FailureClass]) -> FailureClass:
    classes = (*_CLASSES, *more)
    return next((kind for pattern, kind in classes if re.search(pattern, words, re.IGNORECASE)), otherwise)


def _told(said: Mapping[str, Json], raw: bytes) -> Observation:
    data = lenient.fields(said.get("data"))
    task = data if "status" in data else said
    word = lenient.text(task.get("status")).lower()
    if not word:
        return Unreadable("the provider named no status", raw)
    if word in _DONE:
        return _succeeded(task, raw)
    if word in _ENDED:
        code, message = _error(task)
        kind = _ENDED[word]
        if kind is FailureClass.PROVIDER:
            kind = _class_of(f"{code} {message}", kind, _ABOUT_INPUT)
        retryable = kind in (FailureClass.PROVIDER, FailureClass.THROTTLED)
        return Failed(Failure(reason=kind, code=code, message=message or f"it {word}", retryable=retryable))
    if word in _QUEUEING:
        return Pending(State.QUEUEING)
    return Pending(State.PROCESSING, "" if word in _PROCESSING else word[:64])


def listed(items: Sequence[Json], since: datetime, dialect: str) -> ListedPage:
    """Those of a list of videos that were completed since then."""

    def read(said: Mapping[str, Json]) -> tuple[Request, Observation]:
        request = Request(
            dialect=dialect,
            kind=Kind.TEXT2VIDEO,
            model=lenient.text(said.get("model"))[:256],
            prompt=lenient.text(said.get("prompt")),
            duration=lenient.whole(said.get("seconds")) or None,
        )
        return request, _succeeded(said, b"")

    return creations.successes(items, made=_is_done, id_of=_id, read=read, ended_at="completed_at", since=since)


def _is_done(said: Mapping[str, Json]) -> bool:
    return lenient.text(said.get("status")).lower() in _DONE


def _succeeded(task: Mapping[str, Json], raw: bytes) -> Observation:
    metadata, usage = lenient.fields(task.get("metadata")), lenient.fields(task.get("usage"))
    task_id = _id(task)
    source = _source(task, metadata, task_id)
    if not source:
        return Unreadable("the provider reported success without a link or an id", raw, made=True)
    cover = lenient.link(task.get("thumbnail_url")) or lenient.link(task.get("cover_url"))
    size = re.fullmatch(r"(\d{1,5})x(\d{1,5})", lenient.text(task.get("size")), re.ASCII)
    ends = lenient.whole(task.get("expires_at")) if source.startswith("/") else None
    creation = Creation(
        id=task_id or "1",
        assets=(
            Asset(name="video", source=source, expires_at=_moment(ends) or link_expiry(source)),
            *([Asset(name="cover", source=cover, expires_at=link_expiry(cover))] if cover else []),
        ),
        duration=lenient.number(metadata.get("duration")) or lenient.number(task.get("seconds")),
        fps=lenient.number(metadata.get("fps")),
        width=lenient.whole(metadata.get("width")) or (int(size[1]) if size else None),
        height=lenient.whole(metadata.get("height")) or (int(size[2]) if size else None),
    )
    tokens = lenient.whole(usage.get("total_tokens")) or lenient.whole(usage.get("completion_tokens"))
    return Succeeded((creation,), seed=lenient.whole(metadata.get("seed")), tokens=tokens)


def _source(task: Mapping[str, Json], metadata: Mapping[str, Json], task_id: str) -> str:
    """The link; or the path at which the gateway itself hands out the file, to whoever has its key.

    Some releases give no link, some give one to that path under a host of their own idea; old ones hide the link
    where the reason of a failure would be.
    """
    said = (*(task.get(name) for name in ("url", "video_url", "result_url", "fail_reason")), metadata.get("url"))
    link = next((link for link in map(lenient.link, said) if link), "")
    if task_id and (not link or _CONTENT.fullmatch(link)):
        return f"/v1/videos/{task_id}/content"
    return link


def _moment(seconds: int | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None
