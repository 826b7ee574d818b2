"""The short way beside botocore's own: what is asked arrives alike, and what is answered is understood alike."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError

from reelkeep.adapters.http.aws_connections import AwsConnections
from reelkeep.adapters.http.aws_json import shorten
from tests.servers import Request, Server, reply

NOW = 1_795_000_000.25
CALLS: list[tuple[str, str, dict[str, Any], object]] = [
    ("dynamodb", "get_item", {"TableName": "t", "Key": {"pk": {"S": "é"}}}, {"Item": {"n": {"N": "1"}}}),
    ("dynamodb", "get_item", {"TableName": "t", "Key": {}}, {"Item": {"b": {"B": "AAE="}}, "New": 1}),
    ("dynamodb", "get_item", {"TableName": "t", "Key": {}}, {"Item": {"b": {"M": {"b": {"BS": ["AAE="]}}}}}),
    ("dynamodb", "get_item", {"TableName": "t", "Key": {}}, {"Item": None}),
    ("dynamodb", "put_item", {"TableName": "t", "Item": {"m": {"M": {"l": {"L": [{"BOOL": True}]}}}}}, {}),
    ("dynamodb", "query", {"TableName": "t", "Limit": 3}, {"Count": 0, "Items": [], "LastEvaluatedKey": {}}),
    ("dynamodb", "list_tables", {}, {"TableNames": ["t"]}),
    ("dynamodb", "transact_write_items", {"TransactItems": [], "ClientRequestToken": "mine"}, {}),
    ("stepfunctions", "start_execution", {"stateMachineArn": "a", "input": "{}"}, {"startDate": NOW}),
    ("stepfunctions", "stop_execution", {"executionArn": "a"}, {"stopDate": int(NOW)}),
    ("stepfunctions", "stop_execution", {"executionArn": "a"}, {"stopDate": "2026-11-21T00:00:00Z"}),
    ("secretsmanager", "get_secret_value", {"SecretId": "s"}, {"SecretString": "v", "CreatedDate": NOW}),
    ("secretsmanager", "put_secret_value", {"SecretId": "s", "ClientRequestToken": "mine"}, ""),
]


@pytest.fixture(scope="module")
def session() -> Any:
    return boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-west-1")


@pytest.fixture
def connections() -> Iterator[AwsConnections]:
    made = AwsConnections(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), connect_seconds=5, read_seconds=5)
    with closing(made):
        yield made


NewClient = Callable[..., Any]


@pytest.fixture
def new_client(session: Any, connections: AwsConnections) -> NewClient:
    def new_client(service: str, server: Server, **config: Any) -> Any:
        made = session.client(
            service, endpoint_url=server.url().rstrip("/"), config=Config(parameter_validation=False, **config)
        )
        assert connections.carry(made)
        shorten(made, connections, session.get_credentials)
        return made

    return new_client


def said(body: object) -> list[bytes]:
    return reply(200, json.dumps(body).encode() if body != "" else b"", content_type="application/x-amz-json-1.0")


def made_by_botocore(request: Request) -> bool:
    return "amz-sdk-invocation-id" in request.headers


@pytest.mark.parametrize(("service", "operation", "asked", "answered"), CALLS)
def test_a_call_asks_and_answers_as_botocore_does(
    session: Any,
    new_client: NewClient,
    service: str,
    operation: str,
    asked: dict[str, Any],
    answered: object,
) -> None:
    with Server(lambda _: said(answered)) as server:
        config = Config(parameter_validation=False)
        botocores = session.client(service, endpoint_url=server.url().rstrip("/"), config=config)
        results = [getattr(client, operation)(**asked) for client in (new_client(service, server), botocores)]
        ours, theirs = server.requests
    assert not made_by_botocore(ours)
    assert made_by_botocore(theirs)
    for name in ("content-type", "x-amz-target", "content-length", "host"):
        assert ours.headers[name] == theirs.headers[name]
    assert json.loads(ours.body) == json.loads(theirs.body)
    for result in results:
        assert result.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert results[0] == results[1]


def test_times_and_bytes_have_their_types(new_client: NewClient) -> None:
    with Server(lambda request: said({"startDate": NOW, "Item": {"b": {"B": "AAE="}}})) as server:
        started = new_client("stepfunctions", server).start_execution(stateMachineArn="a", input="{}")
        item = new_client("dynamodb", server).get_item(TableName="t", Key={})["Item"]
    assert started["startDate"].timestamp() == NOW
    assert item == {"b": {"B": b"\x00\x01"}}


@pytest.mark.parametrize(
    ("value", "arrives"), [(b"\x00\x01", {"B": base64.b64encode(b"\x00\x01").decode()}), ("é", {"S": "é"})]
)
def test_what_has_a_form_of_its_own_goes_by_botocore(new_client: NewClient, value: object, arrives: object) -> None:
    with Server(lambda _: said({})) as server:
        kind = "B" if isinstance(value, bytes) else "S"
        new_client("dynamodb", server).put_item(TableName="t", Item={"v": {kind: value}})
        (request,) = server.requests
    assert json.loads(request.body)["Item"] == {"v": arrives}
    assert made_by_botocore(request) == isinstance(value, bytes)


def test_a_time_that_is_asked_for_goes_by_botocore(new_client: NewClient) -> None:
    with Server(lambda _: said({})) as server:
        new_client("dynamodb", server).list_backups(TimeRangeLowerBound=datetime.fromtimestamp(NOW).astimezone())
        (request,) = server.requests
    assert json.loads(request.body) == {"TimeRangeLowerBound": NOW}


def test_a_field_that_there_is_not_is_an_error_and_nothing_is_sent(new_client: NewClient) -> None:
    with Server(lambda _: said({})) as server:
        with pytest.raises(KeyError, match="ConditionExpresion"):
            new_client("dynamodb", server).put_item(
                TableName="t", Item={}, ConditionExpresion="attribute_not_exists(pk)"
            )
        assert server.requests == []


def test_a_repeated_call_that_must_not_happen_twice_says_that_it_is_the_same(new_client: NewClient) -> None:
    answers = [reply(500, b"{}"), said({}), said({})]
    with Server(lambda _: answers.pop(0)) as server:
        dynamodb = new_client("dynamodb", server, retries={"mode": "standard", "total_max_attempts": 2})
        dynamodb.transact_write_items(TransactItems=[])
        dynamodb.transact_write_items(TransactItems=[])
        first, again, another = [json.loads(request.body)["ClientRequestToken"] for request in server.requests]
    assert first == again
    assert first != another
    assert made_by_botocore(server.requests[1])


def test_what_came_of_one_call_is_not_taken_for_the_first_attempt_of_the_next(new_client: NewClient) -> None:
    refusal = reply(400, b'{"__type": "ResourceNotFoundException"}')
    answers = [refusal, said({"TableNames": ["t"]})]
    with Server(lambda _: answers.pop(0)) as server:
        dynamodb = new_client("dynamodb", server)
        with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
            dynamodb.list_tables()
        assert dynamodb.list_tables()["TableNames"] == ["t"]
        assert len(server.requests) == 2


def test_calls_are_made_for_the_region_the_service_and_the_role_of_that_moment(
    session: Any, connections: AwsConnections
) -> None:
    roles = iter([Credentials("one", "secret"), Credentials("two", "secret", "token")])
    with Server(lambda _: said({})) as server:
        states = session.client("stepfunctions", endpoint_url=server.url().rstrip("/"))
        assert connections.carry(states)
        shorten(states, connections, lambda: next(roles))
        for _ in range(2):
            states.stop_execution(executionArn="a")
        first, second = server.requests
    assert "Credential=one/" in first.headers["authorization"]
    assert "/eu-west-1/states/aws4_request" in first.headers["authorization"]
    assert "x-amz-security-token" not in first.headers
    assert "Credential=two/" in second.headers["authorization"]
    assert second.headers["x-amz-security-token"] == "token"


def test_without_credentials_nothing_is_sent(
    session: Any, connections: AwsConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(lambda _: said({})) as server:
        dynamodb = session.client("dynamodb", endpoint_url=server.url().rstrip("/"))
        monkeypatch.setattr(dynamodb._request_signer, "_credentials", None)
        assert connections.carry(dynamodb)
        shorten(dynamodb, connections, lambda: None)
        with pytest.raises(NoCredentialsError):
            dynamodb.list_tables()
        assert server.requests == []


@pytest.mark.parametrize(
    ("service", "call", "config"),
    [
        ("sqs", lambda client: client.list_queues(), {}),
        ("dynamodb", lambda client: client.list_tables(), {"signature_version": UNSIGNED}),
        (
            "stepfunctions",
            lambda client: client.start_sync_execution(stateMachineArn="a"),
            {"inject_host_prefix": False},
        ),
    ],
    ids=["a service with two names for an error", "an anonymous client", "an operation with a host of its own"],
)
def test_what_is_not_made_for_the_short_way_stays_botocores(
    new_client: NewClient, service: str, call: Callable[[Any], object], config: dict[str, Any]
) -> None:
    with Server(lambda _: said({})) as server:
        call(new_client(service, server, **config))
        (request,) = server.requests
    assert made_by_botocore(request)
