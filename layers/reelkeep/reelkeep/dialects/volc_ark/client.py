"""Ark's content generation, as a provider's client speaks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zlib import crc32

from reelkeep.dialects.families.client import Client, hundreds, segment
from reelkeep.dialects.families.evidence import Row, absence, is_near, strangers
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.volc_ark import EXPIRES_AFTER, LARGEST_PAGE, NAME, PATH
from reelkeep.domain.observation import Found, Observation, Uncertain, Untraceable
from reelkeep.domain.task import State, Task
from reelkeep.domain.wire import Callbacks, Json, NoList, OtherTask, Pages, ProviderRequest, Roll, Search

_EXPIRY = "execution_expires_after"
_MARKS = 86_400


class _Client(Client):
    name = NAME
    path = PATH
    callbacks: Callbacks | None = Callbacks(field="callback_url")
    lists = True

    def dispatch(self, task: Task) -> ProviderRequest:
        body = self.body(task)
        mark = _mark(task)
        if mark is not None:
            body[_EXPIRY] = mark
        if task.source_creation:
            body["content"] = [_with_draft(item, task.source_creation) for item in body["content"]]
        return ProviderRequest(method="POST", path=self.path, body=body)

    def task_in(self, body: JsonObject) -> JsonObject:
        """Some aggregators put Ark's own words, if they pass them on, into another `data` in their envelope."""
        task = super().task_in(body)
        return JsonObject({**task.object("data").fields, **task.fields})

    def successes(self, since: datetime) -> Pages:
        """Those that ended since then, of all: their order is not documented, nor is a filter by time."""
        count = 0
        for number in range(1, LARGEST_PAGE + 1):  # which is also the last page's number
            answer = yield self._list(number, ("filter.status", "succeeded"))
            page, rows = self.page_in(answer, "items")
            yield self.successes_in(rows, since, "updated_at")
            count += sum(1 for row in rows if self.row(row).id)
            total = page.whole("total")
            if not rows or (len(rows) < LARGEST_PAGE if total is None else count >= total):
                return

    def observe_all(self, tasks: Sequence[Task]) -> Roll:
        observed = dict[str, Observation]()
        for some in hundreds(tasks):
            answer = yield self._list(1, *(("filter.task_ids", task.provider_task_id) for task in some))
            observed |= self.observed_in(self.page_in(answer, "items")[1])
        return observed

    def _list(self, number: int, *filters: tuple[str, str]) -> ProviderRequest:
        query = (*filters, ("page_num", str(number)), ("page_size", str(LARGEST_PAGE)))
        return ProviderRequest(method="GET", path=self.path, query=query)

    def cancel(self, task: Task) -> ProviderRequest | None:
        """The same call erases a task that is done: it must not be made unless the task is in the queue."""
        if task.state is not State.QUEUEING or not task.provider_task_id:
            return None
        return ProviderRequest(method="DELETE", path=f"{self.path}/{segment(task.provider_task_id)}")

    def find(self, task: Task, other: OtherTask) -> Search:
        """By its mark, among all that Ark has: its list knows no time to be filtered by.

        What has our mark and was asked for otherwise is not taken for ours, nor is it overlooked.
        """
        mark, rows, total, number = _mark(task), dict[str, Row](), None, 0
        while total is None or _named(rows) < total:
            number += 1
            answer = yield self._list(number)
            page, listed = self.page_in(answer, "items")
            if (counted := page.whole("total")) is None:
                raise NoList(answer)
            before = _named(rows)
            rows |= {row.key: row for row in map(self.row, listed)}
            if mark is not None and (finding := _marked(rows.values(), mark, task, other)):
                return finding
            if total not in (None, counted) or before == _named(rows) < counted:
                return Uncertain("the provider's list changed while it was read")
            total = counted
        if mark is None:
            unmarked = (None, task.request.expires_after or EXPIRES_AFTER)
            if strangers((row for row in rows.values() if _echo(row) in unmarked), task, other):
                return Untraceable()
        return absence(rows.values(), task, other, shown=_shown_mark, sent=_mark)


upstream = _Client()


def _mark(task: Task) -> int | None:
    """What distinguishes this task in Ark's list, which echoes nothing that is meant for that.

    It does echo how many seconds a task may take, and no task with this tier takes a day: so, if the client does not
    care, each gets a number of its own between 24 and 48 hours. None if the client does care.
    """
    request = task.request
    if request.off_peak or request.expires_after not in (None, EXPIRES_AFTER):
        return None
    return EXPIRES_AFTER - 1 - crc32(task.id.encode()) % _MARKS


def _with_draft(item: Json, task_id: str) -> Json:
    """A client knows its draft by our id, the provider by its own."""
    is_draft = isinstance(item, dict) and item.get("type") == "draft_task"
    return {**item, "draft_task": {"id": task_id}} if is_draft else item


def _named(rows: Mapping[str, Row]) -> int:
    """How many of the tasks that there are in all were seen. What has no id may not be one."""
    return sum(1 for row in rows.values() if row.id)


def _marked(rows: Iterable[Row], mark: int, task: Task, other: OtherTask) -> Found | Uncertain | None:
    """Another task may have the same mark by chance: not so one that is known to be another with that mark, and of
    several that may be ours, the time decides. If the id is known to be that of a task with another mark, nobody
    knows which of the two it is now."""
    marked = [(row, other(row.id) if row.id else None) for row in rows if _echo(row) == mark]
    ours = [row for row, known in marked if known is None]
    if not ours and any(known and _mark(known) != mark for _, known in marked):
        return _INDISTINCT
    if len(ours) > 1:
        ours = [row for row in ours if is_near(row, task)] or ours
    if not ours:
        return None
    if len(ours) == 1 and ours[0].id and _is_asked_for(ours[0], task):
        return Found(ours[0].id)
    return _INDISTINCT


_INDISTINCT = Uncertain("the provider's list does not distinguish its tasks")


def _is_asked_for(row: Row, task: Task) -> bool:
    """As far as the list shows it. An endpoint (ep-…) is listed as the model that it stands for."""
    asked, model, tier = task.request.model, row.task.text("model"), row.task.fields.get("service_tier")
    return (model in ("", asked) or asked.startswith("ep-")) and tier in (None, "", "default")


def _echo(row: Row) -> int | None:
    return row.task.whole(_EXPIRY)


def _shown_mark(row: Row) -> int | None:
    """None for a time that nobody would take for a mark: Ark's default stands where a mark was dropped, an
    aggregator's own default would, too."""
    echo = _echo(row)
    return echo if echo is not None and EXPIRES_AFTER - _MARKS < echo < EXPIRES_AFTER else None
