from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.keys import ApiKey, KeySettings, describe, hash_of, is_key, new_key

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_new_key_is_recognised_fits_a_header_and_never_comes_twice() -> None:
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(is_key(key) and len(key) == 46 and key.startswith("rk_") for key in keys)


@pytest.mark.parametrize("change", [str.upper, lambda key: key + "a", lambda key: key[:-1], lambda key: f"{key}\n"])
def test_what_is_nearly_a_key_is_none(change: type[str]) -> None:
    assert not is_key(change(new_key()))


@pytest.mark.parametrize("text", ["", "rk_", "vda_" + "x" * 42, "rk_" + "é" * 43, "rk_" + " " * 43])
def test_what_is_no_key_is_none(text: str) -> None:
    assert not is_key(text)


def test_the_hash_is_what_sha256sum_prints() -> None:
    assert hash_of("rk_x") == hashlib.sha256(b"rk_x").hexdigest()


def test_a_description_shows_the_end_of_the_key_and_no_more_of_it() -> None:
    key = new_key()
    described = describe(key, "alice", KeySettings(name="laptop"), NOON)
    assert described == ApiKey(
        key_id=described.key_id, owner="alice", name="laptop", last_characters=key[-4:], created_at=NOON
    )
    assert key[3:12] not in repr(described)


def test_key_ids_are_short_and_sort_by_time() -> None:
    moments = (NOON + timedelta(seconds=second) for second in range(9))
    ids = [describe(new_key(), "alice", KeySettings(), moment).key_id for moment in moments]
    assert ids == sorted(ids)
    assert {len(key_id) for key_id in ids} == {16}


@pytest.mark.parametrize("owner", ["a", "alice", "team-1", "alice@example.com", "A.b_c", "x" * 64])
def test_an_owner_may_be_a_plain_word_or_an_address(owner: str) -> None:
    assert describe(new_key(), owner, KeySettings(), NOON).owner == owner


@pytest.mark.parametrize("owner", ["", "a#b", "a b", "-a", "x" * 65, "alice\n", "爱丽丝"])
def test_another_owner_is_refused(owner: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        describe(new_key(), owner, KeySettings(), NOON)
    assert refusal.value.field == "owner"


@pytest.mark.parametrize("name", ["x" * 101, "two\nlines", "\x1b[2J"])
def test_a_name_that_would_spoil_a_terminal_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        describe(new_key(), "alice", KeySettings(name=name), NOON)
    assert refusal.value.field == "name"
