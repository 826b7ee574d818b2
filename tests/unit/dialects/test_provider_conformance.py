"""What every format must make of its provider's answers, whatever they look like.

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
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep import dialects
from reelkeep.domain.observation import (
    Accepted,
    Busy,
    DispatchOutcome,
    Failed,
    ListedPage,
    Missing,
    NotYet,
    Observation,
    Pending,
    Refused,
    Succeeded,
    Unknown,
    Unreadable,
)
from reelkeep.domain.task import FailureClass, Kind, Request, State
from reelkeep.domain.wire import Json, NoList, ProviderDialect, ProviderRequest, ProviderResponse
from tests.unit.dialects.harness import NOW, answer, listed, searched, task_of

GOLDEN = Path(__file__).parents[2] / "golden"
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
        path = GOLDEN / self.name / "conformance.json"
        assert path.exists(), f"{self.name} needs sample bodies in tests/golden/{self.name}/conformance.json"
        samples = json.loads(path.read_text())
        assert name in samples, f"{path} has no sample {name!r}"
        marks = {
            "id": "t-1",
            "word": None,
            "link": None,
            "code": None,
            "message": None,
            "number": 5,
            "time": _unix(NOW),
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


def filled(sample: Json, values: dict[str, Json]) -> Json:
    if isinstance(sample, dict):
        return {name: filled(value, values) for name, value in sample.items()}
    if isinstance(sample, list):
        return [filled(value, values) for value in sample]
    return values[sample[1:]] if isinstance(sample, str) and sample.startswith("@") else sample


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())


def _formats() -> list[Format]:
    names = (module.name for module in pkgutil.iter_modules(dialects.__path__))
    return [Format(client) for name in names if (client := dialects.upstream(name))]


def _lists(client: ProviderDialect) -> bool:
    return next(client.successes(NOW), None) is not None


IDS = ["cgt-20260106080000-abcde", "grok:7f3c", "models/veo/operations/1", "a b?c#d%2F", "任务-1", "../credits"]
FORMATS = _formats()
of_every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda each: each.name)
of_every_list = pytest.mark.parametrize(
    "format", [each for each in FORMATS if _lists(each.client)], ids=lambda each: each.name
)


def test_formats_are_found() -> None:
    assert len(FORMATS) > 1, "no client was found below reelkeep.dialects"


# --- the answer to the billable call ---


@of_every_format
@pytest.mark.parametrize("task_id", [*IDS, "x" * 300, 885_000_000_000_000_001])
def test_an_accepted_task_is_polled_under_the_id_that_it_was_given(format: Format, task_id: Json) -> None:
    accepted = format.dispatched(200, format.sample("accepted", id=task_id))
    assert isinstance(accepted, Accepted), f"{format.name} does not see that its provider accepted {task_id}"
    assert accepted.provider_task_id == str(task_id)
    task = replace(TASK, provider_task_id=accepted.provider_task_id)
    for call in (format.client.observe(task), format.client.cancel(task)):
        if call:
            segments = [unquote(segment) for segment in call.path.split("/")]
            assert str(task_id) in segments, f"{format.name} calls {call.path} for the task {task_id}"


@of_every_format
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error": {}}'])
def test_too_many_requests_means_that_it_is_placed_again_later(format: Format, body: bytes) -> None:
    assert format.dispatched(429, body, retry_after="7") == NotYet(7.0)


@of_every_format
@pytest.mark.parametrize("status", [408, 499, 500, 502, 503, 504, 303])
def test_what_may_have_been_accepted_is_never_placed_again(format: Format, status: int) -> None:
    outcome = format.dispatched(status, b"<html>")
    assert isinstance(outcome, Unknown), f"{format.name} takes a {status} for {outcome}"


@of_every_format
def test_what_was_refused_for_coming_too_early_is_placed_again_later(format: Format) -> None:
    assert format.dispatched(425, b"") == NotYet()


@of_every_format
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_provider_that_has_moved_is_ours_to_mend(format: Format, status: int) -> None:
    outcome = format.dispatched(status, b"")
    assert isinstance(outcome, Refused), f"{format.name} takes a {status} for {outcome}"
    assert outcome.failure.reason is FailureClass.PROVIDER
    assert "address" in outcome.failure.message
    assert isinstance(format.observed(status, b""), Unreadable)


@of_every_format
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"t-1"', b"{}", b'{"id": "", "task_id": null}', b"{"])
def test_an_accepting_answer_that_names_no_task_is_a_lost_one(format: Format, body: bytes) -> None:
    outcome = format.dispatched(200, body)
    assert isinstance(outcome, Unknown), f"{format.name} takes a 200 with {body!r} for {outcome}"


@of_every_format
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_ours_to_mend(format: Format, status: int) -> None:
    outcome = format.dispatched(status, b"")
    assert isinstance(outcome, Refused)
    assert outcome.failure.reason is FailureClass.PROVIDER
    assert "key" in outcome.failure.message


@of_every_format
@pytest.mark.parametrize("status", [200, 201, 400])
@pytest.mark.parametrize("kind", ["policy", "credit", "input"])
def test_a_refusal_says_what_kind_it_is_and_why_whatever_its_status(format: Format, status: int, kind: str) -> None:
    outcome = format.dispatched(status, format.error(kind))
    assert isinstance(outcome, Refused), f"{format.name} takes a refusal for {outcome}"
    assert outcome.failure.reason == kind
    assert outcome.failure.code == format.code(kind)


@of_every_format
def test_a_refusal_of_our_key_is_ours_to_mend_though_it_comes_with_a_200(format: Format) -> None:
    body = format.sample("error", code=format.sample("codes").get("key", "unauthorized"), message="Invalid key: k-1")
    outcome = format.dispatched(200, body)
    assert isinstance(outcome, Refused)
    assert outcome.failure.reason is FailureClass.PROVIDER
    assert "operator" in outcome.failure.message, f"{format.name} tells the client: {outcome.failure.message}"
    assert isinstance(format.observed(200, body), Busy)


@of_every_format
@pytest.mark.parametrize("status", [200, 400])
def test_a_refusal_for_being_busy_means_that_it_is_placed_again_later(format: Format, status: int) -> None:
    assert format.dispatched(status, format.error("throttled"), retry_after="7") == NotYet(7.0)


@of_every_format
def test_trouble_at_the_provider_in_a_200_leaves_the_outcome_open(format: Format) -> None:
    body = format.sample("error", code="InternalServiceError", message="try again")
    assert isinstance(format.dispatched(200, body), Unknown), f"{format.name} would pay twice for an internal error"
    assert isinstance(format.observed(200, body), Busy | Unreadable)


NAMING: list[Json] = [
    {"id": "t-1"},
    {"task_id": "t-1"},
    {"taskId": "t-1"},
    {"taskID": "t-1"},
    {"code": 10000, "message": "Success", "data": {"taskId": "t-1"}},
    {"code": 1, "msg": "success", "data": {"tasks": [{"id": "t-1"}]}},
    {"code": 1, "msg": "success", "data": "t-1"},
    {"status": "ok", "result": {"task_id": "t-1"}},
    {"request_id": "r-1", "output": {"task_id": "t-1", "task_status": "PENDING"}},
    {"data": [{"id": "t-1"}]},
    [{"id": "t-1"}],
    '{"id": "t-1"}',
]


@of_every_format
@pytest.mark.parametrize("body", NAMING, ids=json.dumps)
def test_an_accepted_task_is_found_wherever_providers_name_it(format: Format, body: Json) -> None:
    outcome = format.dispatched(200, body)
    assert outcome == Accepted("t-1"), f"{format.name} loses a paid task: {outcome}"


@of_every_format
@pytest.mark.parametrize("status", [400, 401, 404, 409, 425, 429, 301, 500, 503])
@pytest.mark.parametrize("body", [{"id": "t-1", "message": "slow down"}, {"code": 429, "data": {"task_id": "t-1"}}])
def test_an_answer_that_names_a_task_is_never_certain_to_refuse_it(format: Format, status: int, body: Json) -> None:
    outcome = format.dispatched(status, body)
    assert isinstance(outcome, Unknown), f"{format.name} may pay twice: it takes a {status} for {outcome}"
    assert "t-1" in outcome.reason


@of_every_format
@pytest.mark.parametrize("named", [None, "", 0, "0", [], {}])
def test_what_is_no_id_does_not_cast_doubt_on_a_refusal(format: Format, named: Json) -> None:
    assert format.dispatched(429, {"id": named, "task_id": named}) == NotYet()


@of_every_format
@pytest.mark.parametrize("word", ["Success", "success!", "SUCCEED", "ok", "submitted successfully", "提交成功"])
@pytest.mark.parametrize("code", [1, 10000, "A0000"])
def test_a_success_in_words_is_never_a_refusal(format: Format, word: str, code: Json) -> None:
    for body in ({"code": code, "message": word}, {"code": code, "msg": word, "data": {"place": 3}}):
        assert isinstance(format.dispatched(200, body), Unknown), (
            f"{format.name} would give a paid task up for {body}"
        )
    assert isinstance(format.dispatched(200, {"code": code, "success": True, "data": {"place": 3}}), Unknown)


REFUSALS: list[Json] = [
    {"error": "bad size"},
    {"error": {"message": "bad size"}},
    {"error": '{"code": "x", "message": "bad size"}'},
    {"errors": [{"code": "InvalidParameter", "message": "bad size"}]},
    {"errors": ["bad size"]},
    {"detail": "bad size"},
    {"detail": [{"loc": ["body", "size"], "msg": "bad size"}]},
    {"success": False, "message": "bad size"},
    {"status": "error", "message": "bad size"},
    {"status": "failed", "msg": "bad size"},
    {"status": 400, "message": "bad size"},
    {"statusCode": 400, "message": "bad size"},
    {"code": 1, "message": "bad size", "data": None},
    {"code": 1, "message": "unsuccessful: bad size"},
    {"base_resp": {"status_code": 2013, "status_msg": "bad size"}, "task_id": ""},
    {"ResponseMetadata": {"RequestId": "r-1", "Error": {"Code": "InvalidParameter", "Message": "bad size"}}},
]


@of_every_format
@pytest.mark.parametrize("body", REFUSALS, ids=json.dumps)
def test_a_refusal_in_a_200_is_told_at_once_with_its_reason(format: Format, body: Json) -> None:
    outcome = format.dispatched(200, body)
    assert isinstance(outcome, Refused), f"{format.name} loses a refusal's reason: {outcome}"
    assert outcome.failure.reason is FailureClass.INPUT
    assert "bad size" in outcome.failure.message


@of_every_format
@pytest.mark.parametrize(
    "body", [{"message": "hold the line"}, {"code": 7, "message": "hold the line", "data": {"place": 3}}]
)
def test_what_may_or_may_not_be_a_refusal_leaves_the_outcome_open_with_its_words(format: Format, body: Json) -> None:
    outcome = format.dispatched(200, body)
    assert isinstance(outcome, Unknown)
    assert "hold the line" in outcome.reason, f"{format.name} loses what its provider said: {outcome.reason}"


# --- the answer to a poll ---


@of_every_format
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error": {}}'])
def test_a_provider_that_cannot_answer_now_is_busy(format: Format, status: int, body: bytes) -> None:
    observed = format.observed(status, body, retry_after="7")
    assert isinstance(observed, Busy), f"{format.name} takes a {status} for {observed}"
    assert observed.retry_after == 7


@of_every_format
@pytest.mark.parametrize("status", [401, 403])
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
@pytest.mark.parametrize("status", [200, 400, 404, 409])
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
@pytest.mark.parametrize("status", [400, 403, 404, 429, 503])
def test_a_firewall_on_the_way_ends_no_task(format: Format, status: int) -> None:
    observed = format.observed(status, {"message": "Blocked by a security policy, or a rate limit policy"})
    assert isinstance(observed, Busy | Unreadable), f"{format.name} gives a paid task up: {observed}"


@of_every_format
@pytest.mark.parametrize("kind", ["throttled", "credit"])
def test_an_error_about_our_account_says_nothing_of_the_task(format: Format, kind: str) -> None:
    for status in (200, 400):
        assert isinstance(format.observed(status, format.error(kind)), Busy)


@of_every_format
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7", b"{}", b'{"status": 3, "state": 3}', b"\xff\xfe\x00"])
def test_what_makes_no_sense_is_kept_and_gives_nothing_up(format: Format, body: bytes) -> None:
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


def video_of(observed: Observation) -> str:
    assert isinstance(observed, Succeeded), f"it takes a success for {observed}"
    video = observed.creations[0].asset("video")
    assert video is not None
    return video.source


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
@pytest.mark.parametrize("form", FORMS)
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
@pytest.mark.parametrize("word", ["image_downloading", "reviewing", "未知"])
def test_a_status_that_nobody_has_heard_of_is_not_the_end_and_is_told(format: Format, word: str) -> None:
    assert format.observed(200, format.sample("task", word=word)) == Pending(State.PROCESSING, word)


@of_every_format
@pytest.mark.parametrize("link", [None, "", "soon", "n/a", "ftp://cdn.example.com/film.mp4", 7, [], {}])
def test_a_success_without_a_link_is_looked_at_again(format: Format, link: Json) -> None:
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
@pytest.mark.parametrize("link", WRITTEN)
def test_a_link_is_read_as_browsers_do(format: Format, link: str) -> None:
    assert video_of(format.observed(200, format.success(link=link))) == WRITTEN[link]


@of_every_format
@pytest.mark.parametrize("shape", [[LINK], {"url": LINK}, [{"url": LINK}], {"video": {"url": LINK}}, [None, LINK]])
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
@pytest.mark.parametrize("place", ELSEWHERE, ids=json.dumps)
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


# --- answers with faults ---

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
@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_does_not_make_an_answer_unreadable(format: Format, fault: str) -> None:
    def with_fault(body: Json) -> ProviderResponse:
        return ProviderResponse(status=200, body=FAULTS[fault](json.dumps(body).encode()))

    accepted = format.client.read_dispatched(with_fault(format.sample("accepted")))
    assert isinstance(accepted, Accepted), f"{format.name} loses a paid task for {fault}: {accepted}"
    assert video_of(format.client.read_observed(with_fault(format.success()))) == LINK


@of_every_format
@pytest.mark.parametrize("number", [None, "5.04", "5s", "", -1, 0, True, 10**400, 1e300, "NaN", {}, [], [5]])
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
    _unix(NOW) * 1000,
    {},
    [],
]


@of_every_format
@pytest.mark.parametrize("time", TIMES)
def test_no_time_costs_a_success(format: Format, time: Json) -> None:
    assert video_of(format.observed(200, format.success(time=time))) == LINK


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
        *([format.sample("list", rows=[format.row()])] if _lists(format.client) else []),
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


# --- its list ---


@of_every_list
def test_a_success_in_the_list_is_read(format: Format) -> None:
    page = format.listed(format.row(id="t-1"), format.row(id=885_000_000_000_000_001))
    assert [each.provider_task_id for each in page.successes] == ["t-1", "885000000000000001"]
    assert page.successes[0].created_at == datetime.fromtimestamp(_unix(NOW), UTC)


ODD_ROWS: list[Json] = [None, 7, "t-9", [], {"status": 7, "state": 7}]


@of_every_list
@pytest.mark.parametrize("odd", ODD_ROWS)
def test_an_odd_row_costs_that_row_only(format: Format, odd: Json) -> None:
    page = format.listed(format.row(id="t-1"), odd, format.row(id="t-2"))
    assert [each.provider_task_id for each in page.successes] == ["t-1", "t-2"]
    assert page.unreadable == (0 if isinstance(odd, dict) else 1), f"{format.name} does not count {odd!r}"


@of_every_list
@pytest.mark.parametrize("odd", ODD_ROWS)
def test_an_odd_row_at_the_end_of_a_page_does_not_hide_the_next_one(format: Format, odd: Json) -> None:
    rows = [format.row(id="t-1"), format.row(id="t-2")]
    assert len(format.read(*rows)[0]) > 1, f"{format.name}: let the sample of its list lead on to a next page"
    assert len(format.read(*rows, odd)[0]) > 1, f"{format.name} does not read on after a row {odd!r}"


@of_every_list
@pytest.mark.parametrize("changes", [{"id": None}, {"id": ""}])
def test_a_success_in_the_list_without_an_id_is_counted(format: Format, changes: dict[str, Json]) -> None:
    page = format.listed(format.row(**changes), format.row(id="t-2"))
    assert ([each.provider_task_id for each in page.successes], page.unreadable) == (["t-2"], 1)


@of_every_list
@pytest.mark.parametrize("time", [None, "yesterday", {}])
def test_a_success_in_the_list_without_a_time_is_read(format: Format, time: Json) -> None:
    page = format.listed(format.row(time=time))
    assert ([each.created_at for each in page.successes], page.unreadable) == ([None], 0)


@of_every_list
@pytest.mark.parametrize(("status", "body"), [(500, {}), (401, {}), (200, []), (200, {"data": 1}), (200, b"<html>")])
def test_what_is_no_list_is_not_taken_for_an_empty_one(format: Format, status: int, body: Json) -> None:
    with pytest.raises(NoList):
        listed(format.client.successes(NOW), answer(status, body))


# --- cancelling ---


@of_every_format
def test_a_task_is_cancelled_only_if_the_provider_says_so(format: Format) -> None:
    if format.client.cancel(TASK) is None:
        return
    for status, body, cancelled in (
        (200, b"{}", True),
        (200, b"<html>", False),
        (200, format.error("input"), False),
        (200, format.error("missing"), False),
        (400, format.error("input"), False),
        (500, b"", False),
    ):
        assert format.client.read_cancelled(answer(status, body)) is cancelled, (status, body)
