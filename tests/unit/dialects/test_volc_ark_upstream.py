from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import pytest

from reelkeep.dialects import upstream as upstream_named
from reelkeep.dialects.families.evidence import ALTERED
from reelkeep.dialects.volc_ark.client import upstream
from reelkeep.domain import errors
from reelkeep.domain.observation import (
    Absent,
    Accepted,
    Busy,
    DispatchOutcome,
    Failed,
    Finding,
    Found,
    Missing,
    NotYet,
    Observation,
    Pending,
    Succeeded,
    Uncertain,
    Unreadable,
    Untraceable,
)
from reelkeep.domain.task import (
    Asset,
    Creation,
    Dispatch,
    DispatchStatus,
    Failure,
    FailureClass,
    Kind,
    Request,
    State,
    Task,
)
from reelkeep.domain.wire import Json, ProviderRequest, ProviderResponse
from tests.unit.dialects.harness import (
    BOAT,
    KEY_REFUSED,
    NOW,
    TASK_ID,
    TINY,
    answer,
    refused_as,
    searched,
    task_of,
)
from tests.unit.dialects.volc_ark_harness import TEXT, ark, image

TASKS = "/contents/generations/tasks"
CGT = "cgt-20260106080000-abcde"
MARK = 172_799 - crc32(TASK_ID.encode()) % 86_400
MARKED = {"execution_expires_after": MARK}


def error(code: str, message: str = "no") -> Json:
    return {"error": {"code": code, "message": message, "param": "", "type": "BadRequest"}}


def foreign(**said: Any) -> Request:
    return Request(dialect="vidu_ent_v2", **{"kind": Kind.TEXT2VIDEO, "model": "seedance", "prompt": "rain"} | said)


# --- dispatching ---


def test_it_is_found_as_a_providers_dialect() -> None:
    assert upstream_named("volc_ark") is upstream
    assert upstream.authorization.format(key="ark-1") == "Bearer ark-1"


def test_a_clients_body_travels_untouched_but_for_what_is_ours_and_nulls() -> None:
    text = {"type": "text", "text": "a paper boat --rs 720p --dur 5"}
    body = {"model": "m", "content": [text, image("first_frame")], "hologram": {"depth": 3}}
    ours = {"provider": "ark", "callback_url": "https://client.example.com/hook"}
    nulls = {"seed": None, "execution_expires_after": None}
    call = upstream.dispatch(task_of(ark.parse({**body, **nulls, **ours})))
    assert call == ProviderRequest(method="POST", path=TASKS, body={**body, **MARKED})


def test_a_draft_goes_by_the_provider_s_id() -> None:
    body = {"model": "m", "content": [{"type": "draft_task", "draft_task": {"id": TASK_ID}}], "watermark": True}
    call = upstream.dispatch(task_of(ark.parse(body), source_creation=CGT))
    assert call.body == {**body, **MARKED, "content": [{"type": "draft_task", "draft_task": {"id": CGT}}]}


@pytest.mark.parametrize("own", [{"execution_expires_after": 3600}, {"service_tier": "flex"}])
def test_how_long_a_task_may_take_is_the_client_s_to_say(own: Json) -> None:
    body = {"model": "m", "content": [TEXT], **own}
    assert upstream.dispatch(task_of(ark.parse(body))).body == body


