"""What every provider's client makes of answers that no standard allows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain.observation import (
    Accepted,
)
from reelkeep.domain.wire import Json, NoList, ProviderResponse
from tests.for_each import for_each
from tests.unit.dialects.harness import NOW, answer, listed, searched
from tests.unit.dialects.providers.kit import (
    LINK,
    TASK,
    Format,
    changed,
    has_list,
    nodes,
    of_every_format,
    unix,
    video_of,
)

FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "half of a surrogate pair": lambda body: body.replace(b"{", b'{"x": "\\ud83d", ', 1),
    "a byte that is no UTF-8": lambda body: body.replace(b"{", b'{"x": "caf\xe9", ', 1),
    "NaN": lambda body: body.replace(b"{", b'{"x": NaN, ', 1),
    "a number of 5000 digits": lambda body: body.replace(b"{", b'{"x": ' + b"9" * 5000 + b", ", 1),
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "blanks around it": lambda body: b"\r\n\t " + body + b"\n\0",
    "text after it": lambda body: body + b"\n<!-- 7 ms -->",
    "a guard against scripts": lambda body: b")]}',\n" + body,
    "names twice": lambda body: re.sub(rb'("[a-z_]+"): ', rb"\1: null, \1: ", body),
}


@of_every_format
@for_each("fault", FAULTS)
def test_one_fault_does_not_make_an_answer_unreadable(format: Format, fault: str) -> None:
    def with_fault(body: Json) -> ProviderResponse:
        return ProviderResponse(status=200, body=FAULTS[fault](json.dumps(body).encode()))

    accepted = format.client.read_dispatched(with_fault(format.sample("accepted")))
    assert isinstance(accepted, Accepted), f"{format.name} loses a paid task for {fault}: {accepted}"
    assert video_of(format.client.read_observed(with_fault(format.success()))) == LINK


@of_every_format
@for_each("number", [None, "5.04", "5s", "", -1, 0, True, 10**400, 1e300, "NaN", {}, [], [5]])
def test_no_number_costs_a_success(format: Format, number: Json) -> None:
    assert video_of(format.observed(200, format.success(number=number))) == LINK
    assert isinstance(format.dispatched(200, format.sample("accepted", number=number)), Accepted)


TIMES: list[Json] = [
    None,
    "",
    "yesterday",
    0,
    -1,
    10**30,
    "2026-01-06T08:00:00.123456789Z",
    unix(NOW) * 1000,
    {},
    [],
]


@of_every_format
@for_each("time", TIMES)
def test_no_time_costs_a_success(format: Format, time: Json) -> None:
    assert video_of(format.observed(200, format.success(time=time))) == LINK


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@of_every_format
@given(data=st.data(), status=st.sampled_from([200, 201, 204, 302, 400, 401, 404, 409, 429, 500, 503]))
def test_no_answer_is_a_fault_of_ours(format: Format, data: st.DataObject, status: int) -> None:
    samples = [
        format.sample("accepted"),
        format.success(),
        format.error("policy"),
        format.sample("task", word="failed", code="c", message="m"),
        *([format.sample("list", rows=[format.row()])] if has_list(format.client) else []),
    ]
    body = data.draw(st.sampled_from(samples))
    for _ in range(data.draw(st.integers(0, 3))):
        body = changed(body, data.draw(st.sampled_from(nodes(body))), data.draw(VALUES))
    said = answer(status, body)
    client = format.client
    client.read_dispatched(said)
    client.read_observed(said)
    client.read_cancelled(said)
    with suppress(NoList):
        listed(client.successes(NOW - timedelta(hours=24)), said)
    if search := client.find(TASK, lambda _: None):
        searched(search, said)
