from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelkeep.domain.durations import ENDS_KEPT, Combination, End, Forecast, Known
from reelkeep.domain.task import Kind

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
USUAL = Combination(False, "viduq2", Kind.TEXT2VIDEO, 4, "720p")
seconds = st.floats(1, 200_000)


def known(*seen: tuple[Combination, Iterable[float]]) -> Known:
    return Known(
        {
            combination: {place: End(NOON + timedelta(minutes=place), each) for place, each in enumerate(ends)}
            for combination, ends in seen
        }
    )


def of_ends(ends: Iterable[float], poll_cost: float = 6.0) -> Forecast:
    return known((USUAL, ends)).forecast(USUAL, poll_cost)


def polls(forecast: Forecast, until: float) -> list[float]:
    ages = [forecast.next_poll(0.0)]
    while ages[-1] < until:
        ages.append(forecast.next_poll(ages[-1]))
    return ages


forecasts = st.builds(of_ends, st.lists(seconds, max_size=ENDS_KEPT), st.floats(0.1, 500))


@given(forecast=forecasts, age=st.floats(0, 400_000), share=st.floats(0, 1), larger=st.floats(0, 1))
def test_quantiles_rise_with_their_share_and_never_lie_in_the_past(
    forecast: Forecast, age: float, share: float, larger: float
) -> None:
    assert age <= forecast.quantile(share * larger, age) <= forecast.quantile(share, age) + 1e-6
    assert forecast.quantile(share, 0.0) <= forecast.quantile(share, age) + 1e-6


@given(forecast=forecasts)
def test_polls_go_on_to_the_end_of_the_longest_task_and_are_not_many(forecast: Forecast) -> None:
    ages = polls(forecast, 80 * 3600)
    assert all(before < after for before, after in pairwise(ages))
    assert len(ages) < 2500  # an execution holds 25,000 events, nine a poll


@given(forecast=forecasts, ages=st.tuples(seconds, seconds), seed=st.integers())
def test_an_end_that_nobody_saw_is_between_the_polls_before_and_after_it(
    forecast: Forecast, ages: tuple[float, float], seed: int
) -> None:
    before, after = sorted(ages)
    assert before <= forecast.end_between(before, after, Random(seed)) <= after


@settings(max_examples=5)
@given(ends=st.lists(st.floats(5, 500), min_size=1, max_size=20), poll_cost=st.floats(0.5, 100))
def test_no_other_moments_of_polls_cost_less(ends: list[float], poll_cost: float) -> None:
    forecast = of_ends(ends, poll_cost)
    moments, ended = forecast._moments, forecast._ended
    least = [0.0] * len(moments)  # from each moment on: delay and polls, found by trying all

    def cost(number: int, following: int) -> float:
        ending = zip(pairwise(moments[number : following + 1]), pairwise(ended[number : following + 1]), strict=True)
        delay = sum((moments[following] - sum(span) / 2) * (high - low) for span, (low, high) in ending)
        return poll_cost * (1 - ended[number]) + delay + least[following]

    # All would take a minute: those that are next to the chosen ones, and some others.
    planned = forecast._plan()
    for number in reversed(range(len(moments) - 1)):
        least[number] = cost(number, planned[number])
        others = {*range(number + 1, len(moments), 40), planned[number] - 1, planned[number] + 1}
        for other in others & set(range(number + 1, len(moments))):
            assert least[number] <= cost(number, other) + 1e-6


def test_where_all_tasks_take_as_long_one_poll_sees_most_ends_at_once() -> None:
    first, *_ = polls(of_ends([100.0] * ENDS_KEPT), 1000)
    assert 100 < first < 125


def test_the_more_a_poll_costs_the_fewer_there_are() -> None:
    ends = [60.0 + each for each in range(0, 240, 5)]
    many, some, few = (len(polls(of_ends(ends, poll_cost), 300)) for poll_cost in (1.0, 6.0, 60.0))
    assert many > 2 * some > 4 * few


