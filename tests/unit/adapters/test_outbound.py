"""Requests through the one door out, and their answers."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reelkeep.adapters.http.outbound import AnswerLost, Outbound
from tests.servers import Cut, Request, Server, reply
from tests.unit.adapters.outbound_harness import get


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_request_arrives_as_it_was_given_and_so_does_its_answer(outbound: Outbound) -> None:
    with Server(lambda _: reply(201, b'{"id": 7}', Retry_After="3", X_Twice="a")) as server:
        answer = outbound.request(
            "POST",
            server.url("/tasks?a=b%2Fc&d=%E2%82%AC"),
            headers={"Authorization": "Token secret", "content-type": "application/json"},
            body=b"{}",
            allow_private=True,
        )

    assert answer.status == 201
    assert answer.json() == {"id": 7}
    assert answer.retry_after == 3.0
    (request,) = server.requests
    assert (request.method, request.target, request.body) == ("POST", "/tasks?a=b%2Fc&d=%E2%82%AC", b"{}")
    assert request.headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": "reelkeep",
        "accept": "*/*",
        "accept-encoding": "identity",
        "authorization": "Token secret",
        "content-type": "application/json",
        "content-length": "2",
    }


def test_what_a_url_may_not_hold_is_escaped_and_a_signature_left_alone(outbound: Outbound) -> None:
    with Server(lambda _: reply()) as server:
        get(outbound, server.url("/a b/é.mp4?X-Amz-Signature=a%2Bb+c&x=~'()*!|"))

    assert server.requests[0].target == "/a%20b/%C3%A9.mp4?X-Amz-Signature=a%2Bb+c&x=~'()*!|"


def test_a_connection_is_used_again(outbound: Outbound) -> None:
    with Server(lambda _: reply(body=b"x" * 100_000)) as server:
        for _ in range(5):
            get(outbound, server.url())

        assert server.connections == 1


def test_what_changes_something_goes_over_a_connection_opened_for_it(outbound: Outbound) -> None:
    """A server that closes a kept connection at that moment would leave it unknown whether anything was made."""
    seen = 0

    def answering(request: Request) -> Iterator[bytes]:
        nonlocal seen
        seen += 1
        if seen == 2 and server.connections == 1:
            raise Cut
        yield from reply(201 if request.method == "POST" else 200)

    with Server(answering) as server:
        get(outbound, server.url())
        for _ in range(3):
            assert outbound.request("POST", server.url(), body=b"{}", allow_private=True).status == 201
        get(outbound, server.url())

        assert server.connections == 4


def test_a_connection_that_waited_long_is_not_trusted_with_another_request() -> None:
    clock = Clock()
    outbound = Outbound(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), clock=clock)
    with Server(lambda _: reply()) as server:
        get(outbound, server.url())
        clock.now += 60
        get(outbound, server.url())

        assert server.connections == 2
    outbound.close()


def test_a_connection_that_the_server_closed_is_not_used_again(outbound: Outbound) -> None:
    with Server(lambda _: reply()) as server:
        get(outbound, server.url())
        server.hang_up()

        assert get(outbound, server.url()).status == 200


def test_an_answer_that_ends_with_the_connection_is_read_whole(outbound: Outbound) -> None:
    def answering(_: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\nuntil "
        yield b"the end"
        raise Cut

    with Server(answering) as server:
        assert get(outbound, server.url()).body == b"until the end"


def test_an_answer_in_chunks_is_put_together(outbound: Outbound) -> None:
    chunks = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    with Server(lambda _: [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunks]) as server:
        assert get(outbound, server.url()).body == b"hello world"


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_what_comes_before_the_answer_is_not_taken_for_it(outbound: Outbound, interim: bytes) -> None:
    answers = iter("abc")

    def answering(_: Request) -> list[bytes]:
        return [b"HTTP/1.1 %b\r\nlink: </a.css>\r\n\r\n" % interim, *reply(200, next(answers).encode())]

    with Server(answering) as server:
        assert [get(outbound, server.url()).body for _ in range(3)] == [b"a", b"b", b"c"]
        assert server.connections == 1


def test_an_answer_that_is_compressed_unasked_is_unpacked(outbound: Outbound) -> None:
    with Server(lambda _: reply(body=gzip.compress(b"packed"), content_encoding="gzip")) as server:
        assert get(outbound, server.url()).body == b"packed"


@pytest.mark.parametrize("coding", ["utf-8", "none", "aws-chunked", "identity", "gzip", "deflate", "br", "x, y", ""])
def test_a_coding_that_an_answer_does_not_have_is_ignored(outbound: Outbound, coding: str) -> None:
    with Server(lambda _: reply(body=b'{"id": 7}', content_encoding=coding)) as server:
        assert get(outbound, server.url()).json() == {"id": 7}


def in_two_parts(content: bytes) -> bytes:
    return gzip.compress(content[:3]) + gzip.compress(content[3:])


def test_an_answer_may_be_deflated_without_a_frame(outbound: Outbound) -> None:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    sent = packing.compress(b'{"id": 7}') + packing.flush()
    with Server(lambda _: reply(body=sent, content_encoding="deflate")) as server:
        assert get(outbound, server.url()).json() == {"id": 7}


@pytest.mark.parametrize("coding", ["", "identity", "x-gzip", "GZIP", "deflate"])
@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, in_two_parts])
def test_the_first_bytes_of_an_answer_say_whether_it_is_packed(
    outbound: Outbound, pack: Callable[[bytes], bytes], coding: str
) -> None:
    with Server(lambda _: reply(body=pack(b'{"id": 7}'), content_encoding=coding)) as server:
        assert get(outbound, server.url()).json() == {"id": 7}


def test_an_answer_may_have_hundreds_of_headers(outbound: Outbound) -> None:
    many: Any = {f"x_{number}": "y" for number in range(500)}
    with Server(lambda _: reply(body=b"{}", **many)) as server:
        answer = get(outbound, server.url())
    assert (answer.json(), answer.headers["x-499"]) == ({}, "y")


def test_a_packed_answer_that_unpacks_to_too_much_is_lost(outbound: Outbound) -> None:
    with (
        Server(lambda _: reply(body=gzip.compress(bytes(1 << 20)), content_encoding="gzip")) as server,
        pytest.raises(AnswerLost, match="more than"),
    ):
        get(outbound, server.url(), limit_bytes=1 << 16)


def test_an_answer_that_is_too_long_is_lost(outbound: Outbound) -> None:
    with (
        Server(lambda _: reply(body=bytes(1000))) as server,
        pytest.raises(AnswerLost, match="more than 999 bytes"),
    ):
        get(outbound, server.url(), limit_bytes=999)


def test_a_small_request_leaves_in_one_piece(outbound: Outbound) -> None:
    pieces: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            pieces.append(connection.recv(1 << 16))
            connection.sendall(b"".join(reply()))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve, args=(listener,))
        serving.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/tasks"
        outbound.request("POST", url, body=b"body", allow_private=True)
        serving.join()
    assert pieces[0].startswith(b"POST /tasks HTTP/1.1\r\n")
    assert pieces[0].endswith(b"\r\n\r\nbody")