def test_each_task_gets_a_time_of_its_own_between_a_day_and_two() -> None:
    marks = set()
    for number in range(1000):
        call = upstream.dispatch(replace(task_of(foreign()), id=f"{number:032x}"))
        assert call.body is not None
        marks.add(call.body["execution_expires_after"])
    assert len(marks) > 985
    assert all(86_400 <= mark < 172_800 for mark in marks)


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (foreign(), {"model": "seedance", "content": [{"type": "text", "text": "rain"}]}),
        (
            foreign(
                duration=5,
                resolution="4K",
                aspect_ratio="16:9",
                seed=7,
                audio=False,
                watermark=True,
                last_frame=True,
                off_peak=True,
                payload="theirs",
                body={"n": 1},
            ),
            {
                "model": "seedance",
                "content": [{"type": "text", "text": "rain"}],
                "resolution": "4k",
                "ratio": "16:9",
                "duration": 5,
                "seed": 7,
                "generate_audio": False,
                "watermark": True,
                "return_last_frame": True,
                "service_tier": "flex",
            },
        ),
        (
            foreign(kind=Kind.IMG2VIDEO, prompt="", images=(TINY,), seed=0, aspect_ratio="auto"),
            {"model": "seedance", "content": [image("first_frame", TINY)]},
        ),
        (
            foreign(kind=Kind.START_END2VIDEO, prompt="", images=(BOAT, TINY)),
            {"model": "seedance", "content": [image("first_frame"), image("last_frame", TINY)]},
        ),
        (
            foreign(kind=Kind.REFERENCE2VIDEO, images=(BOAT, TINY)),
            {
                "model": "seedance",
                "content": [
                    {"type": "text", "text": "rain"},
                    image("reference_image"),
                    image("reference_image", TINY),
                ],
            },
        ),
    ],
)
def test_a_request_of_another_dialect_is_said_in_arks_words(request_: Request, body: Json) -> None:
    sent = body if request_.off_peak else {**body, **MARKED}
    assert upstream.dispatch(task_of(request_)) == ProviderRequest(method="POST", path=TASKS, body=sent)
    ark.fits("VolcArkSubmission", sent)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (foreign(unexpressed=("movement_amplitude", "bgm")), "movement_amplitude"),
        (foreign(model=""), "model"),
        (foreign(prompt=""), "prompt"),
        (foreign(images=(BOAT,)), "images"),
        (foreign(template="hug"), "template"),
        (foreign(video_url="https://ex.test/v.mp4"), "video_url"),
        (foreign(creation_id="7"), "creation_id"),
        (foreign(kind=Kind.IMG2VIDEO), "images"),
        (foreign(kind=Kind.IMG2VIDEO, images=(BOAT, BOAT)), "images"),
        (foreign(kind=Kind.START_END2VIDEO, images=(BOAT,)), "images"),
        (foreign(kind=Kind.REFERENCE2VIDEO), "images"),
        (foreign(kind=Kind.UPSCALE, creation_id="7"), "kind"),
        (foreign(kind=Kind.LIP_SYNC, video_url="https://ex.test/v.mp4"), "kind"),
    ],
)
def test_what_ark_has_no_words_for_is_refused_by_name(request_: Request, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        upstream.dispatch(task_of(request_))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("answered", "outcome"),
    [
        (answer(200, {"id": CGT}), Accepted(CGT)),
        (answer(200, {"id": CGT, "safety_identifier": "user-1"}), Accepted(CGT)),
        (answer(200, {"code": 0, "message": "", "data": {"task_id": CGT}}), Accepted(CGT)),
        (answer(200, {"code": 0, "message": "", "data": {"id": 12, "task_id": CGT}}), Accepted(CGT)),
        (
            answer(200, {"code": 1, "message": "quota", "data": None}),
            refused_as(FailureClass.CREDIT, "1", "quota"),
        ),
        (answer(429, error("RateLimitExceeded.EndpointRPMExceeded"), retry_after="40"), NotYet(40.0)),
        (answer(429, error("QuotaExceeded")), NotYet()),
        (answer(403, error("ModelAccountRpmRateLimitExceeded")), NotYet()),
        (
            answer(400, error("InputTextSensitiveContentDetected")),
            refused_as(FailureClass.POLICY, "InputTextSensitiveContentDetected"),
        ),
        (
            answer(400, error("InputImageSensitiveContentDetected.PrivacyInformation")),
            refused_as(FailureClass.POLICY, "InputImageSensitiveContentDetected.PrivacyInformation"),
        ),
        (answer(400, error("InvalidParameter")), refused_as(FailureClass.INPUT, "InvalidParameter")),
        (answer(400, error("MissingParameter.model")), refused_as(FailureClass.INPUT, "MissingParameter.model")),
        (answer(400, error("SomethingNew")), refused_as(FailureClass.INPUT, "SomethingNew")),
        (
            answer(404, error("InvalidEndpointOrModel.NotFound")),
            refused_as(FailureClass.INPUT, "InvalidEndpointOrModel.NotFound"),
        ),
        (answer(404, error("ModelNotOpen")), refused_as(FailureClass.PROVIDER, "ModelNotOpen")),
        (answer(403, error("AccountOverdueError")), refused_as(FailureClass.CREDIT, "AccountOverdueError")),
        (
            answer(401, error("AuthenticationError")),
            refused_as(FailureClass.PROVIDER, "AuthenticationError", KEY_REFUSED),
        ),
        (answer(403, error("AccessDenied")), refused_as(FailureClass.PROVIDER, "AccessDenied", KEY_REFUSED)),
        (
            answer(400, {"code": "InvalidParameter", "message": "flat", "type": "BadRequest"}),
            refused_as(FailureClass.INPUT, "InvalidParameter", "flat"),
        ),
    ],
)
def test_the_answer_to_the_billable_call(answered: ProviderResponse, outcome: DispatchOutcome) -> None:
    assert upstream.read_dispatched(answered) == outcome


