from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from docs.generate.operations import schemas
from reelkeep.dialects import dialect_of
from reelkeep.dialects.dialect import Content, Http, List, Remove, Show
from reelkeep.dialects.openai_videos.server import dialect
from reelkeep.domain import errors
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.task import Eta, Failure, FailureClass, State, Task
from reelkeep.domain.wire import Json
from tests.unit.dialects.harness import NOW, TASK_ID, Speaker, finished, link_to, task_of
from tests.unit.dialects.videos_harness import BODY, PNG, PNG_URI, form, posted, request_of, stages

SPEAKER = Speaker(dialect)
STAGES = stages(request_of(dialect.name))
LIST = next(route for route in dialect.routes if isinstance(route, List))
CONTENT = next(route for route in dialect.routes if isinstance(route, Content))
REMOVE = next(route for route in dialect.routes if isinstance(route, Remove))
SHOW = next(route for route in dialect.routes if isinstance(route, Show))


def test_its_paths_are_its_own_and_whatever_else_of_openai_s_is_asked_for() -> None:
    for path in ("/v1/videos", f"/v1/videos/{TASK_ID}", "/v1/models", "/v1/chat/completions"):
        assert dialect_of(path) is dialect


# --- creating ---


def test_a_form_is_understood_and_its_file_is_a_data_uri() -> None:
    request = SPEAKER.submission.parse(
        form([("prompt", "a boat"), ("seconds", "4"), ("metadata[resolution]", "720p"), ("input_reference", PNG)])
    )
    assert (request.prompt, request.duration, request.resolution) == ("a boat", 4, "720p")
    assert request.images == (PNG_URI,)
    assert request.body["input_reference"] == PNG_URI


def test_json_is_understood_and_kept_as_it_came() -> None:
    assert SPEAKER.parse(BODY) == request_of(dialect.name)


def test_the_document_s_example_is_understood() -> None:
    example = schemas(dialect)["OpenaiVideosSubmission"]["examples"][0]
    assert SPEAKER.submission.parse(posted(example)).duration == 5
    assert SPEAKER.submission.parse(form(example.items())).duration == 5


def test_a_created_video_is_shown_whole() -> None:
    created = SPEAKER.submitted(STAGES["queueing"])
    assert created == SPEAKER.golden("served-submitted")
    SPEAKER.fits("OpenaiVideosVideo", created)


# --- retrieving ---


@pytest.mark.parametrize("stage", STAGES)
def test_a_video_is_shown_at_every_stage(stage: str) -> None:
    shown = SPEAKER.shown(STAGES[stage])
    assert shown == SPEAKER.golden("served")[stage]
    SPEAKER.fits("OpenaiVideosVideo", shown)


@pytest.mark.parametrize(
    ("said", "resolution", "ratio", "shown"),
    [
        ("1280x720", "720p", "16:9", "1280x720"),
        ("1024x1792", "", "", "1024x1792"),
        ("720p", "720p", "", "1280x720"),
        ("720p", "720p", "9:16", "720x1280"),
        ("", "720p", "9:16", "720x1280"),
        ("", "480p", "", "854x480"),
        ("", "720p", "adaptive", "1280x720"),
        ("", "8K", "", "8K"),
        ("", "", "", "1280x720"),
    ],
)
def test_a_size_is_as_it_was_asked_for_until_it_is_measured(
    said: Json, resolution: str, ratio: str, shown: str
) -> None:
    request = request_of(dialect.name, body={"size": said}, resolution=resolution, aspect_ratio=ratio)
    assert SPEAKER.shown(task_of(request))["size"] == shown
    assert SPEAKER.shown(finished(request))["size"] == "1280x720"


def test_what_another_dialect_calls_size_is_no_size_here() -> None:
    request = request_of("vidu_native", body={"size": "1x1"}, resolution="720p", aspect_ratio="")
    assert SPEAKER.shown(task_of(request))["size"] == "1280x720"


def test_what_nobody_said_is_what_is_usual_until_it_is_measured() -> None:
    plain = request_of(dialect.name, body={}, duration=None, resolution="", aspect_ratio="")
    shown = SPEAKER.shown(task_of(plain))
    assert (shown["seconds"], shown["size"]) == ("5", "1280x720")
    shown = SPEAKER.shown(task_of(replace(plain, model="sora-2")))
    assert (shown["seconds"], shown["size"]) == ("4", "720x1280")
    assert SPEAKER.shown(finished(plain))["seconds"] == "5"


def patience(task: Task) -> str | None:
    headers = SHOW.render(task, link_to).headers
    assert SPEAKER.submission.render(task).headers == headers
    return headers.get("openai-poll-after-ms")


