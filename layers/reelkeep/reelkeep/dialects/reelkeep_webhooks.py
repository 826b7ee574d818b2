"""The native API's webhooks: which addresses are told of an owner's tasks, and what they were sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from reelkeep.dialects.dialect import Http, Operation, Reply
from reelkeep.dialects.grammar.query import Query
from reelkeep.dialects.reelkeep_bodies import PROBLEMS, InvalidFields
from reelkeep.dialects.reelkeep_openapi import problem
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    MOST,
    TOLD,
    USUALLY_TOLD,
    Attempt,
    Deliverable,
    Delivery,
    DeliveryPage,
    Disclosed,
    Form,
    Outcome,
    Pause,
    Wanted,
    Webhook,
    Wish,
    is_delivery_id,
)
from reelkeep.domain.task import State
from reelkeep.domain.wire import Json

_LARGEST_BODY = 16_384
_LONGEST_URL = 2048
_LONGEST_DESCRIPTION = 256
_URL = r"^https?://[^\s/?#]\S*$"
_USUAL_PAGE, _LARGEST_PAGE = 20, 100


# --- what comes in ---


def _wish(http: Http, *, required: bool) -> Wish:
    """Nothing is overlooked: a slip of the pen would tell what was not asked for, or not tell what was."""
    body = http.json(_LARGEST_BODY)
    fields = {
        "url": _url,
        "events": _events,
        "body": _form,
        "description": _description,
        "active": _active,
    }
    wrong = [(name, "is not a field of a webhook") for name in body if name not in fields]
    if required and "url" not in body:
        wrong.append(("url", "is required"))
    wrong += [(name, message) for name, check in fields.items() if name in body and (message := check(body[name]))]
    if wrong:
        raise InvalidFields(wrong[:100])
    return Wish(
        webhook_id=http.variables.get("webhook_id", ""),
        url=body.get("url"),
        states=tuple(map(State, body["events"])) if "events" in body else None,
        form=Form(body["body"]) if "body" in body else None,
        description=body.get("description"),
        active=body.get("active"),
    )


def _url(value: Json) -> str:
    if not isinstance(value, str) or not re.fullmatch(_URL, value):
        return "must be an http(s) URL"
    return f"must not be longer than {_LONGEST_URL} characters" if len(value) > _LONGEST_URL else ""


def _events(value: Json) -> str:
    words = [state.value for state in TOLD]
    good = isinstance(value, list) and value and all(isinstance(each, str) and each in words for each in value)
    return "" if good and len(set(value)) == len(value) else f"must hold some of {', '.join(words)}, each once"


def _form(value: Json) -> str:
    return "" if isinstance(value, str) and value in list(Form) else f"must be one of {', '.join(Form)}"


def _description(value: Json) -> str:
    good = isinstance(value, str) and len(value) <= _LONGEST_DESCRIPTION
    return "" if good else f"must be a text of {_LONGEST_DESCRIPTION} characters at most"


def _active(value: Json) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _nothing(_: Http) -> None:
    """There is nothing to say."""


def _named(http: Http) -> str:
    return http.variables["webhook_id"]


def _delivery_named(http: Http) -> Deliverable:
    return Deliverable(http.variables["webhook_id"], http.variables["delivery_id"])


def _wanted(http: Http) -> Wanted:
    query = Query(http.query)
    for name, _ in http.query:
        if name not in ("limit", "cursor"):
            raise InvalidFields([(name[:64], "is not a parameter here; limit and cursor are")])
    size, cursor = query.number("limit", _USUAL_PAGE), query.one("cursor")
    if not 1 <= size <= _LARGEST_PAGE:
        raise InvalidFields([("limit", f"must be from 1 to {_LARGEST_PAGE}")])
    if cursor and not is_delivery_id(cursor):
        raise InvalidFields([("cursor", "is not one that a listing gave out")])
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
    location = {"location": f"/webhooks/{disclosed.webhook.id}"}
    return Reply(status=201, body=_with_secret(disclosed), headers=location)


def _rotated(disclosed: Disclosed) -> Reply:
    return Reply(body=_with_secret(disclosed))


def _with_secret(disclosed: Disclosed) -> dict[str, Json]:
    return {**_webhook(disclosed.webhook), "secret": disclosed.secret}


def _shown(webhook: Webhook) -> Reply:
    return Reply(body=_webhook(webhook))


def _listed(webhooks: Iterable[Webhook]) -> Reply:
    return Reply(body={"webhooks": [_webhook(webhook) for webhook in webhooks]})


def _deleted(_: None) -> Reply:
    return Reply(status=204)


def _delivery_shown(delivery: Delivery, *, status: int = 200) -> Reply:
    body = {**_delivery(delivery), "content_type": delivery.content_type, "body": delivery.body}
    return Reply(status=status, body=body)


def _deliveries_listed(page: DeliveryPage) -> Reply:
    deliveries = [_delivery(delivery) for delivery in page.deliveries]
    return Reply(body={"deliveries": deliveries, "next_cursor": page.next_cursor or None})


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


# --- what the OpenAPI document says of them ---

_TEXT: Mapping[str, Json] = {"type": "string"}
_MOMENT: Mapping[str, Json] = {"type": "string", "format": "date-time"}
_NO_MOMENT: Mapping[str, Json] = {"type": ["string", "null"], "format": "date-time"}
_STATES: Mapping[str, Json] = {
    "type": "array",
    "items": {"type": "string", "enum": [state.value for state in TOLD]},
    "minItems": 1,
    "uniqueItems": True,
    "description": "The states of a task whose coming is told.",
}
_WISHES: Mapping[str, Json] = {
    "url": {
        "type": "string",
        "pattern": _URL,
        "maxLength": _LONGEST_URL,
        "description": "https, and on the public internet.",
        "examples": ["https://example.com/hooks/reelkeep"],
    },
    "events": {**_STATES, "default": [state.value for state in USUALLY_TOLD]},
    "body": {
        "type": "string",
        "enum": [form.value for form in Form],
        "default": Form.EVENT.value,
        "description": "`event` is a CloudEvent; `dialect` is what the task's own dialect shows of it.",
    },
    "description": {"type": "string", "maxLength": _LONGEST_DESCRIPTION},
    "active": {"type": "boolean", "description": "Whether it is told; what comes while it is not is held."},
}


def _record(fields: Mapping[str, Json], **more: Json) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
        **more,
    }


_WEBHOOK: Mapping[str, Json] = {
    "id": _TEXT,
    "url": {"type": ["string", "null"], "description": "Null for `callbacks`: each task has its own."},
    "events": _STATES,
    "body": {"type": "string", "enum": [form.value for form in Form]},
    "description": _TEXT,
    "active": {"type": "boolean"},
    "paused_because": {"type": ["string", "null"], "enum": [*(pause.value for pause in Pause), None]},
    "created_at": _NO_MOMENT,
    "rotated_at": {**_NO_MOMENT, "description": "When its secret was last superseded."},
    "failing_since": {**_NO_MOMENT, "description": "Nothing has arrived since."},
}
_SECRET: Mapping[str, Json] = {
    "type": "string",
    "pattern": "^whsec_[A-Za-z0-9+/]{43}=$",
    "description": "As Standard Webhooks has it. It is shown this once.",
}
_DELIVERY: Mapping[str, Json] = {
    "id": {"type": "string", "description": "The `webhook-id` of every attempt."},
    "event": {"type": "string", "description": "The task's state, or `test`."},
    "task_id": {"type": ["string", "null"]},
    "url": {"type": "string", "description": "Without its query."},
    "outcome": {"type": "string", "enum": [outcome.value for outcome in Outcome]},
    "created_at": _MOMENT,
    "next_attempt_at": _NO_MOMENT,
    "attempts": {
        "type": "array",
        "items": _record(
            {
                "at": _MOMENT,
                "status": {"type": ["integer", "null"]},
                "error": {"type": ["string", "null"], "description": "Why there was no answer."},
                "milliseconds": {"type": "integer"},
            }
        ),
    },
}
_SENT: Mapping[str, Json] = {**_DELIVERY, "content_type": _TEXT, "body": _TEXT}
SCHEMAS: dict[str, Any] = {
    "NewWebhook": {
        "type": "object",
        "properties": {**_WISHES, "active": {**_WISHES["active"], "default": True}},
        "required": ["url"],
        "additionalProperties": False,
    },
    "WebhookChange": {"type": "object", "properties": dict(_WISHES), "additionalProperties": False},
    "Webhook": _record(_WEBHOOK),
    "WebhookWithSecret": _record({**_WEBHOOK, "secret": _SECRET}),
    "Webhooks": _record({"webhooks": {"type": "array", "items": {"$ref": "#/components/schemas/Webhook"}}}),
    "Delivery": _record(_DELIVERY),
    "SentDelivery": _record(_SENT),
    "Deliveries": _record(
        {
            "deliveries": {"type": "array", "items": {"$ref": "#/components/schemas/Delivery"}},
            "next_cursor": {"type": ["string", "null"]},
        }
    ),
}

_ID = "wh_019aa6f1b2c80123456789abcdef0123"
_DELIVERY_ID = "dl_019aa6f1b2c90123456789abcdef0123"
_TASK_ID = "019aa6f1b2c80123456789abcdef0123"
_EXAMPLE: dict[str, Json] = {
    "id": _ID,
    "url": "https://example.com/hooks/reelkeep",
    "events": ["success", "failed", "cancelled", "expired"],
    "body": "event",
    "description": "",
    "active": True,
    "paused_because": None,
    "created_at": "2026-11-21T12:00:00Z",
    "rotated_at": None,
    "failing_since": None,
}
_EXAMPLE_WITH_SECRET = {**_EXAMPLE, "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfpZ0g8L0U="}
_EXAMPLE_DELIVERY: dict[str, Json] = {
    "id": _DELIVERY_ID,
    "event": "success",
    "task_id": _TASK_ID,
    "url": "https://example.com/hooks/reelkeep",
    "outcome": "delivered",
    "created_at": "2026-11-21T12:01:17Z",
    "next_attempt_at": None,
    "attempts": [{"at": "2026-11-21T12:01:18Z", "status": 204, "error": None, "milliseconds": 86}],
}
_EXAMPLE_SENT = {
    **_EXAMPLE_DELIVERY,
    "content_type": "application/cloudevents+json",
    "body": f'{{"specversion": "1.0", "id": "{_TASK_ID}.success", "type": "reelkeep.task.success"}}',
}
_EXAMPLE_WAITING = {**_EXAMPLE_SENT, "outcome": "waiting", "next_attempt_at": "2026-11-21T12:05:00Z"}


def _in_path(name: str, example: str) -> dict[str, Json]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT, "example": example}


_OF_ONE = [_in_path("webhook_id", _ID)]
_OF_ONE_DELIVERY = [*_OF_ONE, _in_path("delivery_id", _DELIVERY_ID)]
_PAGING = [
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": _LARGEST_PAGE, "default": _USUAL_PAGE},
    },
    {"name": "cursor", "in": "query", "description": "The `next_cursor` of the page before.", "schema": _TEXT},
]


def _takes(schema: str, example: Json) -> dict[str, Json]:
    media = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {"required": True, "content": {"application/json": media}}


def _answers(status: int, meaning: str, schema: str, example: Json, *problems: str) -> dict[str, Json]:
    media = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {str(status): {"description": meaning, "content": {"application/json": media}}, **_problems(*problems)}


def _problems(*names: str) -> dict[str, Json]:
    found = ("unauthorized", *names, "method-not-allowed", "fault")
    return {str(PROBLEMS[name][0]): problem(name) for name in found}


_ABOUT_CALLBACKS = (
    f"`{CALLBACKS}` is the webhook of every `callback_url`: its secret and its deliveries are managed like another's."
)
_CREATE = {
    "operationId": "createWebhook",
    "summary": "Create a webhook",
    "description": (
        f"Every message is signed as Standard Webhooks has it, and tried again for about a day until the answer is "
        f"2xx. There can be {MOST} of them."
    ),
    "requestBody": _takes("NewWebhook", {"url": "https://example.com/hooks/reelkeep"}),
    "responses": _answers(
        201,
        "The webhook, with its secret.",
        "WebhookWithSecret",
        _EXAMPLE_WITH_SECRET,
        "invalid-request",
        "body-too-large",
    ),
}
_LIST = {
    "operationId": "listWebhooks",
    "summary": "List the webhooks",
    "responses": _answers(200, "All of them, oldest first.", "Webhooks", {"webhooks": [_EXAMPLE]}),
}
_SHOW = {
    "operationId": "showWebhook",
    "summary": "Show a webhook",
    "description": _ABOUT_CALLBACKS,
    "parameters": _OF_ONE,
    "responses": _answers(200, "The webhook.", "Webhook", _EXAMPLE, "not-found"),
}
_CHANGE = {
    "operationId": "changeWebhook",
    "summary": "Change, pause or resume a webhook",
    "description": "What is left out stays as it is.",
    "parameters": _OF_ONE,
    "requestBody": _takes("WebhookChange", {"active": True}),
    "responses": _answers(200, "The webhook.", "Webhook", _EXAMPLE, "invalid-request", "not-found", "body-too-large"),
}
_DELETE = {
    "operationId": "deleteWebhook",
    "summary": "Delete a webhook",
    "description": "What was still to be sent to it is not sent.",
    "parameters": _OF_ONE,
    "responses": {"204": {"description": "It is gone."}, **_problems("not-found")},
}
_ROTATE = {
    "operationId": "rotateWebhookSecret",
    "summary": "Get another secret",
    "description": f"The one before signs along for 24 hours. {_ABOUT_CALLBACKS}",
    "parameters": _OF_ONE,
    "responses": _answers(
        200, "The webhook, with its secret.", "WebhookWithSecret", _EXAMPLE_WITH_SECRET, "not-found"
    ),
}
_TEST = {
    "operationId": "testWebhook",
    "summary": "Send a test event",
    "parameters": _OF_ONE,
    "responses": _answers(
        202,
        "What is being sent.",
        "SentDelivery",
        {**_EXAMPLE_WAITING, "event": "test", "task_id": None, "attempts": []},
        "invalid-request",
        "not-found",
    ),
}
_LIST_DELIVERIES = {
    "operationId": "listDeliveries",
    "summary": "List what was sent, newest first",
    "description": f"Of the last 30 days. {_ABOUT_CALLBACKS}",
    "parameters": [*_OF_ONE, *_PAGING],
    "responses": _answers(
        200,
        "One page.",
        "Deliveries",
        {"deliveries": [_EXAMPLE_DELIVERY], "next_cursor": None},
        "invalid-request",
        "not-found",
    ),
}
_SHOW_DELIVERY = {
    "operationId": "showDelivery",
    "summary": "Show what was sent",
    "parameters": _OF_ONE_DELIVERY,
    "responses": _answers(200, "The delivery, with its body.", "SentDelivery", _EXAMPLE_SENT, "not-found"),
}
_REPLAY = {
    "operationId": "replayDelivery",
    "summary": "Send it again",
    "description": "At once, under the same `webhook-id`, with the same body.",
    "parameters": _OF_ONE_DELIVERY,
    "responses": _answers(
        202, "What is being sent.", "SentDelivery", _EXAMPLE_WAITING, "invalid-request", "not-found"
    ),
}

_ONE = "/webhooks/{webhook_id}"
_ONE_DELIVERY = f"{_ONE}/deliveries/{{delivery_id}}"
_ACCEPTED = partial(_delivery_shown, status=202)
ROUTES = tuple(
    Operation(method=method, path=path, description=description, service=service, parse=parse, render=render)
    for method, path, description, service, parse, render in (
        ("POST", "/webhooks", _CREATE, "create_webhook", partial(_wish, required=True), _created),
        ("GET", "/webhooks", _LIST, "list_webhooks", _nothing, _listed),
        ("GET", _ONE, _SHOW, "show_webhook", _named, _shown),
        ("PATCH", _ONE, _CHANGE, "change_webhook", partial(_wish, required=False), _shown),
        ("DELETE", _ONE, _DELETE, "delete_webhook", _named, _deleted),
        ("POST", f"{_ONE}/rotate", _ROTATE, "rotate_webhook", _named, _rotated),
        ("POST", f"{_ONE}/test", _TEST, "test_webhook", _named, _ACCEPTED),
        ("GET", f"{_ONE}/deliveries", _LIST_DELIVERIES, "list_deliveries", _wanted, _deliveries_listed),
        ("GET", _ONE_DELIVERY, _SHOW_DELIVERY, "show_delivery", _delivery_named, _delivery_shown),
        ("POST", f"{_ONE_DELIVERY}/replay", _REPLAY, "replay_delivery", _delivery_named, _ACCEPTED),
    )
)
