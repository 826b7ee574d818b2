"""OpenAI's Videos, as a provider's client speaks them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from reelkeep.dialects.families.client import segment
from reelkeep.dialects.families.gateway import Gateway
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.openai_videos import LARGEST_PAGE, NAME, PATH
from reelkeep.domain.observation import Observation
from reelkeep.domain.task import Asset, Creation, Task
from reelkeep.domain.wire import Pages, ProviderRequest, Roll

_LONGEST = timedelta(hours=24)  # that a video may take
_PAGES_A_HUNDRED = 3  # tasks: those that ended meanwhile are in the list, too


class _Client(Gateway):
    name = NAME
    path = PATH
    lists = True

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
            answer = yield self._page(after)
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

    def observe_all(self, tasks: Sequence[Task]) -> Roll:
        """It cannot be asked for certain tasks: the newest are read, until it has shown these."""
        observed, after = dict[str, Observation](), ""
        for _ in range(_PAGES_A_HUNDRED * math.ceil(len(tasks) / LARGEST_PAGE)):
            answer = yield self._page(after)
            page, rows = self.page_in(answer, "data")
            observed |= self.observed_in(rows)
            after = self.last_row(rows).id("id")
            is_whole = all(task.provider_task_id in observed for task in tasks)
            if is_whole or page.fields.get("has_more") is not True or not after:
                break
        return observed

    def _page(self, after: str) -> ProviderRequest:
        query = (("limit", str(LARGEST_PAGE)), ("order", "desc"), *([("after", after)] if after else []))
        return ProviderRequest(method="GET", path=PATH, query=query)


upstream = _Client()
