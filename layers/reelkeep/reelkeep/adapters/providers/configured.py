"""The providers that are configured, and the one that serves a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from fnmatch import fnmatchcase

from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.providers.configuration import DialectNamed, parse_providers
from reelkeep.adapters.providers.provider import HttpProvider
from reelkeep.domain.errors import InvalidRequest, Misconfigured, Missing
from reelkeep.domain.task import Request, Task
from reelkeep.domain.upstream import Upstream
from reelkeep.ports.platform import Report, Secret
from reelkeep.ports.providers import NoteTrouble


@dataclass(slots=True)
class ConfiguredProviders:
    """The providers of the configuration, in its order."""

    secret: Secret
    dialect_named: DialectNamed
    outbound: Outbound
    ticks: Callable[[], float] = time.monotonic
    _: KW_ONLY
    calls_back_at: str = ""
    report: Report = lambda *_: None
    note_trouble: NoteTrouble = lambda *_: None
    inputs: Callable[[Task], Task] = lambda task: task
    _text: str | None = field(default=None, init=False)
    _providers: dict[str, HttpProvider] = field(default_factory=dict, init=False)

    def choose(self, request: Request) -> HttpProvider:
        known = self._known()
        if request.provider:
            if request.provider not in known:
                raise InvalidRequest(f"there is no provider {request.provider!r}", field="provider")
            return known[request.provider]
        # Of two that serve the same model, the one that speaks the client's dialect loses nothing on the way.
        candidates = sorted(known.values(), key=lambda provider: provider.dialect.name != request.dialect)
        for provider in candidates:
            if request.lacks_model and provider.default_model:
                return provider
        for provider in candidates:
            if any(fnmatchcase(request.model, pattern) for pattern in provider.settings.models):
                return provider
        for provider in candidates:
            if provider.settings.default:
                return provider
        if request.lacks_model:
            raise Missing("model is required: no provider has a default_model", field="model")
        raise InvalidRequest(f"no provider is configured for the model {request.model!r}", field="model")

    def get(self, name: str) -> HttpProvider:
        try:
            return self._known()[name]
        except KeyError:
            raise Misconfigured(f"the provider {name!r} is gone from the configuration, but has tasks") from None

    def called(self, token: str, task_id: str) -> HttpProvider | None:
        return next((provider for provider in self._known().values() if provider.gave(token, task_id)), None)

    def all(self) -> list[Upstream]:
        return [
            Upstream(
                name,
                provider.dialect.name,
                provider.settings.models,
                provider.settings.default,
                provider.settings.default_model,
            )
            for name, provider in self._known().items()
        ]

    def accounts(self) -> list[list[HttpProvider]]:
        accounts: dict[str, list[HttpProvider]] = {}
        for provider in self._known().values():
            accounts.setdefault(provider.account, []).append(provider)
        return list(accounts.values())

    def _known(self) -> dict[str, HttpProvider]:
        text = self.secret.value()
        if text != self._text:
            configured = parse_providers(text, self.dialect_named)
            self._providers = {
                name: HttpProvider(
                    name,
                    settings,
                    dialect,
                    self.outbound,
                    self.ticks,
                    calls_back_at=self.calls_back_at,
                    report=self.report,
                    note_trouble=self.note_trouble,
                    inputs=self.inputs,
                )
                for name, (settings, dialect) in configured.items()
            }
            self._text = text
        return self._providers
