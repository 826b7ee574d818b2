"""Webhooks and their deliveries, as they are served to clients."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from reelkeep.dialects.dialect import AnyRoute, Http, Operation, Reply
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.grammar.query import Number, Parameter
from reelkeep.dialects.reelkeep.server import gone, located, nothing, query
from reelkeep.domain.errors import InvalidRequest, NotAllowed, wrong
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    MAX_WEBHOOKS,
    Attempt,
    Delivery,
    DeliveryPage,
    DeliveryQuery,
    DeliveryRef,
    Webhook,
    WebhookSettings,
    WebhookWithSecret,
    is_delivery_id,
)

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.reelkeep.webhooks import wire

_LARGEST_BODY = 16_384  # bytes
_LIMIT = Number("limit", "How many deliveries a page holds.", usual=20, least=1, most=100)
_CURSOR = Parameter("cursor", "The `next_cursor` of the page before.")


# --- what clients ask ---


def _wanted(http: Http) -> WebhookSettings:
    from reelkeep.dialects.reelkeep.webhooks.wire import NewWebhook, WebhookChange
    from reelkeep.dialects.translate import read

    webhook_id = http.variables.get("webhook_id", "")
    body = read(WebhookChange if webhook_id else NewWebhook, http.json(_LARGEST_BODY))
    said: dict[str, Any] = body.model_dump(exclude_unset=True)
    return WebhookSettings(
        webhook_id=webhook_id,
        url=said.get("url"),
        states=tuple(said["events"]) if "events" in said else None,
        body_format=said.get("body"),
        description=said.get("description"),
        active=said.get("active"),
    )


def _id(http: Http) -> str:
    return http.variables["webhook_id"]


def _delivery_id(http: Http) -> DeliveryRef:
    return DeliveryRef(_id(http), http.variables["delivery_id"])


def _page(http: Http) -> DeliveryQuery:
    asked = query(http, _LIMIT, _CURSOR)
    cursor = asked.one(_CURSOR.name)
    if cursor and not is_delivery_id(cursor):
        raise wrong(_CURSOR.name, "is not one that a listing gave out")
    return DeliveryQuery(_id(http), _LIMIT.read(asked), cursor)


# --- what they are answered ---


def _webhook(webhook: Webhook) -> wire.Webhook:
    return {
        "id": webhook.id,
        "url": webhook.url or None,
        "events": list(webhook.states),  # type: ignore[arg-type]  # all of them are in ANNOUNCED_STATES
        "body": webhook.body_format,
        "description": webhook.description,
        "active": webhook.paused is None,
        "paused_because": webhook.paused,
        "created_at": None if webhook.id == CALLBACKS else _time(webhook.created_at),
        "rotated_at": _time(webhook.rotated_at),
        "failing_since": _time(webhook.failing_since),
    }


def _delivery(delivery: Delivery) -> wire.Delivery:
    return {
        "id": delivery.id,
        "event": delivery.event,
        "task_id": delivery.task_id or None,
        "url": delivery.url_without_query,
        "outcome": delivery.outcome,
        "created_at": rfc3339(delivery.created_at),
        "next_attempt_at": _time(delivery.next_attempt_at),
        "attempts": [_attempt(attempt) for attempt in delivery.attempts],
    }


def _attempt(attempt: Attempt) -> wire.DeliveryAttempt:
    return {
        "at": rfc3339(attempt.at),
        "status": attempt.status,
        "error": attempt.error or None,
        "milliseconds": attempt.milliseconds,
    }


def _with_secret(found: WebhookWithSecret) -> wire.WebhookWithSecret:
    return {**_webhook(found.webhook), "secret": found.secret}


def _delivery_shown(delivery: Delivery, *, status: int = 200) -> Reply:
    sent = {"content_type": delivery.content_type, "body": delivery.body}
    shown: wire.SentDelivery = {**_delivery(delivery), **sent}  # type: ignore[typeddict-item]
    return Reply(status=status, body=shown)


def _deliveries_listed(page: DeliveryPage) -> Reply:
    deliveries = [_delivery(delivery) for delivery in page.deliveries]
    return Reply(body={"deliveries": deliveries, "next_cursor": page.next_cursor or None})


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None


_ALL, _ONE = "/webhooks", "/webhooks/{webhook_id}"
_DELIVERIES = f"{_ONE}/deliveries"
_DELIVERY = f"{_DELIVERIES}/{{delivery_id}}"
_accepted = partial(_delivery_shown, status=202)
_ABOUT_CALLBACKS = (
    f"`{CALLBACKS}` is the webhook of every `callback_url`: its secret and its deliveries are managed like another's."
)
ROUTES: tuple[AnyRoute, ...] = (
    Operation(
        method="POST",
        path=_ALL,
        operation="createWebhook",
        summary="Create a webhook",
        details="Every message is signed as Standard Webhooks has it, and sent again for about a day until the "
        f"answer is 2xx. There can be {MAX_WEBHOOKS} webhooks.",
        body="NewWebhook",
        reply="WebhookWithSecret",
        parse=_wanted,
        render=lambda made: located(f"/webhooks/{made.webhook.id}", _with_secret(made)),
    ),
    Operation(
        method="GET",
        path=_ALL,
        operation="listWebhooks",
        summary="List the webhooks",
        details=f"Without `{CALLBACKS}`, which everybody has.",
        reply="Webhooks",
        parse=nothing,
        render=lambda found: Reply(body={"webhooks": [*map(_webhook, found)]}),
    ),
    Operation(
        method="GET",
        path=_ONE,
        operation="showWebhook",
        summary="Show a webhook",
        details=_ABOUT_CALLBACKS,
        reply="Webhook",
        parse=_id,
        render=lambda webhook: Reply(body=_webhook(webhook)),
    ),
    Operation(
        method="PATCH",
        path=_ONE,
        operation="changeWebhook",
        summary="Change, pause or resume a webhook",
        details="What is left out stays as it is.",
        body="WebhookChange",
        reply="Webhook",
        errors=(NotAllowed,),
        parse=_wanted,
        render=lambda webhook: Reply(body=_webhook(webhook)),
    ),
    Operation(
        method="DELETE",
        path=_ONE,
        operation="deleteWebhook",
        summary="Delete a webhook",
        details="What was still to be sent to it is not sent.",
        errors=(NotAllowed,),
        parse=_id,
        render=gone,
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/rotate",
        operation="rotateWebhookSecret",
        summary="Get another secret",
        details=f"For 24 hours, messages are signed with the one before, too. {_ABOUT_CALLBACKS}",
        reply="WebhookWithSecret",
        parse=_id,
        render=lambda rotated: Reply(body=_with_secret(rotated)),
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/test",
        operation="sendTestEvent",
        summary="Send a test event",
        details="At once, and signed as any other; `GET` the delivery to see whether it arrived.",
        reply="SentDelivery",
        errors=(InvalidRequest, NotAllowed),
        parse=_id,
        render=_accepted,
    ),
    Operation(
        method="GET",
        path=_DELIVERIES,
        operation="listDeliveries",
        summary="List what was sent, newest first",
        details=f"Of the last 30 days. {_ABOUT_CALLBACKS}",
        parameters=(_LIMIT, _CURSOR),
        reply="Deliveries",
        errors=(InvalidRequest,),
        parse=_page,
        render=_deliveries_listed,
    ),
    Operation(
        method="GET",
        path=_DELIVERY,
        operation="showDelivery",
        summary="Show what was sent",
        details="With every attempt, and what came back.",
        reply="SentDelivery",
        parse=_delivery_id,
        render=_delivery_shown,
    ),
    Operation(
        method="POST",
        path=f"{_DELIVERY}/replay",
        operation="replayDelivery",
        summary="Send it again",
        details="At once, under the same `webhook-id`, with the same body.",
        reply="SentDelivery",
        errors=(InvalidRequest,),
        parse=_delivery_id,
        render=_accepted,
    ),
)
