"""Vidu's ent/v2, as a provider's client speaks it."""

from __future__ import annotations

import base64
import re
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

from reelkeep.dialects.families.client import Client, hundreds, segment
from reelkeep.dialects.families.evidence import ALTERED, UNPROVEN, Row, is_near, strangers, witnesses
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.replies import rfc3339
from reelkeep.dialects.vidu_ent_v2 import LARGEST_PAGE, NAME, PREFIX, SEGMENTS
from reelkeep.domain.drift import AccountBalance
from reelkeep.domain.observation import Absent, Finding, Found, Observation, Uncertain, Untraceable
from reelkeep.domain.task import Kind, Task
from reelkeep.domain.wire import (
    Callbacks,
    OtherTask,
    Pages,
    ProviderRequest,
    ProviderResponse,
    Roll,
    Search,
    Signature,
)

_NO_VIDEO = re.compile(r"audio|2image$")
_LONGEST = timedelta(hours=48)  # that a task may take there, off-peak
_BEFORE = timedelta(minutes=5)  # the provider's clock may be late

_FIRST_PAGE = ("pager.page", "0")

Parameter = tuple[str, str]  # of a query


def callback_signature(address: str, headers: Mapping[str, str]) -> Signature | None:
    """It covers our address, the date and the headers that it names; not the body, which is why we do not read that.

    Source: platform.vidu.com/docs/callback-signature. Of what AWS says that its HTTP APIs do to headers, nothing is
    done to Date; its REST APIs may put it under another name (API Gateway's "important notes"), which is read, too.
    A proxy that drops or replaces it makes the signature wrong, and the callback is ignored.
    """
    from email.utils import parsedate_to_datetime  # few of the functions that load this module need it

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


def _credits_in(answer: ProviderResponse) -> list[JsonObject]:
    """What the account holds of each kind. Source: platform.vidu.com/docs/get-credits, whose table calls the list
    `remaining_credits` and whose example `remains`."""
    body = JsonObject(answer.json())
    rows = body.fields.get("remains") or body.fields.get("remaining_credits")
    return [JsonObject(row) for row in rows] if answer.ok and isinstance(rows, list) else []


