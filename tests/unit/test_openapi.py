"""The OpenAPI document describes every route, and its examples are true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from docs.generate import operations
from docs.generate.documents import documents
from docs.generate.openapi import document
from docs.generate.parts import with_named_parts
from reelkeep.dialects import all_dialects
from reelkeep.dialects.dialect import Http, Submit
from reelkeep.domain.task import Kind
from tests.for_each import for_each

DOCUMENT = document()
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
BODIES = [
    (f"{name} {place}", media)
    for name, operation in OPERATIONS
    for place, described in [("body", operation.get("requestBody", {})), *operation["responses"].items()]
    for media in described.get("content", {}).values()
]


def test_the_document_is_valid_openapi() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_no_document_that_is_served_or_shown_is_stale() -> None:
    """If one is: `make docs`."""
    stale = [path.name for path, text in documents().items() if not path.exists() or path.read_text() != text]
    assert stale == []


def test_every_route_of_every_dialect_is_described() -> None:
    routes = {f"{route.method} {route.path}" for dialect in all_dialects() for route in dialect.routes}
    documents = {"GET /openapi.json", "GET /asyncapi.json", "GET /docs"}
    public = {"GET /files/{token}/{task_id}/{file}", "POST /wake/{token}/{task_id}"} | documents
    assert {name for name, _ in OPERATIONS} == routes | public


SUBMITS = [route for dialect in all_dialects() for route in dialect.routes if isinstance(route, Submit)]
SUBMISSIONS = [
    (f"{route.method} {route.path}", DOCUMENT["paths"][route.path][route.method.lower()]) for route in SUBMITS
]


@for_each("name, operation", SUBMISSIONS)
def test_every_submission_takes_an_idempotency_key_and_tags(name: str, operation: dict[str, Any]) -> None:
    headers = [each for each in operation["parameters"] if each["in"] == "header"]
    assert [each["name"] for each in headers] == ["Idempotency-Key", "Reelkeep-Tags", "Reelkeep-Priority"]
    assert not any(each.get("required") for each in headers)
    [media] = operation["responses"]["422"]["content"].values()
    assert "Idempotency-Key" in str(media["examples"]["key reused"]["value"])


def test_nothing_else_takes_such_headers() -> None:
    submissions = {name for name, _ in SUBMISSIONS}
    others = [operation for name, operation in OPERATIONS if name not in submissions]
    assert not any(each["in"] == "header" for operation in others for each in operation.get("parameters", ()))


def test_the_formats_come_in_an_order_and_under_titles_that_a_person_understands() -> None:
    titles = [tag["x-displayName"] for tag in DOCUMENT["tags"]]
    assert titles[0] == "Vidu's ent/v2"
    assert [title.startswith("Vidu") for title in titles] == sorted(
        (t.startswith("Vidu") for t in titles), reverse=True
    )
    assert not [title for title in titles if "_" in title or len(title) > 40]
    assert len(set(titles)) == len(titles)


def test_no_two_dialects_give_one_name_to_two_schemas() -> None:
    names = [name for dialect in all_dialects() for name in operations.schemas(dialect)]
    assert sorted(names) == sorted(set(names))


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, operation in OPERATIONS]
    assert sorted(names) == sorted(set(names))


@for_each("name, operation", SUBMISSIONS)
def test_every_submission_shows_each_refusal_in_the_words_of_its_format(name: str, operation: dict[str, Any]) -> None:
    assert set(operation["responses"]) >= {"400", "401", "413", "422", "429", "500"}
    shown = str(operation["responses"])
    assert all(words in shown for words in ("this API key is not known", "credits are not enough", "daily quota"))


def test_whatever_has_an_id_in_its_path_may_not_be_found() -> None:
    assert not [name for name, operation in OPERATIONS if "_id}" in name and "404" not in operation["responses"]]


@for_each("name, operation", OPERATIONS)
def test_every_operation_says_what_it_does_and_what_can_go_wrong(name: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert {status[0] for status in operation["responses"]} >= {"5"}


def examples(media: dict[str, Any]) -> list[Any]:
    found = [media["example"]] if "example" in media else []
    found += [example["value"] for example in media.get("examples", {}).values()]
    return [*found, *resolved(media["schema"]).get("examples", ())]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "").rpartition("/")[2]
    named: dict[str, dict[str, Any]] = DOCUMENT["components"]["schemas"]
    return named.get(reference, schema)


@for_each("name, media", BODIES)
def test_every_body_has_an_example_that_fits_its_schema(name: str, media: dict[str, Any]) -> None:
    schema = {**media["schema"], "components": DOCUMENT["components"]}
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert examples(media)
    for example in examples(media):
        validator.validate(example)


@for_each("route", SUBMITS)
def test_every_example_of_a_submission_is_understood_and_kept_word_for_word(route: Submit) -> None:
    described = DOCUMENT["paths"][route.path]["post"]["requestBody"]["content"]["application/json"]
    for example in examples(described):
        http = Http(method="POST", path=route.path, body=json.dumps(example).encode())
        assert route.parse(http).body == example


# --- what a generator of clients makes of it ---

SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]


def inside(node: Any) -> Iterator[dict[str, Any]]:
    """Every object below."""
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        if isinstance(each, dict):
            yield each
        yield from inside(each)


def test_a_new_task_is_one_of_several_types_distinguished_by_its_kind() -> None:
    new = SCHEMAS["NewTask"]
    assert new["discriminator"]["propertyName"] == "kind"
    mapping = new["discriminator"]["mapping"]
    assert [option["$ref"] for option in new["oneOf"]] == list(mapping.values())
    kinds = {kind: SCHEMAS[ref.rpartition("/")[2]]["properties"]["kind"]["const"] for kind, ref in mapping.items()}
    assert kinds == {kind.value: kind.value for kind in Kind}


@for_each("name", SCHEMAS)
def test_an_object_in_an_object_has_a_name_of_its_own(name: str) -> None:
    assert not [each for each in inside(SCHEMAS[name]) if isinstance(each.get("properties"), dict)]


@for_each("name", SCHEMAS)
def test_no_field_has_a_default_that_a_generated_client_would_always_send(name: str) -> None:
    assert not [field for field in SCHEMAS[name].get("properties", {}).values() if "default" in field]


def test_no_two_parts_of_schemas_are_given_one_name() -> None:
    part = {"type": "object", "properties": {"id": {"type": "string"}}}
    whole = {"type": "object", "properties": {"part": part, "parts": {"type": "array", "items": part}}}
    with pytest.raises(LookupError, match="WholePart"):
        with_named_parts({"Whole": whole})
