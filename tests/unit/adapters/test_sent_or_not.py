"""What a failed call means: nothing was sent, or the outcome is unknown."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest
import trustme

from reelkeep.adapters.http.outbound import AnswerLost, BlockedAddress, NotSent, Outbound
from tests.servers import Cut, Request, Server, reply, serving_tls
from tests.unit.adapters.outbound_harness import get


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


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
    with Server(lambda _: [b"SSH-2.0-OpenSSH\r\n\r\n"]) as server, pytest.raises(AnswerLost, match="not HTTP"):
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
