"""Vidu's ent/v2, as a provider's client speaks it."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from reelkeep.dialects.grammar import lenient, vidu_answers
from reelkeep.dialects.grammar.client import UNPROVEN, Client, Row, Witness, may_date_from, shows_earlier, witness
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.vidu_ent_v2 import LARGEST_PAGE, NAME, PREFIX, SEGMENTS
from reelkeep.domain.observation import (
    Absent,
    Finding,
    Found,
    ListedPage,
    Observation,
    Placement,
    Uncertain,
    Untraceable,
)
from reelkeep.domain.task import Request, Task
from reelkeep.domain.wire import Answer, Call, Callbacks, Json, OtherTask, Search

_LONGEST = timedelta(hours=48)  # that a task may take there, off-peak
_BEFORE = timedelta(minutes=5)  # the provider's clock may be late

Query = tuple[tuple[str, str], ...]


class _Client(Client):
    name = NAME
    path = f"{PREFIX}/tasks"
    authorization = "Token {key}"
    callbacks: Callbacks | None = Callbacks(field="callback_url", signature=vidu_answers.callback_signature)

    def write(self, request: Request) -> dict[str, Json]:
        from reelkeep.dialects.vidu_ent_v2 import bodies  # with pydantic, for which a poll need not wait

        return bodies.write(request)

    def place(self, task: Task) -> Call:
        body = self.body(task)
        if task.source_creation:
            body["video_creation_id"] = task.source_creation
        body["payload"] = task.id  # what a lost answer is found again by; the client's own we echo ourselves
        return Call(method="POST", path=f"{PREFIX}/{SEGMENTS[task.request.kind]}", body=body)

    def read_placed(self, answer: Answer) -> Placement:
        return vidu_answers.placement(answer)

    def observe(self, task: Task) -> Call:
        return self._look(task.provider_task_id)

    def _look(self, task_id: str) -> Call:
        return Call(method="GET", path=f"{self.path}/{task_id}/creations")

    def read_observed(self, answer: Answer) -> Observation:
        return vidu_answers.observed(answer)

    def list_successes(self, since: datetime, page: str) -> Call | None:
        """The list knows when a task was made, not when it ended, which is two days later at the most.

        Pages may be shorter than asked for: without a token the last one is that which is empty, or the one before
        once more.
        """
        name, _, value = page.partition("=")
        if name == "pager.page":
            value = value.partition(":")[0]
        query = (
            ("created_at.from", rfc3339(since - _LONGEST)),
            ("states", "success"),
            ("pager.pagesz", str(LARGEST_PAGE)),
            (name or "pager.page", value or "0"),
        )
        return Call(method="GET", path=self.path, query=query)

    def read_successes(self, answer: Answer, since: datetime, page: str) -> ListedPage | None:
        said = lenient.fields(answer.json())
        items = said.get("tasks")
        if answer.status != 200 or not isinstance(items, list):
            return None
        read = vidu_answers.listed(items, NAME)
        token = lenient.text(said.get("next_page_token"))
        if token and items:
            return replace(read, next_page=f"pager.page_token={token}")
        name, _, place = page.partition("=")
        number, _, before = place.partition(":")
        last = lenient.identifier(lenient.fields(items[-1]).get("id")) if items else before
        if name == "pager.page_token" or last == before:
            return read
        return replace(read, next_page=f"pager.page={int(number or 0) + 1}:{last}")

    def cancel(self, task: Task) -> Call | None:
        task_id = task.provider_task_id
        if not task_id:
            return None
        return Call(method="POST", path=f"{self.path}/{task_id}/cancel", body={"id": task_id})

    def read_cancelled(self, answer: Answer) -> bool:
        return answer.status == 200 or lenient.fields(answer.json()).get("reason") == "UserCancelled"

    def find(self, task: Task, other: OtherTask) -> Search:
        """By our id in the payload: first in the part of the list where it should be, then in all of it.

        The list is not documented to show payloads. Rows without one are looked at one by one, where they are: those
        with our prompt, and those that may be of the time of the call.
        """
        looked_at: dict[str, Finding | None] = {}
        for window in ((("created_at.from", rfc3339(task.lost_since - _BEFORE)),), ()):
            rows = dict[str, Row]()
            ended = yield from self._read_list(task, window, rows)
            if isinstance(ended, Found | Uncertain):
                return ended
            is_whole = ended or shows_earlier(rows.values(), task, other)
            seen = witness(rows.values(), task, other) if not window and is_whole else None
            for row in (suspects := _suspects(rows.values(), task, seen, other)):
                if row.id and row.id not in looked_at:
                    looked_at[row.id] = finding = yield from self._look_for(task, row.id)
                    if isinstance(finding, Found):
                        return finding
        doubts = [looked_at[row.id] if row.id else _WITHOUT_ID for row in suspects]
        doubt = next((each for each in doubts if each is not None), None)
        return doubt or (Absent() if seen else UNPROVEN)

    def _read_list(
        self, task: Task, window: Query, rows: dict[str, Row]
    ) -> Generator[Call, Answer, Found | Uncertain | bool]:
        """Adds what is listed to `rows`, and says whether it is the whole list for certain.

        Pages may be shorter than asked for: the last one is empty. Where it is the one before once more, it may be
        that there are no other pages than the first.
        """
        page, number = ("pager.page", "0"), 0
        while True:
            query = (*window, page, ("pager.pagesz", str(LARGEST_PAGE)))
            answer = yield Call(method="GET", path=self.path, query=query)
            said = lenient.fields(answer.json())
            listed = said.get("tasks")
            if answer.status != 200 or not isinstance(listed, list):
                return Uncertain(f"the provider answered {answer.status} when it was asked for its list")
            before = len(rows)
            for found in map(lenient.fields, listed):
                row = Row(lenient.identifier(found.get("id")), lenient.moment(found.get("created_at")), found)
                if found.get("payload") == task.id:
                    return Found(row.id) if row.id else _WITHOUT_ID
                rows[row.id or repr(found)] = row
            token = lenient.text(said.get("next_page_token"))
            if not listed or (before == len(rows) and not token):
                return not listed
            number += 1
            page = ("pager.page_token", token) if token else ("pager.page", str(number))

    def _look_for(self, task: Task, task_id: str) -> Generator[Call, Answer, Finding | None]:
        """Whether this is the one; None if it is not."""
        answer = yield self._look(task_id)
        said = lenient.fields(answer.json())
        if answer.status != 200 or not lenient.text(said.get("state")):
            return Uncertain("the provider lists a task that may be this one, but does not show it")
        if "payload" not in said:
            return Untraceable()
        return Found(task_id) if said["payload"] == task.id else None


def _suspects(rows: Iterable[Row], task: Task, seen: Witness | None, other: OtherTask) -> list[Row]:
    """Those without a payload that may be this task; first those with its prompt, of whatever time."""
    found = [
        row
        for row in rows
        if not row.said.get("payload")
        and (may_date_from(row, task, seen) or (seen is None and row.said.get("prompt") == task.request.prompt))
        and not (row.id and other(row.id))
    ]
    return sorted(found, key=lambda row: row.said.get("prompt") != task.request.prompt)


_WITHOUT_ID = Uncertain("the provider lists a task without an id, which may be this one")


upstream = _Client()
