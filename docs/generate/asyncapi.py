"""The AsyncAPI document: every event that is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from docs.generate.event_schemas import (
    MOMENT,
    SHARED,
    Schema,
    object_of,
    shared,
)
from docs.generate.events import SIGNATURE, SIGNED, Event, events
from docs.generate.parts import with_named_parts
from docs.generate.version import VERSION

_ABOUT = """\
The events that Reelkeep publishes. Each is a [CloudEvent](https://cloudevents.io) 1.0 in JSON, on an Amazon SNS
topic, to webhooks, or both. Headers are a message's attributes on the topic, by which subscriptions filter, or the
HTTP headers of a message to a webhook. Events come at least once: a repeated one has the same `id`.
`/openapi.json` says how to subscribe."""


_TOPIC = "The address is the ARN of the topic, which notices and alerts share."
_CONTENT = "application/cloudevents+json"

_SERVERS: Mapping[str, Any] = {
    "topic": {
        "host": "sns.{region}.amazonaws.com",
        "protocol": "sns",
        "description": "Amazon SNS, in the region of the stack. It delivers by e-mail, HTTPS, SQS and Lambda.",
        "variables": {"region": {"description": "As in eu-west-1."}},
    },
    "receiver": {
        "host": "{host}",
        "protocol": "https",
        "description": "The server of a webhook.",
        "variables": {"host": {"description": "Of the webhook's `url`, which has a path, too."}},
    },
}


def document() -> dict[str, Any]:
    every = events()
    channels = {
        "notices": (
            "topic",
            "Notify owners",
            f"Events about an owner's tasks and webhooks. {_TOPIC}",
        ),
        "alerts": (
            "topic",
            "Alert operators",
            f"Events about any owner's tasks that need a person. {_TOPIC}",
        ),
        "webhooks": (
            "receiver",
            "Call webhooks",
            "Posted to webhooks: the states that each asks for, signed as Standard Webhooks are.",
        ),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Reelkeep's events",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": "video generation"}, {"name": "CloudEvents"}],
        },
        "defaultContentType": _CONTENT,
        "servers": _SERVERS,
        "channels": {
            name: {
                "title": title,
                "description": meaning,
                "address": None,
                "servers": [{"$ref": f"#/servers/{server}"}],
                "messages": {each.name: _in_channel(each, name) for each in every if name in each.channels},
            }
            for name, (server, title, meaning) in channels.items()
        },
        "operations": {
            f"send-{name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": title,
                "description": meaning,
                **({"bindings": {"http": {"method": "POST"}}} if name == "webhooks" else {}),
            }
            for name, (_, title, meaning) in channels.items()
        },
        "components": {
            "messages": {each.name: _message(each) for each in every},
            "schemas": with_named_parts({**SHARED, **{each.schema: _payload(each) for each in every}}),
        },
    }


def _in_channel(event: Event, channel: str) -> dict[str, Any]:
    """A message to a webhook has a signature in the place of attributes."""
    if channel == "webhooks" and event.attributes is not SIGNATURE:
        return _message(replace(event, headers=SIGNED, attributes=SIGNATURE))
    return {"$ref": f"#/components/messages/{event.name}"}


def _message(event: Event) -> dict[str, Any]:
    return {
        "name": event.type,
        "title": event.type,
        "summary": event.summary,
        "contentType": _CONTENT,
        "headers": event.attributes,
        "payload": shared(event.schema),
        "examples": [{"name": event.name, "headers": event.headers, "payload": event.payload}],
    }


def _payload(event: Event) -> Schema:
    return object_of(
        specversion={"const": "1.0"},
        id={"type": "string", "description": "The same at every repetition."},
        source={"type": "string", "format": "uri-reference"},
        type={"const": event.type},
        subject={"type": "string", "description": "What it is about: the id of the task, or of the webhook."},
        time=MOMENT,
        datacontenttype={"const": "application/json"},
        data=event.data,
    )