# --- watching ---


def creation(video: str, *, frame: str = "", task_id: str = CGT, **facts: Any) -> Creation:
    dies = datetime(2026, 1, 7, 8, 0, 55, tzinfo=UTC) if "X-Tos" in video else None
    sources = {"video": video, "last-frame": frame}
    assets = (Asset(name=name, source=link, expires_at=dies) for name, link in sources.items() if link)
    return Creation(id=task_id, assets=tuple(assets), **facts)


SUCCEEDED = ark.golden("provider-succeeded")
LINKS = SUCCEEDED["content"]
POLICY = Failure(
    reason=FailureClass.POLICY,
    code="OutputVideoSensitiveContentDetected.PolicyViolation",
    message="The request failed because the output video may be related to copyright restrictions.",
)


def ended(status: str, code: str = "", message: str = "") -> Json:
    failure = {"error": {"code": code, "message": message}} if code or message else {"error": None}
    return {"id": CGT, "status": status, **failure}


@pytest.mark.parametrize(
    ("answered", "observation"),
    [
        (answer(200, ark.golden("provider-queued")), Pending(State.QUEUEING)),
        (answer(200, {"id": CGT, "status": "running", "content": None}), Pending(State.PROCESSING)),
        (answer(200, {"id": CGT, "status": "processing"}), Pending(State.PROCESSING)),
        (answer(200, {"code": 0, "data": {"task_id": CGT, "status": "IN_PROGRESS"}}), Pending(State.PROCESSING)),
        (
            answer(200, SUCCEEDED),
            Succeeded(
                (creation(LINKS["video_url"], frame=LINKS["last_frame_url"], duration=5.0, fps=24.0),),
                seed=7,
                tokens=108_900,
            ),
        ),
        (
            answer(200, {"id": CGT, "status": "succeeded", "content": {"video_url": "https://ex.test/v.mp4"}}),
            Succeeded((creation("https://ex.test/v.mp4"),)),
        ),
        (
            answer(
                200,
                {
                    "status": "succeeded",
                    "content": {"video_url": "https://ex.test/v.mp4", "last_frame_url": None},
                    "usage": {"completion_tokens": "49200"},
                    "seed": -1,
                },
            ),
            Succeeded((creation("https://ex.test/v.mp4", task_id="1"),), tokens=49_200),
        ),
        (
            answer(200, ark.golden("provider-wrapped")),
            Succeeded((creation("https://ex.test/v.mp4"),), tokens=49_200),
        ),
        (
            answer(
                200, {"code": 0, "data": {"task_id": CGT, "status": "SUCCESS", "video_url": "https://ex.test/v.mp4"}}
            ),
            Succeeded((creation("https://ex.test/v.mp4"),)),
        ),
        (answer(200, ark.golden("provider-failed")), Failed(POLICY)),
        (
            answer(200, ended("failed", "InternalServiceError", "try again")),
            Failed(
                Failure(
                    reason=FailureClass.PROVIDER, code="InternalServiceError", message="try again", retryable=True
                )
            ),
        ),
        (
            answer(200, ended("failed", "InvalidParameter.TaskTypeConstraint", "`duration` must be -1")),
            Failed(
                Failure(
                    reason=FailureClass.INPUT,
                    code="InvalidParameter.TaskTypeConstraint",
                    message="`duration` must be -1",
                )
            ),
        ),
        (
            answer(200, ended("cancelled")),
            Failed(Failure(reason=FailureClass.CANCELLED, message="it was cancelled at the provider")),
        ),
        (
            answer(200, ended("expired")),
            Failed(Failure(reason=FailureClass.EXPIRED, message="it expired at the provider", retryable=True)),
        ),
        (answer(404, error("ResourceNotFound")), Missing()),
        (answer(404, error("NotFound.Id")), Missing()),
        (answer(400, {"code": "task_not_exist", "message": "task_not_exist", "data": None}), Missing()),
        (answer(401, error("AuthenticationError")), Busy("the provider refused the key that Reelkeep has for it")),
        (answer(403, error("AccountOverdueError")), Busy("the provider refused the key that Reelkeep has for it")),
        (
            answer(429, error("RateLimitExceeded.EndpointRPMExceeded"), retry_after="7"),
            Busy("the provider answered 429 RateLimitExceeded.EndpointRPMExceeded", 7.0),
        ),
    ],
)
def test_the_answer_to_a_poll(answered: ProviderResponse, observation: Observation) -> None:
    assert upstream.read_observed(answered) == observation