def test_between_two_usual_durations_nobody_polls() -> None:
    ages = polls(of_ends([60.0] * 24 + [600.0] * 24), 700)
    assert sum(100 < age < 500 for age in ages) <= 2


def test_a_task_that_has_not_ended_when_most_have_is_expected_later() -> None:
    forecast = of_ends([60.0] * 24 + [600.0] * 24)
    assert forecast.quantile(0.4) == pytest.approx(60, rel=0.2)
    assert forecast.quantile(0.5, age=120) == pytest.approx(600, rel=0.2)


def test_more_pixels_more_seconds_and_more_references_are_guessed_to_take_longer() -> None:
    small = USUAL._replace(resolution="360p")
    assert small.guess == 30 < USUAL.guess < USUAL._replace(resolution="1080p").guess
    assert small._replace(duration=16, kind=Kind.MULTIFRAME).guess == 120
    for slower in (Kind.REFERENCE2VIDEO, Kind.MULTIFRAME, Kind.UPSCALE):
        assert USUAL.guess < USUAL._replace(kind=slower).guess


def test_the_first_forecast_is_the_guess_or_that_of_the_configuration() -> None:
    assert Known().forecast(USUAL, 6.0).quantile(0.5) == pytest.approx(75, rel=0.02)
    assert Known().forecast(USUAL, 6.0, typical_seconds=400).quantile(0.5) == pytest.approx(400, rel=0.02)


def test_a_new_combination_begins_with_what_is_known_of_its_nearest_kin() -> None:
    kin = [
        (USUAL._replace(model="other"), [1000.0] * 20),
        (USUAL._replace(kind=Kind.IMG2VIDEO), [500.0] * 20),
        (USUAL._replace(duration=5), [200.0] * 20),
        (USUAL, [50.0] * 20),
    ]
    medians = [known(*kin[:count]).forecast(USUAL, 6.0).quantile(0.5) for count in range(1, 5)]
    assert medians == pytest.approx([1000, 500, 200 / (5 / 4) ** 0.5, 50], rel=0.1)


def test_kin_that_is_said_to_take_longer_says_what_a_task_takes_in_proportion() -> None:
    slow = known((USUAL._replace(resolution="1080p"), [1300.0] * 20))  # ten times the guess
    assert slow.forecast(USUAL, 6.0).quantile(0.5) == pytest.approx(750, rel=0.1)


def test_off_peak_tasks_say_nothing_of_others() -> None:
    off_peak = known((USUAL._replace(off_peak=True), [40_000.0] * 20))
    assert off_peak.forecast(USUAL, 6.0).quantile(0.5) == pytest.approx(75, rel=0.02)


def test_new_ends_take_the_places_of_old_ones() -> None:
    seen, random = Known({USUAL: {}}), Random(1)
    for number in range(ENDS_KEPT + 50):
        took = 100.0 if number < ENDS_KEPT else 300.0
        seen.ends[USUAL][seen.place(USUAL, random)] = End(NOON + timedelta(seconds=number), took)
        if number == ENDS_KEPT - 1:
            assert set(seen.ends[USUAL]) == set(range(ENDS_KEPT))
    assert [end.seconds for end in seen.ends[USUAL].values()].count(300.0) > 0.85 * ENDS_KEPT


def test_functions_that_learn_at_once_rarely_choose_the_same_place() -> None:
    full: Any = known((USUAL, [100.0] * ENDS_KEPT))
    assert len({full.place(USUAL, Random(seed)) for seed in range(12)}) > 2


@given(ends=st.lists(seconds, min_size=1, max_size=ENDS_KEPT), duration=st.integers(1, 86_400))
def test_ends_of_kin_that_are_far_shorter_say_something_of_the_longest_task_that_can_be_asked_for(
    ends: list[float], duration: int
) -> None:
    longest = USUAL._replace(kind=Kind.MULTIFRAME, duration=duration, resolution="4K")
    forecast = known((USUAL._replace(duration=1, resolution="360p"), ends)).forecast(longest, 4.0)
    assert 0 < forecast.next_poll(0.0) <= forecast.quantile(1.0)
