"""OpenAI's Videos, as a provider's client speaks them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from reelkeep.dialects.families.client import segment
from reelkeep.dialects.families.gateway import Gateway
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.openai_videos import LARGEST_PAGE, NAME, PATH
from reelkeep.domain.task import Asset, Creation
from reelkeep.domain.wire import Pages, ProviderRequest

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

    def successes(self, since: datetime) -> Pages:
        """Newest first, and not to be filtered by time: no page is asked for that is older than a video may take."""
        after = ""
        while True:
            query = (("limit", str(LARGEST_PAGE)), ("order", "desc"), *([("after", after)] if after else []))
            answer = yield ProviderRequest(method="GET", path=PATH, query=query)
            if answer.status in (404, 405):  # gateways have no list
                return
            page, rows = self.page_in(answer, "data")
            yield self.successes_in(rows, since, "completed_at")
            oldest = self.last_row(rows)
            created_at, following = oldest.moment("created_at"), oldest.id("id")
            is_old = created_at is not None and created_at < since - _LONGEST
            if page.fields.get("has_more") is not True or is_old or following in ("", after):
                return
            after = following


upstream = _Client()
