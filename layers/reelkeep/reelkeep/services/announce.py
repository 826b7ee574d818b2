"""Announce: a task's state changed; write down what each webhook is to be sent, and hand it over for delivery."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from reelkeep.domain.links import Links
from reelkeep.domain.notices.notice import notice
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    TOLD_BY_CALLBACK,
    Delivery,
    Form,
    Outcome,
    delivery_id,
)
from reelkeep.domain.task import Submission, Task
from reelkeep.domain.wire import Json
from reelkeep.ports import Deliveries, Outbox, Render, Webhooks

_EVENT = "application/cloudevents+json"
_ROOM = 300_000  # bytes of a record, which holds 400 KB, for the body as it is quoted there


def announce(
    before: Task,
    task: Task,
    *,
    webhooks: Webhooks,
    deliveries: Deliveries,
    outbox: Outbox,
    render: Render,
    links: Links,
) -> int:
    """How many are told. Once more changes nothing, so whatever fails in between may be repeated as a whole."""
    if before.state is task.state or _was_answered(before, task):
        return 0
    count = 0
    for delivery in _wanted(task, webhooks=webhooks, render=render, links=links):
        known = deliveries.add(delivery)
        if known.outcome is Outcome.WAITING and not known.attempts and not known.round:
            outbox.put(known)
        count += 1
    return count


def _was_answered(before: Task, task: Task) -> bool:
    """The submission was refused, and its answer said so: the client does not know the task by any id."""
    at_once = before.updated_at == task.updated_at
    return at_once and task.submission is Submission.REFUSED and not task.promised


def _wanted(task: Task, *, webhooks: Webhooks, render: Render, links: Links) -> Iterator[Delivery]:
    for webhook in webhooks.of(task.owner):
        if webhook.id != CALLBACKS and task.state in webhook.states:
            outcome = Outcome.HELD if webhook.paused else Outcome.WAITING
            yield _delivery(task, webhook.id, webhook.url, webhook.form, outcome, render=render, links=links)
    url = task.request.callback_url
    if url and task.state in TOLD_BY_CALLBACK:
        yield _delivery(task, CALLBACKS, url, Form.DIALECT, Outcome.WAITING, render=render, links=links)


def _delivery(
    task: Task, webhook_id: str, url: str, form: Form, outcome: Outcome, *, render: Render, links: Links
) -> Delivery:
    scheme, content_type = "", _EVENT
    match form:
        case Form.EVENT:
            body = _written(notice(task, links))
        case Form.DIALECT:
            rendered = render(task, links)
            body, scheme, content_type = _written(rendered.body), rendered.scheme, "application/json"
            if len(json.dumps(body)) > _ROOM:
                body = _written(render(_short(task), links).body)
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


def _short(task: Task) -> Task:
    """Without what its client knows, as nobody is told of a change that cannot be recorded, and what comes after it
    waits: other owners' changes, too."""
    return replace(task, request=replace(task.request, payload="", images=()))


def _written(body: Json) -> str:
    return json.dumps(body, ensure_ascii=False)
