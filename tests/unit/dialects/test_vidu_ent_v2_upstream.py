from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reelkeep.dialects import upstream as upstream_named
from reelkeep.dialects.vidu_ent_v2.client import upstream
from reelkeep.domain import errors, observation
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
    Pending,
    Succeeded,
    Uncertain,
    Unknown,
    Unreadable,
    Untraceable,
)
from reelkeep.domain.task import Asset, Creation, Dispatch, DispatchStatus, FailureClass, Kind, Request, State, Task
from reelkeep.domain.wire import Json, ProviderRequest, ProviderResponse
from tests.unit.dialects.harness import BOAT, KEY_REFUSED, NOW, TASK_ID, TINY, answer, refused_as, searched, task_of
from tests.unit.dialects.vidu_ent_v2_harness import (
    IMAGE_BODY,
    SIGNATURE,
    VIDEO,
    error,
    golden,
    submit,
)

# --- towards a provider ---


def test_it_is_found_as_a_providers_dialect() -> None:
    assert upstream_named("vidu_ent_v2") is upstream
    assert upstream.authorization.format(key="vda_x") == "Token vda_x"


def test_a_clients_body_travels_untouched_but_for_what_is_ours_and_nulls() -> None:
    body = {
        **IMAGE_BODY,
        "callback_url": "https://client.example.com/hook",
        "provider": "vidu",
        "seed": None,
        "hologram": {"depth": 3},
    }
    call = upstream.dispatch(task_of(submit("img2video", body)))
    assert call == ProviderRequest(
        method="POST",
        path="/ent/v2/img2video",
        body={
            "model": "viduq2-pro",
            "prompt": "a paper boat",
            "images": [BOAT],
            "payload": TASK_ID,
            "hologram": {"depth": 3},
        },
    )


