"""The native API: how tasks and errors are shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reelkeep.dialects.dialect import Http
from reelkeep.dialects.reelkeep.server import dialect
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Refused,
    Unauthorized,
)
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import ArchivedFile, Asset, Creation, Failure, FailureClass, Kind, Request, State, Task
from tests.unit.dialects.reelkeep_harness import (
    BOAT,
    CANCEL,
    INLINE,
    LIST,
    NOON,
    SHOW,
    SUBMIT,
    TASK_ID,
    body,
    listing,
)


def task(**changes: Any) -> Task:
    plain = Task(
        id=TASK_ID,
        owner="alice",
        key_id="key-1",
        provider="vidu",
        request=Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO, model="viduq3-pro", prompt="a paper boat"),
        created_at=NOON,
        updated_at=NOON + timedelta(seconds=1),
        deadline=NOON + timedelta(hours=2),
        state=State.QUEUEING,
        credits=20,
    )
    return replace(plain, **changes)


def archived(name: str, content_type: str, **measured: Any) -> Asset:
    file = ArchivedFile(
        key=f"tasks/2026/11/21/{TASK_ID}/1-{name}", bytes=7, sha256="ab", content_type=content_type, **measured
    )
    return Asset(name=name, archived=file)


def link(file: ArchivedFile) -> str:
    return f"https://keep.test/{file.key.rpartition('/')[2]}"


COST = {"phase": "reserved", "unit": "credits", "units": "20", "amount": None, "currency": None}
PLAIN: dict[str, Any] = {
    "id": TASK_ID,
    "owner": "alice",
    "state": "queueing",
    "kind": "text2video",
    "provider": "vidu",
    "provider_task_id": None,
    "model": "viduq3-pro",
    "prompt": "a paper boat",
    "images": [],
    "video_url": None,
    "creation_id": None,
    "template": None,
    "duration": None,
    "resolution": None,
    "aspect_ratio": None,
    "seed": None,
    "audio": None,
    "off_peak": False,
    "payload": None,
    "priority": "normal",
    "waiting": None,
    "eta": None,
    "tags": [],
    "starred": False,
    "hidden_at": None,
    "created_at": "2026-11-21T12:00:00Z",
    "updated_at": "2026-11-21T12:00:01Z",
    "started_at": None,
    "ready_at": None,
    "finished_at": None,
    "deadline": "2026-11-21T14:00:00Z",
    "credits": 20,
    "cost": COST,
    "failure": None,
    "last_error": None,
    "adopted": None,
    "adopted_as": None,
    "possible_repeat": None,
    "creations": [],
    "differs": [],
}


def test_a_page_leads_to_the_next_one() -> None:
    page = Page(tasks=(task(),), next_cursor=TASK_ID)
    shown = body(LIST.render(page, link, Listing()))
    assert shown["tasks"] == [PLAIN]
    assert listing(("cursor", shown["next_cursor"])).cursor == TASK_ID


def test_the_last_page_leads_nowhere() -> None:
    assert body(LIST.render(Page(tasks=()), link, Listing())) == {"tasks": [], "next_cursor": None}


def test_a_new_task_is_shown_with_its_address() -> None:
    reply = SUBMIT.render(task())
    assert (reply.status, reply.headers, body(reply)) == (201, {"location": f"/tasks/{TASK_ID}"}, PLAIN)


def test_a_finished_task_is_shown_with_permanent_links_to_what_is_archived_and_nothing_else() -> None:
    creation = Creation(
        id="c1",
        assets=(
            archived(
                "video", "video/mp4", duration=5.04, fps=24.0, width=1280, height=720, codec="hevc", sound=False
            ),
            archived("cover", "image/jpeg"),
            archived("watermarked", "video/mp4"),
            archived("moderation-1", "video/mp4"),
            Asset(name="last-frame", source="https://provider.test/last?signature=secret", lost="it was gone"),
            Asset(name="moderation-2", source="https://provider.test/2?signature=secret", last_error="503"),
        ),
        duration=5.0,
        width=640,
    )
    done = task(
        state=State.SUCCESS,
        processing_at=NOON - timedelta(seconds=70),
        succeeded_at=NOON - timedelta(seconds=2),
        finished_at=NOON,
        seed=7,
        request=Request(
            dialect="vidu_ent_v2", kind=Kind.IMG2VIDEO, images=(INLINE, BOAT), seed=0, payload="job-1", duration=5
        ),
        creations=(creation,),
    )

    def file(name: str, content_type: str) -> dict[str, Any]:
        url = f"https://keep.test/1-{name}"
        return {"name": name, "url": url, "bytes": 7, "sha256": "ab", "crc32": None, "content_type": content_type}

    assert body(SHOW.render(done, link)) == PLAIN | {
        "state": "success",
        "kind": "img2video",
        "model": None,
        "prompt": None,
        "images": ["data:image/png;base64,...", BOAT],
        "duration": 5,
        "seed": 7,
        "payload": "job-1",
        "started_at": "2026-11-21T11:58:50Z",
        "ready_at": "2026-11-21T11:59:58Z",
        "finished_at": "2026-11-21T12:00:00Z",
        "cost": COST | {"phase": "charged"},
        "creations": [
            {
                "id": "c1",
                "url": "https://keep.test/1-video",
                "cover_url": "https://keep.test/1-cover",
                "watermarked_url": "https://keep.test/1-watermarked",
                "last_frame_url": None,
                "moderation_urls": ["https://keep.test/1-moderation-1"],
                "video": {
                    "duration": 5.04,
                    "fps": 24.0,
                    "width": 1280,
                    "height": 720,
                    "codec": "hevc",
                    "sound": False,
                },
                "files": [
                    file("video", "video/mp4"),
                    file("cover", "image/jpeg"),
                    file("watermarked", "video/mp4"),
                    file("moderation-1", "video/mp4"),
                ],
                "missing": [
                    {"name": "last-frame", "reason": "it was gone", "given_up": True},
                    {"name": "moderation-2", "reason": "503", "given_up": False},
                ],
            }
        ],
    }


def test_creations_are_not_shown_before_the_end() -> None:
    halfway = task(state=State.ARCHIVING, creations=(Creation(id="c1", assets=(archived("video", "video/mp4"),)),))
    assert body(SHOW.render(halfway, link))["creations"] == []


def test_a_cancelled_task_says_why_it_ended() -> None:
    failure = Failure(reason=FailureClass.CANCELLED, message="cancelled by the client")
    reply = CANCEL.render(task(state=State.CANCELLED, failure=failure, finished_at=NOON))
    assert body(reply) == PLAIN | {
        "state": "cancelled",
        "finished_at": "2026-11-21T12:00:00Z",
        "cost": COST | {"phase": "free", "units": "0"},
        "failure": {
            "reason": "cancelled",
            "code": None,
            "message": "cancelled by the client",
            "retryable": False,
        },
    }


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (InvalidRequest("the body is not valid JSON"), 400, "invalid-request"),
        (Unauthorized("an API key is needed"), 401, "unauthorized"),
        (Refused(Failure(reason=FailureClass.CREDIT)), 402, "no-credit"),
        (NotFound("there is no such task", field="task_id"), 404, "not-found"),
        (NotAllowed("this method is not served here"), 405, "method-not-allowed"),
        (CannotCancel(State.SUCCESS), 409, "cannot-cancel"),
        (BodyTooLarge("the body is too large"), 413, "body-too-large"),
        (Refused(Failure(reason=FailureClass.POLICY)), 422, "refused-by-provider"),
        (Refused(Failure(reason=FailureClass.THROTTLED)), 429, "throttled-by-provider"),
    ],
)
def test_an_error_is_a_problem_with_a_type_and_a_status(error: ClientError, status: int, name: str) -> None:
    reply = dialect.render_error(error, Http(method="PUT", path=f"/tasks/{TASK_ID}"))
    problem = body(reply)
    assert (reply.status, problem["status"], problem["type"]) == (status, status, f"/docs#problem-{name}")
    assert (problem["detail"], reply.headers["content-type"]) == (error.message, "application/problem+json")


def test_a_provider_s_field_is_named() -> None:
    error = InvalidRequest("audio cannot be said with upscale at this provider", field="audio")
    assert body(dialect.render_error(error, Http(method="POST", path="/tasks"))) == {
        "type": "/docs#problem-invalid-request",
        "title": "The request is not valid",
        "status": 400,
        "detail": "audio cannot be said with upscale at this provider",
        "errors": [{"field": "audio", "message": "audio cannot be said with upscale at this provider"}],
    }


def test_a_refusal_says_what_the_provider_said() -> None:
    failure = Failure(reason=FailureClass.POLICY, code="TaskPromptPolicyViolation", message="not this prompt")
    assert body(dialect.render_error(Refused(failure), Http(method="POST", path="/tasks"))) == {
        "type": "/docs#problem-refused-by-provider",
        "title": "The provider refused the request",
        "status": 422,
        "detail": "not this prompt",
        "failure": {
            "reason": "policy",
            "code": "TaskPromptPolicyViolation",
            "message": "not this prompt",
            "retryable": False,
        },
    }


def test_a_request_without_a_key_is_answered_how_to_bring_one() -> None:
    reply = dialect.render_error(Unauthorized("an API key is needed"), Http(method="GET", path="/tasks"))
    assert reply.headers["www-authenticate"] == 'Bearer realm="reelkeep"'


def test_a_fault_says_nothing_of_what_went_wrong() -> None:
    reply = dialect.render_fault()
    assert (reply.status, reply.headers) == (500, {"content-type": "application/problem+json"})
    assert body(reply) == {
        "type": "/docs#problem-fault",
        "title": "Something went wrong on our side",
        "status": 500,
        "detail": "Try again in a moment. If the error persists, contact the operator of this service.",
    }
