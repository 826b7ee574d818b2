"""Webhooks and their deliveries, as they are served to clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelkeep.dialects.dialect import AnyRoute, Http, Operation
from reelkeep.dialects.families.query import Number, Parameter
from reelkeep.dialects.reelkeep.server import query
from reelkeep.dialects.replies import Moment, Shape, rfc3339, shows
from reelkeep.domain.errors import InvalidRequest, NotAllowed, wrong
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    MAX_WEBHOOKS,
    BodyFormat,
    DeliveryQuery,
    DeliveryRef,
    Outcome,
    PauseReason,
    WebhookSettings,
    is_delivery_id,
)
from reelkeep.domain.notices.webhooks import WebhookWithSecret as Found

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.reelkeep.webhooks.wire import Events

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


class Webhook(Shape):
    """The webhook."""

    id: str = shows("id")
    url: str | None = shows("url", None, says="Null for `callbacks`: each task has its own.")
    events: Events = shows("states", write=list)
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
        "secret",
        says="As Standard Webhooks has it. It is shown this once.",
        pattern="^whsec_[A-Za-z0-9+/]{43}=$",
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
    event: str = shows("event", says="The task's state, `updated` if a file came later, or `test`.")
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


_ALL, _ONE = "/webhooks", "/webhooks/{webhook_id}"
_DELIVERIES = f"{_ONE}/deliveries"
_DELIVERY = f"{_DELIVERIES}/{{delivery_id}}"
_ABOUT_CALLBACKS = (
    f"`{CALLBACKS}` is the webhook of every `callback_url`: its secret and its deliveries are managed like another's."
)
ROUTES: tuple[AnyRoute, ...] = (
    Operation(
        _ALL,
        "createWebhook",
        WebhookWithSecret,
        method="POST",
        summary="Create a webhook",
        details="Every message is signed as Standard Webhooks has it, and sent again for about a day until the "
        f"answer is 2xx. There can be {MAX_WEBHOOKS} webhooks.",
        body="NewWebhook",
        status=201,
        headers=lambda made: {"location": f"/webhooks/{made.webhook.id}"},
        parse=_wanted,
    ),
    Operation(
        _ALL,
        "listWebhooks",
        Webhooks,
        summary="List the webhooks",
        details=f"Without `{CALLBACKS}`, which everybody has.",
    ),
    Operation(_ONE, "showWebhook", Webhook, summary="Show a webhook", details=_ABOUT_CALLBACKS, parse=_id),
    Operation(
        _ONE,
        "changeWebhook",
        Webhook,
        method="PATCH",
        summary="Change, pause or resume a webhook",
        details="What is left out stays as it is.",
        body="WebhookChange",
        errors=(NotAllowed,),
        parse=_wanted,
    ),
    Operation(
        _ONE,
        "deleteWebhook",
        method="DELETE",
        summary="Delete a webhook",
        details="What was still to be sent to it is not sent.",
        errors=(NotAllowed,),
        status=204,
        parse=_id,
    ),
    Operation(
        f"{_ONE}/rotate",
        "rotateWebhookSecret",
        WebhookWithSecret,
        method="POST",
        summary="Get another secret",
        details=f"For 24 hours, messages are signed with the one before, too. {_ABOUT_CALLBACKS}",
        parse=_id,
    ),
    Operation(
        f"{_ONE}/test",
        "sendTestEvent",
        SentDelivery,
        method="POST",
        summary="Send a test event",
        details="At once, and signed as any other; `GET` the delivery to see whether it arrived.",
        errors=(InvalidRequest, NotAllowed),
        status=202,
        parse=_id,
    ),
    Operation(
        _DELIVERIES,
        "listDeliveries",
        Deliveries,
        summary="List what was sent, newest first",
        details=f"Of the last 30 days. {_ABOUT_CALLBACKS}",
        parameters=(_LIMIT, _CURSOR),
        errors=(InvalidRequest,),
        parse=_page,
    ),
    Operation(
        _DELIVERY,
        "showDelivery",
        SentDelivery,
        summary="Show what was sent",
        details="With every attempt, and what came back.",
        parse=_delivery_id,
    ),
    Operation(
        f"{_DELIVERY}/replay",
        "replayDelivery",
        SentDelivery,
        method="POST",
        summary="Send it again",
        details="At once, under the same `webhook-id`, with the same body.",
        errors=(InvalidRequest,),
        status=202,
        parse=_delivery_id,
    ),
)
