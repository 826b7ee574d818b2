"""What the tests that every provider's client must pass have in common: the formats, and their sample bodies.

A format is found by itself: a package of `dialects` with a `client`. It brings `conformance.json` into its folder of
golden bodies, with marks in the places of what changes:

- `accepted`: the answer to a submission, with "@id";
- `task`: the answer to a poll, with "@id", "@word" (its status), "@link", and "@code", "@message", "@number", "@time"
  wherever there are such;
- `error`: how it refuses, with "@code" and "@message", and `codes`: what it says for each kind of refusal, and under
  "failed" what a failed task says of content that is not allowed, if it has another code for that;
- `list`: a page of its list of tasks, with "@rows", if it has one; there is another page.
"""

from __future__ import annotations

import json
import pkgutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reelkeep import dialects
from reelkeep.domain.observation import (
    DispatchOutcome,
    ListedPage,
    Observation,
    Succeeded,
)
from reelkeep.domain.task import Kind, Request, State
from reelkeep.domain.wire import Json, ProviderDialect, ProviderRequest
from tests.unit.dialects.harness import NOW, answer, listed, task_of

GOLDEN = Path(__file__).parents[3] / "golden"
LINK = "https://cdn.example.com/film.mp4"
REQUEST = Request(dialect="somewhere", kind=Kind.TEXT2VIDEO, model="m", prompt="a paper boat")
TASK = task_of(REQUEST, state=State.QUEUEING, provider_task_id="t-1")


@dataclass(frozen=True)
class Format:
    """A provider's format and its sample bodies."""

    client: ProviderDialect

    @property
    def name(self) -> str:
        return self.client.name

    def sample(self, name: str, **values: Json) -> Json:
        samples = _samples(self.name)
        assert name in samples, f"the conformance.json of {self.name} has no sample {name!r}"
        marks = {
            "id": "t-1",
            "word": None,
            "link": None,
            "code": None,
            "message": None,
            "number": 5,
            "time": unix(NOW),
        }
        return filled(samples[name], marks | values)

    def code(self, kind: str) -> str:
        code: str = self.sample("codes")[kind]
        return code

    def dispatched(self, status: int, body: Json, **headers: str) -> DispatchOutcome:
        return self.client.read_dispatched(answer(status, body, **headers))

    def observed(self, status: int, body: Json, **headers: str) -> Observation:
        return self.client.read_observed(answer(status, body, **headers))

    def error(self, kind: str) -> Json:
        return self.sample("error", code=self.code(kind), message="that is not possible")

    def success(self, **values: Json) -> Json:
        return self.sample("task", **{"word": "success", "link": LINK} | values)

    def row(self, **values: Json) -> Json:
        task = self.success(**values)
        return task.get("data", task)

    def read(self, *rows: Json) -> tuple[list[ProviderRequest], list[ListedPage]]:
        body = self.sample("list", rows=list(rows))
        return listed(self.client.successes(NOW - timedelta(hours=24)), answer(200, body))

    def listed(self, *rows: Json) -> ListedPage:
        return self.read(*rows)[1][0]


@cache
def _samples(name: str) -> dict[str, Json]:
    path = GOLDEN / name / "conformance.json"
    assert path.exists(), f"{name} needs sample bodies in tests/golden/{name}/conformance.json"
    samples: dict[str, Json] = json.loads(path.read_text())
    return samples


def filled(sample: Json, values: dict[str, Json]) -> Json:
    if isinstance(sample, dict):
        return {name: filled(value, values) for name, value in sample.items()}
    if isinstance(sample, list):
        return [filled(value, values) for value in sample]
    return values[sample[1:]] if isinstance(sample, str) and sample.startswith("@") else sample


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


def _formats() -> list[Format]:
    names = (module.name for module in pkgutil.iter_modules(dialects.__path__))
    return [Format(client) for name in names if (client := dialects.upstream(name))]


def has_list(client: ProviderDialect) -> bool:
    return next(client.successes(NOW), None) is not None


IDS = ["cgt-20260106080000-abcde", "grok:7f3c", "models/veo/operations/1", "a b?c#d%2F", "任务-1", "../credits"]
FORMATS = _formats()
of_every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda each: each.name)
of_every_list = pytest.mark.parametrize(
    "format", [each for each in FORMATS if has_list(each.client)], ids=lambda each: each.name
)


def video_of(observed: Observation) -> str:
    assert isinstance(observed, Succeeded), f"it takes a success for {observed}"
    video = observed.creations[0].asset("video")
    assert video is not None
    return video.source


def nodes(body: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in it."""
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    return [path, *(found for step, item in inner for found in nodes(item, (*path, step)))]


def at(body: Json, path: tuple[Any, ...]) -> Json:
    for step in path:
        body = body[step]
    return body


def changed(body: Json, path: tuple[Any, ...], value: Json) -> Json:
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = changed(body[path[0]], path[1:], value)
    return copy