@pytest.mark.parametrize(
    ("request_", "path", "body"),
    [
        (
            {
                "kind": Kind.TEXT2VIDEO,
                "model": "viduq3-pro",
                "prompt": "rain",
                "duration": 5,
                "resolution": "720p",
                "aspect_ratio": "16:9",
                "seed": -1,
                "audio": False,
                "payload": "theirs",
                "body": {"n": 1},
            },
            "/ent/v2/text2video",
            {
                "model": "viduq3-pro",
                "prompt": "rain",
                "duration": 5,
                "resolution": "720p",
                "aspect_ratio": "16:9",
                "audio": False,
                "payload": TASK_ID,
            },
        ),
        (
            {
                "kind": Kind.IMG2VIDEO,
                "model": "viduq2-pro",
                "images": (TINY,),
                "aspect_ratio": "adaptive",
                "off_peak": True,
                "watermark": True,
            },
            "/ent/v2/img2video",
            {"model": "viduq2-pro", "images": [TINY], "watermark": True, "off_peak": True, "payload": TASK_ID},
        ),
        (
            {
                "kind": Kind.UPSCALE,
                "model": "vidu-upscale",
                "creation_id": "885",
                "resolution": "4K",
                "duration": 4,
                "watermark": False,
            },
            "/ent/v2/upscale-new",
            {"video_creation_id": "885", "upscale_resolution": "4K", "payload": TASK_ID},
        ),
        (
            {"kind": Kind.EXTEND, "model": "viduq2-pro", "video_url": "https://ex.test/v.mp4", "duration": 3},
            "/ent/v2/extend",
            {"model": "viduq2-pro", "video_url": "https://ex.test/v.mp4", "duration": 3, "payload": TASK_ID},
        ),
        (
            {"kind": Kind.TEMPLATE2VIDEO, "template": "hugging", "images": (BOAT,)},
            "/ent/v2/template2video",
            {"template": "hugging", "images": [BOAT], "payload": TASK_ID},
        ),
        (
            {"kind": Kind.MULTIFRAME, "model": "viduq2-pro", "images": (BOAT, TINY, BOAT), "prompt": "on"},
            "/ent/v2/multiframe",
            {
                "model": "viduq2-pro",
                "start_image": BOAT,
                "payload": TASK_ID,
                "image_settings": [{"key_image": TINY, "prompt": "on"}, {"key_image": BOAT, "prompt": "on"}],
            },
        ),
    ],
)
def test_a_request_of_another_dialect_is_said_in_vidus_words(request_: Json, path: str, body: Json) -> None:
    call = upstream.dispatch(task_of(Request(dialect="volc_ark", **request_)))
    assert call == ProviderRequest(method="POST", path=path, body=body)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"kind": Kind.TEXT2VIDEO, "prompt": "rain"}, "model"),
        ({"kind": Kind.TEXT2VIDEO, "model": "q", "prompt": "rain", "images": (BOAT,)}, "images"),
        (
            {"kind": Kind.TEXT2VIDEO, "model": "q", "prompt": "rain", "aspect_ratio": "adaptive"},
            "aspect_ratio",
        ),
        ({"kind": Kind.IMG2VIDEO, "model": "q", "images": (BOAT,), "aspect_ratio": "16:9"}, "aspect_ratio"),
        ({"kind": Kind.IMG2VIDEO, "model": "q", "images": (BOAT, BOAT)}, "images"),
        ({"kind": Kind.IMG2VIDEO, "model": "q", "images": (BOAT,), "template": "hugging"}, "template"),
        ({"kind": Kind.EXTEND, "model": "q", **VIDEO, "duration": 0}, "duration"),
        ({"kind": Kind.EXTEND, "model": "q"}, "video_url"),
        ({"kind": Kind.UPSCALE, **VIDEO, "resolution": "720p"}, "resolution"),
        ({"kind": Kind.UPSCALE, "creation_id": "885", "prompt": "sharper"}, "prompt"),
        ({"kind": Kind.UPSCALE, "creation_id": "885", "watermark": True}, "watermark"),
        ({"kind": Kind.LIP_SYNC, **VIDEO}, "prompt"),
        ({"kind": Kind.TEXT2VIDEO, "model": "q", "prompt": "rain", "last_frame": True}, "last_frame"),
        (
            {"kind": Kind.TEXT2VIDEO, "prompt": "rain", "unexpressed": ("camera_fixed", "frames")},
            "camera_fixed",
        ),
        ({"kind": Kind.MULTIFRAME, "model": "q"}, "images"),
        ({"kind": Kind.MULTIFRAME, "model": "q", "images": (BOAT, BOAT, BOAT), "duration": 8}, "duration"),
    ],
)
def test_what_vidu_has_no_words_for_is_refused_by_name(request_: Json, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        upstream.dispatch(task_of(Request(dialect="volc_ark", **request_)))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("answered", "outcome"),
    [
        (answer(200, golden("provider-submitted")), Accepted("885000000000000001", 20, 123456)),
        (
            answer(200, {"task_id": 885000000000000001, "credits": "20"}),
            Accepted("885000000000000001", 20, None),
        ),
        (answer(200, {"id": "885", "state": "failed"}), Accepted("885")),
        (answer(400, error("OperationInProcess")), NotYet()),
        (answer(400, error("SystemThrottling")), NotYet()),
        (
            answer(400, error("TaskPromptPolicyViolation")),
            refused_as(FailureClass.POLICY, "TaskPromptPolicyViolation"),
        ),
        (answer(400, error("AuditSubmitIllegal")), refused_as(FailureClass.POLICY, "AuditSubmitIllegal")),
        (answer(400, error("PhotoAuditNotPass")), refused_as(FailureClass.POLICY, "PhotoAuditNotPass")),
        (answer(400, error("ImageCheckFaceFailed")), refused_as(FailureClass.POLICY, "ImageCheckFaceFailed")),
        (answer(400, error("ImageDownloadFailure")), refused_as(FailureClass.INPUT, "ImageDownloadFailure")),
        (answer(400, error("FieldInvalid")), refused_as(FailureClass.INPUT, "FieldInvalid")),
        (answer(400, error("CreditInsufficient")), refused_as(FailureClass.CREDIT, "CreditInsufficient")),
        (answer(400, error("SomethingNew")), refused_as(FailureClass.INPUT, "SomethingNew")),
        (answer(404, error("CreationNotFound", 404)), refused_as(FailureClass.INPUT, "CreationNotFound")),
        (
            answer(401, error("Unauthorized", 401)),
            refused_as(FailureClass.PROVIDER, "Unauthorized", KEY_REFUSED),
        ),
        (answer(402, {"message": "pay"}), refused_as(FailureClass.CREDIT, "", "pay")),
        (answer(200, {"task_id": 8.85e17}), Unknown("the provider accepted something, but named no task")),
        (answer(409, {"reason": "Conflict"}), Unknown("the provider answered the submission with 409")),
        (answer(409, {"reason": "OperationInProcess"}), NotYet()),
        (answer(503, {"reason": "SystemThrottling"}), Unknown("the provider answered the submission with 503")),
    ],
)
def test_the_answer_to_the_billable_call_is_read_with_care(
    answered: ProviderResponse, outcome: DispatchOutcome
) -> None:
    assert upstream.read_dispatched(answered) == outcome


