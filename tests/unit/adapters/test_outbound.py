from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import trustme

from reelkeep.adapters.http.outbound import AnswerLost, BlockedAddress, NotSent, Outbound
from reelkeep.domain.addresses import is_private, is_public
from reelkeep.domain.wire import ProviderResponse
from tests.servers import Cut, Request, Server, reply, serving_tls


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    outbound = Outbound(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))  # the default one loads all the world's certificates
    yield outbound
    outbound.close()


def get(outbound: Outbound, url: str, **more: Any) -> ProviderResponse:
    return outbound.request("GET", url, **{"allow_private": True, "seconds": 5.0, **more})


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


def test_an_answer_packed_against_our_wish_is_unpacked(outbound: Outbound) -> None:
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


# Sent or not ------------------------------------------------------------------------------------------------


def test_a_refused_connection_means_that_nothing_was_sent(outbound: Outbound) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    with pytest.raises(NotSent, match="connection refused"):
        get(outbound, f"http://127.0.0.1:{port}/")


def test_an_unknown_name_means_that_nothing_was_sent(outbound: Outbound) -> None:
    with pytest.raises(NotSent, match="name cannot be resolved"):
        get(outbound, "https://no-such-name.invalid/")


def test_a_certificate_of_somebody_else_means_that_nothing_was_sent() -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    with (
        Server(lambda _: reply(), serving_tls(theirs, "localhost")) as server,
        pytest.raises(NotSent, match="certificate"),
    ):
        get(Outbound(trusting(ours)), server.url(host="localhost"))

    assert server.requests == []


def test_a_certificate_for_another_name_means_that_nothing_was_sent() -> None:
    authority = trustme.CA()
    with (
        Server(lambda _: reply(), serving_tls(authority, "elsewhere.test")) as server,
        pytest.raises(NotSent, match="certificate"),
    ):
        get(Outbound(trusting(authority)), server.url(host="localhost"))


def test_the_name_is_what_the_certificate_is_checked_against_and_what_the_server_hears() -> None:
    authority = trustme.CA()
    outbound = Outbound(trusting(authority))
    with Server(lambda _: reply(), serving_tls(authority, "localhost")) as server:
        assert get(outbound, server.url(host="localhost")).status == 200
        assert server.requests[0].headers["host"] == f"localhost:{server.port}"
        outbound.close()


def test_a_header_that_http_cannot_carry_is_not_sent_and_not_shown(outbound: Outbound) -> None:
    with Server(lambda _: reply()) as server, pytest.raises(NotSent) as caught:
        get(outbound, server.url(), headers={"authorization": "Token secret\n"})

    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert server.requests == []


def test_silence_after_sending_leaves_the_outcome_unknown(outbound: Outbound) -> None:
    asked = threading.Event()

    def answering(_: Request) -> Iterator[bytes]:
        asked.wait(10)
        yield from reply()

    with (
        Server(answering) as server,
        pytest.raises(AnswerLost, match="no answer in time"),
    ):
        get(outbound, server.url(), seconds=0.2)
    asked.set()


def test_a_connection_cut_before_the_answer_leaves_the_outcome_unknown(outbound: Outbound) -> None:
    def answering(_: Request) -> Iterator[bytes]:
        raise Cut
        yield

    with Server(answering) as server, pytest.raises(AnswerLost, match="cut"):
        outbound.request("POST", server.url(), body=b"{}", allow_private=True)

    assert len(server.requests) == 1


@pytest.mark.parametrize("framing", ["content-length: 100", "transfer-encoding: chunked"])
def test_a_connection_cut_within_the_answer_leaves_the_outcome_unknown(outbound: Outbound, framing: str) -> None:
    def answering(_: Request) -> Iterator[bytes]:
        yield f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode() + b"5\r\nhello"
        raise Cut

    with Server(answering) as server, pytest.raises(AnswerLost, match="cut"):
        get(outbound, server.url())


def test_an_answer_that_is_not_http_leaves_the_outcome_unknown(outbound: Outbound) -> None:
    with Server(lambda _: [b"SSH-2.0-OpenSSH\r\n"]) as server, pytest.raises(AnswerLost):
        get(outbound, server.url())


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: "])
def test_the_deadline_holds_however_slowly_an_answer_drips(outbound: Outbound, head: bytes) -> None:
    stop = threading.Event()

    def answering(_: Request) -> Iterator[bytes]:
        yield head
        while not stop.wait(0.02):
            yield b"x"

    with Server(answering) as server:
        began = time.monotonic()
        with pytest.raises(AnswerLost, match="no answer in time"):
            get(outbound, server.url(), seconds=0.3)
        stop.set()

    assert time.monotonic() - began < 2


def test_no_query_shows_in_any_error(outbound: Outbound) -> None:
    def cut(_: Request) -> Iterator[bytes]:
        raise Cut
        yield

    with Server(cut) as server, socket.create_server(("127.0.0.1", 0)) as unused:
        closed = unused.getsockname()[1]
        unused.close()
        urls = [
            server.url("/v.mp4?signature=secret"),
            f"http://127.0.0.1:{closed}/v.mp4?signature=secret",
            "http://10.0.0.1/v.mp4?signature=secret",
            "ftp://127.0.0.1/v.mp4?signature=secret",
            "https://user:secret@127.0.0.1/v.mp4?signature=secret",
            "https://no-such-name.invalid/?signature=secret",
            "http://[::1/?signature=secret",
        ]
        for url in urls:
            with pytest.raises((NotSent, AnswerLost, BlockedAddress)) as caught:
                get(outbound, url, allow_private="10.0.0.1" not in url)
            assert "secret" not in str(caught.value)