@pytest.mark.parametrize(
    ("answered", "reason"),
    [
        (
            answer(200, {"id": CGT, "status": "succeeded", "content": {"video_url": ""}}),
            "the provider reported success without a link to a video",
        ),
        (answer(404, error("InvalidEndpointOrModel.NotFound")), "the provider answered 404 Invalid"),
        (answer(400, error("InvalidParameter")), "the provider answered 400 InvalidParameter"),
    ],
)
def test_what_makes_no_sense_is_kept_for_diagnosis(answered: ProviderResponse, reason: str) -> None:
    observation = upstream.read_observed(answered)
    assert isinstance(observation, Unreadable)
    assert observation.reason.startswith(reason)
    assert observation.raw == answered.body


# --- cancelling ---


def test_only_what_is_in_the_queue_is_cancelled_because_the_same_call_erases_what_is_done() -> None:
    task = task_of(ark.parse(ark.golden("submission")), state=State.QUEUEING, provider_task_id=CGT)
    assert upstream.cancel(task) == ProviderRequest(method="DELETE", path=f"{TASKS}/{CGT}")
    assert upstream.cancel(replace(task, state=State.PROCESSING)) is None
    assert upstream.cancel(replace(task, provider_task_id="")) is None


@pytest.mark.parametrize(
    ("answered", "cancelled"),
    [
        (answer(200, {}), True),
        (answer(204, b""), True),
        (answer(200, {"code": 0, "message": "", "data": None}), True),
        (answer(200, {"code": 7, "message": "too late"}), False),
        (answer(200, error("InternalServiceError")), False),
        (answer(200, b"<html>"), False),
        (answer(409, ark.golden("provider-running-deletion")), False),
        (answer(404, error("ResourceNotFound")), False),
        (answer(500), False),
    ],
)
def test_cancelled_is_what_is_cancelled_for_certain(answered: ProviderResponse, cancelled: bool) -> None:
    assert upstream.read_cancelled(answered) is cancelled


