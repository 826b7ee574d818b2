from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from reelkeep.domain import provider_callbacks
from reelkeep.domain.wire import Signature

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)
task_ids = st.uuids().map(lambda each: each.hex)
keys = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=60)


def test_an_address_that_a_provider_was_given_once_stays_good() -> None:
    assert provider_callbacks.is_token("gdaQ56ndGKO6URVFUB75X4FJ", "vidu", "0" * 32, "vda_key")


@given(names, task_ids, keys)
def test_the_token_of_a_path_is_known_again(provider: str, task_id: str, key: str) -> None:
    _, way, token, named = provider_callbacks.path_of(provider, task_id, key).split("/")
    assert (way, named) == ("wake", task_id)
    assert provider_callbacks.is_token(token, provider, task_id, key)


@given(st.tuples(names, task_ids, keys), st.tuples(names, task_ids, keys), st.data())
def test_no_token_opens_anything_else(
    ours: tuple[str, str, str], others: tuple[str, str, str], data: st.DataObject
) -> None:
    token = provider_callbacks.path_of(*ours).split("/")[2]
    provider, task_id, key = (data.draw(st.sampled_from(pair)) for pair in zip(ours, others, strict=True))
    assume((provider, task_id, key) != ours)
    assert not provider_callbacks.is_token(token, provider, task_id, key)


@given(st.text() | st.text(st.characters(), min_size=24, max_size=24), task_ids)
def test_no_token_whatsoever_is_a_fault(token: str, task_id: str) -> None:
    assert not provider_callbacks.is_token(token, "vidu", task_id, "vda_key")


@given(st.binary(), keys, st.integers(-1_000, 1_000))
def test_a_signature_holds_for_five_minutes_either_way(text: bytes, key: str, seconds: int) -> None:
    digest = hmac.digest(key.encode(), text, hashlib.sha256)
    signature = Signature(text=text, digest=digest, made_at=NOON)
    now = NOON + timedelta(seconds=seconds)
    assert provider_callbacks.is_signed(signature, key, now) is (abs(seconds) <= 300)


@given(st.binary(), st.binary(max_size=40), keys)
def test_what_was_not_signed_with_the_key_is_not_signed(text: bytes, digest: bytes, key: str) -> None:
    assert not provider_callbacks.is_signed(Signature(text=text, digest=digest, made_at=NOON), key, NOON)
