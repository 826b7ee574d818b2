from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain import schedule
from reelkeep.domain.task import Kind, Polling, Request, Task

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def task(*, off_peak: bool = False, errors: int = 0) -> Task:
    request = Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO, off_peak=off_peak)
    return Task(
        id="0" * 32,
        owner="alice",
        key_id="k",
        provider="vidu",
        request=request,
        created_at=NOON,
        updated_at=NOON,
        deadline=schedule.deadline(request, NOON),
        polling=Polling(consecutive_errors=errors),
    )


def test_an_off_peak_task_has_two_days_and_an_ordinary_one_two_hours() -> None:
    assert task(off_peak=True).deadline - NOON > timedelta(hours=48)
    assert task().deadline - NOON == timedelta(hours=2)


def test_more_pixels_more_seconds_and_more_references_take_longer() -> None:
    def expected(**fields: Any) -> float:
        return schedule.expected_seconds(Request(**{"dialect": "d", "kind": Kind.TEXT2VIDEO, **fields}))

    assert expected(resolution="360p") < expected(resolution="720p") < expected(resolution="1080p")
    assert expected(duration=4) < expected(duration=16)
    for slower in (Kind.REFERENCE2VIDEO, Kind.MULTIFRAME, Kind.UPSCALE):
        assert expected(kind=Kind.TEXT2VIDEO) < expected(kind=slower)
    assert expected(resolution="360p") == expected(resolution="360p", duration=4) == 30
    assert expected(resolution="360p", duration=16, kind=Kind.MULTIFRAME) == 120


@given(
    age=st.floats(0, 200_000),
    errors=st.integers(0, 500),
    expected=st.floats(0.5, 5_000),
    retry_after=st.none() | st.floats(0, 1e9),
)
def test_a_wait_is_whole_positive_and_never_passes_the_deadline(
    age: float, errors: int, expected: float, retry_after: float | None
) -> None:
    waiting = task(off_peak=True, errors=errors)
    now = NOON + timedelta(seconds=age)
    wait = schedule.next_wait(waiting, expected, now, retry_after)
    assert isinstance(wait, int)
    left = (waiting.deadline - now).total_seconds()
    assert 1 <= wait <= (left + 1 if left > 0 else 3600)


def test_a_usual_task_is_looked_at_a_few_times_and_seen_soon_after_its_end() -> None:
    expected, took = 75.0, 90.0
    age, looks = float(schedule.first_wait(expected)), 1
    while age < took:
        age += schedule.next_wait(task(), expected, NOON + timedelta(seconds=age))
        looks += 1
    assert looks <= 8
    assert age - took <= 0.15 * took


def test_a_provider_that_may_take_three_days_is_given_them() -> None:
    request = Request(dialect="volc_ark", kind=Kind.TEXT2VIDEO, expires_after=259_200)
    assert schedule.deadline(request, NOON) - NOON == timedelta(hours=73)
