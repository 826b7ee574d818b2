"""The lists of what providers made: asked for page by page, and read as far as they make sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reelkeep.dialects import all_dialects, upstream
from reelkeep.domain.observation import ListedPage, Succeeded
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json, ProviderDialect, ProviderRequest, ProviderResponse

NOW = datetime(2026, 1, 6, 8, tzinfo=UTC)
SINCE = NOW - timedelta(hours=24)
LINK = "https://b.s3.test/v.mp4?X-Amz-Date=20260106T075900Z&X-Amz-Expires=86400&X-Amz-Signature=c0ffee"


def speaker(name: str) -> ProviderDialect:
    found = upstream(name)
    assert found is not None
    return found


def said(name: str, body: Json, page: str = "", status: int = 200) -> ListedPage | None:
    answer = ProviderResponse(status=status, body=json.dumps(body).encode())
    return speaker(name).read_successes(answer, SINCE, page)


def page(name: str, body: Json, after: str = "") -> ListedPage:
    found = said(name, body, after)
    assert found is not None
    return found


def asked(name: str, page: str = "") -> dict[str, str]:
    call = speaker(name).list_successes(SINCE, page)
    assert isinstance(call, ProviderRequest)
    assert call.method == "GET"
    return dict(call.query)


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
    return page(name, PAGES[name](*items))


def test_those_that_have_a_list_are_asked_for_it_and_the_others_are_not() -> None:
    names = [dialect.name for dialect in all_dialects() if upstream(dialect.name)]
    assert sorted(name for name in names if speaker(name).list_successes(SINCE, "")) == LISTS
    for name in set(names) - set(LISTS):
        assert said(name, {"tasks": [vidu()]}) is None


def test_vidus_list_is_asked_for_what_was_made_up_to_two_days_earlier_since_an_off_peak_task_takes_as_long() -> None:
    assert asked("vidu_ent_v2") == {
        "created_at.from": "2026-01-03T08:00:00Z",
        "states": "success",
        "pager.pagesz": "100",
        "pager.page": "0",
    }


def test_a_success_in_vidus_list_is_read_with_all_it_tells() -> None:
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
    full = [vidu(str(number)) for number in range(100)]
    assert page("vidu_ent_v2", {"tasks": full[:3], "next_page_token": "t=1"}).next_page == "pager.page_token=t=1"
    assert asked("vidu_ent_v2", "pager.page_token=t=1")["pager.page_token"] == "t=1"
    assert "pager.page" not in asked("vidu_ent_v2", "pager.page_token=t=1")
    second = page("vidu_ent_v2", {"tasks": full}).next_page
    assert asked("vidu_ent_v2", second)["pager.page"] == "1"
    third = page("vidu_ent_v2", {"tasks": full[:3]}, second).next_page  # of 100 that were asked for: its own limit
    assert asked("vidu_ent_v2", third)["pager.page"] == "2"
    assert page("vidu_ent_v2", {"tasks": full[:3]}, third).next_page == ""
    assert page("vidu_ent_v2", {"tasks": []}, third).next_page == ""
    assert page("vidu_ent_v2", {"tasks": [], "next_page_token": "t=2"}).next_page == ""


def test_arks_list_is_read_to_its_end_for_its_order_is_not_known() -> None:
    assert asked("volc_ark") == {"filter.status": "succeeded", "page_num": "1", "page_size": "500"}
    items = [ark(f"cgt-{number}") for number in range(100)]  # of 500 that were asked for: it has a limit of its own
    first = page("volc_ark", {"items": items, "total": 150})
    assert asked("volc_ark", first.next_page)["page_num"] == "2"
    assert page("volc_ark", {"items": items[:50], "total": 150}, first.next_page).next_page == ""
    assert page("volc_ark", {"items": [], "total": 150}, first.next_page).next_page == ""


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
    assert asked("openai_videos") == {"limit": "100", "order": "desc"}
    first = page("openai_videos", {"data": [video("video_9")], "has_more": True})
    assert first.next_page == "video_9"
    assert asked("openai_videos", "video_9")["after"] == "video_9"
    older = video("video_8", created_at=int(SINCE.timestamp()) - 25 * 3600)
    assert page("openai_videos", {"data": [older], "has_more": True}).next_page == ""
    [found] = first.successes
    assert isinstance(found.seen, Succeeded)
    assert found.seen.creations[0].assets[0].source == "./v1/videos/video_9/content"
    assert (found.request.prompt, found.request.duration) == ("a boat", 8)


def test_a_gateway_without_a_list_of_videos_has_made_none() -> None:
    assert said("openai_videos", {"error": {"message": "Invalid URL"}}, status=404) == ListedPage(())


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("state", ["processing", "running", "failed", "in_progress", "", None, 7])
def test_only_successes_are_taken(name: str, state: Json) -> None:
    word = "state" if name == "vidu_ent_v2" else "status"
    found = read(name, ITEMS[name](**{word: state}))
    assert (found.successes, found.unreadable) == ((), 0)


def test_rows_that_are_none_end_no_list_early() -> None:
    """Of 1,000 tasks, these are the first 498; an end that cannot be read is no end."""
    rows = [ark(id=f"cgt-{number}") for number in range(498)]
    page = said("volc_ark", {"items": [*rows, None, {}], "total": 500})
    assert page is not None
    assert page.next_page == "2:498"


@pytest.mark.parametrize("name", ["vidu_ent_v2", "volc_ark"])
def test_a_success_without_links_is_listed_but_not_seen(name: str) -> None:
    [found] = read(name, ITEMS[name](creations=[], content={})).successes
    assert not isinstance(found.seen, Succeeded)
