from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain import schedule
from reelkeep.domain.durations import Combination, End, Known
from reelkeep.domain.task import Kind, Polling, Request, Task

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
USUAL = Combination(False, "viduq2", Kind.TEXT2VIDEO, 4, "720p")


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


@given(
    age=st.floats(0, 200_000),
    errors=st.integers(0, 500),
    typical=st.floats(0.5, 5_000),
    retry_after=st.none() | st.floats(0, 1e9),
)
def test_a_wait_is_whole_positive_and_never_passes_the_deadline(
    age: float, errors: int, typical: float, retry_after: float | None
) -> None:
    waiting = task(off_peak=True, errors=errors)
    now, forecast = NOON + timedelta(seconds=age), Known().forecast(USUAL, 6.0, typical)
    left = (waiting.deadline - now).total_seconds()
    for wait in (
        schedule.next_wait(waiting, forecast, now),
        schedule.back_off_wait(waiting, forecast, now, retry_after),
    ):
        assert isinstance(wait, int)
        assert 1 <= wait <= (left + 1 if left > 0 else 3600)


def test_after_an_error_the_next_try_comes_sooner_than_the_next_poll_and_then_ever_later() -> None:
    forecast = Known().forecast(USUAL, 6.0)
    waits = [schedule.back_off_wait(task(errors=errors), forecast, NOON) for errors in range(9)]
    assert waits[0] < schedule.next_wait(task(), forecast, NOON) < waits[-1]
    assert waits == sorted(waits)


@given(age=st.floats(0, 200_000), typical=st.floats(1, 50_000), waits=st.floats(0, 5000))
def test_an_estimate_never_lies_in_the_past_and_waits_have_a_limit(age: float, typical: float, waits: float) -> None:
    forecast, now = Known().forecast(USUAL, 6.0, typical), NOON + timedelta(seconds=age)
    under_way = schedule.eta(forecast, NOON, now)
    assert now <= under_way.p50 <= under_way.p90
    assert 1 <= under_way.ask_every <= under_way.ask_in <= 900
    assert 1 <= under_way.ask_every <= 30
    in_line = schedule.eta(forecast, now + timedelta(seconds=waits), now)
    assert in_line.p50 >= now + timedelta(seconds=waits)


def test_what_takes_longer_than_all_before_is_expected_to_take_as_long_again_at_most() -> None:
    ends = {place: End(NOON, 14.0 + place) for place in range(7)}
    forecast, now = Known({USUAL: ends}).forecast(USUAL, 6.0), NOON + timedelta(seconds=90)
    assert now < schedule.eta(forecast, NOON, now).p50 <= now + timedelta(seconds=90)


def test_a_provider_that_may_take_three_days_is_given_them() -> None:
    request = Request(dialect="volc_ark", kind=Kind.TEXT2VIDEO, expires_after=259_200)
    assert schedule.deadline(request, NOON) - NOON == timedelta(hours=73)