def test_a_success_is_read_whole() -> None:
    def signed(file: str, seconds: int) -> str:
        return f"https://media.example.com/{file}" + SIGNATURE.format(seconds)

    signed_at = datetime(2026, 1, 6, 8, 1, 30, tzinfo=UTC)
    checked = "https://media.example.com/checked.mp4?Expires=1767772890&Signature=x&Key-Pair-Id=K"
    day, hour = signed_at + timedelta(days=1), signed_at + timedelta(hours=1)
    assert upstream.read_observed(answer(200, golden("provider-success"))) == Succeeded(
        creations=(
            Creation(
                id="885000000000000777",
                assets=(
                    Asset(name="video", source=signed("video.mp4", 86400), expires_at=day),
                    Asset(name="cover", source=signed("cover.jpeg", 3600), expires_at=hour),
                    Asset(name="watermarked", source=signed("marked.mp4", 86400), expires_at=day),
                    Asset(name="moderation-1", source=checked, expires_at=day),
                ),
                duration=5.04,
                fps=24.0,
                width=1280,
                height=720,
            ),
        ),
        credits=20,
    )


def test_a_success_is_read_however_loosely_it_is_written() -> None:
    creation = {
        "id": 885000000000000777,
        "url": "https://media.example.com/v.mp4",
        "cover_url": None,
        "moderation_url": "https://media.example.com/m.mp4",
        "video": {"duration": "5.04", "fps": "24", "resolution": {"width": "1280", "height": -1}},
    }
    copy = creation | {"url": "https://media.example.com/other.mp4"}
    linkless = {"id": "3", "url": ""}
    nameless = {"url": "https://media.example.com/w.mp4"}
    body = {
        "state": "success",
        "credits": "20",
        "seed": 7,
        "creations": [creation, copy, linkless, nameless, None],
    }
    assert upstream.read_observed(answer(200, body)) == Succeeded(
        creations=(
            Creation(
                id="885000000000000777",
                assets=(
                    Asset(name="video", source="https://media.example.com/v.mp4"),
                    Asset(name="moderation-1", source="https://media.example.com/m.mp4"),
                ),
                duration=5.04,
                fps=24.0,
                width=1280,
            ),
            Creation(id="4", assets=(Asset(name="video", source="https://media.example.com/w.mp4"),)),
        ),
        credits=20,
        seed=7,
    )


@pytest.mark.parametrize(
    ("answered", "observed"),
    [
        (answer(200, {"state": "queueing", "creations": None}), Pending(State.QUEUEING)),
        (answer(200, golden("provider-processing")), Pending(State.PROCESSING)),
        (answer(400, error("OperationInProcess")), Busy("the provider answered 400 OperationInProcess")),
        (
            answer(401, error("Unauthorized", 401)),
            Busy("the provider refused the key that Reelkeep has for it"),
        ),
        (answer(404, error("TaskNotFound", 404)), Missing()),
        (answer(404, error("NotFound", 404)), Missing()),
        (answer(400, error("TaskNotFound")), Missing()),
        (
            answer(404, {"error_msg": "no route"}),
            Unreadable("the provider answered 404", b'{"error_msg": "no route"}'),
        ),
    ],
)
def test_an_observation_says_no_more_than_was_learned(
    answered: ProviderResponse, observed: observation.Observation
) -> None:
    assert upstream.read_observed(answered) == observed


