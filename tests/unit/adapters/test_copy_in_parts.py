"""A copy goes on after a cut, and reads a slow source over several connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from threading import Event
from typing import TYPE_CHECKING

import pytest

from reelkeep.adapters.copying.source import RANGE_BYTES, in_order
from reelkeep.ports.archive import SourceBusy, SourceGone
from tests.samples import lengthened, video
from tests.servers import Request, Server, reply

if TYPE_CHECKING:
    pass
from tests.unit.adapters.copy_harness import LONG, MEDIUM, PAGE, Archive, File, _until_close, answering


def test_a_server_without_ranges_is_read_in_one_go(archive: Archive) -> None:
    with Server(File(LONG, ranges=False)) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert len(source.requests) == 1


def test_a_cut_connection_is_resumed_where_it_was_cut(archive: Archive) -> None:
    with Server(File(LONG, cuts=[3_000_000, 2_000_007])) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert "range" not in source.requests[0].headers
    last = len(LONG) - 1
    assert [request.range for request in source.requests[1:]] == [(3_000_000, last), (5_000_007, last)]
    assert {request.headers.get("if-range") for request in source.requests[1:]} == {'"one"'}


@pytest.mark.parametrize("status", [200, 400, 403, 404, 416, 501])
def test_a_server_that_refuses_ranges_is_asked_for_the_whole_file_again(archive: Archive, status: int) -> None:
    file = File(MEDIUM, cuts=[150_000])

    def answering(request: Request) -> Iterable[bytes]:
        refused = request.range is not None and status != 200
        return reply(status, PAGE) if refused else file(replace(request, headers={}))

    with Server(answering) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": MEDIUM}


def test_a_file_that_changed_meanwhile_is_read_from_its_beginning(archive: Archive) -> None:
    file = File(LONG, cuts=[3_000_000])
    other = lengthened(video(frames=48), len(LONG) + 1)

    def answering(request: Request) -> Iterator[bytes]:
        if not file.cuts:
            file.content, file.tag = other, '"two"'
        yield from file(request)

    with Server(answering) as source:
        archived = archive.copy(source.url())

    assert archive.objects == {"v.mp4": other}
    assert archived.duration == 2.0


def test_a_file_with_a_weak_tag_only_is_never_put_together_from_pieces(archive: Archive) -> None:
    with Server(File(LONG, tag='W/"one"', cuts=[RANGE_BYTES, 5_000_000])) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert not any("if-range" in request.headers for request in source.requests)


def test_a_server_without_ranges_that_is_cut_is_asked_again_for_all(archive: Archive) -> None:
    with Server(File(LONG, ranges=False, cuts=[1_000_000, 5_000_000])) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert sum(request.range is None for request in source.requests) == 2


def test_a_source_that_is_always_cut_is_busy(archive: Archive) -> None:
    with Server(File(LONG, ranges=False, cuts=[1_000_000] * 9)) as source, pytest.raises(SourceBusy, match="cut"):
        archive.copy(source.url())

    assert archive.objects == {}
    assert sum(request.range is None for request in source.requests) == 3


def test_a_server_that_answers_ranges_with_nonsense_is_read_in_one_go(archive: Archive) -> None:
    def answering(request: Request) -> list[bytes]:
        if request.range is None:
            return reply(200, LONG)
        first, last = request.range
        tag = '"one"' if first == 0 else '"another"'  # as behind two machines that number for themselves
        content_range = f"bytes {first}-{min(last, len(LONG) - 1)}/{len(LONG)}"
        return reply(206, LONG[first : last + 1], etag=tag, content_range=content_range)

    with Server(answering) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}


def test_a_file_whose_end_nobody_announced_is_not_archived_if_its_end_is_missing(archive: Archive) -> None:
    content = video()[:-50]
    with (
        Server(lambda _: _until_close(content)) as source,
        pytest.raises(SourceBusy, match="not whole"),
    ):
        archive.copy(source.url())

    assert archive.objects == {}
    assert len(source.requests) == 3


def test_a_range_that_nobody_asked_for_is_the_file_if_it_is_all_of_it(archive: Archive) -> None:
    content = video()
    whole = reply(206, content, content_range=f"bytes 0-{len(content) - 1}/{len(content)}")
    half = reply(206, content[:900], content_range=f"bytes 0-899/{len(content)}")
    with Server(answering(whole)) as source:
        archive.copy(source.url())
    with Server(answering(half)) as source, pytest.raises(SourceBusy, match="206"):
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": content}


def slowly() -> Callable[[], float]:
    """A clock by which everything takes a while."""
    ticks = count(0, 0.5)
    return lambda: next(ticks)


LONGER = lengthened(video(), 6 * RANGE_BYTES + 3)


@pytest.mark.parametrize("cuts", [[], [6_000_000, 1_000_000, 7]])
def test_a_source_that_is_slow_on_one_connection_is_read_on_several(archive: Archive, cuts: list[int]) -> None:
    with Server(File(LONGER, cuts=cuts)) as source:
        archive.copy(source.url(), ticks=slowly(), seconds=10_000)

    assert archive.objects == {"v.mp4": LONGER}
    assert "range" not in source.requests[0].headers
    firsts = sorted(request.range[0] for request in source.requests[1:] if request.range)
    assert len(firsts) >= 5
    assert firsts[0] >= RANGE_BYTES


def test_a_source_that_is_quick_is_read_on_one(archive: Archive) -> None:
    with Server(File(LONGER)) as source:
        archive.copy(source.url(), ticks=lambda: 0.0)

    assert archive.objects == {"v.mp4": LONGER}
    assert len(source.requests) == 1


@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_slow_source_that_refuses_ranges_is_read_on_as_it_was_begun(archive: Archive, status: int) -> None:
    file = File(LONGER)

    def answering(request: Request) -> Iterable[bytes]:
        refused = request.range is not None and status != 200
        return reply(status, PAGE) if refused else file(replace(request, headers={}))

    with Server(answering) as source:
        archive.copy(source.url(), ticks=slowly(), seconds=10_000)

    assert archive.objects == {"v.mp4": LONGER}
    assert sum(request.range is None for request in source.requests) == 1


def test_a_file_that_changes_while_it_is_read_in_ranges_is_read_from_its_beginning(archive: Archive) -> None:
    file = File(LONGER)
    other = lengthened(video(frames=48), len(LONGER) + 1)
    answered = Event()  # the first range; without any, the file would be read on as it was begun

    def answering(request: Request) -> Iterator[bytes]:
        if request.range and request.range[0] > 3 * RANGE_BYTES:
            answered.wait()
            file.content, file.tag = other, '"two"'
        yield from file(request)
        if request.range and request.range[0] < 2 * RANGE_BYTES:
            answered.set()

    with Server(answering) as source:
        archive.copy(source.url(), ticks=slowly(), seconds=10_000)

    assert archive.objects == {"v.mp4": other}


def test_the_results_of_calls_come_in_order_and_an_error_in_its_turn() -> None:
    def call(number: int) -> bytes:
        if number == 7:
            raise SourceGone("dead")
        return bytes([number])

    results = in_order((partial(call, number) for number in range(20)), at_once=4, ahead=6)

    assert [next(results) for _ in range(7)] == [bytes([number]) for number in range(7)]
    with pytest.raises(SourceGone):
        next(results)
