from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reelkeep.domain.durations import Combination, End, Known
from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import Accepted, Busy, Failed, Succeeded
from reelkeep.domain.task import Failure, FailureClass
from reelkeep.services.forecasts import Estimate, Forecasts
from reelkeep.services.query import FindPlace
from tests.fakes.providers import FakeDurations
from tests.unit.services.harness import ALICE, RUNNING, FakeProvider, Harness, creation, request

USUAL = Combination.of(request())


def ends(harness: Harness) -> list[End]:
    return [*harness.durations.known("vidu").ends.get(USUAL, {}).values()]


def made(seconds: float | None = None) -> Succeeded:
    return Succeeded((creation(),), seconds=seconds)


def seen_at(harness: Harness, *ages: float, last: object) -> str:
    """A task that was at work at all of these ages but the last one."""
    harness.provider.observations = [*[RUNNING] * (len(ages) - 1), last]  # type: ignore[list-item]
    sent_at, id = harness.now, harness.submit().id
    for age in ages:
        harness.now = sent_at + timedelta(seconds=age)
        harness.poll(id)
    return id


@pytest.mark.parametrize(
    ("told", "earliest", "latest"),
    [
        (55.0, 55, 55),  # by the provider
        (39.0, 40, 40),  # clocks differ a little
        (5.0, 40, 70),  # this cannot be
        (4000.0, 40, 70),
        (None, 40, 70),
    ],
)
def test_an_end_is_learned_as_the_provider_tells_it_if_that_fits_what_was_seen(
    told: float | None, earliest: float, latest: float
) -> None:
    harness = Harness()
    seen_at(harness, 40, 70, last=made(told))
    [end] = ends(harness)
    assert earliest <= end.seconds <= latest
    assert end.at == harness.now


def test_a_callback_tells_the_end_to_the_second() -> None:
    harness = Harness(provider=FakeProvider(observations=[made()]))
    id = harness.submit().id
    harness.pass_(58)
    harness.call_back(id)
    harness.poll(id)
    assert [end.seconds for end in ends(harness)] == [58]


def test_a_failure_says_nothing_of_how_long_tasks_take() -> None:
    harness = Harness()
    failed = Failed(Failure(reason=FailureClass.PROVIDER, message="no"))
    seen_at(harness, 3, last=failed)
    seen_at(harness, 3, 9, last=Busy("503"))
    assert ends(harness) == []


def test_polls_follow_what_was_learned() -> None:
    harness = Harness()
    first = harness.executions.started
    for number in range(20):
        harness.provider.outcomes = [Accepted(f"p-{number}")]
        seen_at(harness, 290, 310, last=made(300.0))
    harness.provider.observations = [RUNNING]
    id = harness.submit().id
    assert first[0][1] < 75
    assert 150 < first[-1][1] < 330
    harness.pass_(400)
    late = Estimate(harness.forecasts, harness.clock)(harness.task(id))
    assert late.eta is not None
    assert harness.now < late.eta.p50 < late.eta.p90


def test_before_anything_was_learned_a_task_is_expected_to_take_what_the_configuration_says() -> None:
    harness = Harness()
    harness.provider.typical_seconds = 1800.0
    estimated = Estimate(harness.forecasts, harness.clock)(harness.task(harness.submit().id))
    assert estimated.eta is not None
    assert timedelta(minutes=20) < estimated.eta.p50 - harness.now < timedelta(minutes=45)


class Unreachable(FakeDurations):
    def known(self, provider: str) -> Known:
        raise TryLater("down")

    def learn(self, *_: Any) -> None:
        raise TryLater("down")


def test_a_task_goes_its_way_when_nothing_can_be_read_or_learned() -> None:
    harness = Harness(durations=Unreachable())
    id = harness.submit().id
    harness.see_through(id)
    assert harness.task(id).state == "success"


def test_what_is_known_is_read_once_in_a_while_and_kept_while_it_cannot_be_read() -> None:
    class Counted(FakeDurations):
        reads = 0
        down = False

        def known(self, provider: str) -> Known:
            self.reads += 1
            if self.down:
                raise TryLater("down")
            return super().known(provider)

    harness, durations = Harness(), Counted()
    durations.learn("vidu", USUAL, 0, End(harness.now, 1000.0))
    forecasts = Forecasts(durations, 6.0, harness.clock)
    median = forecasts.of("vidu", request()).quantile(0.5)
    forecasts.of("vidu", request(duration=8))
    assert durations.reads == 1
    durations.down = True
    harness.pass_(301)
    assert forecasts.of("vidu", request()).quantile(0.5) == median > 100
    assert durations.reads == 2


def test_a_task_in_line_is_expected_to_end_after_it_starts_and_one_that_is_made_not_at_all() -> None:
    harness = Harness(provider=FakeProvider(slots=1, observations=[made()]))
    first, second = (harness.submit(request(), ALICE).id for _ in range(2))
    estimate = Estimate(harness.forecasts, harness.clock)
    assert estimate(harness.task(second)).eta is None  # its place was not looked for
    placed = FindPlace(harness.slots, harness.forecasts, harness.clock)(harness.task(second))
    assert placed.place is not None
    expected = estimate(placed).eta
    assert expected is not None
    assert expected.p50 > placed.place.expected_start > harness.now
    harness.poll(first)
    assert estimate(harness.task(first)).eta is None