@pytest.mark.parametrize("creations", [None, [], {}, [{"id": "1"}], [{"id": "1", "url": "ftp://x/v.mp4"}], "soon"])
def test_a_success_without_a_video_is_not_taken_for_one(creations: Json) -> None:
    answered = answer(200, {"state": "success", "creations": creations})
    assert upstream.read_observed(answered) == Unreadable(
        "the provider reported success without a link to a video", answered.body, made=True
    )


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("CreationPolicyViolation", FailureClass.POLICY, False),
        ("AuditFailed", FailureClass.POLICY, False),
        ("ImageFormatInvalid", FailureClass.INPUT, False),
        ("CreditInsufficient", FailureClass.CREDIT, False),
        ("SystemThrottling", FailureClass.THROTTLED, True),
        ("InternalServiceFailure", FailureClass.PROVIDER, True),
        ("UserCancelled", FailureClass.CANCELLED, False),
        ("SomethingNew", FailureClass.PROVIDER, False),
        ("", FailureClass.PROVIDER, False),
    ],
)
def test_a_failure_keeps_the_providers_word_and_says_what_to_do(
    code: str, kind: FailureClass, retryable: bool
) -> None:
    observed = upstream.read_observed(answer(200, golden("provider-failed") | {"err_code": code}))
    assert isinstance(observed, Failed)
    assert (observed.failure.reason, observed.failure.code, observed.failure.retryable) == (
        kind,
        code,
        retryable,
    )
    assert (code or "no reason") in observed.failure.message


def test_a_task_is_asked_for_and_cancelled_by_the_providers_id() -> None:
    task = task_of(submit("img2video", IMAGE_BODY), provider_task_id="885")
    assert upstream.observe(task) == ProviderRequest(method="GET", path="/ent/v2/tasks/885/creations")
    assert upstream.cancel(task) == ProviderRequest(
        method="POST", path="/ent/v2/tasks/885/cancel", body={"id": "885"}
    )
    assert upstream.cancel(replace(task, provider_task_id="")) is None


@pytest.mark.parametrize(
    ("answered", "cancelled"),
    [
        (answer(200, {}), True),
        (answer(400, error("UserCancelled")), True),
        (answer(400, golden("provider-error")), False),
        (answer(500, b""), False),
        (answer(404, error("TaskNotFound", 404)), False),
    ],
)
def test_a_task_is_cancelled_only_if_the_provider_says_so(answered: ProviderResponse, cancelled: bool) -> None:
    assert upstream.read_cancelled(answered) is cancelled


LOST = replace(task_of(submit("img2video", IMAGE_BODY)), dispatch=Dispatch(started_at=NOW + timedelta(hours=1)))
OURS = {"id": "885", "payload": TASK_ID}
ANOTHER = {"id": "886", "payload": "job-2"}
WITHOUT = {"id": "887"}
FULL = [{"id": str(number), "payload": "job-2"} for number in range(100)]
MORE = [{"id": str(number), "payload": "job-2"} for number in range(100, 103)]
LATER = {"id": "999", "payload": "later", "created_at": "2026-01-06T09:30:00.2Z"}
EARLIER = {"id": "111", "payload": "earlier", "created_at": "2026-01-06T08:00:00Z"}


def of_ours(minutes: float, **changes: Any) -> Task:
    """Another task of ours, dispatched so long after the lost one."""
    dispatch = Dispatch(status=DispatchStatus.ACCEPTED, started_at=LOST.dispatched_at + timedelta(minutes=minutes))
    return replace(LOST, **{"id": "later", "dispatch": dispatch, **changes})


BOTH = (LATER, EARLIER)
KNOWN = {"999": of_ours(30), "111": of_ours(-30, id="earlier")}
PROOF = answer(200, {"state": "success", "payload": "later"})  # that the provider shows payloads where tasks are


def list_call(name: str = "pager.page", value: str = "0", *, whole: bool = False) -> ProviderRequest:
    window = () if whole else (("created_at.from", "2026-01-06T08:55:00.123456Z"),)
    return ProviderRequest(
        method="GET", path="/ent/v2/tasks", query=(*window, (name, value), ("pager.pagesz", "100"))
    )


