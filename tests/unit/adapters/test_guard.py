"""Where a request and its redirects may go."""

from __future__ import annotations

from contextlib import closing

import pytest

from reelkeep.adapters.http.outbound import AnswerLost, BlockedAddress, NotSent, Outbound
from reelkeep.domain.addresses import is_public
from tests.servers import Request, Server, reply
from tests.unit.adapters.outbound_harness import get


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
