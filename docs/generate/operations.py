"""A format's operations and schemas, of what its routes and its `wire` declare. Every example is rendered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, cast

from docs.generate import texts
from docs.generate.examples import ERRORS, SERVED, after, cancelled, finished, link, queueing
from docs.generate.schemas import model_schemas
from docs.generate.version import ROOT
from reelkeep.dialects.dialect import (
    AnyRoute,
    Cancel,
    Content,
    Dialect,
    Http,
    List,
    Operation,
    Remove,
    Reply,
    Show,
    Submit,
)
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    InvalidRequest,
    KeyReused,
    NotFound,
    OverBudget,
    OverLimit,
    Refused,
    Stopped,
    Unauthorized,
    lacking,
)
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Request
from reelkeep.domain.wire import Json

_EXAMPLES = ROOT / "docs" / "examples"  # what clients send, one file a format
_JSON, _FORM = "application/json", "multipart/form-data"
_MEANINGS = {
    Submit: "The task.",
    Show: "The task.",
    List: "A page of tasks.",
    Cancel: "The task, cancelled.",
    Remove: "It is done.",
    Content: "The file is at its permanent link.",
}
_MEANING_OF_FAULT = "Our fault."
TOO_MANY: Mapping[str, Json] = {  # what stands before the API has words of its own
    "description": "Too many requests came at once, and this one was not read: send it again in a moment.",
    "content": {
        _JSON: {
            "schema": {"$ref": "#/components/schemas/TooManyRequests"},
            "example": {"message": "Too Many Requests"},
        }
    },
}


# --- schemas ---


def schemas(dialect: Dialect) -> Mapping[str, Json]:
    """By name: of all that its routes take and answer, and of its errors."""
    hashable: Any = dialect
    return _schemas(hashable)


@cache
def _schemas(dialect: Any) -> Mapping[str, Json]:
    received = dict.fromkeys(name for route in dialect.routes for name in (route.body, route.form) if name)
    sent = dict.fromkeys([*(route.reply for route in dialect.routes if route.reply), dialect.error])
    found = model_schemas({name: _declared(dialect.name)[name] for name in received}, sent, prefix=_prefix(dialect))
    for name, examples in json.loads((_EXAMPLES / f"{dialect.name}.json").read_text()).items():
        found[_prefix(dialect) + name]["examples"] = examples
    return found


@cache
def _declared(format_name: str) -> Mapping[str, Any]:
    """What the format's `wire` modules declare, by name."""
    package = import_module(f"reelkeep.dialects.{format_name}")
    found = (each.name for each in walk_packages(package.__path__, f"{package.__name__}."))
    modules = [import_module(name) for name in found if name.endswith(".wire")]
    return {name: value for module in modules for name, value in vars(module).items()}


def _ref(dialect: Dialect, name: str) -> Json:
    return {"$ref": f"#/components/schemas/{_prefix(dialect)}{name}"}


def _prefix(dialect: Dialect) -> str:
    """The native API's own names are plain."""
    return "" if dialect.name == "reelkeep" else "".join(word.title() for word in dialect.name.split("_"))


# --- operations ---


def describe(dialect: Dialect, route: AnyRoute) -> dict[str, Json]:
    """Everything of the operation but what all have."""
    summary, details = texts.summary_and_details(dialect, route)
    bodies = {kind: name for kind, name in ((_JSON, route.body), (_FORM, route.form)) if name}
    content = {kind: {"schema": _ref(dialect, name), **_choice(dialect, name)} for kind, name in bodies.items()}
    parameters = [
        {"name": each.name, "in": "query", "description": each.meaning, "schema": _named(dialect, each.schema)}
        for each in route.parameters
    ]
    return {
        "operationId": route.operation,
        "summary": summary,
        "description": f"{details} The key needs the scope `{route.needs}`.".strip(),
        **({"requestBody": {"required": True, "content": content}} if content else {}),
        "parameters": parameters,
        "responses": {**_answer(dialect, route), **_refusals(dialect, route)},
    }


def _choice(dialect: Dialect, name: str) -> dict[str, Json]:
    """An example of each that a body is one of."""
    mapping = schemas(dialect)[_prefix(dialect) + name].get("discriminator", {}).get("mapping", {})
    found = {word: schemas(dialect)[ref.rpartition("/")[2]]["examples"][0] for word, ref in mapping.items()}
    return {"examples": {word: {"value": example} for word, example in found.items()}} if found else {}


def _named(dialect: Dialect, schema: Mapping[str, Json]) -> Json:
    """A parameter's schema, with the name of its choice of words if that has one."""
    if "enum" not in schema.get("items", {}):
        return schema
    names = (name for name, each in schemas(dialect).items() if each.get("enum") == schema["items"]["enum"])
    name = next(names, "")
    return {**schema, "items": {"$ref": f"#/components/schemas/{name}"}} if name else schema


def _answer(dialect: Dialect, route: AnyRoute) -> dict[str, Json]:
    reply = _rendered(dialect, route)
    described = {"description": _MEANINGS.get(type(route), "It is done."), **_headers(reply)}
    if route.reply:
        if isinstance(route, Operation):
            described["description"] = route.reply.__doc__
        described["content"] = {_JSON: {"schema": _ref(dialect, route.reply.__name__), "example": reply.body}}
    elif isinstance(reply.body, str):
        kind = reply.headers["content-type"].partition(";")[0]
        described["content"] = {kind: {"schema": {"type": "string"}, "example": reply.body}}
    return {str(reply.status): described}


