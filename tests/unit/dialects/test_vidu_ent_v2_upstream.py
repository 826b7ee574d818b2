"""Vidu's ent/v2, as it is spoken to a provider."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reelkeep.dialects import upstream as upstream_named
from reelkeep.dialects.vidu_ent_v2.client import upstream
from reelkeep.domain import errors, observation
from reelkeep.domain.observation import (
    Accepted,
    Busy,
    DispatchOutcome,
    Failed,
    Missing,
    NotYet,
    Pending,
    Succeeded,
    Unknown,
    Unreadable,
)
from reelkeep.domain.task import Asset, Creation, FailureClass, Kind, Request, State
from reelkeep.domain.wire import Json, ProviderRequest, ProviderResponse
from tests.for_each import for_each
from tests.unit.dialects.harness import BOAT, KEY_REFUSED, TASK_ID, TINY, answer, refused_as, task_of
from tests.unit.dialects.vidu_ent_v2_harness import (
    IMAGE_BODY,
    SIGNATURE,
    VIDEO,
    error,
    golden,
    submit,
)


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


@for_each(
    "request_, field",
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


@for_each(
    "answered, outcome",
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
    ("status", "body", "slots", "left"),
    [
        (200, {"remains": [{"credit_remain": 900, "concurrency_limit": 5, "current_concurrency": 1}]}, 5, 900),
        (200, {"remaining_credits": [{"concurrency_limit": "5"}, {"concurrency_limit": 10}]}, 15, None),
        (200, {"remains": [{"type": "metered", "credit_remain": "7"}, {"credit_remain": 20}, None]}, None, 27),
        (200, {"remains": [{"credit_remain": 0}]}, None, 0),
        (200, {"remains": []}, None, None),
        (200, {"remains": "none"}, None, None),
        (200, [], None, None),
        (403, {"remains": [{"concurrency_limit": 5, "credit_remain": 900}]}, None, None),
    ],
)
def test_the_credits_show_how_many_tasks_the_account_may_have_at_once_and_what_is_left(
    status: int, body: Json, slots: int | None, left: int | None
) -> None:
    asked = upstream.ask_account(datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert asked is not None
    assert (asked.method, asked.path, asked.query) == ("GET", "/ent/v2/credits", (("show_detail", "true"),))
    assert upstream.read_slots(answer(status, body)) == slots
    balance = upstream.read_balance(answer(status, body))
    assert (balance.left if balance else None) == left
