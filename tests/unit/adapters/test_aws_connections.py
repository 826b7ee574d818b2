from __future__ import annotations

import json
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import boto3
import pytest
import trustme
from botocore import auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from botocore.retries.standard import ExponentialBackoff

from reelkeep.adapters.http.aws_connections import Answer, AwsConnections, host
from reelkeep.adapters.http.aws_json import shorten
from tests.servers import Cut, Request, Server, reply

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

ITEM = {"pk": {"S": "task#1"}}


def answer(status: int = 200, body: object = None, **headers: str) -> list[bytes]:
    said = json.dumps({"Item": ITEM} if body is None else body).encode()
    return reply(status, said, content_type="application/x-amz-json-1.0", **headers)


@dataclass
class Table:
    """Answers in turn, and with the item when the script is over."""

    script: list[list[bytes] | type[Cut]] = field(default_factory=list)

    def __call__(self, request: Request) -> Iterable[bytes]:
        said = self.script.pop(0) if self.script else answer()
        if isinstance(said, type):
            raise said
        return said


class NewClient(Protocol):
    def __call__(
        self, url: str, tls: ssl.SSLContext | None = None, *, attempts: int = 1, seconds: float = 5
    ) -> DynamoDBClient: ...


@pytest.fixture(autouse=True)
def nobody_else_to_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine of who runs the tests trusts."""
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    """One for all, since it takes long to read what DynamoDB is."""
    return boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1")


@pytest.fixture
def client(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewClient]:
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)  # botocore's patience takes seconds
    with ExitStack() as stack:

        def new_client(
            url: str, tls: ssl.SSLContext | None = None, *, attempts: int = 1, seconds: float = 5
        ) -> DynamoDBClient:
            config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
            made = session.client("dynamodb", endpoint_url=url.rstrip("/"), config=config)
            tls = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            connections = AwsConnections(tls, connect_seconds=5, read_seconds=seconds)
            stack.callback(connections.close)
            if connections.carry(made):
                shorten(made, connections, session.get_credentials)
            return made

        yield new_client


def read(dynamodb: DynamoDBClient) -> object:
    return dynamodb.get_item(TableName="tasks", Key=ITEM).get("Item")


def test_calls_share_one_connection_and_are_signed(client: NewClient) -> None:
    with Server(Table()) as server:
        dynamodb = client(server.url())
        assert [read(dynamodb) for _ in range(3)] == [ITEM] * 3
        assert server.connections == 1
        assert all("AWS4-HMAC-SHA256" in request.headers["authorization"] for request in server.requests)
        assert json.loads(server.requests[0].body) == {"TableName": "tasks", "Key": ITEM}


def test_what_is_signed_is_what_arrives(client: NewClient) -> None:
    with Server(Table()) as server:
        read(client(server.url()))
        (request,) = server.requests
    signed, names = parts_of(request)
    assert names == ["content-type", "host", "x-amz-date", "x-amz-target"]
    assert signature_of(request, names) == signed["Signature"]


def parts_of(request: Request) -> tuple[dict[str, str], list[str]]:
    """What the header says, and the names of the headers that are signed."""
    signed = dict(part.split("=") for part in request.headers["authorization"].partition(" ")[2].split(", "))
    return signed, signed["SignedHeaders"].split(";")


def signature_of(request: Request, names: Iterable[str]) -> str:
    """As botocore makes it."""
    headers = {name: request.headers[name] for name in names}
    again = AWSRequest("POST", f"http://{request.headers['host']}{request.target}", headers, request.body)
    again.context["timestamp"] = request.headers["x-amz-date"]
    botocore = SigV4Auth(Credentials("key", "secret"), "dynamodb", "us-east-1")
    made: str = botocore.signature(botocore.string_to_sign(again, botocore.canonical_request(again)), again)
    return made


def test_a_connection_that_was_closed_while_it_was_idle_is_not_used_again(client: NewClient) -> None:
    with Server(Table()) as server:
        dynamodb = client(server.url())
        read(dynamodb)
        server.hang_up()
        assert read(dynamodb) == ITEM  # at the first attempt
        assert server.connections == 2


def test_a_connection_is_closed_when_the_other_side_wants_it(client: NewClient) -> None:
    with Server(Table([answer(connection="close")])) as server:
        dynamodb = client(server.url())
        read(dynamodb)
        assert read(dynamodb) == ITEM
        assert server.connections == 2


def test_a_lost_answer_is_asked_for_again_by_the_client_itself(client: NewClient) -> None:
    with Server(Table([Cut])) as server:
        assert read(client(server.url(), attempts=2)) == ITEM
        assert len(server.requests) == 2


def test_a_lost_answer_is_a_closed_connection_to_whoever_called(client: NewClient) -> None:
    with Server(Table([Cut])) as server, pytest.raises(ConnectionClosedError):
        read(client(server.url()))


def test_an_answer_that_is_cut_short_is_lost(client: NewClient) -> None:
    with Server(Table([answer(content_length="9999")])) as server:
        dynamodb = client(server.url(), seconds=0.2)
        with pytest.raises(ReadTimeoutError):
            read(dynamodb)


def test_an_answer_that_is_no_http_is_lost(client: NewClient) -> None:
    with Server(Table([[b"SSH-2.0-OpenSSH_9.6\r\n"]])) as server:
        assert read(client(server.url(), attempts=2)) == ITEM
        assert len(server.requests) == 2
        assert server.connections == 2


def test_an_answer_may_come_in_chunks(client: NewClient) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = [b'9\r\n{"Item": \r\n', b'18\r\n{"pk": {"S": "task#1"}}}\r\n', b"0\r\n\r\n"]
    with Server(Table([[head, *chunks]])) as server:
        dynamodb = client(server.url())
        assert [read(dynamodb) for _ in range(2)] == [ITEM] * 2
        assert server.connections == 1


def test_a_large_answer_is_put_together_once() -> None:
    parts = 1 << 13
    near, far = socket.socketpair()
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (parts * 4096)

    def send() -> None:
        for part in (head, *[bytes(4096)] * parts):
            far.sendall(part)

    sending = threading.Thread(target=send)
    sending.start()
    answer, began = Answer(), time.thread_time()
    answer.read(near)
    sending.join()
    assert len(answer.content) == parts * 4096
    assert time.thread_time() - began < 1.0  # adding each part to the whole would take many times that
    near.close()
    far.close()


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_what_comes_before_the_answer_is_not_taken_for_it(client: NewClient, interim: bytes) -> None:
    before = b"HTTP/1.1 %b\r\ncontent-length-of-mine: 7\r\n\r\n" % interim
    other = answer(body={"Item": {"pk": {"S": "task#2"}}})
    with Server(Table([[before, *answer()], [before + b"".join(other)]])) as server:
        dynamodb = client(server.url())
        assert [read(dynamodb) for _ in range(3)] == [ITEM, {"pk": {"S": "task#2"}}, ITEM]
        assert server.connections == 1


@pytest.mark.parametrize("surplus", [b"more than was said", b"".join(answer(body={"Item": {}}))])
def test_what_comes_after_the_answer_is_not_the_answer_of_another_call(client: NewClient, surplus: bytes) -> None:
    with Server(Table([[b"".join(answer()) + surplus]])) as server:
        dynamodb = client(server.url())
        assert [read(dynamodb) for _ in range(2)] == [ITEM] * 2
        assert server.connections == 2
        assert len(server.requests) == 2


def test_an_answer_that_wants_to_speak_something_else_is_lost(client: NewClient) -> None:
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    with Server(Table([[upgrade]])) as server:
        assert read(client(server.url(), attempts=2)) == ITEM
        assert server.connections == 2


def test_an_answer_may_end_with_its_connection(client: NewClient) -> None:
    class Ends(Table):
        def __call__(self, request: Request) -> Iterator[bytes]:
            yield b"HTTP/1.0 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n\r\n"
            yield json.dumps({"Item": ITEM}).encode()
            raise Cut

    with Server(Ends()) as server:
        dynamodb = client(server.url())
        assert [read(dynamodb) for _ in range(2)] == [ITEM] * 2
        assert len(server.requests) == 2


def test_an_endpoint_may_have_a_path_which_is_signed_as_botocore_signs_it(client: NewClient) -> None:
    with Server(Table([answer(500)])) as server:
        assert read(client(server.url("/tables/of:mine"), attempts=2)) == ITEM
    assert [request.target.rstrip("/") for request in server.requests] == ["/tables/of:mine"] * 2
    for request in server.requests:
        signed, names = parts_of(request)
        assert signature_of(request, names) == signed["Signature"]


def test_a_usual_port_is_left_out_as_it_is_where_botocore_signs() -> None:
    hosts = {
        "https://Table.example:443": "table.example",
        "http://table.example:80/": "table.example",
        "https://table.example:8443/x": "table.example:8443",
        "http://[::1]:8000": "[::1]:8000",
        "https://[2001:db8::1]/": "[2001:db8::1]",
    }
    assert {url: host(urlsplit(url)) for url in hosts} == hosts
    assert {url: auth._host_from_url(url) for url in hosts} == hosts  # type: ignore[attr-defined]  # its own


def test_where_calls_go_through_a_proxy_they_stay_botocores(
    client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(Table()) as proxy, Server(Table()) as server:
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("http_proxy", proxy.url())
        assert read(client(server.url())) == ITEM
        assert (proxy.connections, server.connections) == (0, 1)
        monkeypatch.delenv("no_proxy")
        assert read(client(server.url())) == ITEM
        assert (proxy.connections, server.connections) == (1, 1)


def test_where_another_authority_is_to_be_trusted_calls_stay_botocores(
    client: NewClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    with Server(Table(), theirs) as server:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "authority.pem"))
        assert read(client(server.url())) == ITEM


def test_what_the_service_cannot_take_now_is_asked_again_as_often_as_the_client_wants(client: NewClient) -> None:
    throttled = answer(400, {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"})
    with Server(Table([answer(500), throttled])) as server:
        assert read(client(server.url(), attempts=3)) == ITEM
        assert len(server.requests) == 3
    with Server(Table([answer(500), throttled])) as server:
        dynamodb = client(server.url(), attempts=2)
        with pytest.raises(dynamodb.exceptions.ThrottlingException):
            read(dynamodb)
        assert len(server.requests) == 2


def test_an_answer_that_was_damaged_on_its_way_is_asked_for_again(client: NewClient) -> None:
    body = json.dumps({"Item": ITEM}).encode()
    damaged = answer(x_amz_crc32=str(zlib.crc32(body) ^ 1))
    with Server(Table([damaged])) as server:
        assert read(client(server.url(), attempts=2)) == ITEM
        assert len(server.requests) == 2


def test_nobody_listening_is_said_so(client: NewClient) -> None:
    with Server(Table()) as server:
        url = server.url()
    with pytest.raises(EndpointConnectionError):
        read(client(url))


def test_a_refusal_is_the_error_that_the_service_named(client: NewClient) -> None:
    refusal = answer(400, {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"})
    with Server(Table([refusal])) as server:
        dynamodb = client(server.url())
        with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
            read(dynamodb)
        assert len(server.requests) == 1


def test_a_service_that_speaks_xml_goes_over_them_too(session: boto3.Session) -> None:
    said = (
        b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>'
        b"<MessageId>1</MessageId></PublishResult></PublishResponse>"
    )
    connections = AwsConnections(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), connect_seconds=5, read_seconds=5)
    with Server(lambda _: reply(200, said, content_type="text/xml")) as server:
        sns = session.client("sns", endpoint_url=server.url().rstrip("/"))
        assert connections.carry(sns)
        shorten(sns, connections, session.get_credentials)
        assert [sns.publish(TopicArn="topic", Message="m")["MessageId"] for _ in range(2)] == ["1", "1"]
        assert server.connections == 1
        assert "AWS4-HMAC-SHA256" in server.requests[0].headers["authorization"]
    connections.close()


def test_only_a_certificate_of_a_trusted_authority_is_taken(client: NewClient) -> None:
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    trusting = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    with Server(Table(), theirs) as server:
        assert read(client(server.url(), trusting)) == ITEM
        with pytest.raises(EndpointConnectionError):
            read(client(server.url()))
