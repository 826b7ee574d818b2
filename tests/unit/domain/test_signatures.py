"""What we sign is accepted by verifiers that others wrote, and what was tampered with is not."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import assume, given
from hypothesis import strategies as st

from reelkeep.domain.notices import signatures
from tests.vidu_verifier import is_vidus

MASTER = "m" * 64
SECRET = signatures.secret_of(MASTER, "alice", "wh_1", 1)
OLDER = signatures.secret_of(MASTER, "alice", "wh_1", 0)
BODY = json.dumps({"state": "success", "prompt": "一只纸船"}, ensure_ascii=False).encode()

Verify = Callable[[str, bytes, dict[str, str]], Any]


def by_standard_webhooks(secret: str, body: bytes, headers: dict[str, str]) -> Any:
    return standardwebhooks.Webhook(secret).verify(body, headers)


def by_svix(secret: str, body: bytes, headers: dict[str, str]) -> Any:
    svix.webhooks.Webhook(secret).verify(body, headers)
    return json.loads(body)


REFUSALS = (standardwebhooks.WebhookVerificationError, svix.webhooks.WebhookVerificationError)
third_parties = pytest.mark.parametrize("verify", [by_standard_webhooks, by_svix])


def signed(body: bytes = BODY, *secrets: str, ago: timedelta = timedelta()) -> dict[str, str]:
    return signatures.standard("dl_1", body, secrets or (SECRET,), datetime.now(UTC) - ago)


def test_a_secret_that_was_shown_once_stays_good() -> None:
    """Secrets of older releases must still sign, however secrets are made now."""
    digest = hmac.digest(MASTER.encode(), b"reelkeep.webhook\nalice\nwh_1\n1", "sha256")
    assert f"whsec_{base64.b64encode(digest).decode()}" == SECRET


@third_parties
def test_a_third_party_accepts_our_signature(verify: Verify) -> None:
    assert verify(SECRET, BODY, signed()) == json.loads(BODY)


@third_parties
def test_while_two_secrets_sign_either_is_enough(verify: Verify) -> None:
    for secret in (SECRET, OLDER):
        assert verify(secret, BODY, signed(BODY, SECRET, OLDER)) == json.loads(BODY)


@third_parties
def test_a_third_party_refuses_what_was_tampered_with(verify: Verify) -> None:
    headers = signed()
    for body, forged in (
        (BODY.replace(b"success", b"failed"), headers),
        (BODY, headers | {"webhook-id": "dl_2"}),
        (BODY, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
        (BODY, headers | {"webhook-signature": f"v1,{base64.b64encode(bytes(32)).decode()}"}),
    ):
        with pytest.raises(REFUSALS):
            verify(SECRET, body, forged)


@third_parties
def test_a_third_party_refuses_a_signature_that_is_old_or_by_another_secret(verify: Verify) -> None:
    with pytest.raises(REFUSALS):
        verify(SECRET, BODY, signed(ago=timedelta(minutes=6)))
    with pytest.raises(REFUSALS):
        verify(OLDER, BODY, signed())


bodies = st.dictionaries(st.text(), st.text() | st.integers()).map(
    lambda value: json.dumps(value, ensure_ascii=False).encode()
)
secrets = st.builds(
    signatures.secret_of,
    st.just(MASTER),
    st.sampled_from(["alice", "bob"]),
    st.text("wh_0123456789abcdef"),
    st.integers(0),
)


@third_parties
@given(
    body=bodies,
    made=st.lists(secrets, min_size=1, max_size=2),
    message=st.from_regex(r"dl_[0-9a-f]{32}", fullmatch=True),
)
def test_whatever_is_sent_is_accepted_as_it_is_and_not_with_a_letter_more(
    verify: Verify, body: bytes, made: list[str], message: str
) -> None:
    headers = signatures.standard(message, body, made, datetime.now(UTC))
    for secret in made:
        assert verify(secret, body, headers) == json.loads(body)
    with pytest.raises(REFUSALS):
        verify(made[0], body + b" ", headers)


@given(body=bodies, secret=secrets, data=st.data())
def test_no_altered_body_is_accepted(body: bytes, secret: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body) - 1))
    altered = body[:at] + bytes([data.draw(st.integers(32, 126))]) + body[at + 1 :]
    assume(altered != body)
    headers = signatures.standard("dl_1", body, [secret], datetime.now(UTC))
    with pytest.raises((*REFUSALS, UnicodeDecodeError)):
        by_standard_webhooks(secret, altered, headers)


def test_every_webhook_has_a_secret_of_its_own_and_another_after_each_rotation() -> None:
    made = {
        signatures.secret_of(master, owner, webhook, generation)
        for master in (MASTER, "n" * 64)
        for owner in ("alice", "bob")
        for webhook in ("wh_1", "callbacks")
        for generation in (1, 2)
    }
    assert len(made) == 16
    assert all(len(base64.b64decode(secret.removeprefix("whsec_"))) == 32 for secret in made)


def test_vidus_signature_is_that_of_the_documented_example() -> None:
    now = datetime(2026, 1, 6, 8, tzinfo=UTC)
    assert signatures.vidu("https://me.test/hooks/vidu?k=1", "5f1c2d3e", "vda_example_secret", now) == {
        "Date": "Tue, 06 Jan 2026 08:00:00 GMT",
        "x-request-nonce": "5f1c2d3e",
        "X-HMAC-SIGNED-HEADERS": "Date;x-request-nonce",
        "X-HMAC-ALGORITHM": "hmac-sha256",
        "X-HMAC-ACCESS-KEY": "vidu",
        "X-HMAC-SIGNATURE": "s0KpYXYIaJvr2rJ+sZYVbiMtkk8KxBJOsiSOwEaW/lI=",
    }


def test_vidus_documented_verification_accepts_it_with_our_secret_in_the_keys_place() -> None:
    made = signatures.vidu("https://me.test", "n", SECRET, datetime.now(UTC))
    headers = {name.lower(): value for name, value in made.items()}
    assert is_vidus("POST", "/", headers, SECRET)
    for method, target, secret in (("GET", "/", SECRET), ("POST", "/x", SECRET), ("POST", "/", OLDER)):
        assert not is_vidus(method, target, headers, secret)
    assert abs(parsedate_to_datetime(headers["date"]) - datetime.now(UTC)) < timedelta(minutes=1)
