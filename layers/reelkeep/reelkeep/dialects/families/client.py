"""A dialect as a provider's client speaks it: what most of them have in common."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from urllib.parse import quote

from reelkeep.dialects.families.answers import Answers
from reelkeep.dialects.families.evidence import Row
from reelkeep.dialects.families.lenient import JsonObject, link
from reelkeep.dialects.families.vocabulary import meaning_of
from reelkeep.domain.drift import AccountBalance
from reelkeep.domain.observation import Listed, ListedPage, Observation
from reelkeep.domain.task import Kind, Request, State, Task
from reelkeep.domain.wire import (
    Callbacks,
    Json,
    NoList,
    OtherTask,
    Pages,
    ProviderRequest,
    ProviderResponse,
    Roll,
    Search,
)

_OURS = frozenset({"callback_url", "provider"})  # meant for us, so not for the provider


class Client(Answers):
    """Submits tasks at one path, and polls each below it. What more a format can do, its own client says."""

    path: str  # of submissions; one task is at `{path}/{id}`
    authorization = "Bearer {key}"
    model_field = "model"  # of bodies, if it may be left out there; "" if the format has a model of its own then
    callbacks: Callbacks | None = None
    lists = False

    def credential(self, key: str, now: datetime) -> str:
        return key

    def ask_account(self, now: datetime) -> ProviderRequest | None:
        return None

    def read_slots(self, answer: ProviderResponse) -> int | None:
        return None

    def read_balance(self, answer: ProviderResponse) -> AccountBalance | None:
        return None

    def write(self, request: Request) -> dict[str, Json]:
        """The body for a request that another dialect brought. Raises InvalidRequest for what it cannot say."""
        from reelkeep.dialects.translate import write  # and the models of bodies, which a poll does not need

        return write(request, import_module(f"reelkeep.dialects.{self.name}.wire").BODIES)

    def forwarded_body(self, request: Request) -> dict[str, Json]:
        """The body that a client sent in this very dialect, without nulls: they stand for what was left out."""
        return {name: value for name, value in _without_nulls(request.body).items() if name not in _OURS}

    def body(self, task: Task) -> dict[str, Json]:
        request = task.request
        if request.dialect != self.name or not request.body:
            return self.write(request)
        body = self.forwarded_body(request)
        if self.model_field and request.model and not body.get(self.model_field):
            body[self.model_field] = request.model
        return body

    def dispatch(self, task: Task) -> ProviderRequest:
        return ProviderRequest(method="POST", path=self.path, body=self.body(task))

    def observe(self, task: Task) -> ProviderRequest:
        return ProviderRequest(method="GET", path=f"{self.path}/{segment(task.provider_task_id)}")

    # It lists nothing, cancels nothing, and echoes nothing that a lost task could be known by.

    def successes(self, since: datetime) -> Pages:
        yield from ()

    def observe_all(self, tasks: Sequence[Task]) -> Roll:
        yield from ()
        return {}

    def cancel(self, task: Task) -> ProviderRequest | None:
        return None

    def find(self, task: Task, other: OtherTask) -> Search | None:
        return None

    # --- lists: a bad row costs that row only ---

    def page_in(self, answer: ProviderResponse, name: str) -> tuple[JsonObject, list[Json]]:
        """The object that holds the list of this name, maybe in an envelope, and its rows. Raises NoList."""
        body = JsonObject(answer.json())
        page = body.object("data") or body
        rows = page.fields.get(name)
        if not answer.ok or not isinstance(rows, list):
            raise NoList(answer)
        return page, rows

    def row(self, value: Json) -> Row:
        task = JsonObject(value)
        return Row(self.task_id(task), task.moment("created_at"), task)

    def successes_in(self, rows: Sequence[Json], since: datetime | None = None, ended_at: str = "") -> ListedPage:
        """The successes among the rows; of those whose end has a name, the ones that ended since then."""
        found, unreadable = [], 0
        for value in rows:
            row = self.row(value)
            task, created_at = row.task, row.created_at
            if meaning_of(self.status(task)) is not State.SUCCESS or not self.is_video(task):
                unreadable += not isinstance(value, dict)
            elif not row.id:
                unreadable += 1
            elif since is None or (task.moment(ended_at) or created_at or since) >= since:
                request, seen = self._request(task), self.observation(task)
                found.append(Listed(provider_task_id=row.id, created_at=created_at, request=request, seen=seen))
        return ListedPage(tuple(found), unreadable=unreadable)

    def observed_in(self, rows: Sequence[Json]) -> dict[str, Observation]:
        """How the tasks of these rows are doing, in the words of a poll."""
        tasks = (self.row(value) for value in rows)
        return {row.id: self.observation(row.task) for row in tasks if row.id and self.status(row.task)}

    def last_row(self, rows: Sequence[Json]) -> JsonObject:
        """The last one with an id: the next page goes on from it."""
        tasks = map(JsonObject, reversed(rows))
        return next((task for task in tasks if self.task_id(task)), JsonObject(None))

    def is_video(self, task: JsonObject) -> bool:
        return True

    def kind(self, word: str) -> Kind | None:
        """What the list calls so."""
        return None

    def _request(self, task: JsonObject) -> Request:
        """What was asked for, as far as the list shows it."""
        images = task.fields.get("images")
        links = tuple(filter(None, map(link, images))) if isinstance(images, list) else ()
        template, audio = task.text("template")[:256], task.fields.get("generate_audio")
        otherwise = Kind.TEMPLATE2VIDEO if template else Kind.IMG2VIDEO if links else Kind.TEXT2VIDEO
        return Request(
            dialect=self.name,
            kind=self.kind(task.text("type")) or otherwise,
            model=task.text("model")[:256],
            prompt=task.text("prompt"),
            images=links,
            template=template,
            duration=task.whole("duration", "seconds") or None,
            resolution=task.text("resolution")[:256],
            aspect_ratio=task.text("aspect_ratio", "ratio")[:256],
            audio=audio if isinstance(audio, bool) else None,
            off_peak=task.fields.get("off_peak") is True or task.text("service_tier") == "flex",
            payload=task.text("payload"),
        )


def hundreds(tasks: Sequence[Task]) -> Iterator[Sequence[Task]]:
    """As many as one call asks for by their ids: more would make its address too long for some servers."""
    return (tasks[first : first + 100] for first in range(0, len(tasks), 100))


def segment(task_id: str) -> str:
    """The id as one segment of a path, whatever its characters. A colon may stand there, and some servers insist."""
    return quote(task_id, safe=":")


def hs256(claims: Mapping[str, Json], secret: str) -> str:
    """A JSON Web Token (RFC 7519)."""
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    text = b".".join(map(_base64url, parts))
    return (text + b"." + _base64url(hmac.digest(secret.encode(), text, hashlib.sha256))).decode()


def _base64url(said: bytes) -> bytes:
    return base64.urlsafe_b64encode(said).rstrip(b"=")


def _without_nulls(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
