"""Quote: what a submission would cost and take at each provider, without submitting it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase

from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.money import Quote
from reelkeep.domain.task import Request, Task
from reelkeep.domain.upstream import Upstream
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Providers
from reelkeep.services.forecasts import Forecasts

_DEAR = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class QuoteSubmission:
    """Asks the price lists of the providers that serve the model; the cheapest first, what has no price last."""

    providers: Providers
    upstreams: Callable[[], list[Upstream]]
    forecasts: Forecasts
    clock: Clock
    new_id: Callable[[datetime], str]

    def __call__(self, request: Request, caller: Caller) -> list[Quote]:
        self.providers.choose(request)  # raises InvalidRequest if no provider would take it
        return sorted(self._quotes(request, caller), key=_urge)

    def _quotes(self, request: Request, caller: Caller) -> Iterator[Quote]:
        now = self.clock()
        for upstream in self.upstreams():
            if not _serves(upstream, request):
                continue
            provider = self.providers.get(upstream.name)
            asked = request.with_default_model(provider.default_model)
            seconds = self.forecasts.of(provider.name, asked, provider.typical_seconds).quantile(0.5)
            task = Task(
                id=self.new_id(now),
                owner=caller.owner,
                key_id=caller.key_id,
                provider=upstream.name,
                request=asked,
                created_at=now,
                updated_at=now,
                deadline=now,
            )
            try:
                provider.check(task)
            except InvalidRequest as error:
                yield Quote(provider=upstream.name, seconds=seconds, reason=error.message)
            else:
                yield Quote(provider=upstream.name, seconds=seconds, price=provider.price(asked, now))


def _serves(upstream: Upstream, request: Request) -> bool:
    if request.provider:
        return upstream.name == request.provider
    if request.lacks_model:
        return bool(upstream.default_model) or upstream.default
    return upstream.default or any(fnmatchcase(request.model, pattern) for pattern in upstream.models)


def _urge(quote: Quote) -> tuple[bool, str, Decimal, str]:
    price = quote.price
    return bool(quote.reason), price.currency if price else "~", quote.amount or _DEAR, quote.provider