def poll_call(task_id: str) -> ProviderRequest:
    return ProviderRequest(method="GET", path=f"/ent/v2/tasks/{task_id}/creations")


def page_of(*tasks: object, token: str = "") -> ProviderResponse:
    return answer(200, {"next_page_token": token, "tasks": list(tasks)})


def found(*answers: ProviderResponse, known: dict[str, Task] | None = None) -> tuple[list[ProviderRequest], Finding]:
    return searched(upstream.find(LOST, (KNOWN if known is None else known).get), *answers)


def listing(*rows: object, polls: tuple[ProviderResponse, ...] = ()) -> list[ProviderResponse]:
    """A list of one page, which shows the same whatever the window is; then what the polls in between find."""
    return [page_of(*rows), page_of(), page_of(*rows), page_of(), *polls]


def test_a_lost_placement_is_looked_for_around_the_time_of_its_last_call_and_then_everywhere() -> None:
    calls, finding = found(*listing(*BOTH))
    assert finding == Absent()
    assert calls == [list_call(), list_call(value="1"), list_call(whole=True), list_call(value="1", whole=True)]


def test_tasks_of_ours_on_both_sides_prove_absence_whatever_the_times_say() -> None:
    for created_at in ("2026-01-06T17:30:00", "2020-01-01T00:00:00Z", "tomorrow", 1767691800000, None):
        assert found(*listing(LATER | {"created_at": created_at}, EARLIER))[1] == Absent()
        assert found(*listing(LATER, EARLIER | {"created_at": created_at}))[1] == Absent()


@pytest.mark.parametrize(
    ("rows", "known"),
    [
        ([], {}),
        ([ANOTHER], {}),
        ([LATER], {}),  # somebody else's
        ([LATER | {"created_at": "2027-01-01T00:00:00Z"}], {}),
        ([LATER | {"created_at": 1767691800000}], {}),
        ([*BOTH], {**KNOWN, "999": of_ours(29)}),  # a list need not be in order within half an hour
        ([*BOTH], {**KNOWN, "111": of_ours(-29)}),
        ([*BOTH], {**KNOWN, "999": of_ours(30).with_dispatch(status=DispatchStatus.UNKNOWN)}),
        (
            [*BOTH],
            {**KNOWN, "999": of_ours(30).with_dispatch(started_at=None)},
        ),  # adopted: nobody knows when it was dispatched
        ([LATER], KNOWN),  # it may be cut off before the call
        ([EARLIER], KNOWN),  # it may be older than the call
    ],
)
def test_nothing_but_tasks_of_ours_on_both_sides_proves_anything(rows: list[object], known: dict[str, Task]) -> None:
    assert isinstance(found(*listing(*rows), known=known)[1], Uncertain)


@pytest.mark.parametrize(
    "created_at",
    [
        "2026-01-06T17:00:01",
        "2026-01-06T01:00:01",
        "2031-01-06T09:00:01Z",
        "soon",
        None,
        1767690001000,
        "1767690001000",
    ],
)
def test_what_has_our_payload_is_ours_whatever_its_time_is(created_at: object) -> None:
    rows = [LATER, OURS | {"created_at": created_at}]
    assert found(*listing(*rows))[1] == Found("885")
    window = page_of(LATER), page_of()  # by a clock that is hours late, it is not in the window
    assert found(*window, page_of(*rows))[1] == Found("885")


@pytest.mark.parametrize(("created_at", "later"), [("2026-01-06T17:00:01", "2026-01-06T17:30:00")])
def test_where_a_list_shows_no_payloads_a_clock_hours_off_hides_nothing(created_at: str, later: str) -> None:
    """Its list has local time without a zone, eight hours ahead: what seems younger than the call may be ours."""
    ours = {"id": "885", "prompt": LOST.request.prompt, "created_at": created_at}
    reworded = ours | {"prompt": ""}
    witness = {"id": "999", "created_at": later}
    poll = answer(200, {"state": "processing", "payload": TASK_ID})
    assert found(page_of(witness, ours), page_of(), poll)[1] == Found("885")
    assert found(*listing(witness, reworded, polls=(poll,)))[1] == Found("885")


