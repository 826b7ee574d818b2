"""The JSON schemas of webhooks and deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelkeep.dialects.reelkeep.webhooks.wishes import LONGEST_DESCRIPTION, LONGEST_URL, URL
from reelkeep.domain.notices.webhooks import TOLD, USUALLY_TOLD, Form, Outcome, Pause
from reelkeep.domain.wire import Json


def _record(fields: Mapping[str, Json], **more: Json) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
        **more,
    }


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
        "pattern": URL,
        "maxLength": LONGEST_URL,
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
    "description": {"type": "string", "maxLength": LONGEST_DESCRIPTION},
    "active": {"type": "boolean", "description": "Whether it is told; what comes while it is not is held."},
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
