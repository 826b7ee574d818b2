"""Providers: which there are; for operators also how they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from reelkeep.domain import upstream
from reelkeep.domain.durations import Combination
from reelkeep.domain.errors import NotFound
from reelkeep.domain.scopes import Scope
from reelkeep.domain.task import Kind
from reelkeep.domain.upstream import ProviderStatus, Upstream
from reelkeep.ports.owners import Caller, Owners
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Durations, Provider, Providers, Slots, Troubles

_ANY_TASK = Combination(off_peak=False, model="", kind=Kind.TEXT2VIDEO, duration=None, resolution="")


@dataclass(frozen=True, slots=True)
class FindStatus:
    """How a provider does. What is read is bounded: its leases, a part of its line, the ends that were learned."""

    slots: Slots
    durations: Durations
    troubles: Troubles
    clock: Clock

    def __call__(
        self, name: str, line: str, declared_slots: int | None, typical_seconds: float | None
    ) -> ProviderStatus:
        """`line` is whose slots it takes; the rest is what the configuration says. Raises TryLater."""
        now = self.clock()
        limit, leases = self.slots.leases(line)
        in_line, at_least = self.slots.count_line(line)
        times = upstream.usual_times(self.durations.known(name))
        usual = upstream.usual_seconds(times, typical_seconds or _ANY_TASK.guess)
        slots = upstream.slots_of(declared_slots, limit, now)
        troubles = sorted(self.troubles.all(name), key=lambda each: each.last_at, reverse=True)
        return ProviderStatus(
            health=upstream.health(troubles, now),
            troubles=tuple(troubles),
            slots=slots,
            in_flight=len(leases),
            in_line=in_line,
            at_least=at_least,
            expected_start=upstream.expected_start(leases, slots, in_line, usual, now),
            times=times,
        )


@dataclass(frozen=True, slots=True)
class ListProviders:
    """Lists the providers in the order of the configuration."""

    upstreams: Callable[[], list[Upstream]]
    providers: Providers
    find_status: FindStatus

    def __call__(self, _: None, caller: Caller) -> list[Upstream]:
        """Raises TryLater, Misconfigured."""
        found = [replace(each, stopped=each.name in caller.stopped_providers) for each in self.upstreams()]
        if Scope.OPERATE not in caller.scopes:
            return found
        return [replace(each, status=self._status(self.providers.get(each.name))) for each in found]

    def _status(self, provider: Provider) -> ProviderStatus:
        return self.find_status(provider.name, provider.line, provider.slots, provider.typical_seconds)


@dataclass(frozen=True, slots=True)
class StopProvider:
    """Refuses submissions to a provider, or takes them again, at once. What is under way there is seen through."""

    upstreams: Callable[[], list[Upstream]]
    owners: Owners

    def __call__(self, asked: tuple[str, bool], *_: object) -> frozenset[str]:
        """All that are stopped from now on. Raises NotFound; TryLater."""
        name, stopped = asked
        if stopped and name not in [each.name for each in self.upstreams()]:  # one that is gone can be started
            raise NotFound(f"there is no provider {name[:100]}", field="provider")
        return self.owners.stop_provider(name, start=not stopped)
