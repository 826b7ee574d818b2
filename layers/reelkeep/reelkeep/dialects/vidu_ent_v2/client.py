"""Vidu's ent/v2, as a provider's client speaks it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from reelkeep.dialects.grammar import lenient, vidu_answers
from reelkeep.dialects.grammar.client import Client, around_placing
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.vidu_ent_v2 import LARGEST_PAGE, NAME, PREFIX, SEGMENTS
from reelkeep.domain.observation import Absent, Found, ListedPage, Observation, Placement, Uncertain, Untraceable
from reelkeep.domain.task import Request, Task
from reelkeep.domain.wire import Answer, Call, Callbacks, Json, Search

_LONGEST = timedelta(hours=48)  # that a task may take there, off-peak


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

    def find(self, task: Task) -> Search:
        """By our id in the payload, among all that was made since the time of the call.

        The list is not documented to show payloads. If it shows none, its tasks from around the call are looked at
        one by one, where they are; what was asked for in our words comes first. That it is not there is certain only
        if the same list shows something that was made later.
        """
        first, last = around_placing(task)
        page, number, named, younger = ("pager.page", "0"), 0, False, False
        seen, unnamed = set[str](), dict[str, bool]()
        while True:
            query = (("created_at.from", rfc3339(first)), page, ("pager.pagesz", str(LARGEST_PAGE)))
            answer = yield Call(method="GET", path=self.path, query=query)
            said = lenient.fields(answer.json())
            listed = said.get("tasks")
            if answer.status != 200 or not isinstance(listed, list):
                return Uncertain(f"the provider answered {answer.status} when it was asked for its list")
            before = len(seen)
            for found in map(lenient.fields, listed):
                task_id, created_at = lenient.identifier(found.get("id")), lenient.moment(found.get("created_at"))
                if found.get("payload") == task.id and task_id:
                    return Found(task_id)
                seen.add(task_id)
                named = named or bool(found.get("payload"))
                if created_at is not None and created_at > last:
                    younger = True
                elif created_at is None or created_at >= first:
                    unnamed[task_id] = found.get("prompt") == task.request.prompt
            token = lenient.text(said.get("next_page_token"))
            if not listed or (before == len(seen) and not token):  # a short page need not be the last one
                break
            number += 1
            page = ("pager.page_token", token) if token else ("pager.page", str(number))
        for task_id in () if named else sorted(unnamed, key=lambda each: not unnamed[each]):
            if not task_id:
                return Uncertain("the provider lists a task without an id")
            answer = yield self._look(task_id)
            said = lenient.fields(answer.json())
            if answer.status != 200:
                return Uncertain("the provider lists a task that may be this one, but does not show it")
            if said.get("payload") == task.id:
                return Found(task_id)
            if "payload" not in said:
                return Untraceable()
        return Absent() if younger else Uncertain("the provider lists nothing that is younger than the call")


upstream = _Client()
