"""What the OpenAPI document says of OpenAI's Videos and of what grew from it alike."""

from __future__ import annotations

from collections.abc import Mapping

from reelkeep.dialects.grammar.described import EXAMPLE_FILES, EXAMPLE_ID, FLAG, TEXT, array, nullable, record, whole
from reelkeep.domain.wire import Json

IMAGE: Mapping[str, Json] = {"type": "string", "description": "An http(s) URL, a data: URI, or bare base64."}
SECONDS: Mapping[str, Json] = {"type": ["integer", "string"], "description": "A whole number, of seconds."}
LINK = f"{EXAMPLE_FILES}/1-video.mp4"

ASKED: Mapping[str, Json] = {
    "model": {**TEXT, "description": "Decides which provider serves the task."},
    "prompt": {**TEXT, "description": "Needed unless there are images."},
    "image": IMAGE,
    "images": array(IMAGE, description="One: the first frame. Two: the first and the last. More: references."),
    "size": {**TEXT, "description": "As in 1280x720, 720p or 16:9."},
    "duration": SECONDS,
    "width": whole(0, 16_384),
    "height": whole(0, 16_384),
    "fps": whole(0, 16_384),
    "seed": whole(-1, 2**63 - 1),
    "n": whole(0, 1),
    "response_format": {"const": "url"},
    "user": TEXT,
    "metadata": {
        "description": "What a provider understands beyond that, by name; also as the JSON text of an object.",
        "anyOf": [
            record(
                {
                    "resolution": TEXT,
                    "aspect_ratio": TEXT,
                    "seed": whole(-1, 2**63 - 1),
                    "audio": FLAG,
                    "watermark": FLAG,
                    "off_peak": FLAG,
                    "payload": {
                        **TEXT,
                        "description": "Comes back with the task, where the format has a place for it.",
                    },
                },
                required=(),
            ),
            TEXT,
        ],
    },
    "provider": {**TEXT, "description": "Reelkeep's own: the provider to use, by name. It does not travel."},
}


def asked(example: Json, **more: Json) -> Mapping[str, Json]:
    return record({**ASKED, **more}, required=("prompt",), examples=[example])


ERROR: Mapping[str, Json] = record(
    {"error": record({"message": TEXT, "type": TEXT, "param": nullable(TEXT), "code": nullable(TEXT)})}
)


def operation(
    prefix: str,
    named: str,
    summary: str,
    schema: str,
    example: Json,
    *,
    asked: Mapping[str, str] | None = None,
    **more: Json,
) -> Mapping[str, Json]:
    """`named` is its operationId; `asked` names the body's schema for each content type; its examples are there."""

    def holds(name: str, **more: Json) -> Json:
        return {"schema": {"$ref": f"#/components/schemas/{prefix}{name}"}, **more}

    return {
        "operationId": named,
        "summary": summary,
        **(
            {"requestBody": {"required": True, "content": {kind: holds(name) for kind, name in asked.items()}}}
            if asked
            else {}
        ),
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": holds(schema, example=example)}},
            **refusals(prefix),
        },
        **more,
    }


def refusals(prefix: str) -> Mapping[str, Json]:
    schema = {"$ref": f"#/components/schemas/{prefix}Error"}

    def error(**fields: Json) -> Json:
        return {"application/json": {"schema": schema, "example": {"error": fields}}}

    return {
        "4XX": {
            "description": "Refused; `param` names the field.",
            "content": error(
                message="prompt is required",
                type="invalid_request_error",
                param="prompt",
                code="missing_required_parameter",
            ),
        },
        "5XX": {
            "description": "Our fault.",
            "content": error(
                message="something went wrong on our side", type="server_error", param=None, code="internal_error"
            ),
        },
    }


EXAMPLE_TASK: Mapping[str, Json] = {
    "id": EXAMPLE_ID,
    "object": "video",
    "model": "viduq3-pro",
    "created_at": 1_767_686_400,
}
