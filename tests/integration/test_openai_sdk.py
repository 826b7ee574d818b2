"""OpenAI's own SDK, unmodified, against the API."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from reelkeep.domain.observation import Accepted, Failed, Refused, Succeeded
from reelkeep.domain.task import Failure, FailureClass, Kind
from tests.api_server import FILE, KEY, serving
from tests.unit.services.stage import QUEUED, RUNNING, FakeProvider, Stage, creation

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

PNG = b"\x89PNG\r\n\x1a\n and so on"


class Caller:
    """A program that uses the SDK with its own defaults, retries included."""

    def __init__(self, stage: Stage, address: str) -> None:
        self.stage = stage
        self.address = address
        self.after: Callable[[Any], None] = lambda response: None
        watched = openai.DefaultHttpxClient(event_hooks={"response": [lambda response: self.after(response)]})
        self.openai = OpenAI(base_url=f"{address}/v1", api_key=KEY, http_client=watched)
        self.videos: Any = self.openai.videos

    def created(self, **fields: Any) -> str:
        return str(self.videos.create(**{"model": "sora-2", "prompt": "a paper boat", **fields}).id)


@pytest.fixture
def stage() -> Stage:
    return Stage(
        provider=FakeProvider(observations=[QUEUED, RUNNING, Succeeded((creation("c1", "video", "cover"),))])
    )


@pytest.fixture
def caller(stage: Stage) -> Iterator[Caller]:
    with serving(stage) as address:
        caller = Caller(stage, address)
        with caller.openai:
            yield caller


def test_a_video_is_created_polled_and_downloaded_and_its_link_stays(caller: Caller) -> None:
    seen: list[str] = []

    def time_passes(response: Any) -> None:
        """Between two looks of the client, one of the state machine's steps."""
        if response.request.method == "GET":
            seen.append(response.read() and response.json()["status"])
            caller.stage.pass_(20)
            step = caller.stage.poll if len(seen) < 4 else caller.stage.finalize
            step(response.url.path.rpartition("/")[2])

    caller.after = time_passes
    video = caller.videos.create_and_poll(
        model="sora-2",
        prompt="a paper boat",
        seconds="4",
        size="1280x720",
        input_reference=("boat.png", PNG),
        extra_body={"metadata": {"seed": 7, "audio": True}},
        poll_interval_ms=1,
    )
    caller.after = lambda response: None
    assert seen == ["queued", "queued", "in_progress", "in_progress", "completed"]
    assert (video.status, video.progress, video.seconds, video.error) == ("completed", 100, "4", None)
    assert (video.expires_at, video.object, video.prompt) == (None, "video", "a paper boat")
    assert video.completed_at > video.created_at
    assert caller.videos.download_content(video.id).read() == FILE
    assert caller.videos.download_content(video.id, variant="thumbnail").read() == FILE
    assert httpx.get(video.metadata["url"]).content == FILE
    request = caller.stage.task(video.id).request
    assert (request.kind, request.seed, request.audio, request.duration) == (Kind.IMG2VIDEO, 7, True, 4)
    assert request.images == (f"data:image/png;base64,{base64.b64encode(PNG).decode()}",)


def test_an_image_may_be_a_link_in_the_sdk_s_own_words(caller: Caller) -> None:
    video_id = caller.created(extra_body={"input_reference": {"image_url": "https://ex.test/a.png"}})
    assert caller.stage.task(video_id).request.images == ("https://ex.test/a.png",)


def test_lists_in_extra_fields_arrive_as_lists(caller: Caller) -> None:
    links = ["https://ex.test/first.png", "https://ex.test/last.png"]
    video_id = caller.created(extra_body={"images": links})
    request = caller.stage.task(video_id).request
    assert (request.kind, request.images) == (Kind.START_END2VIDEO, tuple(links))


def test_the_sdk_is_told_when_to_look_again(caller: Caller) -> None:
    caller.stage.provider.typical_seconds = 14.0
    raw = caller.videos.with_raw_response
    created = raw.create(prompt="a paper boat")
    assert created.headers["openai-poll-after-ms"] == "7000"
    video_id = created.parse().id
    assert raw.retrieve(video_id).headers["openai-poll-after-ms"] == "7000"
    caller.stage.see_through(video_id)
    assert "openai-poll-after-ms" not in raw.retrieve(video_id).headers


