"""OpenAI's own SDK, as it is, with its own defaults: only its address and key are set."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from openai import OpenAI
from PIL import Image

from local.stack import Stack
from tests.e2e.archive import Archive, decoded
from tests.e2e.client import Client
from tests.e2e.conftest import NewClient, Prompt
from tests.e2e.simulator import Simulator
from tests.waiting import until

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

SMALL: dict[str, Any] = {"model": "viduq2", "seconds": "1", "extra_body": {"metadata": {"resolution": "540p"}}}


class User:
    """A program that uses the SDK. The files' host is another than the API's, as it is on AWS."""

    def __init__(self, stack: Stack, key: str) -> None:
        self.sent: list[httpx.Request] = []
        address = stack.api_url.replace("127.0.0.1", "localhost") if stack.aws_endpoint_url else stack.api_url
        http = openai.DefaultHttpxClient(
            event_hooks={"request": [self.sent.append]}, trust_env=not stack.aws_endpoint_url
        )
        self.openai = OpenAI(base_url=f"{address}/v1", api_key=key, http_client=http)
        self.videos: Any = self.openai.videos

    def downloaded(self, video_id: str, **options: Any) -> bytes:
        """The key must not go along to where the file is: S3 refuses a request with two authorizations."""
        self.sent.clear()
        content: bytes = self.videos.download_content(video_id, **options).read()
        first, *_, last = self.sent
        assert urlsplit(str(last.url)).netloc != urlsplit(str(first.url)).netloc
        assert "X-Amz-Signature" in last.url.params
        assert ["authorization" in request.headers for request in (first, last)] == [True, False]
        return content


@pytest.fixture
def user(stack: Stack, alice: Client) -> Iterator[User]:
    user = User(stack, alice.key)
    with user.openai:
        yield user


def test_its_user_gets_a_film_a_cover_and_a_link_that_stays(
    user: User, anyone: httpx.Client, archive: Archive, prompt: Prompt
) -> None:
    text = prompt("of OpenAI's")
    video = user.videos.create_and_poll(prompt=text, **SMALL)  # looks again when the API tells it to
    assert (video.status, video.progress, video.prompt, video.error) == ("completed", 100, text, None)
    assert (video.seconds, video.size) == ("1", "960x540")
    film = user.downloaded(video.id)
    assert (decoded(film).frames, decoded(film).seconds) == (24, 1.0)
    assert user.downloaded(video.id, variant="video") == film == anyone.get(video.metadata["url"]).content
    with Image.open(io.BytesIO(user.downloaded(video.id, variant="thumbnail"))) as cover:
        assert (cover.format, cover.size) == ("JPEG", (960, 540))
    with pytest.raises(openai.NotFoundError) as absent:
        user.videos.download_content(video.id, variant="spritesheet")
    assert absent.value.param == "variant"
    deleted = user.videos.delete(video.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (video.id, "video.deleted", True)
    for gone in (user.videos.retrieve, user.videos.download_content, user.videos.delete):
        with pytest.raises(openai.NotFoundError):
            gone(video.id)
    assert video.id not in [each.id for each in user.videos.list(limit=100).data]
    assert anyone.get(video.metadata["url"]).content == film
    assert "1-video.mp4" in archive.names(video.id)


def test_a_picture_may_be_sent_as_a_file(user: User, prompt: Prompt, simulator: Simulator) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (256, 256), "navy").save(picture, "PNG")
    text = prompt("of a picture of OpenAI's user")
    video = user.videos.create(
        prompt=text, input_reference=("boat.png", picture.getvalue()), **{**SMALL, "model": "viduq2-pro"}
    )
    made = simulator.task(text)
    assert made["kind"] == "img2video"
    [sent] = made["request"]["images"]
    assert sent.startswith("data:image/png;base64,")
    assert until(lambda: user.videos.retrieve(video.id).status == "completed", what="the film of a picture")


def test_a_video_in_the_queue_is_cancelled_by_deleting_it_and_one_under_way_is_not(
    user: User, prompt: Prompt, simulator: Simulator
) -> None:
    waiting = prompt("that waits for OpenAI's user", "[slow:0]")
    off_peak = {"metadata": {**SMALL["extra_body"]["metadata"], "off_peak": True}}
    video = user.videos.create(prompt=waiting, **{**SMALL, "extra_body": off_peak})
    with pytest.raises(openai.NotFoundError):
        user.videos.download_content(video.id)
    assert user.videos.delete(video.id).deleted
    assert simulator.task(waiting)["state"] == "cancelled"
    video = user.videos.retrieve(video.id)
    assert (video.status, video.error.code) == ("failed", "cancelled")
    working = prompt("that OpenAI's user cannot stop", "[slow:4]")
    video = user.videos.create(prompt=working, **SMALL)
    until(lambda: simulator.task(working)["state"] == "processing", what="the simulator to begin")
    with pytest.raises(openai.ConflictError):
        user.videos.delete(video.id)
    assert user.videos.poll(video.id).status == "completed"


def test_a_list_goes_through_all_its_pages_in_either_order(
    stack: Stack, new_client: NewClient, prompt: Prompt
) -> None:
    user = User(stack, new_client("frank").key)
    with user.openai:
        assert user.videos.list().data == []
        ids = [user.videos.create(prompt=prompt(f"number {n} of a list", "[slow:0]"), **SMALL).id for n in range(5)]
        assert [video.id for video in user.videos.list(limit=2, order="asc")] == ids
        assert [video.id for video in user.videos.list(limit=2)] == ids[::-1]
        page = user.videos.list(limit=2, after=ids[2])
        assert ([video.id for video in page.data], page.has_more, page.last_id) == (ids[1::-1], False, ids[0])


def test_what_is_wrong_is_named_and_costs_nothing(user: User, prompt: Prompt, simulator: Simulator) -> None:
    text = prompt("that is too long")
    with pytest.raises(openai.BadRequestError) as refused:
        user.videos.create(prompt=text, **{**SMALL, "seconds": "soon"})
    assert (refused.value.param, refused.value.code) == ("seconds", "invalid_value")
    assert simulator.tasks(text) == []


def test_a_wrong_key_is_an_authentication_error(stack: Stack) -> None:
    stranger = User(stack, "rk_wrong")
    with stranger.openai, pytest.raises(openai.AuthenticationError) as refused:
        stranger.videos.list()
    assert refused.value.code == "invalid_api_key"
