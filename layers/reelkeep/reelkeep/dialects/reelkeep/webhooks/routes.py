"""How webhooks and deliveries are asked for, and shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from reelkeep.dialects.dialect import Http, Reply
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.grammar.query import Query
from reelkeep.dialects.reelkeep.operations import gone, made, nothing, operations
from reelkeep.dialects.reelkeep.problems import wrong
from reelkeep.dialects.reelkeep.webhooks import openapi, wishes
from reelkeep.dialects.reelkeep.webhooks.openapi import LARGEST_PAGE, USUAL_PAGE
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    Attempt,
    Deliverable,
    Delivery,
    DeliveryPage,
    Disclosed,
    Wanted,
    Webhook,
    is_delivery_id,
)
from reelkeep.domain.wire import Json

# --- what comes in ---


def _named(http: Http) -> str:
    return http.variables["webhook_id"]


def _delivery_named(http: Http) -> Deliverable:
    return Deliverable(http.variables["webhook_id"], http.variables["delivery_id"])


def _wanted(http: Http) -> Wanted:
    query = Query(http.query)
    for name, _ in http.query:
        if name not in ("limit", "cursor"):
            raise wrong(name[:64], "is not a parameter here; limit and cursor are")
    size, cursor = query.number("limit", USUAL_PAGE), query.one("cursor")
    if not 1 <= size <= LARGEST_PAGE:
        raise wrong("limit", f"must be from 1 to {LARGEST_PAGE}")
    if cursor and not is_delivery_id(cursor):
        raise wrong("cursor", "is not one that a listing gave out")
    return Wanted(http.variables["webhook_id"], size, cursor)


# --- what goes out ---


def _webhook(webhook: Webhook) -> dict[str, Json]:
    return {
        "id": webhook.id,
        "url": webhook.url or None,
        "events": list(webhook.states),
        "body": webhook.form,
        "description": webhook.description,
        "active": webhook.paused is None,
        "paused_because": webhook.paused,
        "created_at": None if webhook.id == CALLBACKS else _time(webhook.created_at),
        "rotated_at": _time(webhook.rotated_at),
        "failing_since": _time(webhook.failing_since),
    }


def _delivery(delivery: Delivery) -> dict[str, Json]:
    return {
        "id": delivery.id,
        "event": delivery.event,
        "task_id": delivery.task_id or None,
        "url": delivery.shown_url,
        "outcome": delivery.outcome,
        "created_at": _time(delivery.created_at),
        "next_attempt_at": _time(delivery.next_attempt_at),
        "attempts": [_attempt(attempt) for attempt in delivery.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Json]:
    return {
        "at": _time(attempt.at),
        "status": attempt.status,
        "error": attempt.error or None,
        "milliseconds": attempt.milliseconds,
    }


def _created(disclosed: Disclosed) -> Reply:
    return made(f"/webhooks/{disclosed.webhook.id}", _with_secret(disclosed))


def _rotated(disclosed: Disclosed) -> Reply:
    return Reply(body=_with_secret(disclosed))


def _with_secret(disclosed: Disclosed) -> dict[str, Json]:
    return {**_webhook(disclosed.webhook), "secret": disclosed.secret}


def _shown(webhook: Webhook) -> Reply:
    return Reply(body=_webhook(webhook))


def _listed(webhooks: Iterable[Webhook]) -> Reply:
    return Reply(body={"webhooks": [_webhook(webhook) for webhook in webhooks]})


def _delivery_shown(delivery: Delivery, *, status: int = 200) -> Reply:
    body = {**_delivery(delivery), "content_type": delivery.content_type, "body": delivery.body}
    return Reply(status=status, body=body)


def _deliveries_listed(page: DeliveryPage) -> Reply:
    deliveries = [_delivery(delivery) for delivery in page.deliveries]
    return Reply(body={"deliveries": deliveries, "next_cursor": page.next_cursor or None})


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None


_ALL, _ONE = "/webhooks", "/webhooks/{webhook_id}"
_DELIVERIES = f"{_ONE}/deliveries"
_DELIVERY = f"{_DELIVERIES}/{{delivery_id}}"
_accepted = partial(_delivery_shown, status=202)
ROUTES = operations(
    ("POST", _ALL, openapi.CREATE, "create_webhook", partial(wishes.read, required=True), _created),
    ("GET", _ALL, openapi.LIST, "list_webhooks", nothing, _listed),
    ("GET", _ONE, openapi.SHOW, "show_webhook", _named, _shown),
    ("PATCH", _ONE, openapi.CHANGE, "change_webhook", partial(wishes.read, required=False), _shown),
    ("DELETE", _ONE, openapi.DELETE, "delete_webhook", _named, gone),
    ("POST", f"{_ONE}/rotate", openapi.ROTATE, "rotate_webhook", _named, _rotated),
    ("POST", f"{_ONE}/test", openapi.TEST, "test_webhook", _named, _accepted),
    ("GET", _DELIVERIES, openapi.LIST_DELIVERIES, "list_deliveries", _wanted, _deliveries_listed),
    ("GET", _DELIVERY, openapi.SHOW_DELIVERY, "show_delivery", _delivery_named, _delivery_shown),
    ("POST", f"{_DELIVERY}/replay", openapi.REPLAY, "replay_delivery", _delivery_named, _accepted),
)
