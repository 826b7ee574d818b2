"""Announce: a task's state changed; record what each webhook is sent, and hand it to the outbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from reelkeep.domain.delivered import differences
from reelkeep.domain.links import Links
from reelkeep.domain.notices.notice import News, differs, notice, updated
from reelkeep.domain.notices.webhooks import (
    CALLBACK_STATES,
    CALLBACKS,
    BodyFormat,
    Delivery,
    Outcome,
    Webhook,
    delivery_id,
)
from reelkeep.domain.task import DispatchStatus, State, Task
from reelkeep.domain.wire import Json
from reelkeep.ports.notices import Deliveries, Outbox, Render, Waiting

EVENT_CONTENT = "application/cloudevents+json"
_BODY_BYTES = 300_000  # of the body as JSON quotes it in a record, which holds 400 KB


@dataclass(frozen=True, slots=True)
class Announce:
    """Announces a change of a task's state to webhooks and callbacks. Repeating it changes nothing."""

    webhooks_of: Callable[[str], Sequence[Webhook]]  # an owner, oldest first
    deliveries: Deliveries
    waiting: Waiting
    outbox: Outbox
    render: Render
    links: Links
    estimate: Callable[[Task], Task]  # when it ends

    def __call__(self, before: Task, task: Task) -> int:
        """The number of receivers."""
        if before.state is task.state:
            deliveries = self._late_files(before, task)
        elif _was_answered(before, task):
            return 0
        else:
            deliveries = self._wanted(task)
        return self.hand_over(deliveries)

    def hand_over(self, deliveries: Iterable[Delivery]) -> int:
        """Their number, however often they were handed over before."""
        count = 0
        for delivery in deliveries:
            known = self.deliveries.add(delivery)
            if known.outcome is Outcome.WAITING and not known.attempts and not known.replay_number:
                self.waiting.put(known.waiting)
                self.outbox.put((known.message, 0))
            count += 1
        return count

    def for_batch(self) -> Announce:
        """For changes that have all happened: each owner's webhooks are read once, and not for each of its tasks."""
        return replace(self, webhooks_of=cache(self.webhooks_of))

    def _wanted(self, task: Task) -> Iterator[Delivery]:
        differing = task.state is State.SUCCESS and bool(differences(task))
        for webhook in self.webhooks_of(task.owner):
            if webhook.id == CALLBACKS:
                continue
            if task.state in webhook.states:
                yield self._delivery(task, webhook.id, webhook.url, webhook.body_format, outcome_at_first(webhook))
            if differing and News.DIFFERS in webhook.news:
                yield self._news(task, webhook, News.DIFFERS, differs(task))
        url = task.request.callback_url
        if url and task.state in CALLBACK_STATES:
            yield self._delivery(task, CALLBACKS, url, BodyFormat.DIALECT, Outcome.WAITING)

    def _late_files(self, before: Task, task: Task) -> Iterator[Delivery]:
        """To webhooks that get successes as events. Other formats have no word for a second success."""
        if task.state is not State.SUCCESS or task.archived_files <= before.archived_files:
            return
        event = updated(task, self.links)
        for webhook in self.webhooks_of(task.owner):
            if webhook.id != CALLBACKS and task.state in webhook.states and webhook.body_format is BodyFormat.EVENT:
                yield self._news(task, webhook, "updated", event, number=f"-{task.archived_files}")

    def _news(self, task: Task, webhook: Webhook, name: str, event: dict[str, Any], number: str = "") -> Delivery:
        """As an event, whatever format the webhook has: the words of the others know no such thing."""
        made = self._delivery(task, webhook.id, webhook.url, BodyFormat.EVENT, outcome_at_first(webhook))
        message = delivery_id(webhook.id, task.id, f"{name}{number}", task.updated_at)
        return replace(made, id=message, event=name, body=_json(event))

    def _delivery(self, task: Task, webhook_id: str, url: str, body_format: BodyFormat, outcome: Outcome) -> Delivery:
        scheme, content_type = "", EVENT_CONTENT
        match body_format:
            case BodyFormat.EVENT:
                body = _json(notice(self.estimate(task), self.links))
            case BodyFormat.DIALECT:
                rendered = self.render(task, self.links)
                body, scheme, content_type = _json(rendered.body), rendered.scheme, "application/json"
                if len(json.dumps(body)) > _BODY_BYTES:
                    body = _json(self.render(_truncated(task), self.links).body)
        return Delivery(
            id=delivery_id(webhook_id, task.id, task.state, task.updated_at),
            owner=task.owner,
            webhook_id=webhook_id,
            event=task.state,
            task_id=task.id,
            url=url,
            body=body,
            content_type=content_type,
            scheme=scheme,
            created_at=task.updated_at,
            outcome=outcome,
        )


def outcome_at_first(webhook: Webhook) -> Outcome:
    return Outcome.HELD if webhook.paused else Outcome.WAITING


def _was_answered(before: Task, task: Task) -> bool:
    """The submission was refused, and its answer said so: the client does not know the task by any id."""
    at_once = before.updated_at == task.updated_at
    was_refused = task.dispatch.status is DispatchStatus.REFUSED
    return at_once and was_refused and not task.announcements.acknowledged_to_client


def _truncated(task: Task) -> Task:
    """Without what its client has sent itself. A change that cannot be recorded is never announced, and holds up the
    changes of all tasks after it."""
    return replace(task, request=replace(task.request, payload="", images=()))


def _json(body: Json) -> str:
    return json.dumps(body, ensure_ascii=False)
