"""Schemas of events, in the JSON Schema draft-07 of AsyncAPI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelkeep.domain.task import FailureClass, Kind, State

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
WHOLE_OR_NULL: Schema = {"type": ["integer", "null"]}
MOMENT: Schema = {"type": "string", "format": "date-time"}
LINK: Schema = {"type": "string", "format": "uri", "description": "Permanent."}
TASK_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
KIND: Schema = {"$ref": "#/components/schemas/TaskKind"}


def object_of(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def attributes_of(**properties: Schema) -> Schema:
    """Of a notice: SNS takes no empty value, so that an attribute without one is not there."""
    required = [name for name in properties if name not in ("model", "tags")]
    return {**object_of(**properties), "required": required}


def array_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


def shared(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def by_file(schema: Schema, meaning: str) -> Schema:
    """An object whose properties have the names of files: video, cover, …"""
    return {"type": "object", "additionalProperties": schema, "description": meaning}


SHARED: dict[str, Schema] = {
    "TaskKind": {"type": "string", "enum": [kind.value for kind in Kind]},
    "TaskState": {"type": "string", "enum": [state.value for state in State]},
}
SHARED["File"] = object_of(
    url=LINK,
    content_type=TEXT,
    bytes={"type": "integer"},
    sha256={**TEXT_OR_NULL, "description": "Hexadecimal, as sha256sum prints it."},
    crc32={**TEXT_OR_NULL, "description": "Hexadecimal; instead of sha256 for a file beyond 64 MiB."},
    duration={**NUMBER_OR_NULL, "description": "In seconds."},
    fps=NUMBER_OR_NULL,
    width={**WHOLE_OR_NULL, "description": "In pixels."},
    height=WHOLE_OR_NULL,
    codec={**TEXT_OR_NULL, "description": "Of the video: h264, hevc, …"},
    sound={"type": ["boolean", "null"], "description": "Whether it has a track of sound."},
)
SHARED["Creation"] = object_of(
    id=TEXT,
    files=by_file(shared("File"), "What is in the archive, by its name: video, cover, …"),
    lost=by_file(TEXT, "Why a file was given up, by its name."),
    pending=by_file(TEXT, "What keeps a file from the archive for now, by its name; it is fetched later."),
)
SHARED["Failure"] = object_of(
    reason={"type": "string", "enum": [reason.value for reason in FailureClass]},
    code={"type": "string", "description": "The provider's own word."},
    message={"type": "string", "description": "For a person."},
    retryable={"type": "boolean", "description": "Whether submitting the same once more could succeed."},
)
SHARED["Difference"] = object_of(
    creation=TEXT,
    what={"type": "string", "description": "duration, resolution, size, aspect_ratio, audio or codec."},
    ordered={**TEXT_OR_NULL, "description": "Null if it is as it was ordered, or nothing was said of it."},
    claimed={**TEXT_OR_NULL, "description": "The provider's word; null if the file bears it out."},
    delivered={"type": "string", "description": "What the archived video is."},
)
SHARED["Adopted"] = object_of(provider_task_id=TEXT, lost_task=TEXT_OR_NULL)
ATTRIBUTES: dict[str, Schema] = {
    "provider": TEXT,
    "model": {"type": "string", "description": "Not there if the submission named none."},
    "kind": KIND,
}


def task_data(state: State) -> Schema:
    return object_of(
        task_id=TASK_ID,
        owner=TEXT,
        provider=TEXT,
        model=TEXT,
        kind=KIND,
        state={"const": state.value},
        tags=array_of(TEXT),
        created_at=MOMENT,
        credits={**WHOLE_OR_NULL, "description": "What the provider charged."},
        failure=or_null(shared("Failure")),
        adopted=or_null(shared("Adopted")),
        creations=array_of(shared("Creation")),
        differs=array_of(shared("Difference")),
    )


TAGS = "A String.Array; not there if the task has none."


def task_attributes(state: State) -> Schema:
    return attributes_of(
        type={"const": f"reelkeep.task.{state}"},
        owner=TEXT,
        owner_state={"type": "string", "description": "Both with a # between them: SNS filters by five attributes."},
        state={"const": state.value},
        **ATTRIBUTES,
        tags={**array_of(TEXT), "description": TAGS},
    )


def alert_data(**more: Schema) -> Schema:
    return object_of(
        task_id=TASK_ID,
        owner=TEXT,
        provider=TEXT,
        provider_task_id=TEXT_OR_NULL,
        model=TEXT,
        kind=KIND,
        state=shared("TaskState"),
        **more,
    )
