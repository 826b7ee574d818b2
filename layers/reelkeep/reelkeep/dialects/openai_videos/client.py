"""OpenAI's Videos, as a provider's client speaks them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from reelkeep.dialects.families.client import segment
from reelkeep.dialects.families.gateway import Gateway
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.openai_videos import LARGEST_PAGE, NAME, PATH
from reelkeep.domain.observation import ListedPage
from reelkeep.domain.task import Asset, Creation
from reelkeep.domain.wire import ProviderRequest, ProviderResponse

_LONGEST = timedelta(hours=24)  # that a video may take


class _Client(Gateway):
    name = NAME
    path = PATH

    def creations(self, task: JsonObject) -> tuple[Creation, ...]:
        """With the thumbnail that OpenAI has at the path of the video; not all that speak its format have one."""
        made, task_id = super().creations(task), self.task_id(task)
        if not task_id or len(made) != 1 or len(made[0].assets) != 1:
            return made
        (video,) = made[0].assets
        path = f".{PATH}/{segment(task_id)}/content?variant=thumbnail"
        cover = Asset(name="cover", source=path, expires_at=task.moment("expires_at"), optional=True)
        return (replace(made[0], assets=(video, cover)),)

    def list_successes(self, since: datetime, page: str) -> ProviderRequest | None:  # it has no filter by time
        query = (("limit", str(LARGEST_PAGE)), ("order", "desc"), *([("after", page)] if page else []))
        return ProviderRequest(method="GET", path=PATH, query=query)

    def read_successes(self, answer: ProviderResponse, since: datetime, page: str) -> ListedPage | None:
        """Newest first, so older pages than a video may take are not asked for. Gateways have no list."""
        if answer.status in (404, 405):
            return ListedPage(())
        if (found := self.page_in(answer, "data")) is None:
            return None
        body, rows = found
        read = self.successes(rows, since, "completed_at")
        oldest = self.last_row(rows)
        created_at = oldest.moment("created_at")
        if body.fields.get("has_more") is True and (created_at is None or created_at >= since - _LONGEST):
            return replace(read, next_page=oldest.id("id"))
        return read


upstream = _Client()
