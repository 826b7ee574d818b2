"""Providers with a fake transport."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.dialects import upstream
from reelkeep.domain.task import Kind, Request, Task
from reelkeep.domain.wire import ProviderResponse

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


KEY = {"authorization": "Token vda_secret"}


VIDU = {"dialect": "vidu_ent_v2", "base_url": "https://api.vidu.test/", "api_key": "vda_secret"}


@dataclass
class FakeOutbound(Outbound):
    answer: ProviderResponse | BaseException | Sequence[ProviderResponse | BaseException] = field(
        default_factory=lambda: ProviderResponse(status=200, body=b'{"task_id": "7"}')
    )
    calls: list[dict[str, Any]] = field(default_factory=list)

    def request(self, method: str, url: str, **rest: Any) -> ProviderResponse:
        self.calls.append({"method": method, "url": url, **rest})
        answer = self.answer
        if isinstance(answer, Sequence):
            answer, *self.answer = answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @contextmanager
    def stream(self, url: str, **rest: Any) -> Iterator[Any]:
        yield self.request("GET", url, **rest)


@dataclass
class FakeSecret:
    text: str

    def value(self) -> str:
        return self.text


def providers(outbound: FakeOutbound | None = None, **configured: Mapping[str, Any]) -> ConfiguredProviders:
    secret = FakeSecret(json.dumps(configured))
    return ConfiguredProviders(secret, upstream, outbound or FakeOutbound())


def request(model: str = "viduq2", provider: str = "", dialect: str = "reelkeep") -> Request:
    return Request(dialect=dialect, kind=Kind.TEXT2VIDEO, model=model, prompt="a boat", provider=provider)


TASK = Task(
    id="0" * 32,
    owner="alice",
    key_id="k",
    provider="vidu",
    request=request(),
    created_at=NOON,
    updated_at=NOON,
    deadline=NOON + timedelta(hours=2),
)


def nobody(_: str) -> None:
    """There is no other task of ours."""
