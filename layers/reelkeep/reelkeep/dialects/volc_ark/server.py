"""Ark's content generation, as it is served to clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from reelkeep.dialects.dialect import AnyRoute, Http, List, Remove, Reply, Show, Submit
from reelkeep.dialects.grammar.creations import kept_links
from reelkeep.dialects.grammar.moments import unix
from reelkeep.dialects.grammar.query import Query
from reelkeep.dialects.volc_ark import LARGEST_PAGE, NAME, PATH, bodies, openapi, refusals
from reelkeep.domain.errors import ClientError, InvalidRequest
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.task import Creation, Request, State, Task
from reelkeep.domain.wire import Json

_BASES = ("/volc/v1", openapi.OWN_BASE)
_WINDOW = timedelta(days=7)  # what Ark remembers
_WORDS: dict[State, str] = {
    State.CREATED: "queued",
    State.QUEUEING: "queued",
    State.PROCESSING: "running",
    State.ARCHIVING: "running",
    State.SUCCESS: "succeeded",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
}
_ECHOED = ("draft", "execution_expires_after", "frames", "output_format", "priority", "safety_identifier", "tools")


class _Server:
    name = NAME
    prefixes = tuple(f"{base}/" for base in _BASES)

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        return tuple(route for base in _BASES for route in _routes(base))

    def render_error(self, error: ClientError, http: Http) -> Reply:
        return refusals.refusal(error, http)

    def render_fault(self, known: str = "") -> Reply:
        return refusals.fault(known)

    @property
    def schemas(self) -> Mapping[str, Any]:
        return openapi.schemas(tuple(dict.fromkeys(_WORDS.values())))


def _routes(base: str) -> tuple[AnyRoute, ...]:
    path = f"{base}{PATH}"
    one = f"{path}/{{task_id}}"
    submit, list_, show, remove = openapi.described_at(base)
    return (
        Submit(method="POST", path=path, description=submit, parse=_parsed, render=_created),
        List(method="GET", path=path, description=list_, window=_WINDOW, parse=_parse_listing, render=_listed),
        Show(method="GET", path=one, description=show, render=_shown),
        Remove(
            method="DELETE",
            path=one,
            description=remove,
            keeps=frozenset({State.CANCELLED}),
            render=lambda _: Reply(body={}),
        ),
    )


dialect = _Server()


def _parsed(http: Http) -> Request:
    sent = http.json()
    return Request(dialect=NAME, body=sent, **bodies.read(sent))


def _parse_listing(http: Http) -> Listing:
    query = Query(http.query)
    page, size = _numbered(query, "page_num", 1), _numbered(query, "page_size", openapi.USUAL_PAGE)
    words, tiers = query.words("filter.status"), query.words("filter.service_tier")
    for name, given, known in (("status", words, _WORDS.values()), ("service_tier", tiers, bodies.TIERS)):
        if not set(given) <= set(known):
            message = f"filter.{name} must be one of {', '.join(dict.fromkeys(known))}"
            raise InvalidRequest(message, field=f"filter.{name}")
    wanted = {bodies.TIERS[tier] for tier in tiers}
    return Listing(
        filter=Filter(
            states=tuple(state for state, word in _WORDS.items() if word in words),
            task_ids=query.words("filter.task_ids"),
            models=query.words("filter.model"),
            off_peak=wanted.pop() if len(wanted) == 1 else None,
        ),
        size=size,
        skip=(page - 1) * size,
        counted=True,
    )


def _numbered(query: Query, name: str, usual: int) -> int:
    number = query.number(name, usual)
    if not 1 <= number <= LARGEST_PAGE:
        raise InvalidRequest(f"{name} must be from 1 to {LARGEST_PAGE}", field=name)
    return number


def _created(task: Task) -> Reply:
    said = _said(task, ("safety_identifier",))
    return Reply(body={"id": task.id, **said})


def _shown(task: Task, links: Links) -> Reply:
    return Reply(body=_task(task, links))


def _listed(page: Page, links: Links, _: Listing) -> Reply:
    return Reply(body={"items": [_task(task, links) for task in page], "total": page.total or 0})


def _task(task: Task, links: Links) -> Json:
    """Ark leaves `content` and `usage` out until success; the list's page under /volc/v1 has them always."""
    request, tokens = task.request, task.tokens or 0  # none counted is none known of: other providers have no tokens
    creation = task.creations[0] if task.creations and task.state is State.SUCCESS else Creation(id="")
    files = kept_links(creation, links)
    video = creation.asset("video")
    made = video.kept if video and video.kept else creation  # measured rather than claimed
    seconds = made.duration or request.duration
    own = _said(task, _ECHOED)
    known = {
        "seed": request.seed if task.seed is None else task.seed,
        "resolution": request.resolution or None,
        "ratio": request.aspect_ratio or None,
        "duration": round(seconds) if seconds and "frames" not in own else None,
        "framespersecond": round(made.fps) if made.fps else None,
        "generate_audio": request.audio,
    }
    content = {"video_url": files.get("video", "")}
    if "last-frame" in files:
        content["last_frame_url"] = files["last-frame"]
    return {
        "id": task.id,
        "model": request.model,
        "status": _WORDS[task.state],
        "error": refusals.told(task.failure) if task.failure and task.state is State.FAILED else None,
        "content": content,
        "usage": {"completion_tokens": tokens, "total_tokens": tokens},
        "created_at": unix(task.created_at),
        "updated_at": unix(task.finished_at or task.updated_at),
        **{name: value for name, value in known.items() if value is not None},
        "service_tier": "flex" if request.off_peak else "default",
        **own,
    }


def _said(task: Task, names: Sequence[str]) -> dict[str, Json]:
    body = task.request.body if task.request.dialect == NAME else {}
    return {name: body[name] for name in names if body.get(name) not in (None, "")}
