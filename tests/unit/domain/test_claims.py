from __future__ import annotations

import json
import random
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from reelkeep.domain.claims import (
    IDEMPOTENCY_TTL,
    KEY_PATTERN,
    LONGEST_KEY,
    REPEATED_WITHIN,
    check_key,
    claim_of,
    fingerprint,
)
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
bodies = st.dictionaries(st.text(), values, max_size=5)
keys = st.from_regex(KEY_PATTERN, fullmatch=True).filter(lambda key: len(key) <= LONGEST_KEY)


def asking(body: dict[str, Json]) -> Request:
    return Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO, body=body)


def shuffled(value: Json, order: random.Random) -> Json:
    if isinstance(value, list):
        return [shuffled(each, order) for each in value]
    if isinstance(value, dict):
        names = list(value)
        order.shuffle(names)
        return {name: shuffled(value[name], order) for name in names}
    return value


@given(bodies, st.randoms(use_true_random=False))
def test_a_body_is_the_same_in_whatever_order_it_is_written(body: dict[str, Json], order: random.Random) -> None:
    assert fingerprint(asking(shuffled(body, order))) == fingerprint(asking(body))


@given(bodies, bodies)
def test_another_body_is_another_request(body: dict[str, Json], other: dict[str, Json]) -> None:
    assume(json.dumps(body, sort_keys=True) != json.dumps(other, sort_keys=True))
    assert fingerprint(asking(body)) != fingerprint(asking(other))


@given(bodies, keys, st.integers(0, 7 * 86_400), st.booleans())
def test_a_key_goes_before_the_window_and_without_both_nothing_is_claimed(
    body: dict[str, Json], key: str, seconds: int, keyed: bool
) -> None:
    check_key(key)
    window = timedelta(seconds=seconds)
    given_key = key if keyed else None
    claim = claim_of(asking(body), owner="alice", key=given_key, window=window, attempt=None, task_id="t", now=NOON)
    if claim is None:
        assert not keyed
        assert not window
        return
    life = IDEMPOTENCY_TTL if keyed else max(window, REPEATED_WITHIN)
    assert (claim.sort, claim.expires_at - NOON) == ("key" if keyed else "request", life)
    again = claim_of(
        replace(asking(body), prompt="x"),
        owner="alice",
        key=given_key,
        window=window,
        attempt=None,
        task_id="t",
        now=NOON,
    )
    assert again == claim
    assert key not in (claim.name, claim.fingerprint)


@given(st.text(st.characters()))
def test_whatever_is_sent_is_a_key_or_refused(key: str) -> None:
    with suppress(InvalidRequest):
        check_key(key)
        assert 0 < len(key.encode("ascii")) <= LONGEST_KEY
