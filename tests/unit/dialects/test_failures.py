"""Each failed task says why: in every dialect in its own words, and in a class that a program can act on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from reelkeep.dialects import all_dialects, upstream
from reelkeep.dialects.dialect import Dialect, Http, Show
from reelkeep.domain.errors import NotAllowed
from reelkeep.domain.observation import Failed
from reelkeep.domain.task import Dispatch, DispatchStatus, Failure, FailureClass, Kind, Request, Task
from reelkeep.domain.wire import Json, ProviderResponse
from tests.for_each import for_each
from tests.unit.dialects.harness import NOW, link_to, task_of

POLICY, INPUT, CREDIT, THROTTLED, PROVIDER, EXPIRED, LOST, CANCELLED, DEADLINE = FailureClass
WHY = "because of this and that"
DIALECTS = {dialect.name: dialect for dialect in all_dialects()}

VIDU = {
    POLICY: "CreationPolicyViolation",
    INPUT: "BadRequest",
    CREDIT: "CreditInsufficient",
    THROTTLED: "SystemThrottling",
    PROVIDER: "InternalServiceFailure",
    EXPIRED: "InternalServiceFailure",
    LOST: "CreationNotFound",
    CANCELLED: "UserCancelled",
    DEADLINE: "InternalServiceFailure",
}
OPENAI = {
    POLICY: "content_policy_violation",
    INPUT: "invalid_value",
    CREDIT: "insufficient_quota",
    THROTTLED: "rate_limit_exceeded",
    PROVIDER: "server_error",
    EXPIRED: "expired",
    LOST: "lost",
    CANCELLED: "cancelled",
    DEADLINE: "deadline",
}
ARK = {
    POLICY: ("failed", "OutputVideoSensitiveContentDetected"),
    INPUT: ("failed", "InvalidParameter"),
    CREDIT: ("failed", "AccountOverdueError"),
    THROTTLED: ("failed", "QuotaExceeded"),
    PROVIDER: ("failed", "InternalServiceError"),
    EXPIRED: ("expired", None),
    LOST: ("failed", "InternalServiceError"),
    CANCELLED: ("cancelled", None),
    DEADLINE: ("expired", None),
}
NUMBERS = {POLICY: 400, INPUT: 400, CREDIT: 402, CANCELLED: 409, EXPIRED: 408, DEADLINE: 408, THROTTLED: 429}
FOREIGN = ("SomeGateway.Trouble-17", "无效")  # words that no dialect has


def failed(reason: FailureClass, code: str = "", *, retryable: bool = False) -> Task:
    request = Request(dialect="none", kind=Kind.TEXT2VIDEO, model="m", prompt="a boat")
    task = task_of(request, dispatch=Dispatch(status=DispatchStatus.ACCEPTED), provider_task_id="7")
    return task.failed(Failure(reason=reason, code=code, message=WHY, retryable=retryable), NOW)


def shown(dialect: Dialect, task: Task) -> Any:
    route = next(route for route in dialect.routes if isinstance(route, Show))
    return route.render(task, link_to).body


def said(name: str, reason: FailureClass, code: str) -> Json:
    """What a client of this dialect reads of a failure of this class."""
    match name:
        case "reelkeep":
            return {"reason": reason.value, "code": code or None, "message": WHY, "retryable": False}
        case "vidu_ent_v2" | "vidu_v1":
            return {"state": "failed", "err_code": VIDU[reason]}
        case "volc_ark":
            status, word = ARK[reason]
            message = f"{WHY} ({code})" if code else WHY
            return {"status": status, "error": {"code": word, "message": message} if word else None}
        case "openai_videos":
            message = f"{WHY} ({code})" if code else WHY
            return {"status": "failed", "error": {"code": OPENAI[reason], "message": message}}
        case "video_generations":
            message = f"{OPENAI[reason]}: {WHY}" + (f" ({code})" if code else "")
            return {"status": "failed", "error": {"code": NUMBERS.get(reason, 500), "message": message}}
        case "kling":
            return {"task_status": "failed", "task_status_msg": WHY}
        case "vidu_native":
            return {"status": "failed", "error": f"{WHY} ({code})" if code else WHY}
    raise AssertionError(f"nobody has written down how {name} says {reason}")


@for_each("code", ["", *FOREIGN])
@for_each("reason", FailureClass)
@for_each("name", DIALECTS)
def test_every_dialect_says_every_class_in_its_own_words(name: str, reason: FailureClass, code: str) -> None:
    body = shown(DIALECTS[name], failed(reason, code))
    expected = said(name, reason, code)
    body = body["data"] if name == "kling" else body
    if name == "reelkeep":
        assert body["failure"] == expected
    else:
        assert {field: body[field] for field in expected} == expected


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("vidu_ent_v2", "ImageCheckFaceFailed"),
        ("vidu_v1", "PhotoAuditNotPass"),
        ("volc_ark", "InputImageSensitiveContentDetected.PrivacyInformation"),
        ("openai_videos", "moderation_blocked"),
    ],
)
def test_a_providers_own_word_is_passed_on_where_it_is_one_of_the_dialects(name: str, code: str) -> None:
    body = shown(DIALECTS[name], failed(POLICY, code))
    assert code in (body.get("err_code"), (body.get("error") or {}).get("code"))


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("vidu_ent_v2", "OutputVideoSensitiveContentDetected", "CreationPolicyViolation"),
        ("vidu_ent_v2", "moderation_blocked", "CreationPolicyViolation"),
        ("volc_ark", "CreationPolicyViolation", "OutputVideoSensitiveContentDetected"),
        ("openai_videos", "CreationPolicyViolation", "content_policy_violation"),
    ],
)
def test_another_dialects_word_is_translated(name: str, code: str, word: str) -> None:
    body = shown(DIALECTS[name], failed(POLICY, code))
    assert word in (body.get("err_code"), (body.get("error") or {}).get("code"))


# --- what providers say ---

CODES: dict[str, dict[FailureClass, tuple[str, ...]]] = {
    "vidu_ent_v2": {
        POLICY: (
            "CreationPolicyViolation", "TaskPromptPolicyViolation", "AuditSubmitIllegal", "PhotoAuditNotPass",
            "AuditFailed", "ImageCheckBodyJointsFailed", "ImageCheckFaceFailed",
        ),
        INPUT: (
            "BadRequest", "FieldLacking", "FieldUnwanted", "FieldInvalid", "FieldItemCountOutOfRange",
            "ImageDownloadFailure", "ImageFormatInvalid", "ImageObjectsUndetected", "ImageSizeInvalid",
            "FaceDetectFailed", "ModelUnavailable", "CreationNotFound", "Conflict",
        ),
        CREDIT: ("CreditInsufficient",),
        THROTTLED: ("QuotaExceeded", "TooManyRequests", "SystemThrottling", "OperationInProcess"),
        PROVIDER: ("InternalServiceFailure", "Unauthorized", "Forbidden", "", "SomethingNew"),
        CANCELLED: ("UserCancelled", "Canceled"),
    },
    "volc_ark": {
        POLICY: (
            "SensitiveContentDetected", "SensitiveContentDetected.SevereViolation",
            "InputTextSensitiveContentDetected", "InputImageSensitiveContentDetected.PrivacyInformation",
            "InputVideoSensitiveContentDetected", "OutputVideoSensitiveContentDetected",
        ),
        INPUT: (
            "MissingParameter", "MissingParameter.content", "InvalidParameter", "InvalidParameter.duration",
            "InvalidEndpointOrModel.NotFound",
        ),
        CREDIT: ("AccountOverdueError",),
        THROTTLED: (
            "RateLimitExceeded.EndpointRPMExceeded", "RateLimitExceeded.EndpointTPMExceeded",
            "RateLimitExceeded.FoundationModelRPMExceeded", "QuotaExceeded",
        ),
        PROVIDER: (
            "InternalServiceError", "AuthenticationError", "AccessDenied", "OperationDenied.InvalidState",
            "ModelNotOpen", "InvalidEndpoint.ClosedEndpoint", "",
        ),
    },
    "openai_videos": {
        POLICY: ("moderation_blocked", "content_policy_violation", "sensitive_words_detected"),
        INPUT: ("invalid_value", "missing_required_parameter"),
        CREDIT: ("insufficient_quota", "insufficient_user_quota", "CreditInsufficient"),
        THROTTLED: ("rate_limit_exceeded", "too_many_requests"),
        PROVIDER: ("server_error", "do_request_failed"),
    },
}  # fmt: skip
RETRYABLE = {
    "vidu_ent_v2": {*CODES["vidu_ent_v2"][THROTTLED], "InternalServiceFailure"},
    "volc_ark": {*CODES["volc_ark"][THROTTLED], "InternalServiceError"},
    "openai_videos": {*CODES["openai_videos"][THROTTLED], *CODES["openai_videos"][PROVIDER]},
}
BODIES: dict[str, Callable[[str], Any]] = {
    "vidu_ent_v2": lambda code: {"id": "7", "state": "failed", "err_code": code, "creations": []},
    "volc_ark": lambda code: {
        "id": "7",
        "status": "failed",
        "error": {"code": code, "message": "no"} if code else None,
    },
    "openai_videos": lambda code: {"id": "7", "status": "failed", "error": {"code": code, "message": "no"}},
}


@for_each(
    "name, reason, code",
    [(name, reason, code) for name, kinds in CODES.items() for reason, codes in kinds.items() for code in codes],
)
def test_a_providers_code_is_of_the_right_class_and_says_whether_to_try_again(
    name: str, reason: FailureClass, code: str
) -> None:
    provider = upstream(name)
    assert provider is not None
    observed = provider.read_observed(ProviderResponse(status=200, body=json.dumps(BODIES[name](code)).encode()))
    assert isinstance(observed, Failed)
    failure = observed.failure
    assert (failure.reason, failure.code, failure.retryable) == (reason, code, code in RETRYABLE[name])
    assert failure.message


@pytest.mark.parametrize(
    ("word", "reason", "retryable"), [("cancelled", CANCELLED, False), ("expired", EXPIRED, True)]
)
def test_arks_other_ends_are_classes_of_their_own(word: str, reason: FailureClass, retryable: bool) -> None:
    provider = upstream("volc_ark")
    assert provider is not None
    observed = provider.read_observed(
        ProviderResponse(status=200, body=json.dumps({"id": "7", "status": word}).encode())
    )
    assert isinstance(observed, Failed)
    assert (observed.failure.reason, observed.failure.retryable) == (reason, retryable)


def test_a_wrong_method_is_answered_with_the_right_ones_in_every_format() -> None:
    for dialect in DIALECTS.values():
        reply = dialect.render_error(NotAllowed("no", allowed=["POST", "GET"]), Http(method="PUT", path="/"))
        assert reply.headers["allow"] == "GET, POST"
