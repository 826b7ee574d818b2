"""What every provider's client makes of the answer to a poll, and to a cancellation."""

from __future__ import annotations

import json
from collections.abc import Callable

from reelkeep.domain.observation import (
    Busy,
    Failed,
    Missing,
    Pending,
    Succeeded,
    Unreadable,
)
from reelkeep.domain.task import FailureClass, State
from reelkeep.domain.wire import Json
from tests.for_each import for_each
from tests.unit.dialects.harness import answer
from tests.unit.dialects.providers.kit import LINK, TASK, Format, at, changed, nodes, of_every_format, video_of


@of_every_format
@for_each("status", [408, 429, 500, 502, 503, 504])
@for_each("body", [b"", b"<html>", b'{"error": {}}'])
def test_a_provider_that_cannot_answer_now_is_busy(format: Format, status: int, body: bytes) -> None:
    observed = format.observed(status, body, retry_after="7")
    assert isinstance(observed, Busy), f"{format.name} takes a {status} for {observed}"
    assert observed.retry_after == 7


@of_every_format
@for_each("status", [401, 403])
def test_a_poll_whose_key_is_refused_says_nothing_of_the_task(format: Format, status: int) -> None:
    observed = format.observed(status, b"")
    assert isinstance(observed, Busy)
    assert "key" in observed.reason


@of_every_format
def test_a_task_is_missing_only_if_the_provider_says_so_in_its_own_words(format: Format) -> None:
    assert format.observed(404, format.error("missing")) == Missing()
    page = format.observed(404, b"<html>")
    assert isinstance(page, Unreadable), f"{format.name} gives a paid task up for a page of some proxy"


@of_every_format
@for_each("status", [200, 400, 404, 409])
def test_a_task_that_is_not_ready_is_not_done_yet(format: Format, status: int) -> None:
    refusal = {"error": {"code": "video_not_ready", "message": "the video is not ready"}}
    assert format.observed(status, refusal) == Pending(State.PROCESSING)


@of_every_format
def test_an_error_in_a_200_says_what_became_of_the_task(format: Format) -> None:
    assert format.observed(200, format.error("missing")) == Missing()
    observed = format.observed(200, format.error("policy"))
    assert isinstance(observed, Failed), f"{format.name} does not see that the task was refused: {observed}"
    assert (observed.failure.reason, observed.failure.code) == (FailureClass.POLICY, format.code("policy"))


@of_every_format
def test_an_error_about_the_input_ends_a_task_only_if_it_cannot_be_about_the_poll(format: Format) -> None:
    observed = format.observed(200, format.error("input"))
    assert isinstance(observed, Failed | Unreadable)
    assert format.code("input") in (observed.failure.code if isinstance(observed, Failed) else observed.reason)


@of_every_format
@for_each("status", [400, 403, 404, 429, 503])
def test_a_firewall_on_the_way_ends_no_task(format: Format, status: int) -> None:
    observed = format.observed(status, {"message": "Blocked by a security policy, or a rate limit policy"})
    assert isinstance(observed, Busy | Unreadable), f"{format.name} gives a paid task up: {observed}"


@of_every_format
@for_each("kind", ["throttled", "credit"])
def test_an_error_about_our_account_says_nothing_of_the_task(format: Format, kind: str) -> None:
    for status in (200, 400):
        assert isinstance(format.observed(status, format.error(kind)), Busy)


@of_every_format
@for_each("body", [b"", b"<html>", b"[]", b"7", b"{}", b'{"status": 3, "state": 3}', b"\xff\xfe\x00"])
def test_what_makes_no_sense_is_stored_and_gives_nothing_up(format: Format, body: bytes) -> None:
    observed = format.observed(200, body)
    assert isinstance(observed, Unreadable), f"{format.name} takes {body!r} for {observed}"
    assert observed.raw == body


