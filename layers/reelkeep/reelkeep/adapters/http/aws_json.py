"""A short way for the calls of AWS's JSON services, of which every task needs several.

To make calls up and to see them through its hooks takes botocore a fifth of a warm submission's CPU. Here what is
asked is sent as it is, and what is answered is taken as it is, where it is plain JSON. All that does not succeed at
the first attempt is botocore's: which errors there are, and what is repeated when.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from botocore.exceptions import HTTPClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.parsers import ResponseParser, ResponseParserFactory
from botocore.utils import parse_timestamp

from reelkeep.adapters.http.aws_connections import Answer, AwsConnections, first_attempt, host
from reelkeep.adapters.http.aws_signature import signed

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.credentials import Credentials
    from botocore.model import OperationModel

_OK = 200


@dataclass(frozen=True, slots=True)
class _Operation:
    headers: Mapping[str, str]
    fields: frozenset[str]
    tokens: tuple[str, ...]  # the fields by which the service knows that a call is a repeated one
    answer: Shape
    in_another_form: frozenset[bytes]  # what of the answer is no plain JSON


def shorten(client: BaseClient, connections: AwsConnections, credentials: Callable[[], Credentials | None]) -> None:
    """From now on, a call of this client, whose connections these are, first goes the short way, where there is one.

    Hooks that are registered with the client see only what botocore sends.
    """
    service, url = client.meta.service_model, urlsplit(client.meta.endpoint_url)
    if service.resolved_protocol != "json" or "awsQueryCompatible" in service.metadata:
        return  # SNS speaks XML, and SQS has two names for an error
    if url.path not in ("", "/") or cast("Any", client.meta.config).signature_version != "v4":
        return  # an endpoint of somebody's own: its path is for botocore to sign
    parsers = ResponseParserFactory()
    parsers.set_parser_defaults(timestamp_parser=_time)
    parser = parsers.create_parser("json")
    botocores = cast("Any", client)._make_api_call

    @cache
    def known(name: str) -> _Operation | None:
        model = service.operation_model(name)
        return None if model.endpoint else _operation(model, host(url))  # that one has a host of its own

    def call(name: str, asked: Mapping[str, Any]) -> Any:
        operation, caller = known(name), credentials()
        if operation is None or caller is None or not asked.keys() <= operation.fields:
            return botocores(name, asked)  # which says what is wrong, if something is
        for token in operation.tokens:
            asked = {token: str(uuid4()), **asked}
        try:
            body = json.dumps(asked).encode()
        except TypeError:  # bytes and times, which have a form of their own
            return botocores(name, asked)
        headers = signed(
            operation.headers,
            body,
            path="/",
            credentials=caller.get_frozen_credentials(),
            region=client.meta.region_name,
            service=service.signing_name,
            now=datetime.now(UTC),
        )
        headers |= {"content-length": str(len(body)), "user-agent": "reelkeep"}
        try:
            answer: Answer | HTTPClientError = connections.exchange(url, "POST", headers, body)
        except HTTPClientError as error:
            answer = error
        if isinstance(answer, HTTPClientError) or answer.status_code != _OK or not answer.undamaged:
            with first_attempt(answer):
                return botocores(name, asked)
        return _read(answer, operation, parser)

    cast("Any", client)._make_api_call = call


def _operation(model: OperationModel, host: str) -> _Operation:
    """Source: smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html"""
    headers = {
        "host": host,
        "content-type": f"application/x-amz-json-{model.metadata['jsonVersion']}",
        "x-amz-target": f"{model.metadata['targetPrefix']}.{model.name}",
    }
    answer = cast("Shape", model.output_shape)  # None will do, too
    fields = frozenset(model.input_shape.members if model.input_shape else ())
    names = frozenset(f'"{name}"'.encode() for name in _in_another_form(answer, set()))
    return _Operation(headers, fields, tuple(model.idempotent_members), answer, names)


def _in_another_form(shape: Shape, seen: set[str], name: str = "") -> Iterator[str]:
    """The names under which there may be what JSON has no form for: times, and bytes."""
    match shape:
        case StructureShape() if shape.name not in seen:
            seen.add(shape.name)
            for name, member in shape.members.items():
                yield from _in_another_form(member, seen, name)
        case ListShape():
            yield from _in_another_form(shape.member, seen, name)
        case MapShape():
            yield from _in_another_form(shape.value, seen, name)
        case Shape(type_name="timestamp" | "blob"):
            yield name


def _read(answer: Answer, operation: _Operation, parser: ResponseParser) -> Any:
    """As botocore does, whose parser takes several times longer, and is needed only for what is no plain JSON."""
    if not any(name in answer.content for name in operation.in_another_form):
        with suppress(ValueError):
            said = {name: value for name, value in json.loads(answer.content).items() if value is not None}
            return {**said, "ResponseMetadata": {"HTTPStatusCode": _OK, "HTTPHeaders": answer.headers}}
    return parser.parse({"headers": answer.headers, "status_code": _OK, "body": answer.content}, operation.answer)


def _time(said: float | str) -> datetime:
    """botocore tries the ways of every zone, one after another."""
    return parse_timestamp(said) if isinstance(said, str) else datetime.fromtimestamp(said, UTC)
