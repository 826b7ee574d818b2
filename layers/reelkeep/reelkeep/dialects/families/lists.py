"""How a provider's list of tasks is read, in every format that has one. A bad row costs that row only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reelkeep.dialects.families.answers import Answers
from reelkeep.dialects.families.evidence import Row
from reelkeep.dialects.families.lenient import JsonObject, link
from reelkeep.dialects.families.vocabulary import meaning_of
from reelkeep.domain.observation import Listed, ListedPage
from reelkeep.domain.task import Kind, Request, State
from reelkeep.domain.wire import Json, ProviderResponse


class Lists(Answers):
    def page_in(self, answer: ProviderResponse, name: str) -> tuple[JsonObject, list[Json]] | None:
        """The object that holds the list of this name, maybe in an envelope, and its rows; None if there is none."""
        body = JsonObject(answer.json())
        page = body.object("data") or body
        rows = page.fields.get(name)
        return (page, rows) if answer.ok and isinstance(rows, list) else None

    def row(self, value: Json) -> Row:
        task = JsonObject(value)
        return Row(self.task_id(task), task.moment("created_at"), task)

    def successes(self, rows: Sequence[Json], since: datetime | None = None, ended_at: str = "") -> ListedPage:
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
        """What was asked for, as far as the list tells it."""
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