# --- finding a task whose submission got no answer ---

LOST = replace(
    task_of(ark.parse({"model": "m", "content": [TEXT]})), dispatch=Dispatch(started_at=NOW + timedelta(hours=1))
)
UNMARKED = replace(LOST, request=ark.parse({"model": "m", "content": [TEXT], "service_tier": "flex"}))


def item(minutes: float, mark: int | None = None, task_id: str = "") -> Json:
    """One that dates from so long after the call."""
    created = int((NOW + timedelta(hours=1, minutes=minutes)).timestamp())
    marked = {} if mark is None else {"execution_expires_after": mark}
    return {"id": task_id or f"cgt-{minutes}-{mark}", "created_at": created, **marked}


def page_of(*items: Json, total: int | None = None) -> ProviderResponse:
    return answer(200, {"items": list(items), "total": len(items) if total is None else total})


def page_call(number: int) -> ProviderRequest:
    return ProviderRequest(method="GET", path=TASKS, query=(("page_num", str(number)), ("page_size", "500")))


def mark_of(task_id: str) -> int:
    return 172_799 - crc32(task_id.encode()) % 86_400


def of_ours(minutes: float, **changes: Any) -> Task:
    """Another task of ours, dispatched so long after the lost one."""
    dispatch = Dispatch(status=DispatchStatus.ACCEPTED, started_at=LOST.dispatched_at + timedelta(minutes=minutes))
    return replace(LOST, **{"id": "later", "dispatch": dispatch, **changes})


OTHER = MARK - 1
OLD = [item(-60 - number / 10, OTHER) for number in range(600)]
EARLIER = item(-30, mark_of("earlier"), "cgt-earlier")
LATER = item(30, mark_of("later"), "cgt-later")
BOTH = (EARLIER, LATER)
KNOWN = {"cgt-earlier": of_ours(-30, id="earlier"), "cgt-later": of_ours(30)}


def found(
    *answers: ProviderResponse, task: Task = LOST, known: dict[str, Task] | None = None
) -> tuple[list[ProviderRequest], Finding]:
    return searched(upstream.find(task, (KNOWN if known is None else known).get), *answers)


@pytest.mark.parametrize(
    ("listed", "finding"),
    [
        (page_of(item(0, MARK, CGT)), Found(CGT)),
        (page_of({**item(0, MARK, CGT), "model": "m", "service_tier": "default"}), Found(CGT)),
        (page_of(item(-4, OTHER), item(9, MARK, CGT), item(1, 172_800)), Found(CGT)),
        (answer(200, {"code": 0, "data": {"items": [item(0, MARK, CGT)], "total": 1}}), Found(CGT)),
        (page_of(item(0, MARK, CGT), total=9000), Found(CGT)),
        (page_of(item(-60, MARK), item(0, MARK, CGT)), Found(CGT)),  # another one's, of another hour
        (page_of(item(0, OTHER), item(1, MARK - 2), *BOTH), Absent()),  # nobody alters marks: ours show their own
    ],
)
def test_a_lost_task_is_found_by_its_mark_or_certainly_not_there(listed: ProviderResponse, finding: Finding) -> None:
    assert found(listed) == ([page_call(1)], finding)


AT = int((NOW + timedelta(hours=1)).timestamp())


@pytest.mark.parametrize(
    "created_at",
    [AT + 8 * 3600, AT - 16 * 3600, AT * 1000, str(AT * 1000), AT + 10**9, "2026-01-06T17:00:00", "soon", None, {}],
)
def test_what_has_our_mark_is_ours_whatever_its_time_is(created_at: Json) -> None:
    rows = (LATER, item(0, 172_800), {**item(0, MARK, CGT), "created_at": created_at})
    assert found(page_of(*rows))[1] == Found(CGT)


