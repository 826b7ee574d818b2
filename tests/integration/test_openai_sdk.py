"""OpenAI's own SDK, unmodified, where a provider must do what the simulator does not; tests/e2e has the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from reelkeep.domain.observation import Accepted, Failed, Refused, Succeeded
from reelkeep.domain.task import Failure, FailureClass, Kind, Task
from tests.api_server import KEY, serving
from tests.unit.services.harness import QUEUED, RUNNING, FakeProvider, Harness, creation

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")


class Caller:
    """A program that uses the SDK with its own defaults, retries included."""

    def __init__(self, harness: Harness, address: str) -> None:
        self.harness = harness
        self.openai = OpenAI(base_url=f"{address}/v1", api_key=KEY)
        self.videos: Any = self.openai.videos

    def created(self, **fields: Any) -> str:
        return str(self.videos.create(**{"model": "sora-2", "prompt": "a paper boat", **fields}).id)


@pytest.fixture
def harness() -> Harness:
    return Harness(
        provider=FakeProvider(observations=[QUEUED, RUNNING, Succeeded((creation("c1", "video", "cover"),))])
    )


@pytest.fixture
def caller(harness: Harness) -> Iterator[Caller]:
    with serving(harness) as address:
        caller = Caller(harness, address)
        with caller.openai:
            yield caller


def test_an_image_may_be_a_link_in_the_sdk_s_own_words(caller: Caller) -> None:
    video_id = caller.created(extra_body={"input_reference": {"image_url": "https://ex.test/a.png"}})
    assert caller.harness.task(video_id).request.images == ("https://ex.test/a.png",)


def test_lists_in_extra_fields_arrive_as_lists(caller: Caller) -> None:
    links = ["https://ex.test/first.png", "https://ex.test/last.png"]
    video_id = caller.created(extra_body={"images": links})
    request = caller.harness.task(video_id).request
    assert (request.kind, request.images) == (Kind.START_END2VIDEO, tuple(links))


def test_the_sdk_gets_the_time_to_poll_again(caller: Caller) -> None:
    raw = caller.videos.with_raw_response
    created = raw.create(prompt="a paper boat")
    assert 1000 <= int(created.headers["openai-poll-after-ms"]) <= 30_000
    video_id = created.parse().id
    assert 1000 <= int(raw.retrieve(video_id).headers["openai-poll-after-ms"]) <= 30_000
    caller.harness.see_through(video_id)
    assert "openai-poll-after-ms" not in raw.retrieve(video_id).headers


def test_what_is_under_way_is_not_deleted_and_the_sdk_asks_only_once() -> None:
    provider = FakeProvider(observations=[RUNNING])
    with serving(Harness(provider=provider)) as address:
        caller = Caller(Harness(), address)
        with caller.openai, pytest.raises(openai.ConflictError) as refused:
            caller.videos.delete(caller.created())
    assert refused.value.code == "conflict"
    assert provider.looks == 1


def refusal(reason: FailureClass, code: str = "") -> Refused:
    return Refused(Failure(reason=reason, code=code, message="no"))


@pytest.mark.parametrize(
    ("placement", "error", "code"),
    [
        (refusal(FailureClass.THROTTLED), openai.RateLimitError, "rate_limit_exceeded"),
        (refusal(FailureClass.POLICY, "AuditSubmitIllegal"), openai.BadRequestError, "content_policy_violation"),
        (refusal(FailureClass.CREDIT), openai.APIStatusError, "insufficient_quota"),
    ],
)
def test_a_submission_that_is_refused_is_not_repeated(
    caller: Caller, placement: Any, error: type[openai.APIStatusError], code: str
) -> None:
    caller.harness.provider.outcomes = [placement, Accepted("p-2")]
    with pytest.raises(error) as refused:
        caller.created()
    assert refused.value.code == code
    assert len(caller.harness.provider.dispatched) == 1


class Stumbling(FakeProvider):
    """The first time, something of ours goes wrong before anything is recorded."""

    checks = 0

    def check(self, task: Task) -> None:
        self.checks += 1
        if self.checks == 1:
            raise RuntimeError("a fault of ours")


def test_what_went_wrong_on_our_side_the_sdk_repeats_by_itself(caller: Caller) -> None:
    caller.harness.provider = provider = Stumbling()
    task_id = caller.created()
    assert (provider.checks, [task.id for task in provider.dispatched]) == (2, [task_id])


PNG = b"\x89PNG\r\n\x1a\n and so on"
KEY_HEADER = {"Idempotency-Key": "take-1"}


def test_with_a_key_the_sdk_repeats_what_went_wrong_on_our_side_by_itself(caller: Caller) -> None:
    caller.harness.provider = provider = Stumbling()
    video_id = caller.created(extra_headers=KEY_HEADER)
    assert (provider.checks, [task.id for task in provider.dispatched]) == (2, [video_id])


def test_a_repeated_key_gives_the_same_video_forms_and_files_included(caller: Caller) -> None:
    asked = {"input_reference": ("boat.png", PNG), "extra_headers": KEY_HEADER}
    assert caller.created(**asked) == caller.created(**asked)
    assert len(caller.harness.provider.dispatched) == 1
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        caller.created(input_reference=("boat.png", PNG + b"!"), extra_headers=KEY_HEADER)
    assert (refused.value.code, refused.value.param) == ("idempotency_key_reused", "Idempotency-Key")
    assert len(caller.harness.provider.dispatched) == 1


def test_what_openai_has_and_we_have_not_is_not_found_in_its_own_words(caller: Caller) -> None:
    with pytest.raises(openai.NotFoundError) as absent:
        caller.openai.files.list()
    assert absent.value.code == "not_found"
    with pytest.raises(openai.NotFoundError, match="there is nothing at /v1/videos/edits"):
        caller.openai.post("/videos/edits", cast_to=object, body={"prompt": "x"})


def test_the_models_that_are_configured_are_listed(caller: Caller) -> None:
    assert [(model.id, model.owned_by) for model in caller.openai.models.list()] == [("viduq2", "vidu")]


def test_a_wrong_key_is_said_to_be_so_in_openai_s_words(caller: Caller) -> None:
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key provided") as refused:
        caller.openai.with_options(api_key="sk-wrong").videos.retrieve("x")
    assert (refused.value.status_code, refused.value.code) == (401, "invalid_api_key")


def test_the_first_example_of_openai_s_reference_names_no_model(caller: Caller) -> None:
    caller.harness.provider.default_model = "viduq3-pro"
    video = caller.videos.create(prompt="a paper boat")
    assert (video.model, video.seconds, video.size) == ("viduq3-pro", "5", "1280x720")


def test_a_failed_video_says_why(caller: Caller) -> None:
    failure = Failure(reason=FailureClass.POLICY, code="moderation_blocked", message="not this")
    caller.harness.provider.observations = [Failed(failure)]
    video_id = caller.created()
    caller.harness.see_through(video_id)
    video = caller.videos.retrieve(video_id)
    assert (video.status, video.error.code, video.error.message) == ("failed", "moderation_blocked", "not this")


class Losing(Harness):
    """What it answers to the first submission does not arrive: the function made its calls, and died."""

    asked = 0

    def submit(self, *given: Any) -> Task:  # as the API calls it
        task = super().submit(*given)
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError("a fault of ours after the call")
        return task


@pytest.mark.parametrize("fields", [{}, {"input_reference": ("a.png", b"\x89PNG\r\n\x1a\n....", "image/png")}])
def test_what_the_sdk_repeats_by_itself_is_paid_once(fields: dict[str, Any]) -> None:
    """Also where each attempt has another boundary."""
    harness = Losing(provider=FakeProvider())
    with serving(harness) as address:
        caller = Caller(harness, address)
        with caller.openai:
            task_id = caller.created(**fields)
            assert (harness.asked, [task.id for task in harness.provider.dispatched]) == (2, [task_id])
            assert caller.created(**fields) != task_id  # another take