def test_a_list_goes_through_all_its_pages_in_either_order(caller: Caller) -> None:
    ids = sorted(caller.created() for _ in range(5))
    assert [video.id for video in caller.videos.list(limit=2, order="asc")] == ids
    assert [video.id for video in caller.videos.list(limit=2)] == ids[::-1]
    page = caller.videos.list(limit=2, after=ids[2])
    assert ([video.id for video in page.data], page.has_more, page.last_id) == (ids[:2][::-1], False, ids[0])


def test_what_has_ended_disappears_by_deleting_it_but_its_file_stays(caller: Caller) -> None:
    video_id = caller.created()
    caller.stage.see_through(video_id)
    link = caller.videos.retrieve(video_id).metadata["url"]
    deleted = caller.videos.delete(video_id)
    assert (deleted.id, deleted.object, deleted.deleted) == (video_id, "video.deleted", True)
    assert caller.videos.list().data == []
    with pytest.raises(openai.NotFoundError) as missing:
        caller.videos.retrieve(video_id)
    assert (missing.value.code, missing.value.param) == ("not_found", "video_id")
    assert httpx.get(link).content == FILE


def test_what_is_in_the_queue_is_cancelled_by_deleting_it(caller: Caller) -> None:
    video_id = caller.created()
    assert caller.videos.delete(video_id).deleted
    video = caller.videos.retrieve(video_id)
    assert (video.status, video.error.code) == ("failed", "cancelled")


def test_what_is_under_way_is_not_deleted_and_the_sdk_asks_only_once() -> None:
    provider = FakeProvider(observations=[RUNNING])
    with serving(Stage(provider=provider)) as address:
        caller = Caller(Stage(), address)
        with caller.openai, pytest.raises(openai.ConflictError) as refused:
            caller.videos.delete(caller.created())
    assert refused.value.code == "conflict"
    assert provider.looks == 1


def test_there_is_nothing_to_download_before_the_end_and_never_a_spritesheet(caller: Caller) -> None:
    video_id = caller.created()
    with pytest.raises(openai.NotFoundError):
        caller.videos.download_content(video_id)
    caller.stage.see_through(video_id)
    with pytest.raises(openai.NotFoundError) as absent:
        caller.videos.download_content(video_id, variant="spritesheet")
    assert absent.value.param == "variant"


def refusal(reason: FailureClass, code: str = "") -> Refused:
    return Refused(Failure(reason=reason, code=code, message="no"))


@pytest.mark.parametrize(
    ("placement", "error", "code"),
    [
        (refusal(FailureClass.THROTTLED), openai.RateLimitError, "rate_limit_exceeded"),
        (refusal(FailureClass.POLICY, "AuditSubmitIllegal"), openai.BadRequestError, "AuditSubmitIllegal"),
        (refusal(FailureClass.CREDIT), openai.APIStatusError, "insufficient_quota"),
        (RuntimeError("a fault of ours"), openai.InternalServerError, "internal_error"),
    ],
)
def test_a_submission_that_is_refused_or_fails_is_not_repeated(
    caller: Caller, placement: Any, error: type[openai.APIStatusError], code: str
) -> None:
    caller.stage.provider.placements = [placement, Accepted("p-2")]
    with pytest.raises(error) as refused:
        caller.created()
    assert refused.value.code == code
    assert len(caller.stage.provider.placed) == 1


def test_what_is_wrong_is_named(caller: Caller) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        caller.created(seconds="soon")
    assert (refused.value.param, refused.value.code) == ("seconds", "invalid_value")
    assert caller.stage.provider.placed == []


def test_what_openai_has_and_we_have_not_is_not_found_in_its_own_words(caller: Caller) -> None:
    with pytest.raises(openai.NotFoundError) as absent:
        caller.openai.models.list()
    assert absent.value.code == "not_found"


def test_a_wrong_key_is_an_authentication_error(caller: Caller) -> None:
    stranger: Any = OpenAI(base_url=f"{caller.address}/v1", api_key="rk_wrong")
    with stranger, pytest.raises(openai.AuthenticationError) as refused:
        stranger.videos.list()
    assert refused.value.code == "invalid_api_key"


def test_a_failed_video_says_why(caller: Caller) -> None:
    failure = Failure(reason=FailureClass.POLICY, code="moderation_blocked", message="not this")
    caller.stage.provider.observations = [Failed(failure)]
    video_id = caller.created()
    caller.stage.see_through(video_id)
    video = caller.videos.retrieve(video_id)
    assert (video.status, video.error.code, video.error.message) == ("failed", "moderation_blocked", "not this")
