"""Kling, as its clients and its providers meet us."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from reelkeep.adapters import documents
from reelkeep.dialects import shown
from reelkeep.dialects import upstream as upstream_of
from reelkeep.dialects.dialect import Http, List, Submit
from reelkeep.dialects.kling.client import upstream
from reelkeep.dialects.kling.server import dialect
from reelkeep.domain import errors, ledger
from reelkeep.domain.drift import AccountBalance
from reelkeep.domain.errors import ClientError, InvalidRequest
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.notices.notice import notice
from reelkeep.domain.observation import (
    Accepted,
    Busy,
    Found,
    Missing,
    NotYet,
    Pending,
    Refused,
    Succeeded,
    Unknown,
    Unreadable,
)
from reelkeep.domain.task import Dispatch, DispatchStatus, Failure, FailureClass, Kind, Price, Request, State, Task
from reelkeep.domain.wire import Json, ProviderRequest
from tests.for_each import for_each
from tests.unit.dialects.harness import (
    BOAT,
    NOW,
    TASK_ID,
    TINY,
    Speaker,
    answer,
    finished,
    link_to,
    listed,
    searched,
    task_of,
)

kling = Speaker(dialect)
BARE = TINY.partition("base64,")[2]
TAIL = "https://ex.test/tail.png"
KINDS: dict[str, tuple[Kind, dict[str, Json]]] = {
    "text2video": (Kind.TEXT2VIDEO, {"prompt": "a boat"}),
    "image2video": (Kind.IMG2VIDEO, {"image": BOAT}),
    "multi-image2video": (Kind.REFERENCE2VIDEO, {"image_list": [{"image": BOAT}]}),
    "video-extend": (Kind.EXTEND, {"video_id": "v-1"}),
    "lip-sync": (
        Kind.LIP_SYNC,
        {"input": {"video_url": "https://ex.test/v.mp4", "mode": "text2video", "text": "Hi"}},
    ),
    "effects": (Kind.TEMPLATE2VIDEO, {"effect_scene": "hug", "input": {"model_name": "kling-v1-6", "image": BOAT}}),
}


def asked(word: str = "text2video", **body: Json) -> Request:
    path = f"/kling/v1/videos/{word}"
    route = next(each for each in dialect.routes if isinstance(each, Submit) and each.path == path)
    return route.parse(Http(method="POST", path=path, body=json.dumps(body).encode()))


def refused(word: str = "text2video", **body: Json) -> tuple[int, int, str]:
    try:
        asked(word, **body)
    except ClientError as error:
        reply = dialect.render_error(error, Http(method="POST", path=f"/kling/v1/videos/{word}"))
        said: Any = reply.body
        return reply.status, said["code"], said["message"]
    raise AssertionError(f"{body} is taken")


def dispatched(request: Request, **changes: Any) -> tuple[str, Json]:
    call = upstream.dispatch(task_of(request, **changes))
    assert call.method == "POST"
    return call.path, call.body


def written(kind: Kind, **said: Any) -> tuple[str, Json]:
    return dispatched(Request(dialect="reelkeep", kind=kind, model="kling-v2-6", **said))


# --- what clients send ---


@pytest.mark.parametrize("word", KINDS)
def test_each_kind_has_an_address_and_travels_to_kling_as_it_is(word: str) -> None:
    kind, body = KINDS[word]
    request = asked(word, **body, new_field={"depth": 3}, external_task_id="mine", callback_url="https://me.test/c")
    assert (request.kind, request.payload, request.callback_url) == (kind, "mine", "https://me.test/c")
    assert "new_field" in request.unexpressed
    assert dispatched(request) == (
        f"/v1/videos/{word}",
        {**body, "new_field": {"depth": 3}, "external_task_id": TASK_ID},
    )


def test_a_submission_is_understood() -> None:
    request = asked(
        model_name="kling-v2-6",
        prompt="a boat",
        negative_prompt="rain",
        mode="pro",
        duration="10",
        aspect_ratio="9:16",
        sound="on",
        watermark_info={"enabled": True},
    )
    assert replace(request, body={}) == Request(
        dialect="kling",
        kind=Kind.TEXT2VIDEO,
        model="kling-v2-6",
        prompt="a boat",
        duration=10,
        resolution="1080p",
        aspect_ratio="9:16",
        audio=True,
        watermark=True,
        presumed=("resolution",),
        unexpressed=("negative_prompt",),
    )


def test_what_is_not_said_is_kling_s_own_default() -> None:
    request = asked(prompt="a boat", cfg_scale=0.5)
    assert (request.model, request.resolution, request.duration, request.unexpressed) == ("kling-v1", "", None, ())


@pytest.mark.parametrize(
    ("body", "kind", "images"),
    [
        ({"image": BARE}, Kind.IMG2VIDEO, (TINY,)),
        ({"image": BOAT, "image_tail": TAIL}, Kind.START_END2VIDEO, (BOAT, TAIL)),
        ({"image_tail": TAIL}, Kind.IMG2VIDEO, ()),
    ],
)
def test_images_are_first_and_last_frames(body: dict[str, Json], kind: Kind, images: tuple[str, ...]) -> None:
    request = asked("image2video", **body)
    assert (request.kind, request.images) == (kind, images)
    assert dispatched(request)[1] == body | {"external_task_id": TASK_ID}


def test_a_last_frame_alone_is_said_to_no_provider_but_kling() -> None:
    ark = upstream_of("volc_ark")
    assert ark is not None
    with pytest.raises(InvalidRequest) as error:
        ark.dispatch(task_of(asked("image2video", image_tail=TAIL)))
    assert error.value.field == "images"


@pytest.mark.parametrize(
    ("word", "body", "message"),
    [
        ("text2video", {}, "prompt or multi_shot is required"),
        ("text2video", {"prompt": "a", "duration": "5s"}, "duration must be a whole number from 1 to 86400"),
        ("image2video", {}, "image_tail or image is required"),
        ("image2video", {"image": "soon"}, "image must be an http(s) URL, or a data: URI"),
        ("multi-image2video", {"image_list": [{"image": BOAT}] * 5}, "image_list must have at most 4 items"),
        ("video-extend", {}, "video_id is required"),
        ("lip-sync", {"input": {"text": "Hi"}}, "input.video_url or video_id is required"),
        ("effects", {"effect_scene": "hug"}, "input is required"),
    ],
)
def test_what_is_wrong_is_refused_by_name(word: str, body: dict[str, Json], message: str) -> None:
    status, code, said = refused(word, **body)
    assert (status, code) == (400, 1201)
    assert said.startswith(message)


# --- what other clients' requests become ---


def test_a_request_of_another_format_is_said_in_kling_s_words() -> None:
    said = {"prompt": "a boat", "duration": 5, "resolution": "4K", "aspect_ratio": "16:9", "audio": False}
    assert written(Kind.TEXT2VIDEO, **said, watermark=True) == (
        "/v1/videos/text2video",
        {
            "model_name": "kling-v2-6",
            "prompt": "a boat",
            "mode": "4k",
            "duration": "5",
            "aspect_ratio": "16:9",
            "sound": "off",
            "watermark_info": {"enabled": True},
            "external_task_id": TASK_ID,
        },
    )


@pytest.mark.parametrize(
    ("kind", "images", "word", "said"),
    [
        (Kind.IMG2VIDEO, (TINY,), "image2video", {"image": BARE}),
        (Kind.START_END2VIDEO, (BOAT, TINY), "image2video", {"image": BOAT, "image_tail": BARE}),
        (
            Kind.REFERENCE2VIDEO,
            (BOAT, TINY),
            "multi-image2video",
            {"image_list": [{"image": BOAT}, {"image": BARE}]},
        ),
    ],
)
def test_pictures_are_urls_or_bare_base64(kind: Kind, images: tuple[str, ...], word: str, said: Json) -> None:
    expected = {"model_name": "kling-v2-6", **said, "external_task_id": TASK_ID}
    assert written(kind, images=images) == (f"/v1/videos/{word}", expected)


@pytest.mark.parametrize(
    ("kind", "said", "field"),
    [
        (Kind.TEXT2VIDEO, {"prompt": "a", "resolution": "540p"}, "resolution"),
        (Kind.TEXT2VIDEO, {"prompt": "a", "seed": 7}, "seed"),
        (Kind.TEXT2VIDEO, {"prompt": "a", "off_peak": True}, "off_peak"),
        (Kind.IMG2VIDEO, {"images": (BOAT,), "aspect_ratio": "1:1"}, "aspect_ratio"),
        (Kind.IMG2VIDEO, {"images": (BOAT, TAIL)}, "images"),
        (Kind.START_END2VIDEO, {"images": (BOAT,)}, "images"),
        (Kind.REFERENCE2VIDEO, {"images": (BOAT,) * 5}, "images"),
        (Kind.LIP_SYNC, {"video_url": "https://ex.test/v.mp4", "prompt": "Hi"}, "kind"),
        (Kind.UPSCALE, {}, "kind"),
    ],
)
def test_what_kling_has_no_words_for_is_refused_by_name(kind: Kind, said: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        written(kind, **said)
    assert error.value.field == field


def test_a_creation_of_ours_goes_to_kling_under_its_id_there() -> None:
    assert dispatched(asked("video-extend", video_id=f"{TASK_ID}-1"), source_creation="v-7")[1] == {
        "video_id": "v-7",
        "external_task_id": TASK_ID,
    }
    talk = asked("lip-sync", input={"video_id": f"{TASK_ID}-1", "mode": "text2video", "text": "Hi"})
    assert talk.creation_id == f"{TASK_ID}-1"
    assert dispatched(talk, source_creation="v-7")[1]["input"]["video_id"] == "v-7"


# --- how providers are called, and what they answer ---


def test_a_task_is_polled_at_the_address_of_its_kind() -> None:
    for word, (_, body) in KINDS.items():
        call = upstream.observe(task_of(asked(word, **body), provider_task_id="t 1"))
        assert call == ProviderRequest(method="GET", path=f"/v1/videos/{word}/t%201")


def test_a_key_is_sent_as_it_is_and_a_pair_as_a_token_for_half_an_hour() -> None:
    assert upstream.credential("api-key-1", NOW) == "api-key-1"
    head, claims, signature = upstream.credential("access:se:cret", NOW).split(".")
    seconds = int(NOW.timestamp())
    said = [json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in (head, claims)]
    assert said == [{"alg": "HS256", "typ": "JWT"}, {"iss": "access", "exp": seconds + 1800, "nbf": seconds - 5}]
    digest = hmac.digest(b"se:cret", f"{head}.{claims}".encode(), hashlib.sha256)
    assert base64.urlsafe_b64decode(f"{signature}==") == digest


DATA = {
    "task_id": "885000000000000001",
    "task_status": "succeed",
    "task_status_msg": "",
    "task_info": {"external_task_id": "e-1"},
    "task_result": {"videos": [{"id": "v-1", "url": BOAT, "watermark_url": TAIL, "duration": "5.1"}]},
    "final_unit_deduction": "3",
    "created_at": int(NOW.timestamp() * 1000),
    "updated_at": int(NOW.timestamp() * 1000),
}


def enveloped(data: Json, code: int = 0, message: str = "SUCCEED") -> Json:
    return {"code": code, "message": message, "request_id": "r-1", "data": data}


@pytest.mark.parametrize(
    ("said", "units", "money"),
    [
        ("3.5", Decimal("3.5"), "0.49"),
        ("0.50", Decimal("0.5"), "0.07"),
        (2, 2, "0.28"),
        ("4.0", 4, "0.56"),
        ("-1", None, ""),
    ],
)
def test_a_part_of_a_unit_is_charged_and_shown(said: Json, units: Decimal | int | None, money: str) -> None:
    seen = upstream.read_observed(answer(200, enveloped({**DATA, "final_unit_deduction": said})))
    assert isinstance(seen, Succeeded)
    assert (type(seen.credits), seen.credits) == (type(units), units)
    price = Price(unit="units", each=Decimal("0.14"), currency="USD")
    task = replace(finished(asked(prompt="a boat")), credits=seen.credits, price=price)
    task = documents.read(Task, documents.write(task))
    _, there, cost = ledger.cost(task)
    assert (there, cost) == (units, Decimal(money) if money else None)
    shown_by_us = json.loads(json.dumps([shown(name, task, link_to)[0] for name in ("reelkeep", "vidu_ent_v2")]))
    assert shown_by_us[0]["credits"] == (None if units is None else float(units))
    assert kling.shown(task)["data"].get("final_unit_deduction") == (None if units is None else f"{units}")
    assert json.loads(json.dumps(notice(task, link_to)))["data"]["credits"] == shown_by_us[0]["credits"]


def test_a_success_is_read_with_all_its_fields() -> None:
    seen = upstream.read_observed(answer(200, enveloped(DATA)))
    assert isinstance(seen, Succeeded)
    [creation] = seen.creations
    assert (creation.id, creation.duration, seen.credits) == ("v-1", 5.1, 3)
    assert [(asset.name, asset.source) for asset in creation.assets] == [("video", BOAT), ("watermarked", TAIL)]


@pytest.mark.parametrize(("word", "state"), [("submitted", State.QUEUEING), ("processing", State.PROCESSING)])
def test_it_is_followed_until_then(word: str, state: State) -> None:
    data = {**DATA, "task_status": word, "task_result": None}
    assert upstream.read_dispatched(answer(200, enveloped(data))) == Accepted("885000000000000001", 3)
    assert upstream.read_observed(answer(200, enveloped(data))) == Pending(state)


ACCOUNT = (1000, 1001, 1002, 1003, 1004, 1103)


@for_each("in_200", [True, False])
@for_each(
    "status, code, kind",
    [
        *((401, code, FailureClass.PROVIDER) for code in ACCOUNT),
        (429, 1101, FailureClass.CREDIT),
        (429, 1102, FailureClass.CREDIT),
        (400, 1200, FailureClass.INPUT),
        (400, 1201, FailureClass.INPUT),
        (400, 1300, FailureClass.POLICY),
        (400, 1301, FailureClass.POLICY),
    ],
)
def test_a_refusal_is_known_by_its_code(in_200: bool, status: int, code: int, kind: FailureClass) -> None:
    seen = upstream.read_dispatched(answer(200 if in_200 else status, enveloped(None, code, "it says why")))
    assert isinstance(seen, Refused)
    assert (seen.failure.reason, seen.failure.code) == (kind, str(code))
    assert ("operator" in seen.failure.message) is (kind is FailureClass.PROVIDER)


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("code", [1302, 1303])
def test_too_fast_and_too_many_at_once_mean_not_yet(status: int, code: int) -> None:
    assert upstream.read_dispatched(answer(status, enveloped(None, code, "no"), retry_after="3")) == NotYet(3.0)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("code", [5000, 5001, 5002])
def test_a_server_error_of_kling_leaves_the_outcome_open(status: int, code: int) -> None:
    said = answer(status, enveloped(None, code, "server temporarily unavailable"))
    assert isinstance(upstream.read_dispatched(said), Unknown)
    assert isinstance(upstream.read_observed(said), Busy)


def test_a_poll_that_is_refused_ends_no_task() -> None:
    assert isinstance(upstream.read_observed(answer(200, enveloped(None, 1201, "task_id is wrong"))), Unreadable)
    assert upstream.read_observed(answer(404, enveloped(None, 1203, "no such resource"))) == Missing()


def test_a_lost_answer_is_found_by_our_mark_in_the_list_of_its_kind() -> None:
    lost = task_of(asked("image2video", image=BOAT), dispatch=Dispatch(status=DispatchStatus.UNKNOWN))
    ours = {**DATA, "task_info": {"external_task_id": TASK_ID}}
    calls, finding = searched(upstream.find(lost, lambda _: None), answer(200, enveloped([DATA, ours])))
    assert finding == Found("885000000000000001")
    query = (("pageNum", "1"), ("pageSize", "500"))
    assert calls == [ProviderRequest(method="GET", path="/v1/videos/image2video", query=query)]


def test_every_kind_is_listed_and_each_row_is_polled_where_it_is() -> None:
    answers = [answer(200, enveloped([DATA])), answer(200, enveloped([]))] * len(KINDS)
    calls, pages = listed(upstream.successes(NOW - timedelta(hours=1)), *answers)
    seen = {}
    for call, page in zip(calls, pages, strict=True):
        for found in page.successes:
            assert found.request.payload == "e-1"
            seen[call.path] = upstream.observe(task_of(found.request, provider_task_id="1")).path
    assert seen == {path: f"{path}/1" for path in (f"/v1/videos/{word}" for word in KINDS)}


# --- what clients are answered ---


def test_a_submission_is_answered_in_kling_s_envelope() -> None:
    request = asked(prompt="a boat", external_task_id="mine")
    assert kling.submitted(task_of(request)) == {
        "code": 0,
        "message": "SUCCEED",
        "request_id": TASK_ID,
        "data": {
            "task_id": TASK_ID,
            "task_status": "submitted",
            "task_status_msg": "",
            "task_info": {"external_task_id": "mine"},
            "created_at": 1767686400123,
            "updated_at": 1767686402123,
        },
    }


def test_a_success_is_shown_with_permanent_links() -> None:
    said = kling.shown(replace(finished(asked(prompt="a boat")), credits=3))
    assert said["data"]["task_result"] == {
        "videos": [{"id": f"{TASK_ID}-1", "url": "https://reelkeep.example.com/files/1-video.mp4", "duration": "5"}]
    }
    assert (said["data"]["task_status"], said["data"]["final_unit_deduction"]) == ("succeed", "3")
    kling.fits("KlingTask", said)


def test_a_callback_is_what_a_query_shows_without_the_envelope() -> None:
    task = finished(asked(prompt="a boat"))
    assert shown("kling", task, link_to) == (kling.shown(task)["data"], "")


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State.QUEUEING, "submitted"),
        (State.PROCESSING, "processing"),
        (State.ARCHIVING, "processing"),
        (State.CANCELLED, "failed"),
        (State.EXPIRED, "failed"),
    ],
)
def test_a_state_is_shown_in_kling_s_words(state: State, word: str) -> None:
    said = kling.shown(task_of(asked(prompt="a boat"), state=state))
    assert said["data"]["task_status"] == word
    assert "task_result" not in said["data"]


def test_a_list_is_of_its_kind_alone() -> None:
    lists = {route.path: route for route in dialect.routes if isinstance(route, List)}
    route = lists["/kling/v1/videos/image2video"]
    query = (("pageNum", "3"), ("pageSize", "500"))
    assert route.parse(Http(method="GET", path=route.path, query=query)) == Listing(
        filter=Filter(kinds=(Kind.IMG2VIDEO, Kind.START_END2VIDEO)), size=500, skip=1000
    )
    for wrong in (("pageNum", "0"), ("pageSize", "501"), ("pageNum", "x")):
        with pytest.raises(InvalidRequest):
            route.parse(Http(method="GET", path=route.path, query=(wrong,)))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.Unauthorized("no key"), 401, 1002),
        (errors.NotFound("no task", field="task_id"), 404, 1203),
        (errors.NotAllowed("no DELETE"), 405, 1202),
        (errors.BodyTooLarge("too big"), 413, 1201),
        (errors.KeyReused("twice"), 422, 1201),
        (errors.Refused(Failure(reason=FailureClass.POLICY, message="no")), 400, 1301),
        (errors.Refused(Failure(reason=FailureClass.CREDIT, message="no")), 429, 1102),
        (errors.Refused(Failure(reason=FailureClass.THROTTLED, message="no")), 429, 1302),
        (errors.Refused(Failure(reason=FailureClass.PROVIDER, message="no")), 403, 1103),
    ],
)
def test_an_error_has_kling_s_code(error: ClientError, status: int, code: int) -> None:
    said, body = kling.refusal(error)
    assert (said, body["code"], body["message"]) == (status, code, error.message)


def test_a_refusal_names_the_field_as_clients_write_it() -> None:
    error = InvalidRequest("images cannot be expressed at this provider", field="images")
    reply = dialect.render_error(error, Http(method="POST", path="/kling/v1/videos/multi-image2video"))
    assert isinstance(reply.body, dict)
    assert reply.body["message"] == "image_list cannot be expressed at this provider"


def pack(id: str, left: Json, status: str = "online") -> dict[str, Json]:
    return {"resource_pack_id": id, "remaining_quantity": left, "status": status}


@for_each(
    "status, packs, left, of",
    [
        (200, [pack("b", 118.5), pack("a", "2"), pack("c", 50, "expired"), None], "120.5", "a,b"),
        (200, [pack("a", None)], None, ""),
        (200, None, None, ""),
        (404, [pack("a", 5)], None, ""),
    ],
)
def test_the_packs_in_use_show_what_is_left_twelve_hours_late(
    status: int, packs: Json, left: str | None, of: str
) -> None:
    asked = upstream.ask_account(NOW)
    assert asked is not None
    year = 365 * 86_400_000
    end = int(NOW.timestamp() * 1000)
    window = (("start_time", str(end - year)), ("end_time", str(end)))
    assert (asked.method, asked.path, asked.query) == ("GET", "/account/costs", window)
    said = upstream.read_balance(answer(status, enveloped({"resource_pack_subscribe_infos": packs})))
    expected = left and AccountBalance(left=Decimal(left), unit="units", late=timedelta(hours=12), of=of)
    assert said == expected
