"""The lists of what providers made: asked for page by page, and read as far as they make sense."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reelkeep.dialects import all_dialects, upstream
from reelkeep.domain.observation import ListedPage, Succeeded
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json, ProviderDialect
from tests.for_each import for_each
from tests.unit.dialects.harness import answer, listed

NOW = datetime(2026, 1, 6, 8, tzinfo=UTC)
SINCE = NOW - timedelta(hours=24)
LINK = "https://b.s3.test/v.mp4?X-Amz-Date=20260106T075900Z&X-Amz-Expires=86400&X-Amz-Signature=c0ffee"


def speaker(name: str) -> ProviderDialect:
    found = upstream(name)
    assert found is not None
    return found


def asked(name: str, *bodies: Json) -> list[dict[str, str]]:
    """The queries with which a list is read whose pages are these, with the one after them."""
    calls, _ = listed(speaker(name).successes(SINCE), *(answer(200, body) for body in bodies))
    assert all(call.method == "GET" for call in calls)
    return [dict(call.query) for call in calls]


def vidu(id: Any = "885000000000000001", **changes: Any) -> dict[str, Json]:
    creation = {"id": "885000000000000777", "url": LINK, "cover_url": LINK, "video": {"duration": 5.04, "fps": 24}}
    item = {
        "id": id,
        "type": "img2video",
        "model": "viduq2-pro",
        "prompt": "a paper boat",
        "images": ["https://ex.test/a.png", "ssupload:?id=1"],
        "duration": 5,
        "resolution": "720p",
        "aspect_ratio": "",
        "state": "success",
        "creations": [creation],
        "created_at": "2026-01-06T07:58:00.123456789Z",
        "credits": 20,
        "payload": "job-1",
    }
    return item | changes


def ark(id: str = "cgt-1", **changes: Any) -> dict[str, Json]:
    item = {
        "id": id,
        "model": "doubao-seedance",
        "status": "succeeded",
        "content": {"video_url": LINK},
        "usage": {"total_tokens": 7},
        "created_at": int(NOW.timestamp()) - 3600,
        "updated_at": int(NOW.timestamp()) - 60,
        "resolution": "720p",
        "ratio": "16:9",
        "duration": 5,
        "service_tier": "flex",
        "generate_audio": True,
    }
    return item | changes


def video(id: str = "video_1", **changes: Any) -> dict[str, Json]:
    item = {
        "id": id,
        "object": "video",
        "model": "sora-2",
        "status": "completed",
        "prompt": "a boat",
        "seconds": "8",
        "created_at": int(NOW.timestamp()) - 3600,
        "completed_at": int(NOW.timestamp()) - 60,
    }
    return item | changes


def kling(id: str = "7", **changes: Any) -> dict[str, Json]:
    item = {
        "task_id": id,
        "task_status": "succeed",
        "task_info": {"external_task_id": "mine"},
        "task_result": {"videos": [{"id": "v-1", "url": LINK, "duration": "5.1"}]},
        "created_at": int(NOW.timestamp() * 1000) - 3_600_000,
        "updated_at": int(NOW.timestamp() * 1000) - 60_000,
    }
    words = {"id": "task_id", "status": "task_status", "content": "task_result"}
    named = {words.get(name, name): value for name, value in changes.items()}
    return item | named


PAGES: dict[str, Callable[..., dict[str, Json]]] = {
    "kling": lambda *items: {"code": 0, "message": "SUCCEED", "data": list(items)},
    "vidu_ent_v2": lambda *items: {"tasks": list(items), "next_page_token": ""},
    "volc_ark": lambda *items: {"items": list(items), "total": len(items)},
    "openai_videos": lambda *items: {"object": "list", "data": list(items), "has_more": False},
}
ITEMS: dict[str, Callable[..., dict[str, Json]]] = {
    "kling": kling,
    "vidu_ent_v2": vidu,
    "volc_ark": ark,
    "openai_videos": video,
}
LISTS = sorted(PAGES)


def read(name: str, *items: Json) -> ListedPage:
    return listed(speaker(name).successes(SINCE), answer(200, PAGES[name](*items)))[1][0]


def test_those_that_have_a_list_are_asked_for_it_and_the_others_are_not() -> None:
    names = [dialect.name for dialect in all_dialects() if upstream(dialect.name)]
    assert sorted(name for name in names if asked(name)) == LISTS


def test_vidus_list_is_asked_for_what_was_made_up_to_two_days_earlier_since_an_off_peak_task_takes_as_long() -> None:
    assert asked("vidu_ent_v2") == [
        {
            "created_at.from": "2026-01-03T08:00:00Z",
            "states": "success",
            "pager.pagesz": "100",
            "pager.page": "0",
        }
    ]


def test_a_success_in_vidus_list_is_read_with_all_its_fields() -> None:
    [found] = read("vidu_ent_v2", vidu()).successes
    assert (found.provider_task_id, found.created_at) == (
        "885000000000000001",
        datetime(2026, 1, 6, 7, 58, 0, 123456, tzinfo=UTC),
    )
    assert found.request == Request(
        dialect="vidu_ent_v2",
        kind=Kind.IMG2VIDEO,
        model="viduq2-pro",
        prompt="a paper boat",
        images=("https://ex.test/a.png",),
        duration=5,
        resolution="720p",
        payload="job-1",
    )
    assert isinstance(found.seen, Succeeded)
    assert found.seen.credits == 20
    [creation] = found.seen.creations
    assert [(asset.name, asset.expires_at) for asset in creation.assets] == [
        ("video", datetime(2026, 1, 7, 7, 59, tzinfo=UTC)),
        ("cover", datetime(2026, 1, 7, 7, 59, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    ("type", "kind"),
    [
        ("headtailimg2video", Kind.START_END2VIDEO),
        ("character2video", Kind.REFERENCE2VIDEO),
        ("reference2video", Kind.REFERENCE2VIDEO),
        ("template", Kind.TEMPLATE2VIDEO),
        ("unspecified", Kind.IMG2VIDEO),
    ],
)
def test_vidus_words_for_a_kind_are_understood(type: str, kind: Kind) -> None:
    [found] = read("vidu_ent_v2", vidu(type=type)).successes
    assert found.request.kind is kind


@pytest.mark.parametrize("type", ["text2audio", "timing2audio", "reference2image", "text2image"])
def test_what_is_no_video_is_passed_over(type: str) -> None:
    assert read("vidu_ent_v2", vidu(type=type)).successes == ()


def test_vidus_pages_follow_the_token_or_else_the_number_as_long_as_they_bring_something_new() -> None:
    def pages(*bodies: Json) -> list[str | None]:
        return [query.get("pager.page_token", query.get("pager.page")) for query in asked("vidu_ent_v2", *bodies)]

    full = [vidu(str(number)) for number in range(100)]
    first: dict[str, Json] = {"tasks": full}
    short: dict[str, Json] = {"tasks": full[:3]}  # it has a limit of its own
    none: dict[str, Json] = {"tasks": []}
    assert pages(short | {"next_page_token": "t=1"}, none | {"next_page_token": "t=2"}) == ["0", "t=1"]
    assert pages(short | {"next_page_token": "t=1"}, first | {"next_page_token": "t=1"}) == ["0", "t=1"]
    assert pages(short | {"next_page_token": "t=1"}, first, none) == ["0", "t=1", "2"]
    assert pages(first, short, short) == ["0", "1", "2"]
    assert pages(first, short, none) == ["0", "1", "2"]


def test_arks_list_is_read_to_its_end_for_its_order_is_not_known() -> None:
    items = [ark(f"cgt-{number}") for number in range(100)]  # of 500 that were asked for: it has a limit of its own
    first = {"items": items, "total": 150}
    for last in (items[:50], []):
        assert asked("volc_ark", first, {"items": last, "total": 150}) == [
            {"filter.status": "succeeded", "page_num": "1", "page_size": "500"},
            {"filter.status": "succeeded", "page_num": "2", "page_size": "500"},
        ]


def test_a_success_in_arks_list_counts_by_when_it_ended() -> None:
    day = 86_400
    slow = ark("cgt-slow", created_at=int(NOW.timestamp()) - 2 * day)
    old = ark("cgt-old", updated_at=int(NOW.timestamp()) - 2 * day)
    [found] = read("volc_ark", slow, old).successes
    assert found.provider_task_id == "cgt-slow"
    assert found.request == Request(
        dialect="volc_ark",
        kind=Kind.TEXT2VIDEO,
        model="doubao-seedance",
        duration=5,
        resolution="720p",
        aspect_ratio="16:9",
        audio=True,
        off_peak=True,
    )
    assert isinstance(found.seen, Succeeded)
    assert found.seen.tokens == 7


def test_a_list_of_videos_is_read_until_it_is_older_than_a_video_may_take() -> None:
    first = {"data": [video("video_9")], "has_more": True}
    older = video("video_8", created_at=int(SINCE.timestamp()) - 25 * 3600)
    pages = {"limit": "100", "order": "desc"}, {"limit": "100", "order": "desc", "after": "video_9"}
    for last in ({"data": [older], "has_more": True}, first, {"data": [video()], "has_more": False}):
        assert asked("openai_videos", first, last) == [*pages]
    [found] = read("openai_videos", video("video_9")).successes
    assert isinstance(found.seen, Succeeded)
    assert found.seen.creations[0].assets[0].source == "./v1/videos/video_9/content"
    assert (found.request.prompt, found.request.duration) == ("a boat", 8)


def test_a_gateway_without_a_list_of_videos_has_made_none() -> None:
    refused = answer(404, {"error": {"message": "Invalid URL"}})
    assert listed(speaker("openai_videos").successes(SINCE), refused)[1] == []


@for_each("name", LISTS)
@for_each("state", ["processing", "running", "failed", "in_progress", "", None, 7])
def test_only_successes_are_taken(name: str, state: Json) -> None:
    word = "state" if name == "vidu_ent_v2" else "status"
    found = read(name, ITEMS[name](**{word: state}))
    assert (found.successes, found.unreadable) == ((), 0)


def test_rows_that_are_none_end_no_list_early() -> None:
    """Of 1,000 tasks, these are the first 498; an end that cannot be read is no end."""
    rows = [ark(id=f"cgt-{number}") for number in range(498)]
    assert len(asked("volc_ark", {"items": [*rows, None, {}], "total": 500})) == 2


@pytest.mark.parametrize("name", ["vidu_ent_v2", "volc_ark"])
def test_a_success_without_links_is_listed_but_not_seen(name: str) -> None:
    [found] = read(name, ITEMS[name](creations=[], content={})).successes
    assert not isinstance(found.seen, Succeeded)