class _Client(Client):
    name = NAME
    path = f"{PREFIX}/tasks"
    authorization = "Token {key}"
    callbacks: Callbacks | None = Callbacks(field="callback_url", signature=callback_signature)
    lists = True

    def dispatch(self, task: Task) -> ProviderRequest:
        body = self.body(task)
        if task.source_creation:
            body["video_creation_id"] = task.source_creation
        body["payload"] = task.id  # what a lost answer is found again by; the client's own we echo ourselves
        return ProviderRequest(method="POST", path=f"{PREFIX}/{SEGMENTS[task.request.kind]}", body=body)

    def ask_account(self, now: datetime) -> ProviderRequest | None:
        return ProviderRequest(method="GET", path=f"{PREFIX}/credits", query=(("show_detail", "true"),))

    def read_slots(self, answer: ProviderResponse) -> int | None:
        """The sum over the kinds of credits that the account holds."""
        return sum(row.whole("concurrency_limit") or 0 for row in _credits_in(answer)) or None

    def read_balance(self, answer: ProviderResponse) -> AccountBalance | None:
        left = [row.whole("credit_remain") for row in _credits_in(answer)]
        known = [Decimal(each) for each in left if each is not None]
        return AccountBalance(left=sum(known, Decimal(0))) if known else None

    def observe(self, task: Task) -> ProviderRequest:
        return self._show(task.provider_task_id)

    def _show(self, task_id: str) -> ProviderRequest:
        return ProviderRequest(method="GET", path=f"{self.path}/{segment(task_id)}/creations")

    def successes(self, since: datetime) -> Pages:
        """The list knows when a task was made, not when it ended, which is at most two days later."""
        window, last, number = (("created_at.from", rfc3339(since - _LONGEST)), ("states", "success")), "", 0
        page: Parameter | None = _FIRST_PAGE
        while page:
            answer = yield self._list(*window, page)
            body, rows = self.page_in(answer, "tasks")
            yield self.successes_in(rows)
            number, before, last = number + 1, last, self.task_id(self.last_row(rows)) or last
            following = _next_page(number, body, is_new=last != before)
            page = following if following != page else None

    def observe_all(self, tasks: Sequence[Task]) -> Roll:
        observed = dict[str, Observation]()
        for some in hundreds(tasks):
            answer = yield self._list(*(("task_ids", task.provider_task_id) for task in some), _FIRST_PAGE)
            observed |= self.observed_in(self.page_in(answer, "tasks")[1])
        return observed

    def _list(self, *query: Parameter) -> ProviderRequest:
        return ProviderRequest(method="GET", path=self.path, query=(*query, ("pager.pagesz", str(LARGEST_PAGE))))

    def is_video(self, task: JsonObject) -> bool:
        return not _NO_VIDEO.search(task.text("type"))

    def kind(self, word: str) -> Kind | None:
        from reelkeep.dialects.families.vidu import TYPES  # what a poll need not wait for

        return next((kind for kind, known in TYPES.items() if word in (known, kind)), None)

    def cancel(self, task: Task) -> ProviderRequest | None:
        task_id = task.provider_task_id
        if not task_id:
            return None
        return ProviderRequest(method="POST", path=f"{self.path}/{segment(task_id)}/cancel", body={"id": task_id})

    def find(self, task: Task, other: OtherTask) -> Search:
        """By our id in the payload: first in the part of the list where it should be, then in all of it.

        The list is not documented to show payloads. Rows without one are polled one by one, where they are; first
        those with our prompt, and those that are of the time of the call. Another payload excludes a row only if the
        tasks of ours that the list shows have their own there; an empty one excludes none.
        """
        checked: dict[str, Finding | None] = {}
        for window in ((("created_at.from", rfc3339(task.dispatched_at - _BEFORE)),), ()):
            rows = dict[str, Row]()
            ended = yield from self._read_list(task, window, rows)
            if ended is not None:
                return ended
            ours = witnesses(rows.values(), task, other)
            is_shown = all(each.row.task.fields.get("payload") == each.task.id for each in ours)
            unnamed = [row for row in rows.values() if not (is_shown and row.task.fields.get("payload"))]
            suspects = strangers(unnamed, task, other)
            suspects.sort(key=lambda row: row.task.text("prompt") != task.request.prompt)
            for row in suspects:
                is_likely = row.task.text("prompt") == task.request.prompt or is_near(row, task)
                if row.id and row.id not in checked and (is_likely or not window):
                    checked[row.id] = finding = yield from self._check(task, row.id)
                    if isinstance(finding, Found):
                        return finding
        doubts = [checked[row.id] if row.id else _WITHOUT_ID for row in suspects]
        if doubt := next((each for each in doubts if each is not None), None):
            return doubt
        if not ours:
            return UNPROVEN
        if suspects and not isinstance((yield from self._check(ours[0].task, ours[0].row.id)), Found):
            return ALTERED
        return Absent()

    def _read_list(
        self, task: Task, window: tuple[Parameter, ...], rows: dict[str, Row]
    ) -> Generator[ProviderRequest, ProviderResponse, Found | Uncertain | None]:
        """Adds what is listed to `rows`; ends early at what has our payload."""
        page: Parameter | None = _FIRST_PAGE
        number = 0
        while page:
            answer = yield self._list(*window, page)
            body, listed = self.page_in(answer, "tasks")
            number, before = number + 1, len(rows)
            for row in map(self.row, listed):
                if row.task.text("payload") == task.id:
                    return Found(row.id) if row.id else _WITHOUT_ID
                rows[row.key] = row
            page = _next_page(number, body, is_new=len(rows) > before)
        return None

    def _check(self, task: Task, task_id: str) -> Generator[ProviderRequest, ProviderResponse, Finding | None]:
        """Whether this is the one; None if it has the payload of another."""
        answer = yield self._show(task_id)
        body = JsonObject(answer.json())
        if not answer.ok or not body.text("state"):
            return Uncertain("the provider lists a task that may be this one, but does not show it")
        if "payload" not in body.fields:
            return Untraceable()
        if body.text("payload") == task.id:
            return Found(task_id)
        return None if body.fields["payload"] else _WITHOUT_PAYLOAD


def _next_page(number: int, body: JsonObject, *, is_new: bool) -> Parameter | None:
    """Pages may be shorter than asked for: without a token the last one is empty, or the one before once more."""
    token = body.text("next_page_token")
    if not body.fields["tasks"] or not (token or is_new):
        return None
    return ("pager.page_token", token) if token else ("pager.page", str(number))


_WITHOUT_PAYLOAD = Uncertain("the provider lists a task without a payload, which may be this one")
_WITHOUT_ID = Uncertain("the provider lists a task without an id, which may be this one")


upstream = _Client()