# No reach inside --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.170.2",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::8.8.8.8",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "4000::1",
    ],
)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "52.216.0.1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700::1111", "2600:1f18::1"]
)
def test_an_address_outside_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "127.0.0.1", "::1", "fd12::1", "100.64.0.1", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"]
)
def test_a_private_address_is_where_an_operator_may_have_put_a_provider(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "fe80::1",
        "fe80::1%eth0",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "8.8.8.8",
    ],
)
def test_where_a_cloud_tells_its_secrets_no_leave_leads(address: str) -> None:
    assert not is_private(address)


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://0/"])
def test_leave_to_go_to_private_addresses_is_no_leave_to_go_there(outbound: Outbound, url: str) -> None:
    with pytest.raises(BlockedAddress):
        get(outbound, url, allow_private=True)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0177.0.0.1",
        "0",
        "[::ffff:127.0.0.1]",
    ],
)
def test_no_spelling_of_this_machine_is_reached(outbound: Outbound, host: str) -> None:
    with (
        Server(lambda _: reply()) as server,
        pytest.raises((BlockedAddress, NotSent)),
    ):
        get(outbound, server.url(host=host), allow_private=False)

    assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://example.com/",
        "//example.com/",
        "example.com",
        "",
        "http:///path",
        "http://user@example.com/",
        "http://good.example\\@127.0.0.1/",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://[fe80::1%25eth0]/",
    ],
)
def test_only_plain_web_addresses_are_fetched(outbound: Outbound, url: str) -> None:
    with pytest.raises(BlockedAddress):
        get(outbound, url)


@pytest.mark.parametrize("inside", ["http://127.0.0.2/", "http://[::1]/", "http://169.254.169.254/latest/"])
def test_a_redirect_to_the_inside_is_not_followed(inside: str) -> None:
    with (
        closing(Outbound(is_public=lambda address: address == "127.0.0.1" or is_public(address))) as outbound,
        Server(lambda _: reply(302, location=inside)) as server,
        pytest.raises((BlockedAddress, NotSent)) as caught,
    ):
        get(outbound, server.url(), allow_private=False)

    assert len(server.requests) == 1
    assert "not on the public internet" in str(caught.value) or "cannot be resolved" in str(caught.value)


def test_of_several_addresses_of_a_name_only_those_outside_are_tried() -> None:
    tried: list[str] = []

    def outside(address: str) -> bool:
        tried.append(address)
        return False

    with pytest.raises(BlockedAddress, match="localhost:9 is not on the public internet"):
        get(Outbound(is_public=outside), "http://localhost:9/", allow_private=False)

    assert "127.0.0.1" in tried


def test_what_was_allowed_for_one_call_is_not_allowed_for_the_next(outbound: Outbound) -> None:
    with Server(lambda _: reply()) as server:
        get(outbound, server.url(), allow_private=True)
        with pytest.raises(BlockedAddress):
            get(outbound, server.url(), allow_private=False)

        assert len(server.requests) == 1


# Redirects --------------------------------------------------------------------------------------------------


def test_a_redirect_is_followed_without_our_credentials(outbound: Outbound) -> None:
    with (
        Server(lambda _: reply(body=b"there")) as there,
        Server(lambda _: reply(302, location=there.url("/v?x=1"))) as here,
    ):
        answer = get(outbound, here.url(), headers={"Authorization": "Token secret", "X-Other": "kept"})

    assert answer.body == b"there"
    assert here.requests[0].headers["authorization"] == "Token secret"
    assert "authorization" not in there.requests[0].headers
    assert there.requests[0].headers["x-other"] == "kept"


def test_a_redirect_within_the_same_place_keeps_them(outbound: Outbound) -> None:
    def answering(request: Request) -> list[bytes]:
        return reply(307, location="/b") if request.target == "/a" else reply(body=b"b")

    with Server(answering) as server:
        assert get(outbound, server.url("/a"), headers={"Authorization": "Token secret"}).body == b"b"

    assert server.requests[1].headers["authorization"] == "Token secret"


def test_a_redirect_to_another_scheme_than_the_webs_is_refused(outbound: Outbound) -> None:
    with Server(lambda _: reply(302, location="file:///etc/passwd")) as server, pytest.raises(BlockedAddress):
        get(outbound, server.url())


def test_a_redirect_may_be_written_as_browsers_read_it(outbound: Outbound) -> None:
    def answering(request: Request) -> list[bytes]:
        if request.target != "/":
            return reply(body=request.target.encode())
        location = "/影片 1.mp4?名=é".encode()
        return [b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: %b\r\n\r\n" % location]

    with Server(answering) as server:
        assert get(outbound, server.url()).body == b"/%E5%BD%B1%E7%89%87%201.mp4?%E5%90%8D=%C3%A9"


@pytest.mark.parametrize("location", ["http://[broken/?signature=secret", "//[::1", "http://0177.0.0.1.9/"])
def test_a_redirect_to_what_is_no_address_is_refused(outbound: Outbound, location: str) -> None:
    with (
        Server(lambda _: reply(302, location=location)) as server,
        pytest.raises((BlockedAddress, NotSent)) as caught,
    ):
        get(outbound, server.url())
    assert "secret" not in str(caught.value)


def test_endless_redirects_end(outbound: Outbound) -> None:
    with Server(lambda _: reply(302, location="/")) as server, pytest.raises(AnswerLost, match="redirected"):
        get(outbound, server.url())

    assert len(server.requests) == 6


def test_what_changes_something_is_never_sent_on(outbound: Outbound) -> None:
    with Server(lambda _: reply(307, location="/again")) as server:
        answer = outbound.request("POST", server.url(), body=b"{}", allow_private=True)

    assert answer.status == 307
    assert len(server.requests) == 1


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


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
