"""Where callbacks may go, and what is known of how they got there."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event

import pytest

from reelkeep.adapters.http.destinations import Destinations
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.notices import signatures
from reelkeep.ports.notices import Unanswered
from tests.servers import Request, Server, reply
from tests.vidu_verifier import is_vidus

HEADERS = {"content-type": "application/json", "webhook-id": "dl_1", "X-HMAC-ACCESS-KEY": "vidu"}


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    outbound = Outbound(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    yield outbound
    outbound.close()


@pytest.fixture
def outside(outbound: Outbound) -> Destinations:
    return Destinations(outbound, allow_private=False)


@pytest.fixture
def anywhere(outbound: Outbound) -> Destinations:
    return Destinations(outbound, allow_private=True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://93.184.215.14/hook", "must be an https URL"),
        ("https://127.0.0.1/hook", "not on the public internet"),
        ("https://localhost/hook", "not on the public internet"),
        ("https://10.0.0.7/hook", "not on the public internet"),
        ("https://169.254.169.254/latest/meta-data", "not on the public internet"),
        ("https://[::1]/hook", "not on the public internet"),
        ("https://[::ffff:10.0.0.7]/hook", "not on the public internet"),
        ("https://nowhere.invalid/hook", "cannot be resolved"),
        ("https://user:secret@93.184.215.14/", "no plain host"),
        ("https://:99999/", "not a URL"),
    ],
)
def test_an_address_that_may_receive_nothing_is_refused_by_its_field(
    outside: Destinations, url: str, why: str
) -> None:
    with pytest.raises(InvalidRequest, match=f"^callback_url .*{why}") as refused:
        outside.check(url, "callback_url")
    assert refused.value.field == "callback_url"
    assert "secret" not in refused.value.message
    with pytest.raises(Unanswered):
        outside.post(url, HEADERS, b"{}")


def test_a_name_that_leads_inside_is_refused_also_if_it_did_not_when_it_was_checked(
    outside: Destinations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve_to(address: str) -> None:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    resolve_to("93.184.215.14")
    outside.check("https://rebinding.test/hook", "url")
    resolve_to("127.0.0.1")
    with pytest.raises(InvalidRequest):
        outside.check("https://rebinding.test/hook", "url")
    with pytest.raises(Unanswered, match="not on the public internet"):
        outside.post("https://rebinding.test/hook", HEADERS, b"{}")


def test_on_one_machine_private_addresses_are_fine_but_not_names_that_lead_nowhere(anywhere: Destinations) -> None:
    anywhere.check("http://127.0.0.1:9/hook", "url")
    with pytest.raises(InvalidRequest, match="cannot be resolved"):
        anywhere.check("http://nowhere.invalid/hook", "url")
    with pytest.raises(InvalidRequest, match="only http and https"):
        anywhere.check("ftp://127.0.0.1/hook", "url")


def test_a_message_arrives_as_it_was_signed(anywhere: Destinations) -> None:
    with Server(lambda _: reply(204)) as server:
        assert anywhere.post(server.url("/hook?k=1"), HEADERS, "一".encode()) == 204
    (request,) = server.requests
    assert (request.method, request.target, request.body) == ("POST", "/hook?k=1", "一".encode())
    assert request.headers["x-hmac-access-key"] == "vidu"
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "target",
    [
        "/hook?k=1",
        "/钩子/ü",
        "/%E9%92%A9/%c3%bc",  # stays as it is: also its small letters
        "/a b/{id}/%20+%2f",
        "/hook?q=a b&q=ü&q=%C3%BC&url=https://x.test/?y",
        "/;v=1/,'(~)*!$[x]|@:",
        "?only=a-query",
        "#fragment",
        "",
    ],
)
def test_what_vidus_scheme_signs_is_what_arrives(anywhere: Destinations, target: str) -> None:
    with Server(lambda _: reply(204)) as server:
        url = server.url(target)
        anywhere.post(url, signatures.vidu(url, "nonce", "whsec_key", datetime.now(UTC)), b"{}")
    (request,) = server.requests
    assert request.target.isascii()
    assert is_vidus("POST", request.target, request.headers, "whsec_key")


def test_an_address_that_no_bytes_can_say_is_refused(anywhere: Destinations) -> None:
    for url in ("http://127.0.0.1/\ud800", "http://127.0.0.1/?q=\udfff"):
        with pytest.raises(InvalidRequest, match="not a URL"):
            anywhere.check(url, "callback_url")


def test_a_redirect_is_an_answer_and_followed_by_nothing(anywhere: Destinations) -> None:
    with Server(lambda _: reply(200)) as other, Server(lambda _: reply(307, Location=other.url("/"))) as server:
        assert anywhere.post(server.url("/hook"), HEADERS, b"{}") == 307
    assert other.requests == []


def test_whatever_the_answer_holds_nobody_reads_it(anywhere: Destinations) -> None:
    def endless(_: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 Said\r\ncontent-length: 1000000000000\r\n\r\n"
        yield bytes(1000)
        answered.wait(60)  # longer than anybody waits for the rest

    answered = Event()
    with Server(endless) as server:
        assert anywhere.post(server.url("/hook"), HEADERS, b"{}") == 200
        answered.set()


def test_no_answer_says_why_and_shows_no_path(anywhere: Destinations) -> None:
    with Server(lambda _: iter([b""])) as server:
        pass
    with pytest.raises(Unanswered) as unanswered:
        anywhere.post(server.url("/secret-path?token=1"), HEADERS, b"{}")
    assert "refused" in str(unanswered.value)
    assert "secret-path" not in str(unanswered.value)
