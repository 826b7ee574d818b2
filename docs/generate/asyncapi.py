"""The AsyncAPI document: every event that is published, with its schema and an example made by what publishes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from docs.generate.parts import with_named_parts
from docs.generate.version import VERSION
from reelkeep.domain.notices import alerts
from reelkeep.domain.notices.alerts import LOST
from reelkeep.domain.notices.notice import (
    attributes,
    differs,
    differs_attributes,
    health_event,
    notice,
    possible_repeat,
    possible_repeat_attributes,
    test_event,
    updated,
    updated_attributes,
    webhook_attributes,
)
from reelkeep.domain.notices.subscription import FINAL_STATES
from reelkeep.domain.notices.webhooks import PauseReason, Webhook
from reelkeep.domain.task import (
    ArchivedFile,
    Asset,
    Creation,
    Eta,
    Failure,
    FailureClass,
    Kind,
    Polling,
    Request,
    State,
    Task,
)

Schema = Mapping[str, Any]
Attributes = Mapping[str, str | Sequence[str]]

_ABOUT = """\
What Reelkeep tells. Every event is a [CloudEvent](https://cloudevents.io) 1.0 in JSON, on an Amazon SNS topic, to
webhooks, or both. What is called headers here are a message's attributes on the topic, by which subscriptions filter,
or the HTTP headers of what only webhooks get. Events come at least once: a repeated one has the same `id`.
`/openapi.json` says how to subscribe."""


_TOPIC = "The address is the ARN of the topic, which notices and alerts share."
_CONTENT = "application/cloudevents+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One type of event. What is told is `payload`, an example of it, with the attributes in `headers`."""

    type: str
    summary: str
    data: Schema
    payload: Mapping[str, Any]
    headers: Attributes
    attributes: Schema  # the schemas of what a subscription can filter by
    channels: tuple[str, ...] = ("notices",)

    @property
    def name(self) -> str:
        return self.type.removeprefix("reelkeep.").replace(".", "-")

    @property
    def schema(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("-"))


# --- schemas, in the JSON Schema draft-07 of AsyncAPI ---

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
_WHOLE_OR_NULL: Schema = {"type": ["integer", "null"]}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_LINK: Schema = {"type": "string", "format": "uri", "description": "Permanent."}
_TASK_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_KIND: Schema = {"$ref": "#/components/schemas/TaskKind"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _attributes(**properties: Schema) -> Schema:
    """Of a notice: SNS takes no empty value, so that an attribute without one is not there."""
    required = [name for name in properties if name not in ("model", "tags")]
    return {**_object(**properties), "required": required}


def _each(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


def _shared(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _of_files(schema: Schema, meaning: str) -> Schema:
    """An object whose properties have the names of files: video, cover, …"""
    return {"type": "object", "additionalProperties": schema, "description": meaning}


_SHARED: dict[str, Schema] = {
    "TaskKind": {"type": "string", "enum": [kind.value for kind in Kind]},
    "TaskState": {"type": "string", "enum": [state.value for state in State]},
}
_SHARED["File"] = _object(
    url=_LINK,
    content_type=_TEXT,
    bytes={"type": "integer"},
    sha256={**_TEXT_OR_NULL, "description": "Hexadecimal, as sha256sum prints it."},
    crc32={**_TEXT_OR_NULL, "description": "Hexadecimal; instead of sha256 for a file beyond 64 MiB."},
    duration={**_NUMBER_OR_NULL, "description": "In seconds."},
    fps=_NUMBER_OR_NULL,
    width={**_WHOLE_OR_NULL, "description": "In pixels."},
    height=_WHOLE_OR_NULL,
    codec={**_TEXT_OR_NULL, "description": "Of the video: h264, hevc, …"},
    sound={"type": ["boolean", "null"], "description": "Whether it has a track of sound."},
)
_SHARED["Creation"] = _object(
    id=_TEXT,
    files=_of_files(_shared("File"), "What is in the archive, by its name: video, cover, …"),
    lost=_of_files(_TEXT, "Why a file was given up, by its name."),
    pending=_of_files(_TEXT, "What keeps a file from the archive for now, by its name; it is fetched later."),
)
_SHARED["Failure"] = _object(
    reason={"type": "string", "enum": [reason.value for reason in FailureClass]},
    code={"type": "string", "description": "The provider's own word."},
    message={"type": "string", "description": "For a person."},
    retryable={"type": "boolean", "description": "Whether submitting the same once more could succeed."},
)
_SHARED["Difference"] = _object(
    creation=_TEXT,
    what={"type": "string", "description": "duration, resolution, size, aspect_ratio, audio or codec."},
    ordered={**_TEXT_OR_NULL, "description": "Null if it is as it was ordered, or nothing was said of it."},
    claimed={**_TEXT_OR_NULL, "description": "The provider's word; null if the file bears it out."},
    delivered={"type": "string", "description": "What the archived video is."},
)
_SHARED["Adopted"] = _object(provider_task_id=_TEXT, lost_task=_TEXT_OR_NULL)
_ATTRIBUTES: dict[str, Schema] = {
    "provider": _TEXT,
    "model": {"type": "string", "description": "Not there if the submission named none."},
    "kind": _KIND,
}


def _task_data(state: State) -> Schema:
    return _object(
        task_id=_TASK_ID,
        owner=_TEXT,
        provider=_TEXT,
        model=_TEXT,
        kind=_KIND,
        state={"const": state.value},
        tags=_each(_TEXT),
        created_at=_MOMENT,
        credits={**_WHOLE_OR_NULL, "description": "What the provider charged."},
        failure=_or_null(_shared("Failure")),
        adopted=_or_null(_shared("Adopted")),
        creations=_each(_shared("Creation")),
        differs=_each(_shared("Difference")),
    )


_TAGS = "A String.Array; not there if the task has none."


def _task_attributes(state: State) -> Schema:
    return _attributes(
        type={"const": f"reelkeep.task.{state}"},
        owner=_TEXT,
        owner_state={"type": "string", "description": "Both with a # between them: SNS filters by five attributes."},
        state={"const": state.value},
        **_ATTRIBUTES,
        tags={**_each(_TEXT), "description": _TAGS},
    )


def _alert_data(**more: Schema) -> Schema:
    return _object(
        task_id=_TASK_ID,
        owner=_TEXT,
        provider=_TEXT,
        provider_task_id=_TEXT_OR_NULL,
        model=_TEXT,
        kind=_KIND,
        state=_shared("TaskState"),
        **more,
    )


# --- the examples: a task in each of its ends, told by what tells of any task ---

_MADE = datetime(2026, 11, 21, 12, tzinfo=UTC)
_ID = "019aa6f1b2c80123456789abcdef0123"
_TASK = Task(
    id=_ID,
    owner="alice",
    key_id="0123456789abcdef",
    provider="vidu",
    provider_task_id="885000000000000777",
    request=Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO, model="viduq3-pro", tags=("campaign-7",)),
    created_at=_MADE,
    updated_at=_MADE + timedelta(seconds=77),
    deadline=_MADE + timedelta(hours=2),
    credits=20,
)
_VIDEO = Asset(
    name="video",
    archived=ArchivedFile(
        key=f"tasks/2026/11/21/{_ID}/1-video.mp4",
        bytes=4_193_280,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        content_type="video/mp4",
        duration=5.04,
        fps=24.0,
        width=1280,
        height=720,
        codec="h264",
        sound=True,
    ),
)
_WEBHOOK = Webhook(id="wh_0123456789abcdef", owner="alice", created_at=_MADE)
_SIGNED: Mapping[str, str] = {  # https://www.standardwebhooks.com
    "webhook-id": "0a1b2c3d4e5f",
    "webhook-timestamp": "1795262400",
    "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
}
_SIGNATURE = _object(**dict.fromkeys(_SIGNED, _TEXT))
_OPEN = Asset(
    name="video",
    expires_at=_MADE + timedelta(hours=24),
    consecutive_errors=9,
    last_error="video: the provider answers 503",
)
_LOST_COVER = Asset(name="cover", lost="cover: the link is dead (403)")
_WHY = {
    State.FAILED: Failure(
        reason=FailureClass.POLICY, code="CreationPolicyViolation", message="the content rules do not allow it"
    ),
    State.CANCELLED: Failure(reason=FailureClass.CANCELLED, code="UserCancelled", message="cancelled by the client"),
    State.EXPIRED: Failure(reason=FailureClass.DEADLINE, message="no result within its time", retryable=True),
}
_SUMMARIES = {
    State.SUCCESS: "A task succeeded: every video is in the archive, and what keeps another file from it is named.",
    State.FAILED: "A task failed.",
    State.CANCELLED: "A task was cancelled.",
    State.EXPIRED: "A task had no result within its time.",
}


def _with(*assets: Asset) -> tuple[Creation, ...]:
    return (Creation(id=f"{_ID}-1", assets=assets),)


def _link(kept: ArchivedFile) -> str:
    return f"https://reelkeep.example.com/files/Zm9yIGV2ZXIgYW5kIGEgZGF5/{_ID}/{kept.key.rpartition('/')[2]}"


def _end(state: State) -> Event:
    done = replace(_TASK, state=state, finished_at=_TASK.updated_at, failure=_WHY.get(state))
    if state is State.SUCCESS:
        done = replace(done, creations=_with(_VIDEO))
    return Event(
        type=f"reelkeep.task.{state}",
        summary=_SUMMARIES[state],
        data=_task_data(state),
        payload=notice(done, _link),
        headers=attributes(done),
        attributes=_task_attributes(state),
        channels=("notices", "webhooks"),
    )


def _updated() -> Event:
    """After a success that named one file."""
    cover = replace(_VIDEO, name="cover")
    done = replace(_TASK, state=State.SUCCESS, finished_at=_TASK.updated_at, creations=_with(_VIDEO, cover))
    event = updated(done, _link)
    return Event(
        type=event["type"],
        summary="A file that was pending when its task succeeded is in the archive now.",
        data=_task_data(State.SUCCESS),
        payload=event,
        headers=updated_attributes(done),
        attributes={
            **_task_attributes(State.SUCCESS),
            "properties": {**_task_attributes(State.SUCCESS)["properties"], "type": {"const": event["type"]}},
        },
        channels=("notices", "webhooks"),
    )


def _to_webhooks(summary: str, payload: dict[str, Any], data: Schema) -> Event:
    return Event(
        type=payload["type"],
        summary=summary,
        data=data,
        payload=payload,
        headers=_SIGNED,
        attributes=_SIGNATURE,
        channels=("webhooks",),
    )


def _on_the_way(state: State, summary: str) -> Event:
    data, task = _task_data(state), replace(_TASK, state=state)
    if not task.is_generated:
        data["properties"]["eta"] = {
            **_object(p50=_MOMENT, p90=_MOMENT),
            "description": "When it is expected to end at its provider: as likely sooner as later; nine times of ten "
            "sooner.",
        }
        task = replace(task, eta=Eta(_MADE + timedelta(seconds=74), _MADE + timedelta(seconds=121), 38.4, 8.5))
    return _to_webhooks(summary, notice(task, _link), data)


def _of_webhook(summary: str, paused: PauseReason | None, after: timedelta, **data: Schema) -> Event:
    event = health_event(replace(_WEBHOOK, failing_since=_MADE, paused=paused), _MADE + after)
    return Event(
        type=event["type"],
        summary=summary,
        data=_object(webhook_id=_TEXT, owner=_TEXT, **data),
        payload=event,
        headers=webhook_attributes(event),
        attributes=_object(type={"const": event["type"]}, owner=_TEXT),
    )


def _differs() -> Event:
    """The file is as long as was ordered, and its size is that of another class."""
    ordered = replace(_TASK, request=replace(_TASK.request, duration=5, resolution="1080p"))
    done = replace(ordered, state=State.SUCCESS, finished_at=_TASK.updated_at, creations=_with(_VIDEO))
    event = differs(done)
    about_states = _task_attributes(State.SUCCESS)
    return Event(
        type=event["type"],
        summary="A video is not what was ordered, or not what its provider claims. It is archived all the same.",
        data=_object(
            task_id=_TASK_ID,
            owner=_TEXT,
            provider=_TEXT,
            provider_task_id=_TEXT_OR_NULL,
            model=_TEXT,
            kind=_KIND,
            state={"const": State.SUCCESS.value},
            tags=_each(_TEXT),
            differs=_each(_shared("Difference")),
        ),
        payload=event,
        headers=differs_attributes(done),
        attributes={
            **about_states,
            "properties": {
                **about_states["properties"],
                "type": {"const": event["type"]},
                "owner_state": {"type": "string", "description": "The owner, a # and `differs`."},
            },
        },
        channels=("notices", "webhooks"),
    )


def _possible_repeat(task: Task) -> Event:
    event = possible_repeat(task, _MADE)
    return Event(
        type=event["type"],
        summary="The same owner asked for the same shortly before; an SDK may have repeated the request by itself.",
        data=_object(
            task_id=_TASK_ID,
            owner=_TEXT,
            provider=_TEXT,
            model=_TEXT,
            kind=_KIND,
            tags=_each(_TEXT),
            possible_repeat={**_TASK_ID, "description": "The earlier task."},
        ),
        payload=event,
        headers=possible_repeat_attributes(task),
        attributes=_attributes(
            type={"const": event["type"]}, owner=_TEXT, **_ATTRIBUTES, tags={**_each(_TEXT), "description": _TAGS}
        ),
    )


def _alert(summary: str, task: Task, payload: dict[str, Any], data: Schema) -> Event:
    return Event(
        type=payload["type"],
        summary=summary,
        data=data,
        payload=payload,
        headers=alerts.attributes(task, payload),
        attributes=_attributes(type={"const": payload["type"]}, **_ATTRIBUTES),
        channels=("alerts",),
    )


def events() -> tuple[Event, ...]:
    """Every type of event; what publishes another adds it here."""
    dying = replace(
        _TASK, state=State.ARCHIVING, creations=_with(_OPEN), last_error="video: the provider answers 503"
    )
    maimed = replace(_TASK, state=State.SUCCESS, finished_at=_TASK.updated_at, creations=_with(_VIDEO, _LOST_COVER))
    warning = alerts.links_expiring(dying, _MADE + timedelta(hours=20))
    loss = alerts.lost(maimed, _TASK.updated_at)
    if loss is None:
        raise LookupError(f"the example of {LOST} has lost nothing")
    repeat = replace(_TASK, possible_repeat="019aa6f1afff0123456789abcdef0123")
    odd = replace(
        _TASK,
        last_error="the provider says 'rendering'",
        polling=Polling(not_understood_since=_MADE),
        state=State.PROCESSING,
    )
    return (
        *(_end(state) for state in FINAL_STATES),
        _updated(),
        _differs(),
        _possible_repeat(repeat),
        _of_webhook(
            "A webhook has taken nothing for an hour. Sent once, until it takes a message again.",
            None,
            timedelta(hours=1),
            failing_since=_MOMENT,
        ),
        _of_webhook(
            "A webhook is not told any more, until its owner says so: it is gone, or nothing arrived for days.",
            PauseReason.FAILING,
            timedelta(days=5),
            reason={"type": "string", "enum": [PauseReason.GONE.value, PauseReason.FAILING.value]},
            failing_since=_or_null(_MOMENT),
        ),
        _on_the_way(State.PROCESSING, "A provider began to work on a task."),
        _on_the_way(State.ARCHIVING, "A provider has made what was asked for; it is being copied into the archive."),
        _to_webhooks(
            "Somebody tries whether a webhook works.",
            test_event("0a1b2c3d4e5f", _WEBHOOK, _MADE),
            _object(webhook_id=_TEXT, owner=_TEXT),
        ),
        _alert(
            "A provider answers in words that are not understood. Told once a task, while there is still time.",
            odd,
            alerts.not_understood(odd, _MADE + timedelta(minutes=10)),
            _alert_data(reason=_TEXT, since=_MOMENT, deadline=_MOMENT),
        ),
        _alert(
            "Files that the provider has made cannot be fetched; nothing is lost yet. Sent once per task.",
            dying,
            alerts.delayed(dying, _MADE + timedelta(minutes=40)),
            _alert_data(
                files=_each(
                    _object(
                        creation=_TEXT,
                        file=_TEXT,
                        last_error=_TEXT,
                        consecutive_errors={"type": "integer"},
                        quarantined={**_TEXT_OR_NULL, "description": "The key of what came in its place."},
                        dies_at=_or_null(_MOMENT),
                    )
                ),
            ),
        ),
        _alert(
            "Links to files die soon, and the files are not in the archive yet. Told once a task.",
            dying,
            warning,
            _alert_data(
                last_error={**_TEXT_OR_NULL, "description": "What was wrong the last time."},
                files=_each(_object(creation=_TEXT, file=_TEXT, dies_at=_or_null(_MOMENT))),
            ),
        ),
        _alert(
            "What a provider made, or may have made, cannot be had any more.",
            maimed,
            loss,
            _alert_data(
                reason={
                    **_TEXT_OR_NULL,
                    "description": "Why nothing came of the task; null if it lost a file.",
                },
                files=_each(_object(creation=_TEXT, file=_TEXT, reason=_TEXT, quarantined=_TEXT_OR_NULL)),
            ),
        ),
    )


# --- the document ---


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
        "description": "Whoever a webhook belongs to.",
        "variables": {"host": {"description": "Of the webhook's `url`, which has a path, too."}},
    },
}


def document() -> dict[str, Any]:
    every = events()
    channels = {
        "notices": (
            "topic",
            "Tell owners of their tasks",
            f"What owners are told of their own tasks. {_TOPIC}",
        ),
        "alerts": (
            "topic",
            "Tell operators what needs a person",
            f"What operators are told, of any owner's tasks. {_TOPIC}",
        ),
        "webhooks": (
            "receiver",
            "Call webhooks",
            "What is posted to webhooks: the states that each asks for, signed as Standard Webhooks are.",
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
            f"tell-{name}": {
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
            "schemas": with_named_parts({**_SHARED, **{each.schema: _payload(each) for each in every}}),
        },
    }


def _in_channel(event: Event, channel: str) -> dict[str, Any]:
    """To a webhook, what a topic tells has no attributes, but a signature."""
    if channel == "webhooks" and event.attributes is not _SIGNATURE:
        return _message(replace(event, headers=_SIGNED, attributes=_SIGNATURE))
    return {"$ref": f"#/components/messages/{event.name}"}


def _message(event: Event) -> dict[str, Any]:
    return {
        "name": event.type,
        "title": event.type,
        "summary": event.summary,
        "contentType": _CONTENT,
        "headers": event.attributes,
        "payload": _shared(event.schema),
        "examples": [{"name": event.name, "headers": event.headers, "payload": event.payload}],
    }


def _payload(event: Event) -> Schema:
    return _object(
        specversion={"const": "1.0"},
        id={"type": "string", "description": "The same at every repetition."},
        source={"type": "string", "format": "uri-reference"},
        type={"const": event.type},
        subject={"type": "string", "description": "What it is about: the id of the task, or of the webhook."},
        time=_MOMENT,
        datacontenttype={"const": "application/json"},
        data=event.data,
    )