@of_every_format
def test_a_task_is_followed_to_its_success(format: Format) -> None:
    for word, state in (("queued", State.QUEUEING), ("processing", State.PROCESSING)):
        assert format.observed(200, format.sample("task", word=word)) == Pending(state)
    observed = format.observed(200, format.success())
    assert isinstance(observed, Succeeded), f"{format.name} does not see the success in its own sample: {observed}"
    assert video_of(observed) == LINK


@of_every_format
def test_a_failure_says_what_kind_it_is_and_why(format: Format) -> None:
    codes = format.sample("codes")
    code = codes.get("failed", codes["policy"])
    body = format.sample("task", word="failed", code=code, message="no")
    observed = format.observed(200, body)
    assert isinstance(observed, Failed), f"{format.name} does not see the failure in its own sample: {observed}"
    assert observed.failure.reason is FailureClass.POLICY
    assert code in (observed.failure.code, observed.failure.message)


MEANINGS: dict[State | FailureClass, str] = {
    State.QUEUEING: "created queueing queued pending submitted waiting in_queue not_start scheduled accepted",
    State.PROCESSING: "processing running in_progress generating progress rendering",
    State.SUCCESS: "success succeed succeeded completed complete done finished finish successful ready generated "
    "available ok ended task_succeeded partial_success",
    FailureClass.PROVIDER: "failed fail failure error errored task_failed unsuccessful invalid interrupted",
    FailureClass.POLICY: "rejected content_filtered nsfw banned",
    FailureClass.CANCELLED: "cancelled canceled cancel deleted",
    FailureClass.EXPIRED: "expired timeout timed_out",
}
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "as a title": str.title,
    "with a hyphen": lambda word: word.replace("_", "-"),
    "with a blank": lambda word: f" {word.replace('_', ' ')} ",
    "in one word": lambda word: word.title().replace("_", ""),
    "with a prefix": lambda word: f"TASK_STATUS_{word.upper()}",
}


@of_every_format
@for_each("form", FORMS)
def test_a_status_is_understood_in_every_word_and_form_that_providers_use(format: Format, form: str) -> None:
    for meaning, words in MEANINGS.items():
        for word in map(FORMS[form], words.split()):
            observed = format.observed(200, format.success(word=word))
            match observed:
                case Pending(state):
                    understood: State | FailureClass | None = state if observed.word == "" else None
                case Succeeded():
                    understood = State.SUCCESS
                case Failed(failure):
                    understood = failure.reason
                case _:
                    understood = None
            assert understood == meaning, f"{format.name} takes {word!r} for {observed}"


@of_every_format
@for_each("word", ["image_downloading", "reviewing", "未知"])
def test_an_unknown_status_is_not_the_end_and_is_reported(format: Format, word: str) -> None:
    assert format.observed(200, format.sample("task", word=word)) == Pending(State.PROCESSING, word)


@of_every_format
@for_each("link", [None, "", "soon", "n/a", "ftp://cdn.example.com/film.mp4", 7, [], {}])
def test_a_success_without_a_link_is_polled_again(format: Format, link: Json) -> None:
    """Or there is a path at the provider itself under which it hands out its files."""
    observed = format.observed(200, format.success(link=link))
    if isinstance(observed, Succeeded):
        assert "://" not in video_of(observed)
    else:
        assert isinstance(observed, Unreadable), f"{format.name} takes a success without a link for {observed}"
        assert observed.made


WRITTEN = {
    "https://cdn.example.com/a film.mp4": "https://cdn.example.com/a%20film.mp4",
    " https://cdn.example.com/film.mp4\n": LINK,
    "HTTPS://cdn.example.com/film.mp4": LINK,
    "//cdn.example.com/film.mp4": LINK,
    "/files/film.mp4": "/files/film.mp4",
    "files/film.MP4": "files/film.MP4",
    "files/film": "files/film",
    "https://cdn.example.com/ü.mp4?a=%2F&b=1": "https://cdn.example.com/%C3%BC.mp4?a=%2F&b=1",
}


