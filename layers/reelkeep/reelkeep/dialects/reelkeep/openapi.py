"""What the OpenAPI document says of several things."""

from __future__ import annotations

from collections.abc import Mapping

from reelkeep.dialects.grammar.described import TEXT, record
from reelkeep.dialects.reelkeep.problems import PROBLEMS, problem_type
from reelkeep.domain.wire import Json

EXAMPLE_TASK = "019aa6f1b2c80123456789abcdef0123"
_DETAILS: dict[str, tuple[str, Mapping[str, Json]]] = {
    "invalid-request": (
        "prompt is required",
        {"errors": [{"field": "prompt", "message": "is required"}]},
    ),
    "unauthorized": ("this API key is not known, or was revoked", {}),
    "no-credit": (
        "credits are not enough",
        {
            "failure": {
                "reason": "credit",
                "code": "CreditInsufficient",
                "message": "credits are not enough",
                "retryable": False,
            }
        },
    ),
    "not-found": (f"there is no task {EXAMPLE_TASK}", {}),
    "method-not-allowed": ("where callbacks go is up to each task", {}),
    "cannot-cancel": ("task state is success, can not cancel", {}),
    "conflict": (
        "this endpoint is subscribed already",
        {"errors": [{"field": "endpoint", "message": "this endpoint is subscribed already"}]},
    ),
    "limit-reached": ("there are 20 subscriptions, which is as many as an owner may have", {}),
    "body-too-large": ("the body has 7340032 bytes, the limit is 5242880", {}),
    "idempotency-key-reused": ("this Idempotency-Key was sent before, with another request", {}),
    "refused-by-provider": (
        "the prompt is against the content rules",
        {
            "failure": {
                "reason": "policy",
                "code": "TaskPromptPolicyViolation",
                "message": "the prompt is against the content rules",
                "retryable": False,
            }
        },
    ),
    "throttled-by-provider": (
        "the daily quota is used up",
        {
            "failure": {
                "reason": "throttled",
                "code": "QuotaExceeded",
                "message": "the daily quota is used up",
                "retryable": True,
            }
        },
    ),
    "fault": ("Try again in a moment; if it stays so, ask whoever runs this service.", {}),
}


SCHEMAS: Mapping[str, Json] = {
    "TooManyRequests": record({"message": TEXT}, description="Said by what stands before this service."),
}
TOO_MANY: Mapping[str, Json] = {
    "description": "Too many requests came at once, and this one was not looked at: send it again in a moment.",
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/TooManyRequests"},
            "example": {"message": "Too Many Requests"},
        }
    },
}
_HEADERS: dict[str, Json] = {
    "unauthorized": {
        "WWW-Authenticate": {
            "description": "How a key can be sent.",
            "schema": {"type": "string"},
            "example": 'Bearer realm="reelkeep"',
        }
    },
    "method-not-allowed": {
        "Allow": {"description": "What is served here.", "schema": {"type": "string"}, "example": "GET"}
    },
}


def answer(meaning: str, schema: str, example: object, **more: Json) -> dict[str, Json]:
    """An answer with a body of this schema."""
    content = {"schema": schema_named(schema), "example": example}
    return {"description": meaning, "content": {"application/json": content}, **more}


def problem(name: str, said: str = "") -> dict[str, Json]:
    """The answer to a request that went wrong so. `said` is its detail, where that is not the usual one."""
    status, title = PROBLEMS[name]
    detail, more = (said, {}) if said else _DETAILS[name]
    example = {"type": problem_type(name), "title": title, "status": status, "detail": detail, **more}
    content = {"schema": schema_named("Problem"), "example": example}
    headers = {"headers": _HEADERS[name]} if name in _HEADERS else {}
    return {"description": f"{title}.", **headers, "content": {"application/problem+json": content}}


def problems(*names: str) -> dict[str, Json]:
    """The answers to requests that went wrong in these ways, and in those in which any can."""
    found = {str(PROBLEMS[name][0]): problem(name) for name in ("unauthorized", *names, "fault")}
    if other := found.get("429"):
        content = {**other["content"], **TOO_MANY["content"]}
        return {
            **found,
            "429": {"description": f"{other['description']} Or: {TOO_MANY['description']}", "content": content},
        }
    return {**found, "429": TOO_MANY}


def takes(schema: str, **more: Json) -> dict[str, Json]:
    """A request's body of this schema."""
    return {"required": True, "content": {"application/json": {"schema": schema_named(schema), **more}}}


def located(what: str, path: str) -> dict[str, Json]:
    """The headers of an answer that says where the thing is shown that was made."""
    return {
        "Location": {
            "description": f"Where the {what} is shown.",
            "schema": {"type": "string", "format": "uri-reference"},
            "example": path,
        }
    }


def in_path(name: str, example: str, meaning: str) -> dict[str, Json]:
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": meaning,
        "schema": schema,
        "example": example,
    }


def schema_named(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}