@pytest.mark.parametrize("created_at", [AT + 8 * 3600, AT * 1000, AT - 10**8, "soon", None])
def test_tasks_of_ours_on_both_sides_prove_absence_whatever_the_times_say(created_at: Json) -> None:
    assert found(page_of(EARLIER, {**LATER, "created_at": created_at}))[1] == Absent()
    assert found(page_of({**EARLIER, "created_at": created_at}, LATER))[1] == Absent()


@pytest.mark.parametrize(
    ("task", "rows", "known"),
    [
        (LOST, [], {}),
        (LOST, [item(-60)], {}),
        (LOST, [item(-1, OTHER), item(9.9, OTHER)], {}),
        (LOST, [LATER, item(600), {**item(0, OTHER), "created_at": AT * 1000}], {}),  # all of them somebody else's
        (LOST, [*BOTH], {**KNOWN, "cgt-later": of_ours(29)}),  # a list need not be in order within half an hour
        (LOST, [*BOTH], {**KNOWN, "cgt-earlier": of_ours(-29)}),
        (LOST, [*BOTH], {**KNOWN, "cgt-later": of_ours(30).with_dispatch(started_at=None)}),  # adopted
        (LOST, [LATER], KNOWN),  # it may be cut off before the call
        (LOST, [EARLIER], KNOWN),  # it may be older than the call
        (UNMARKED, [], {}),
        (UNMARKED, [item(-60)], {}),
        (UNMARKED, [item(11)], {}),
    ],
)
def test_nothing_but_tasks_of_ours_on_both_sides_proves_anything(
    task: Task, rows: list[Json], known: dict[str, Task]
) -> None:
    assert isinstance(found(page_of(*rows), task=task, known=known)[1], Uncertain | Untraceable)


@pytest.mark.parametrize(
    "listed",
    [
        page_of({**item(0, MARK, CGT), "model": "another"}, *BOTH),  # a client's own, elsewhere in the account
        page_of({**item(0, MARK, CGT), "service_tier": "flex"}, *BOTH),
        page_of({"id": CGT}),
        page_of({"id": CGT}, *BOTH),  # with marks that are shown, one without is odd, and may be ours
        *(page_of(item(-60, default), *BOTH) for default in (172_800, 86_400, 3600, 7200)),  # as is a default
        page_of(item(0, MARK, CGT), item(1, MARK, "cgt-2")),
        page_of({"created_at": 1, "execution_expires_after": MARK}),
        page_of(None, *BOTH),
        page_of({}, *BOTH),
        answer(200, {"items": []}),
        answer(200, {"items": [{"id": CGT}]}),
        answer(200, {"items": None, "total": 0}),
        answer(200, b"<html>"),
        answer(500),
    ],
)
def test_what_may_be_ours_leaves_it_uncertain(listed: ProviderResponse) -> None:
    assert isinstance(found(listed)[1], Uncertain)


@pytest.mark.parametrize("echo", [None, 172_800, 3600, 0, 86_400, MARK, "172799s"])
@pytest.mark.parametrize("odd", [[EARLIER], [LATER], [EARLIER, LATER]])
def test_an_aggregator_between_us_and_ark_may_have_altered_the_mark(odd: list[Json], echo: Json) -> None:
    """Not so if the tasks of ours that it lists show their own."""
    suspect = item(8 * 60, OTHER)
    assert found(page_of(suspect, *BOTH))[1] == Absent()
    altered = page_of(suspect, *({**row, "execution_expires_after": echo} if row in odd else row for row in BOTH))
    assert isinstance(found(altered)[1], Uncertain)
    unless = Uncertain("the provider's list does not distinguish its tasks") if echo == MARK else Absent()
    assert found(altered, known={**KNOWN, suspect["id"]: of_ours(0.1, id="o")})[1] == unless


def test_where_no_task_of_ours_has_a_mark_none_excludes_a_row() -> None:
    known = {name: replace(each, request=UNMARKED.request) for name, each in KNOWN.items()}
    assert found(page_of(*BOTH), known=known)[1] == Absent()
    assert isinstance(found(page_of(item(0, 7200), *BOTH), known=known)[1], Uncertain)