@of_every_format
@for_each("link", WRITTEN)
def test_a_link_is_read_as_browsers_do(format: Format, link: str) -> None:
    assert video_of(format.observed(200, format.success(link=link))) == WRITTEN[link]


@of_every_format
@for_each("shape", [[LINK], {"url": LINK}, [{"url": LINK}], {"video": {"url": LINK}}, [None, LINK]])
def test_a_link_may_stand_in_a_list_or_an_object(format: Format, shape: Json) -> None:
    assert video_of(format.observed(200, format.success(link=shape))) == LINK


ELSEWHERE: list[dict[str, Json]] = [
    {"url": LINK},
    {"video_url": LINK},
    {"result_url": LINK},
    {"output": LINK},
    {"output": [LINK]},
    {"output": {"video_url": LINK}},
    {"outputs": [LINK]},
    {"video": {"url": LINK}},
    {"videos": [{"url": LINK}]},
    {"result": {"url": LINK}},
    {"results": [{"url": LINK}]},
    {"data": [{"url": LINK}]},
    {"urls": [LINK]},
    {"content": {"video_url": LINK}},
    {"task_result": {"videos": [{"id": "7", "url": LINK}]}},
    {"metadata": {"url": LINK}},
    {"metadata": {"result_urls": [LINK]}},
    {"content": LINK},
    {"content": [{"type": "video_url", "video_url": {"url": LINK}}]},
    {"result": LINK},
    {"result": [LINK]},
    {"data": {"result": {"video_url": LINK}}},
    {"files": [{"url": LINK}]},
    {"file": {"download_url": LINK}},
    {"artifacts": [{"url": LINK}]},
    {"video_list": [{"url": LINK}]},
    {"generation": {"url": LINK}},
    {"resultJson": json.dumps({"resultUrls": [LINK]})},
    {"videoUrl": LINK},
    {"resultUrl": LINK},
    {"downloadUrl": LINK},
    {"creations": None, "video_url": LINK},
    {"creations": [], "video_url": LINK},
]


@of_every_format
@for_each("place", ELSEWHERE)
def test_a_link_is_found_wherever_providers_put_it(format: Format, place: dict[str, Json]) -> None:
    """Where the format's own place for it is not there at all."""
    body = format.success()
    holder = nodes(body)
    with_link = next(path for path in holder if path and at(body, path) == LINK)
    with_word = next(path for path in holder if path and at(body, path) == "success" and path[-1] != "code")
    task = at(body, with_word[:-1])
    own_place = with_link[len(with_word) - 1]
    moved = {name: value for name, value in task.items() if name != own_place} | place
    assert video_of(format.observed(200, changed(body, with_word[:-1], moved))) == LINK


@of_every_format
def test_what_was_shown_or_asked_for_is_not_taken_for_the_result(format: Format) -> None:
    body = format.success(link=None)
    task = body.get("data", body)
    task |= {
        "images": [LINK],
        "input": {"video_url": LINK},
        "image_url": LINK,
        "cover_url": LINK,
        "callback_url": LINK,
    }
    task.setdefault("content", [{"type": "video_url", "video_url": {"url": LINK}, "role": "reference_video"}])
    observed = format.observed(200, body)
    assert not isinstance(observed, Succeeded) or video_of(observed) != LINK


@of_every_format
def test_a_task_is_cancelled_only_if_the_provider_says_so(format: Format) -> None:
    if format.client.cancel(TASK) is None:
        return
    for status, body, cancelled in (
        (200, b"{}", True),
        (204, b"", True),
        (200, {"code": 0, "message": "", "data": None}, True),
        (400, {"code": "UserCancelled", "message": "it is"}, True),
        (200, b"<html>", False),
        (200, {"code": 7, "message": "too late"}, False),
        (200, {"code": "InternalServiceError", "message": "no"}, False),
        (200, format.error("input"), False),
        (200, format.error("missing"), False),
        (400, format.error("input"), False),
        (500, b"", False),
    ):
        assert format.client.read_cancelled(answer(status, body)) is cancelled, (status, body)
