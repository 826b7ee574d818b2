"""Webhooks and their deliveries, as they are served to clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelkeep.dialects.dialect import AnyRoute, Http, Operation
from reelkeep.dialects.families.query import Number, Parameter
from reelkeep.dialects.reelkeep.server import query
from reelkeep.dialects.replies import Moment, Shape, rfc3339, shows
from reelkeep.domain.errors import wrong
from reelkeep.domain.notices.notice import News
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    BodyFormat,
    DeliveryQuery,
    DeliveryRef,
    Outcome,
    PauseReason,
    WebhookSettings,
    is_delivery_id,
)
from reelkeep.domain.notices.webhooks import WebhookWithSecret as Found
from reelkeep.domain.task import State

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.reelkeep.webhooks.wire import Events

_LARGEST_BODY = 16_384  # bytes
_LIMIT = Number("limit", "How many deliveries a page holds.", usual=20, least=1, most=100)
_CURSOR = Parameter("cursor", "The `next_cursor` of the page before.")


# --- what clients ask ---


def _wanted(http: Http) -> WebhookSettings:
    from reelkeep.dialects.reelkeep.webhooks.wire import NewWebhook, WebhookChange
    from reelkeep.dialects.values import read

    webhook_id = http.variables.get("webhook_id", "")
    body = read(WebhookChange if webhook_id else NewWebhook, http.json(_LARGEST_BODY))
    said: dict[str, Any] = body.model_dump(exclude_unset=True)
    events = said.get("events")
    return WebhookSettings(
        webhook_id=webhook_id,
        url=said.get("url"),
        states=None if events is None else tuple(each for each in events if isinstance(each, State)),
        news=None if events is None else tuple(each for each in events if isinstance(each, News)),
        body_format=said.get("body"),
        description=said.get("description"),
        active=said.get("active"),
    )


def _id(http: Http) -> str:
    return http.variables["webhook_id"]


def _delivery(http: Http) -> DeliveryRef:
    return DeliveryRef(_id(http), http.variables["delivery_id"])


def _page(http: Http) -> DeliveryQuery:
    asked = query(http, _LIMIT, _CURSOR)
    cursor = asked.one(_CURSOR.name)
    if cursor and not is_delivery_id(cursor):
        raise wrong(_CURSOR.name, "is not one that a listing gave out")
    return DeliveryQuery(_id(http), _LIMIT.read(asked), cursor)


# --- what they are answered ---


class Webhook(Shape):
    """The webhook."""

    id: str = shows("id")
    url: str | None = shows("url", None, says="Null for `callbacks`: each task has its own.")
    events: Events = shows(lambda webhook: [*webhook.states, *webhook.news])
    body: BodyFormat = shows("body_format")
    description: str = shows("description")
    active: bool = shows(lambda webhook: webhook.paused is None)
    paused_because: PauseReason | None = shows("paused")
    created_at: Moment | None = shows(
        lambda webhook: None if webhook.id == CALLBACKS else webhook.created_at, write=rfc3339
    )
    rotated_at: Moment | None = shows("rotated_at", write=rfc3339, says="When its secret was last superseded.")
    failing_since: Moment | None = shows("failing_since", write=rfc3339, says="Nothing has arrived since.")


class WebhookWithSecret(Webhook):
    """The webhook, with its secret."""

    secret: str = shows(
        "secret", says="As Standard Webhooks has it. It is shown this once.", pattern="^whsec_[A-Za-z0-9+/]{43}=$"
    )

    @classmethod
    def of(cls, found: Found) -> dict[str, Any]:
        return Webhook.of(found.webhook) | {"secret": found.secret}


class Webhooks(Shape):
    """All of them, oldest first."""

    webhooks: list[Webhook] = shows(lambda found: [*map(Webhook.of, found)])


class DeliveryAttempt(Shape):
    at: Moment = shows("at", write=rfc3339)
    status: int | None = shows("status")
    error: str | None = shows("error", None, says="Why there was no answer.")
    milliseconds: int = shows("milliseconds")


class Delivery(Shape):
    """One message to one webhook."""

    id: str = shows("id", says="The `webhook-id` of every attempt.")
    event: str = shows(
        "event", says="The task's state, `updated` if a file came later, `differs`, `budget`, or `test`."
    )
    task_id: str | None = shows("task_id", None)
    url: str = shows("url_without_query", says="Without its query.")
    outcome: Outcome = shows("outcome")
    created_at: Moment = shows("created_at", write=rfc3339)
    next_attempt_at: Moment | None = shows("next_attempt_at", write=rfc3339)
    attempts: list[DeliveryAttempt] = shows(lambda delivery: [*map(DeliveryAttempt.of, delivery.attempts)])


class SentDelivery(Delivery):
    """The delivery, with its body."""

    content_type: str = shows("content_type")
    body: str = shows("body")


class Deliveries(Shape):
    """One page."""

    deliveries: list[Delivery] = shows(lambda page: [*map(Delivery.of, page.deliveries)])
    next_cursor: str | None = shows("next_cursor", None)


_ALL, _ONE, _SENT = "/webhooks", "/webhooks/{webhook_id}", "/webhooks/{webhook_id}/deliveries"
_NEW: Any = {"status": 201, "headers": lambda made: {"location": f"/webhooks/{made.webhook.id}"}}
ROUTES: tuple[AnyRoute, ...] = (
    Operation(_ALL, "createWebhook", WebhookWithSecret, method="POST", body="NewWebhook", parse=_wanted, **_NEW),
    Operation(_ALL, "listWebhooks", Webhooks),
    Operation(_ONE, "showWebhook", Webhook, parse=_id),
    Operation(_ONE, "changeWebhook", Webhook, method="PATCH", body="WebhookChange", parse=_wanted),
    Operation(_ONE, "deleteWebhook", method="DELETE", parse=_id, status=204),
    Operation(f"{_ONE}/rotate", "rotateWebhookSecret", WebhookWithSecret, method="POST", parse=_id),
    Operation(f"{_ONE}/test", "sendTestEvent", SentDelivery, method="POST", parse=_id, status=202),
    Operation(_SENT, "listDeliveries", Deliveries, parameters=(_LIMIT, _CURSOR), parse=_page),
    Operation(f"{_SENT}/{{delivery_id}}", "showDelivery", SentDelivery, parse=_delivery),
    Operation(
        f"{_SENT}/{{delivery_id}}/replay", "replayDelivery", SentDelivery, method="POST", parse=_delivery, status=202
    ),
)