@pytest.mark.parametrize("row", [item(0), item(0, 7200), None])
def test_what_is_known_to_be_another_task_of_ours_is_no_suspect(row: Json) -> None:
    known = {**KNOWN, row["id"]: of_ours(0.1, id="another", request=UNMARKED.request)} if row else KNOWN
    rows = [row, *BOTH] if row else BOTH
    assert found(page_of(*rows), known=known)[1] == Absent()
    assert found(page_of(*rows), task=UNMARKED, known=known)[1] == Absent()
    assert found(page_of(*rows, item(1, MARK, CGT)), known=known)[1] == Found(CGT)


def test_what_has_our_mark_and_the_id_of_another_task_may_be_ours() -> None:
    row, another = item(0, MARK, CGT), of_ours(-60, id="another")
    assert isinstance(found(page_of(row, *BOTH), known={**KNOWN, CGT: another})[1], Uncertain)
    by_chance = replace(another, id=TASK_ID)  # the other one has the same mark
    assert found(page_of(row, *BOTH), known={**KNOWN, CGT: by_chance})[1] == Absent()
    assert found(page_of(row, item(1, MARK, "cgt-2"), *BOTH), known={**KNOWN, CGT: another})[1] == Found("cgt-2")


def test_an_endpoint_is_listed_as_the_model_that_it_stands_for() -> None:
    asked = replace(LOST, request=ark.parse({"model": "ep-20260101-abcde", "content": [TEXT]}))
    listed = page_of({**item(0, MARK, CGT), "model": "doubao-seedance-1-0-pro-250528"})
    assert found(listed, task=asked)[1] == Found(CGT)


@pytest.mark.parametrize(
    ("last", "finding"),
    [([item(0, MARK, CGT)], Found(CGT)), (BOTH, Absent())],
)
def test_absence_is_certain_only_after_the_last_page(last: list[Json], finding: Finding) -> None:
    total = 600 + len(last)
    pages = (page_of(*OLD[:500], total=total), page_of(*OLD[500:], *last, total=total))
    assert found(*pages) == ([page_call(1), page_call(2)], finding)


@pytest.mark.parametrize(
    "second",
    [
        page_of(*OLD[499:], total=602),  # a new one came in front, and pushed the others on
        page_of(*OLD[501:], total=600),  # one was deleted, and another one was missed
        page_of(total=601),
        page_of(*OLD[:500], total=601),  # the first one once more
        answer(502),
    ],
)
def test_a_list_that_changes_while_it_is_read_leaves_it_uncertain(second: ProviderResponse) -> None:
    first = page_of(*OLD[:500], total=601)
    assert isinstance(found(first, second)[1], Uncertain)


@pytest.mark.parametrize(
    ("listed", "finding"),
    [
        (page_of(*BOTH), Absent()),
        (page_of(item(0, 7200), item(0, MARK), *BOTH), ALTERED),  # a provider may have a mind of its own
        (page_of(item(0, 172_800)), Untraceable()),
        (page_of(item(0)), Untraceable()),
        (page_of(item(0, 172_800), *BOTH), Untraceable()),
    ],
)
def test_a_task_without_a_mark_is_certainly_not_there_or_nobody_will_ever_know(
    listed: ProviderResponse, finding: Finding
) -> None:
    assert found(listed, task=UNMARKED) == ([page_call(1)], finding)


def test_a_request_too_big_for_its_record_has_a_mark_all_the_same() -> None:
    emptied = replace(LOST, request=replace(LOST.request, body={}))
    assert found(page_of(item(0, MARK)), task=emptied)[1] == Found(item(0, MARK)["id"])


NAMES = [*SUCCEEDED, *LINKS, "error", "code", "message", "data", "task_id", "items", "total", "total_tokens"]
