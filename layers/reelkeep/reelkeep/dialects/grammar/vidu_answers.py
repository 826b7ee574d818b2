"""What Vidu's APIs answer, read leniently, and how they call us. Source: platform.vidu.com/docs."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from reelkeep.dialects.grammar import creations, lenient, statuses, vidu
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
from reelkeep.domain.wire import Answer, Json, Signature

_BUSY_WORDS = frozenset({"QuotaExceeded", "TooManyRequests", "SystemThrottling", "OperationInProcess"})
_PENDING = {"created": State.QUEUEING, "queueing": State.QUEUEING, "processing": State.PROCESSING}
_CLASSES = (
    (r"UserCancelled|Canceled", FailureClass.CANCELLED),
    (r"CreditInsufficient", FailureClass.CREDIT),
    ("|".join(sorted(_BUSY_WORDS)), FailureClass.THROTTLED),
    (r".*Policy.*|.*Audit.*|Image.*Failed", FailureClass.POLICY),
    (r"Field.*|Image.*|Face.*|BadRequest|Conflict|ModelUnavailable|CreationNotFound", FailureClass.INPUT),
)
_SENTENCES = {
    FailureClass.POLICY: "the provider's content rules do not allow it",
    FailureClass.INPUT: "the provider could not use what it was given",
    FailureClass.CREDIT: "the provider's account has too few credits",
    FailureClass.THROTTLED: "the provider had too much to do",
    FailureClass.CANCELLED: "it was cancelled at the provider",
}


def placement(answer: Answer) -> Placement:
    said = lenient.fields(answer.json())
    if 200 <= answer.status < 300:
        task_id = lenient.identifier(said.get("task_id")) or lenient.identifier(said.get("id"))
        if not task_id:
            return statuses.unnamed()
        return Accepted(task_id, lenient.whole(said.get("credits")), lenient.whole(said.get("seed")))
    reason = lenient.text(said.get("reason"))
    if answer.status == 429 or (400 <= answer.status < 500 and reason in _BUSY_WORDS):
        return NotYet(answer.retry_after)
    if clear := statuses.placed(answer):
        return clear
    kind = _class_of(reason, statuses.refusal_class(answer))
    return statuses.refused(answer, kind, reason[:256], lenient.text(said.get("message"))[:500])


def observed(answer: Answer) -> Observation:
    said = lenient.fields(answer.json())
    reason = lenient.text(said.get("reason"))[:256]
    if answer.status == 200:
        return _told(said, answer.body)
    if nothing := statuses.seen(answer, reason):
        return nothing
    if reason in _BUSY_WORDS:
        return statuses.busy(answer, reason)
    if reason == "TaskNotFound" or (answer.status == 404 and reason):
        return Missing()
    return statuses.unreadable(answer, reason)


def listed(items: Sequence[Json], dialect: str) -> ListedPage:
    """The successes among these items of a list. What makes sound or pictures is no video, and is passed over."""
    return creations.successes(
        items,
        made=lambda said: said.get("state") == "success" and not _NO_VIDEO.search(lenient.text(said.get("type"))),
        id_of=lambda said: lenient.identifier(said.get("id")),
        read=lambda said: (_request(said, dialect), _told(said, b"")),
    )


def _request(said: Mapping[str, Json], dialect: str) -> Request:
    images = said.get("images")
    links = tuple(filter(None, map(lenient.link, images))) if isinstance(images, list) else ()
    template = lenient.text(said.get("template"))
    seconds = lenient.whole(said.get("duration"))
    kinds = {word: kind for kind, word in vidu.TYPES.items()} | {kind.value: kind for kind in Kind}
    otherwise = Kind.TEMPLATE2VIDEO if template else Kind.IMG2VIDEO if links else Kind.TEXT2VIDEO
    return Request(
        dialect=dialect,
        kind=kinds.get(lenient.text(said.get("type")), otherwise),
        model=lenient.text(said.get("model"))[:256],
        prompt=lenient.text(said.get("prompt")),
        images=links,
        template=template[:256],
        duration=seconds or None,
        resolution=lenient.text(said.get("resolution"))[:256],
        aspect_ratio=lenient.text(said.get("aspect_ratio"))[:256],
        off_peak=said.get("off_peak") is True,
        payload=lenient.text(said.get("payload")),
    )


_NO_VIDEO = re.compile(r"audio|2image$")


def _class_of(reason: str, otherwise: FailureClass) -> FailureClass:
    return next((found for words, found in _CLASSES if re.fullmatch(words, reason)), otherwise)


def _told(said: Mapping[str, Json], raw: bytes) -> Observation:
    word = lenient.text(said.get("state"))
    if not word:
        return Unreadable("the provider named no state", raw)
    if word == "success":
        made = _creations(said.get("creations"))
        if not made:
            return Unreadable("the provider reported success without a link to a video", raw, made=True)
        return Succeeded(made, lenient.whole(said.get("credits")), lenient.whole(said.get("seed")))
    if word == "failed":
        code = lenient.text(said.get("err_code"))[:256]
        kind = _class_of(code, FailureClass.PROVIDER)
        message = f"{_SENTENCES.get(kind, 'the provider failed')} ({code or 'it gave no reason'})"
        retryable = code in _BUSY_WORDS or code == "InternalServiceFailure"
        return Failed(Failure(reason=kind, code=code, message=message, retryable=retryable))
    if word in _PENDING:
        return Pending(_PENDING[word])
    return Pending(State.PROCESSING, word[:64])


def _creations(value: Json) -> tuple[Creation, ...]:
    """Those with a link to a video, each once. One page calls them an object and shows an array, another calls
    them strings, and what was seen there are objects whose links are named `uri`."""
    found: dict[str, Creation] = {}
    for number, item in enumerate(value if isinstance(value, list) else [value], 1):
        said = {"url": item} if isinstance(item, str) else lenient.fields(item)
        creation = _creation(lenient.identifier(said.get("id")) or str(number), said)
        if creation.asset("video"):
            found.setdefault(creation.id, creation)
    return tuple(found.values())


def _creation(creation_id: str, said: Mapping[str, Json]) -> Creation:
    moderation = said.get("moderation_url")
    copies = moderation if isinstance(moderation, list) else [moderation]
    marked = lenient.link(said.get("url")) or lenient.link(said.get("uri"))
    clean = lenient.link(said.get("nomark_uri"))  # the same as above, for those who pay for it
    sources = {
        "video": clean or marked,
        "cover": lenient.link(said.get("cover_url")) or said.get("cover_uri"),
        "watermarked": said.get("watermarked_url") or (clean and marked),
        **{f"moderation-{number}": copy for number, copy in enumerate(copies, 1)},
    }
    video = lenient.fields(said.get("video"))
    size = lenient.fields(video.get("resolution"))
    return Creation(
        id=creation_id,
        assets=creations.assets(sources),
        duration=lenient.number(video.get("duration")),
        fps=lenient.number(video.get("fps")),
        width=lenient.whole(size.get("width")),
        height=lenient.whole(size.get("height")),
    )


# --- what a provider says when it calls us ---


def callback_signature(address: str, headers: Mapping[str, str]) -> Signature | None:
    """It covers our address, the date and the headers that it names; not the body, which is why nobody reads that.

    Source: platform.vidu.com/docs/callback-signature. Of what AWS says that its HTTP APIs do to headers, nothing is
    done to Date; its REST APIs may put it under another name (API Gateway's "important notes"), which is read, too.
    Whoever stands in front and drops or replaces it makes the signature wrong, and then nobody is woken.
    """
    from email.utils import parsedate_to_datetime  # hardly anybody who loads this module needs it

    if "x-amzn-remapped-date" in headers:
        headers = {**headers, "date": headers["x-amzn-remapped-date"]}
    url, date = urlsplit(address), headers.get("date", "")
    named = filter(None, headers.get("x-hmac-signed-headers", "").split(";"))
    signed = (f"{name}:{headers.get(name.lower(), '')}" for name in named)
    lines = ["POST", url.path, url.query, _ACCESS_KEY, date, *signed]
    try:
        digest = base64.b64decode(headers.get("x-hmac-signature", ""), validate=True)
        made_at = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    if made_at.tzinfo is None or headers.get("x-hmac-algorithm") != "hmac-sha256":
        return None
    text = "".join(f"{line}\n" for line in lines)
    return Signature(text=text.encode(errors="replace"), digest=digest, made_at=made_at)


_ACCESS_KEY = "vidu"  # of everybody
