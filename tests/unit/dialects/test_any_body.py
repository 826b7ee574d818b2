"""Whatever is sent or answered, in any dialect: it is understood or refused, and never a fault.

Bodies are golden ones, or the usual submission, with something in them replaced, left out, or cut off.
"""

from __future__ import annotations

import json
import pkgutil
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep import dialects
from reelkeep.dialects import all_dialects, upstream
from reelkeep.dialects.dialect import Dialect, Http, List, Show, Submit
from reelkeep.domain import observation
from reelkeep.domain.errors import ClientError, InvalidRequest
from reelkeep.domain.task import Kind, Request, State
from reelkeep.domain.wire import Json, ProviderDialect, ProviderRequest, ProviderResponse
from tests.submissions import MODELS, submission
from tests.unit.dialects.harness import link_to, task_of

UPSTREAMS = [found for module in pkgutil.iter_modules(dialects.__path__) if (found := upstream(module.name))]
GOLDEN = Path(__file__).parents[2] / "golden"
REQUEST = Request(dialect="other", kind=Kind.TEXT2VIDEO)
SHOWN = [next(each for each in dialect.routes if isinstance(each, Show)) for dialect in all_dialects()]
OUTCOMES = (observation.Accepted, observation.Refused, observation.NotYet, observation.Unknown)
OBSERVATIONS = (
    observation.Pending,
    observation.Succeeded,
    observation.Failed,
    observation.Busy,
    observation.Unreadable,
    observation.Missing,
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "0", [], {}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Json, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(found for name, each in inner for found in places(each, (*way, name)))]


@st.composite
def malformed(draw: st.DrawFn, bodies: list[Json]) -> bytes:
    body = deepcopy(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(0, 3))):
        way = draw(st.sampled_from(places(body)))
        if not way:
            body = draw(ANYTHING)
            continue
        holder = body
        for name in way[:-1]:
            holder = holder[name]
        if draw(st.booleans()):
            del holder[way[-1]]
        else:
            holder[way[-1]] = draw(ANYTHING)
    text = json.dumps(body).encode()
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 9)) == 0 else text


def answers(dialect: ProviderDialect) -> list[Json]:
    return [json.loads(path.read_text()) for path in sorted((GOLDEN / dialect.name).glob("*.json"))] or [{}]


HEADERS = st.fixed_dictionaries({}, optional={"retry-after": st.text(max_size=12) | st.floats().map(str)})


@pytest.mark.parametrize("spoken", UPSTREAMS, ids=lambda dialect: dialect.name)
@given(
    data=st.data(), status=st.sampled_from([200, 201, 204, 302, 400, 402, 404, 408, 429, 500, 503]), headers=HEADERS
)
def test_whatever_a_provider_answers_is_a_value(
    spoken: ProviderDialect, data: st.DataObject, status: int, headers: dict[str, str]
) -> None:
    body = data.draw(malformed(answers(spoken)) | st.binary(max_size=40))
    answer = ProviderResponse(status=status, headers=headers, body=body)
    outcome = spoken.read_dispatched(answer)
    assert isinstance(outcome, OUTCOMES)
    assert not isinstance(outcome, observation.Accepted) or outcome.provider_task_id
    observed = spoken.read_observed(answer)
    assert isinstance(observed, OBSERVATIONS)
    if isinstance(observed, observation.Succeeded):
        names = [(creation.id, asset.name) for creation in observed.creations for asset in creation.assets]
        assert names, "a success of nothing could never be kept"
        assert all(asset.source for creation in observed.creations for asset in creation.assets)
        made = task_of(REQUEST, state=State.SUCCESS, creations=observed.creations)
        for route in SHOWN:
            json.dumps(route.render(made, link_to).body)
    assert spoken.read_cancelled(answer) in (True, False)


def submissions(dialect: Dialect) -> list[tuple[str, Json]]:
    return [submission(dialect.name, model, "a boat") for model in MODELS.values()]


@pytest.mark.parametrize("spoken", all_dialects(), ids=lambda dialect: dialect.name)
@given(data=st.data())
def test_whatever_a_client_sends_is_understood_or_refused_and_so_at_every_provider(
    spoken: Dialect, data: st.DataObject
) -> None:
    route = data.draw(st.sampled_from([route for route in spoken.routes if isinstance(route, Submit)]))
    body = data.draw(malformed([body for _, body in submissions(spoken)]) | st.binary(max_size=40))
    kind = data.draw(st.sampled_from(["application/json", "multipart/form-data; boundary=b", ""]))
    try:
        request = route.parse(Http(method="POST", path=route.path, body=body, headers={"content-type": kind}))
    except ClientError as error:
        spoken.render_error(error, Http(method="POST", path=route.path))
        return
    assert isinstance(request, Request)
    json.dumps(route.render(task_of(request)).body)
    for provider in UPSTREAMS:
        with suppress(InvalidRequest):
            assert isinstance(provider.dispatch(task_of(request)), ProviderRequest)


@pytest.mark.parametrize("spoken", all_dialects(), ids=lambda dialect: dialect.name)
@given(data=st.data())
def test_whatever_a_listing_asks_for_is_understood_or_refused(spoken: Dialect, data: st.DataObject) -> None:
    lists = [route for route in spoken.routes if isinstance(route, List)]
    if not lists:
        return
    words = "limit after order size cursor state states model task_ids off_peak from to page_num page_size"
    words += " filter.status filter.task_ids pager.page pager.pagesz pager.page_token created_at.from created_at.to"
    text = st.text(max_size=30) | st.integers().map(str) | st.sampled_from(["success", "2026-01-06T08:00:00Z"])
    query = data.draw(st.lists(st.tuples(st.sampled_from(words.split()), text), max_size=5))
    try:
        data.draw(st.sampled_from(lists)).parse(Http(method="GET", path="/", query=tuple(query)))
    except ClientError as error:
        spoken.render_error(error, Http(method="GET", path="/"))
