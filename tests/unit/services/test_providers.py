"""Which providers there are, and for operators how they do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from reelkeep.domain.durations import Combination, End
from reelkeep.domain.room import Limit
from reelkeep.domain.scopes import Scope
from reelkeep.domain.task import Kind
from reelkeep.domain.upstream import Health, ProviderStatus, Trouble, Upstream
from reelkeep.services.providers import FindStatus, ListProviders
from tests.unit.services.harness import ALICE, MALLORY, NOON, FakeProvider, FakeProviders, Harness, request

VIDU = Upstream("vidu", "vidu_ent_v2", ("vidu*",), default=True)
OPERATOR = replace(MALLORY, scopes=frozenset({Scope.READ, Scope.OPERATE}))
MINUTE = timedelta(minutes=1)


@dataclass
class KnownTroubles:
    known: list[Trouble] = field(default_factory=list)

    def all(self, provider: str) -> list[Trouble]:
        return self.known if provider == "vidu" else []


def provider_list(harness: Harness, *troubles: Trouble) -> ListProviders:
    return ListProviders(
        lambda: [VIDU],
        FakeProviders(harness.provider),
        FindStatus(harness.slots, harness.durations, KnownTroubles([*troubles]), harness.clock),
    )


def status(harness: Harness, *troubles: Trouble) -> ProviderStatus:
    (found,) = provider_list(harness, *troubles)(None, OPERATOR)
    assert found.status
    return found.status


def trouble(kind: Health, minutes_ago: float) -> Trouble:
    at = NOON - minutes_ago * MINUTE
    return Trouble(kind=kind, message="it answers 503", since=at - MINUTE, last_at=at)


def test_an_owner_sees_which_providers_there_are_and_nothing_of_others_tasks_there() -> None:
    assert provider_list(Harness())(None, ALICE) == [VIDU]
    stopped = provider_list(Harness())(None, replace(ALICE, stopped_providers=frozenset({"vidu"})))
    assert stopped == [replace(VIDU, stopped=True)]


def test_an_idle_provider_is_well_and_takes_a_task_at_once() -> None:
    found = status(Harness(provider=FakeProvider(slots=2)))
    assert (found.health, found.troubles, found.times) == (Health.OK, (), ())
    assert (found.slots, found.in_flight, found.in_line, found.expected_start) == (2, 0, 0, NOON)


def test_what_waits_and_when_a_further_task_would_start_follows_from_leases_line_and_learned_times() -> None:
    harness = Harness(provider=FakeProvider(slots=2))
    for _ in range(5):
        harness.submit(request(model="viduq2"))
    usual = Combination(False, "viduq2", Kind.TEXT2VIDEO, 4, "720p")
    for place, seconds in enumerate((100.0, 60.0, 80.0, 300.0, 70.0)):
        harness.durations.learn("vidu", usual, place, End(NOON, seconds))
    harness.durations.learn("vidu", usual._replace(off_peak=True), 0, End(NOON, 40_000.0))
    found = status(harness)
    assert (found.in_flight, found.in_line) == (2, 3)
    assert found.expected_start == NOON + timedelta(seconds=4 * 80 / 2)
    assert [(each.of.off_peak, each.seen, each.p50, each.p90) for each in found.times] == [
        (False, 5, 80.0, 300.0),
        (True, 1, 40_000.0, 40_000.0),
    ]


def test_slots_are_those_that_refusals_have_shown_without_the_one_that_is_tried_now_and_then() -> None:
    harness = Harness(provider=FakeProvider(slots=5))
    harness.slots.learn("vidu", Limit(3, NOON - MINUTE))
    assert status(harness).slots == 3


def test_a_trouble_is_over_ten_minutes_after_it_was_last_seen_and_still_shown() -> None:
    refused, poor, gone = (
        trouble(kind, ago)
        for kind, ago in ((Health.KEY_REFUSED, 11), (Health.OUT_OF_CREDIT, 9), (Health.UNREACHABLE, 1))
    )
    found = status(Harness(), refused, poor, gone)
    assert (found.health, found.troubles) == (Health.OUT_OF_CREDIT, (gone, poor, refused))
    assert status(Harness(), refused).health is Health.OK