@pytest.mark.parametrize(
    "row", [None, {}, {"id": "..", "payload": None}, {"id": {}, "created_at": "2026-01-06T09:00:09Z"}]
)
def test_a_bad_row_costs_that_row_only(row: object) -> None:
    assert found(*listing(row, OURS))[1] == Found("885")
    assert isinstance(found(*listing(row, *BOTH))[1], Uncertain)  # it may be ours
    assert found(*listing({"id": "..", "payload": "job-2"}, *BOTH))[1] == Absent()
    old = {"created_at": "2026-01-05T09:00:09Z"}  # by its provider's clock
    assert isinstance(found(*listing(old, *BOTH))[1], Uncertain)


@pytest.mark.parametrize(
    ("listed", "finding"),
    [
        (page_of(ANOTHER, OURS), Found("885")),
        (page_of(OURS | {"id": 885}, token="more"), Found("885")),
        (answer(200, {}), Uncertain("the provider answered 200 when it was asked for its list")),
        (answer(200, b"<html>"), Uncertain("the provider answered 200 when it was asked for its list")),
        (answer(500, {"tasks": []}), Uncertain("the provider answered 500 when it was asked for its list")),
    ],
)
def test_a_lost_placement_is_found_by_our_id(listed: ProviderResponse, finding: Finding) -> None:
    assert found(listed) == ([list_call()], finding)


def test_a_lost_placement_is_looked_for_to_the_last_page() -> None:
    pages = (page_of(*FULL), page_of(*MORE), page_of(OURS))  # of 100 that were asked for: it has a limit of its own
    expected = [list_call(), list_call(value="1"), list_call(value="2")]
    assert found(*pages) == (expected, Found("885"))


@pytest.mark.parametrize(
    ("rows", "last", "finding"),
    [
        (BOTH, page_of(), Absent()),
        (BOTH, page_of(*MORE), Absent()),
        ([LATER], page_of(), Uncertain),  # it may be cut off
        ([LATER], page_of(*MORE), Uncertain),  # there may be no way to get at what is on its other pages
    ],
)
def test_a_list_is_read_to_its_end(
    rows: Sequence[object], last: ProviderResponse, finding: Finding | type[Finding]
) -> None:
    pages = (page_of(*rows, *FULL[2:]), page_of(*MORE), last)
    _, concluded = found(*pages, *pages)
    assert concluded == finding or isinstance(concluded, finding if isinstance(finding, type) else ())


def test_a_token_leads_on_wherever_there_is_one() -> None:
    pages = (page_of(ANOTHER, token="t1"), page_of(ANOTHER, token="t2"), page_of(OURS))
    expected = [list_call(), list_call("pager.page_token", "t1"), list_call("pager.page_token", "t2")]
    assert found(*pages) == (expected, Found("885"))


def test_a_page_that_fails_in_between_leaves_it_uncertain() -> None:
    _, finding = found(page_of(*FULL), answer(503, b""))
    assert isinstance(finding, Uncertain)


def test_where_a_list_shows_no_payloads_its_tasks_are_looked_at_those_in_our_words_first() -> None:
    words = LOST.request.prompt
    rows = [{"id": "1", "prompt": "other"}, {"id": "2", "prompt": words, "payload": ""}, {"id": "3", "prompt": words}]
    another, ours = ({"state": "success", "payload": payload} for payload in ("job-2", TASK_ID))
    calls, finding = found(page_of(*rows), page_of(), answer(200, another), answer(200, ours))
    assert (calls[2:], finding) == ([poll_call("2"), poll_call("3")], Found("3"))
    polls = [answer(200, another)] * 3
    calls, finding = found(page_of(*rows), page_of(), *polls, page_of(*rows, *BOTH), page_of(), PROOF)
    assert (calls[2:5], calls[7:], finding) == (
        [poll_call("2"), poll_call("3"), poll_call("1")],
        [poll_call("999")],
        Absent(),
    )


ALTERED_PAYLOADS = ["", None, "later ", '"later"', "LATER", "la", {"id": "later"}, "job-9", 7]