def _headers(reply: Reply) -> dict[str, Json]:
    headers = {
        name: {"schema": {"type": "string"}, "example": value, "description": _HEADERS.get(name, "")}
        for name, value in reply.headers.items()
        if name != "content-type"
    }
    return {"headers": headers} if headers else {}


_HEADERS = {
    "retry-after": "Seconds after which to ask again, until the provider is done: few tasks like it end sooner.",
    "openai-poll-after-ms": "When to look again, until the video has come to its end.",
    "location": "Where it is shown.",
    "www-authenticate": "How a key can be sent.",
    "allow": "The methods that are served here.",
}


def _rendered(dialect: Dialect, route: AnyRoute) -> Reply:
    """What the route answers about a task that was submitted as the example of a submission says."""
    match route:
        case Submit():
            return route.render(queueing(_asked(dialect, route)))
        case Show():
            return route.render(finished(_asked(dialect)), link)
        case List():
            page = Page(tasks=(finished(_asked(dialect)),), total=1)
            return route.render(page, link, Listing())
        case Cancel():
            return route.render(cancelled(_asked(dialect)))
        case Remove():
            return route.render(queueing(_asked(dialect)))
        case Content():
            (creation,) = finished(_asked(dialect)).creations
            return Reply(status=302, headers={"Location": link(creation.assets[0].archived)})  # type: ignore[arg-type]
        case Operation() if "{task_id}" in route.path:
            return route.render(after(route.service, finished(_asked(dialect))), link)
        case Operation():
            return route.render(SERVED[route.service])


def _asked(dialect: Dialect, route: Submit | None = None) -> Request:
    wanted = route or next(each for each in dialect.routes if isinstance(each, Submit))
    choice = _choice(dialect, wanted.body).get("examples")
    example = (
        next(iter(choice.values()))["value"]
        if choice
        else schemas(dialect)[_prefix(dialect) + wanted.body]["examples"][0]
    )
    return wanted.parse(Http(method="POST", path=wanted.path, body=json.dumps(example).encode()))


# --- refusals ---


def _refusals(dialect: Dialect, route: AnyRoute) -> dict[str, Json]:
    """Each error that follows from what the route takes, or that it names."""
    kinds: list[type[ClientError]] = [Unauthorized]
    kinds += [InvalidRequest, BodyTooLarge] if route.body or route.form else []
    kinds += [InvalidRequest] if route.parameters else []
    kinds += [NotFound] if "{" in route.path else []
    kinds += [OverBudget, OverLimit, Stopped, Refused, KeyReused] if isinstance(route, Submit) else []
    kinds += [CannotCancel] if isinstance(route, Cancel | Remove) else []
    errors: list[ClientError] = [lacking(route.needs)]
    errors += [
        example
        for kind in dict.fromkeys((*kinds, *texts.ERRORS.get(route.operation, ())))
        for example in ERRORS[kind]
    ]
    return refusals(dialect, errors, method=route.method, path=route.path)


def refusals(dialect: Dialect, errors: Iterable[ClientError], *, method: str, path: str) -> dict[str, Json]:
    """The responses to these errors, to too many requests, and to a fault of ours, by status."""
    http = Http(method=method, path=path, headers={"x-amzn-trace-id": "1-695c8f00-0a1b2c3d4e5f"})
    found = _by_status(dialect, [(error, dialect.render_error(error, http)) for error in errors])
    fault = dialect.render_fault()
    found[str(fault.status)] = _response(dialect, {"fault": fault}, _MEANING_OF_FAULT)
    return found | {"429": _or_too_many(found["429"]) if "429" in found else TOO_MANY}


def _or_too_many(own: Mapping[str, Json]) -> dict[str, Json]:
    other = TOO_MANY["content"][_JSON]
    content = {**own["content"], _JSON: other}
    if media := own["content"].get(_JSON):
        examples = {**media["examples"], "too many requests": {"value": other["example"]}}
        content[_JSON] = {"schema": {"anyOf": [media["schema"], other["schema"]]}, "examples": examples}
    return {**own, "description": f"{own['description']} Or: {TOO_MANY['description']}", "content": content}


def _by_status(dialect: Dialect, rendered: Iterable[tuple[ClientError, Reply]]) -> dict[str, Json]:
    found: dict[str, dict[str, Reply]] = {}
    meanings: dict[str, dict[str, None]] = {}
    for error, reply in rendered:
        body, status = cast(Mapping[str, Json], reply.body), str(reply.status)
        name = re.sub("(?<!^)(?=[A-Z])", " ", type(error).__name__).lower()
        name += f": {error.failure.reason}" if isinstance(error, Refused) else ""
        found.setdefault(status, {})[name] = reply
        meanings.setdefault(status, {})[body.get("title") or error.message[:1].upper() + error.message[1:]] = None
    return {status: _response(dialect, found[status], f"{'. Or: '.join(meanings[status])}.") for status in found}


def _response(dialect: Dialect, replies: Mapping[str, Reply], meaning: str) -> dict[str, Json]:
    """What is answered with this status, with an example of each error that has it."""
    reply = next(iter(replies.values()))
    examples = {name: {"value": each.body} for name, each in replies.items()}
    media = {"schema": _ref(dialect, dialect.error.__name__), "examples": examples}
    return {
        "description": meaning,
        **_headers(reply),
        "content": {reply.headers.get("content-type", _JSON): media},
    }
