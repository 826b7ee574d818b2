from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.adapters import documents
from reelkeep.domain import ids
from reelkeep.domain.record_size import needs_truncation, truncate_request
from reelkeep.domain.task import Backward, Failure, FailureClass, Kind, Request, State, Task
from tests.for_each import for_each

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
REQUEST = Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO)
TASK = Task(
    id=ids.new_task_id(NOON),
    owner="alice",
    key_id="k",
    provider="vidu",
    request=REQUEST,
    created_at=NOON,
    updated_at=NOON,
    deadline=NOON + timedelta(hours=2),
)


@for_each("after", State)
@for_each("before", State)
def test_a_task_only_moves_forward_and_ends_once(before: State, after: State) -> None:
    task, order = replace(TASK, state=before), list(State)
    if before is after or (not before.terminal and order.index(before) < order.index(after)):
        assert task.advanced(after, NOON).state is after
    else:
        with pytest.raises(Backward):
            task.advanced(after, NOON)


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (FailureClass.POLICY, State.FAILED),
        (FailureClass.LOST, State.FAILED),
        (FailureClass.CANCELLED, State.CANCELLED),
        (FailureClass.DEADLINE, State.EXPIRED),
        (FailureClass.EXPIRED, State.EXPIRED),
    ],
)
def test_the_reason_decides_the_last_state(reason: FailureClass, state: State) -> None:
    assert TASK.failed(Failure(reason=reason), NOON).state is state


def test_the_first_sight_of_it_at_work_and_the_end_are_noted_once() -> None:
    begun = TASK.advanced(State.PROCESSING, NOON).advanced(State.PROCESSING, NOON + timedelta(minutes=1))
    ended = begun.advanced(State.SUCCESS, NOON + timedelta(minutes=2))
    later = ended.advanced(State.SUCCESS, NOON + timedelta(hours=1))
    assert (later.processing_at, later.finished_at) == (NOON, NOON + timedelta(minutes=2))
    assert TASK.advanced(State.SUCCESS, NOON).processing_at is None


@given(st.integers(1_600_000_000, 4_000_000_000), st.integers(1, 10**9))
def test_ids_sort_by_time_and_hold_it(moment: int, later: int) -> None:
    first = datetime.fromtimestamp(moment, UTC)
    second = first + timedelta(milliseconds=later)
    a, b = ids.new_task_id(first), ids.new_task_id(second)
    assert a < b
    assert ids.created_at(a) == first
    assert ids.first_id_at(first) <= a < ids.first_id_at(second) <= b


def test_a_slim_request_fits_a_record_and_says_what_was_cut() -> None:
    image = "data:image/png;base64," + "A" * 5_000_000
    payload = "p" * 1_000_000
    big = replace(REQUEST, images=(image,), payload=payload, body={"images": [image], "payload": payload})
    assert needs_truncation(big)
    small = truncate_request(big)
    assert len(repr(small)) < 2_000
    assert "(5000022 characters)" in small.images[0]
    assert small.body["images"] == [*small.images]
    assert (small.payload, small.payload_omitted) == ("", True)


def test_an_ordinary_payload_stays_in_the_record_whole() -> None:
    payload = "p" * 100_000
    small = truncate_request(replace(REQUEST, payload=payload))
    assert (small.payload, small.payload_omitted) == (payload, False)


json_values = st.recursive(
    st.none() | st.integers() | st.text() | st.integers(8_000, 70_000).map(lambda length: "船" * length),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=6,
)
long_texts = st.text() | st.integers(1, 200_000).map(lambda length: "x" * length)
requests = st.builds(
    replace,
    st.just(REQUEST),
    prompt=long_texts,
    payload=long_texts,
    images=st.lists(long_texts, max_size=3).map(tuple),
    body=st.dictionaries(st.text(max_size=5), json_values, max_size=3),
)


@given(requests)
def test_a_slim_request_fits_a_record_and_is_as_slim_as_it_gets(asked: Request) -> None:
    small = truncate_request(asked)
    assert truncate_request(small) == replace(small, payload_omitted=False)
    assert len(documents.write(replace(TASK, request=small)).encode()) < 400_000 - 4_096
    assert small.payload == ("" if small.payload_omitted else asked.payload)
    if not needs_truncation(asked) and max(map(len, [asked.prompt, *asked.images])) <= 8_192:
        assert replace(small, body=asked.body) == asked


@pytest.mark.parametrize(
    "asked",
    [
        replace(REQUEST, prompt="船" * 200_000),
        replace(REQUEST, payload="船" * 131_072),
        replace(REQUEST, body={"parts": ["x" * 8_000] * 60}),
        replace(REQUEST, images=("https://ex.test/" + "x" * 8_000,) * 60),
        replace(REQUEST, body={str(number): {} for number in range(50_000)}),
        replace(REQUEST, body={"a": "x" * 70_000}, unexpressed=tuple(f"field-{n}" for n in range(50_000))),
        replace(REQUEST, body={"x" * 500_000: 1}, unexpressed=("x" * 500_000,)),
    ],
)
def test_whatever_is_asked_the_record_stays_below_the_tables_limit(asked: Request) -> None:
    assert needs_truncation(asked)
    task = replace(TASK, request=truncate_request(asked))
    assert len(documents.write(task).encode()) < 400_000 - 4_096
