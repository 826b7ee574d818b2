"""What the tests of a dialect share: its routes as calls, a task at any harness, a provider's answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import strategies as st

from docs.generate.operations import schemas
from reelkeep.dialects.dialect import Dialect, Http, Show, Submit
from reelkeep.domain.errors import ClientError
from reelkeep.domain.observation import Finding, ListedPage, Refused, Uncertain
from reelkeep.domain.task import ArchivedFile, Asset, Creation, Failure, FailureClass, Request, State, Task
from reelkeep.domain.wire import Json, NoList, Pages, ProviderRequest, ProviderResponse, Search

NOW = datetime(2026, 1, 6, 8, 0, 0, 123456, tzinfo=UTC)
TASK_ID = "019b91f8d4fb00112233445566778899"
BOAT = "https://ex.test/a.png"
KEY_REFUSED = "the provider refused the key that Reelkeep has for it; the operator must correct it"
TINY = "data:image/png;base64,iVBORw0KGgo="
ARCHIVED = ArchivedFile(
    key=f"tasks/2026/01/06/{TASK_ID}/1-video.mp4",
    bytes=2048,
    sha256="ab" * 32,
    content_type="video/mp4",
    duration=5.0416666,
    fps=23.976,
    width=1280,
    height=720,
)


def link_to(archived: ArchivedFile) -> str:
    return f"https://reelkeep.example.com/files/{archived.key.rsplit('/', 1)[-1]}"


@dataclass(frozen=True)
class Speaker:
    """A dialect whose golden bodies lie in the folder named for it."""

    dialect: Dialect

    def golden(self, name: str) -> Json:
        folder = Path(__file__).parents[2] / "golden" / self.dialect.name
        return json.loads((folder / f"{name}.json").read_text())

    @property
    def submission(self) -> Submit:
        return next(route for route in self.dialect.routes if isinstance(route, Submit))

    def parse(self, body: Json) -> Request:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.submission.parse(Http(method="POST", path=self.submission.path, body=sent))

    def submitted(self, task: Task) -> Json:
        return self.submission.render(task).body

    def shown(self, task: Task) -> Json:
        route = next(route for route in self.dialect.routes if isinstance(route, Show))
        return route.render(task, link_to).body

    def refusal(self, error: ClientError) -> tuple[int, Json]:
        reply = self.dialect.render_error(error, Http(method="POST", path=self.submission.path))
        return reply.status, reply.body

    def fits(self, schema: str, body: Json) -> None:
        document = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": schemas(self.dialect)}}
        jsonschema.validate(body, document, cls=jsonschema.Draft202012Validator)


def task_of(request: Request, **changes: Any) -> Task:
    return Task(
        id=TASK_ID,
        owner="ann",
        key_id="key-1",
        provider="p",
        request=request,
        created_at=NOW,
        updated_at=NOW + timedelta(seconds=2),
        deadline=NOW + timedelta(hours=2),
        **changes,
    )


def finished(request: Request) -> Task:
    cover = replace(ARCHIVED, key=ARCHIVED.key.replace("video.mp4", "cover.jpeg"))
    assets = (Asset(name="video", archived=ARCHIVED), Asset(name="cover", archived=cover))
    creation = Creation(id=f"{TASK_ID}-1", provider_id="7", assets=assets, duration=5.0, fps=25.0, width=1, height=1)
    return task_of(request, state=State.SUCCESS, creations=(creation,), finished_at=NOW + timedelta(seconds=90))


def answer(status: int, body: Json = None, **headers: str) -> ProviderResponse:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ProviderResponse(
        status=status, body=text, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def refused_as(kind: FailureClass, code: str, message: str = "no") -> Refused:
    return Refused(Failure(reason=kind, code=code, message=message))


def values(names: Iterable[str], *words: Json) -> st.SearchStrategy[Any]:
    """JSON of any shape, with the dialect's own names and words now and then where they belong."""
    leaves = (
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*words, BOAT, TINY])
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(list(names)), inner, max_size=8),
        max_leaves=12,
    )


def searched(search: Search | None, *answers: ProviderResponse) -> tuple[list[ProviderRequest], Finding]:
    """What is asked, given these answers, and what follows. The last answer is repeated."""
    assert search is not None
    calls, script = [], list(answers)
    try:
        call = next(search)
        while True:
            calls.append(call)
            assert len(calls) < 100
            call = search.send(script.pop(0) if len(script) > 1 else script[0])
    except StopIteration as end:
        finding: Finding = end.value
        return calls, finding
    except NoList as error:
        return calls, Uncertain(str(error))


def listed(pages: Pages, *answers: ProviderResponse) -> tuple[list[ProviderRequest], list[ListedPage]]:
    """What a list is asked for, given these answers, with the call after them; and what it lists. Raises NoList."""
    calls, read, left = [], [], list(answers)
    with suppress(StopIteration):
        step = next(pages)
        while True:
            if isinstance(step, ListedPage):
                read.append(step)
                step = next(pages)
                continue
            calls.append(step)
            if not left:
                break
            step = pages.send(left.pop(0))
    return calls, read