def test_a_client_is_asked_to_come_back_at_intervals_that_suit_what_is_expected() -> None:
    soon = STAGES["processing"].updated_at + timedelta(minutes=1)
    expected = replace(STAGES["processing"], eta=Eta(soon, soon, ask_in=40.0, ask_every=8.25))
    assert patience(expected) == "8250"
    assert SHOW.render(expected, link_to).headers["retry-after"] == "40"
    assert patience(STAGES["processing"]) == "5000"  # of which nothing is known


def test_a_client_is_not_asked_to_come_back_to_what_has_ended() -> None:
    assert [patience(STAGES[stage]) for stage in ("success", "failed", "cancelled")] == [None] * 3
    assert patience(STAGES["archiving"]) == "1000"


# --- listing ---


def listing(*query: tuple[str, str]) -> Listing:
    return LIST.parse(Http(method="GET", path="/v1/videos", query=query))


def test_a_listing_begins_with_the_newest_twenty() -> None:
    assert listing() == Listing(filter=Filter(), size=20)
    assert LIST.window is None


def test_a_listing_goes_on_after_an_id_in_either_order() -> None:
    assert listing(("after", TASK_ID), ("limit", "100"), ("order", "asc")) == Listing(
        size=100, cursor=TASK_ID, oldest_first=True
    )
    assert listing(("after", ""), ("order", "desc")) == Listing(size=20)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"), ("limit", "101"), ("limit", "-1"), ("limit", "many"), ("after", "video_123"),
        ("order", "newest"), ("after", "../keys"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        listing((name, value))
    assert refused.value.field == name


def test_a_page_says_where_it_ends_and_whether_there_is_more() -> None:
    page = Page(tasks=(STAGES["success"], STAGES["queueing"]), next_cursor=TASK_ID)
    listed = LIST.render(page, link_to, Listing()).body
    assert listed == SPEAKER.golden("served-list")
    SPEAKER.fits("OpenaiVideosVideoList", listed)


def test_an_empty_page_is_a_list_of_nothing() -> None:
    listed = LIST.render(Page(tasks=()), link_to, Listing()).body
    assert listed == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    SPEAKER.fits("OpenaiVideosVideoList", listed)


# --- deleting, downloading ---


def test_a_deleted_video_is_named() -> None:
    deleted = REMOVE.render(STAGES["success"]).body
    assert deleted == {"id": TASK_ID, "object": "video.deleted", "deleted": True}
    SPEAKER.fits("OpenaiVideosDeleted", deleted)


def test_what_is_under_way_is_not_deleted_and_clients_do_not_try_again() -> None:
    reply = dialect.render_error(errors.CannotCancel(State.PROCESSING), Http(method="DELETE", path="/v1/videos/x"))
    assert (reply.status, reply.headers["x-should-retry"]) == (409, "false")
    assert reply.body == {
        "error": {
            "message": "the video is in_progress: it can be deleted before that, or once it has ended",
            "type": "invalid_request_error",
            "param": None,
            "code": "conflict",
        }
    }


def variant(word: str) -> str:
    return CONTENT.parse(Http(method="GET", path="", query=(("variant", word),)))


def test_each_variant_is_a_file_of_the_task() -> None:
    assert CONTENT.parse(Http(method="GET", path="")) == "video"
    assert (variant("video"), variant("thumbnail")) == ("video", "cover")


def test_there_are_no_spritesheets() -> None:
    with pytest.raises(errors.NotFound) as absent:
        variant("spritesheet")
    assert absent.value.field == "variant"
    with pytest.raises(errors.InvalidRequest) as refused:
        variant("poster")
    assert refused.value.field == "variant"


def test_errors_name_fields_as_openai_s_clients_spell_them() -> None:
    assert SPEAKER.refusal(errors.NotFound("no", field="task_id"))[1]["error"]["param"] == "video_id"
    refused = errors.InvalidRequest("duration cannot be expressed at this provider", field="duration")
    error = SPEAKER.refusal(refused)[1]["error"]
    assert (error["param"], error["message"]) == ("seconds", "seconds cannot be expressed at this provider")
    SPEAKER.fits("OpenaiVideosError", SPEAKER.refusal(refused)[1])


def test_a_provider_s_refusal_names_the_field_that_its_words_name() -> None:
    for message, param in (("the size is unknown", "size"), ("resize it", None)):
        refused = errors.Refused(Failure(reason=FailureClass.INPUT, code="invalid_size", message=message))
        body: Json = dialect.render_error(refused, Http(method="POST", path="/v1/videos")).body
        assert body["error"]["param"] == param


def test_a_fault_says_nothing_of_itself() -> None:
    reply = dialect.render_fault()
    assert reply.status == 500
    SPEAKER.fits("OpenaiVideosError", reply.body)


def test_times_are_whole_seconds() -> None:
    assert SPEAKER.shown(STAGES["success"])["created_at"] == int(NOW.timestamp())