@pytest.mark.parametrize("altered", ALTERED_PAYLOADS)
@pytest.mark.parametrize("odd", [[LATER], [EARLIER], [LATER, EARLIER]])
def test_where_payloads_are_altered_any_task_may_be_ours(odd: list[dict[str, object]], altered: object) -> None:
    rows = [*(row | {"payload": altered} if row in odd else row for row in BOTH), ANOTHER]
    another, spoilt = ({"state": "success", "payload": payload} for payload in ("job-2", altered))
    pages = (page_of(*rows), page_of())
    assert found(*pages, answer(200, another), *pages, PROOF)[1] == Absent()  # they are shown where the tasks are
    calls, finding = found(*pages, answer(200, another), *pages, answer(200, spoilt))
    assert [call for call in calls if call.path != "/ent/v2/tasks"] == [poll_call("886"), poll_call("999")]
    assert isinstance(finding, Uncertain)
    ours = {"state": "success", "payload": TASK_ID}
    assert found(*pages, answer(200, ours))[1] == Found("886")


@pytest.mark.parametrize("payload", ["", None])
def test_an_empty_payload_tells_nothing(payload: object) -> None:
    poll = answer(200, {"state": "success", "payload": payload})
    pages = (page_of(WITHOUT | {"payload": payload}, *BOTH), page_of())
    assert isinstance(found(*pages, poll, *pages, PROOF)[1], Uncertain)


def test_what_is_known_to_be_another_task_of_ours_is_not_looked_at() -> None:
    rows = [WITHOUT | {"created_at": "2026-01-06T09:00:01Z"}, *BOTH]
    calls, finding = found(*listing(*rows), known={**KNOWN, "887": of_ours(0.1)})
    assert (len(calls), finding) == (4, Absent())


@pytest.mark.parametrize(
    ("poll", "kind"),
    [
        (answer(404, {"reason": "TaskNotFound"}), Uncertain),
        (answer(200, b"<html>"), Uncertain),
        (answer(200, {"state": "success"}), Untraceable),
    ],
)
def test_a_task_that_is_not_shown_or_without_its_payload_leaves_it_open(
    poll: ProviderResponse, kind: type[Finding]
) -> None:
    _, finding = found(page_of(WITHOUT), page_of(), poll, page_of(WITHOUT, LATER), page_of())
    assert isinstance(finding, kind)


def test_what_a_lip_sync_of_another_dialect_says_becomes_its_text() -> None:
    asked = Request(dialect="reelkeep", kind=Kind.LIP_SYNC, video_url="https://ex.test/v.mp4", prompt="good morning")
    body = upstream.dispatch(task_of(asked)).body
    assert body is not None
    assert (body["text"], body["video_url"]) == ("good morning", "https://ex.test/v.mp4")


def test_a_refusal_names_the_field_that_the_client_wrote() -> None:
    asked = Request(dialect="reelkeep", kind=Kind.UPSCALE, video_url="https://ex.test/v.mp4", resolution="720p")
    with pytest.raises(errors.InvalidRequest, match=r"^resolution") as refused:
        upstream.dispatch(task_of(asked))
    assert refused.value.field == "resolution"


@pytest.mark.parametrize(
    ("status", "body", "slots"),
    [
        (200, {"remains": [{"type": "metered", "concurrency_limit": 5, "current_concurrency": 1}]}, 5),
        (200, {"remaining_credits": [{"concurrency_limit": "5"}, {"concurrency_limit": 10}]}, 15),
        (200, {"remains": [{"type": "metered"}, None]}, None),
        (200, {"remains": []}, None),
        (200, {"remains": "none"}, None),
        (200, [], None),
        (403, {"remains": [{"concurrency_limit": 5}]}, None),
    ],
)
def test_the_credits_tell_how_many_tasks_the_account_may_have_at_once(
    status: int, body: Json, slots: int | None
) -> None:
    asked = upstream.ask_slots()
    assert asked is not None
    assert (asked.method, asked.path, asked.query) == ("GET", "/ent/v2/credits", (("show_detail", "true"),))
    assert upstream.read_slots(answer(status, body)) == slots
