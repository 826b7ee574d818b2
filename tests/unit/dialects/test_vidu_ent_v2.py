from __future__ import annotations

from dataclasses import replace

import pytest

from reelkeep.dialects.dialect import Cancel, Http
from reelkeep.dialects.vidu_ent_v2.server import dialect
from reelkeep.domain import errors
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, Kind, Request, State
from reelkeep.domain.wire import Json
from tests.unit.dialects.harness import ARCHIVED, task_of
from tests.unit.dialects.vidu_ent_v2_harness import (
    IMAGE_BODY,
    SPEAKER,
    finished,
    golden,
    listed,
    refusal,
    shown,
    submit,
    submitted,
)

# --- reading ---


def test_a_finished_task_shows_permanent_links_and_what_was_measured() -> None:
    assert shown(finished(submit("img2video", IMAGE_BODY))) == golden("served-success")


@pytest.mark.parametrize(
    ("state", "failure", "name"),
    [
        (State.CREATED, None, "served-created"),
        (State.ARCHIVING, None, "served-archiving"),
        (State.FAILED, Failure(reason=FailureClass.POLICY, code="CreationPolicyViolation"), "served-failed"),
        (State.CANCELLED, Failure(reason=FailureClass.CANCELLED, message="by its owner"), "served-cancelled"),
        (State.EXPIRED, Failure(reason=FailureClass.DEADLINE, message="too late"), "served-expired"),
    ],
)
def test_an_unfinished_or_failed_task_shows_every_field_too(state: State, failure: Failure | None, name: str) -> None:
    task = replace(finished(submit("img2video", IMAGE_BODY)), state=state, failure=failure, credits=None)
    assert shown(task) == golden(name)


def test_an_error_of_our_account_at_the_provider_does_not_look_like_the_clients() -> None:
    failure = Failure(reason=FailureClass.PROVIDER, code="Unauthorized", message="the provider refused the key")
    task = task_of(submit("img2video", IMAGE_BODY), state=State.FAILED, failure=failure)
    assert shown(task)["err_code"] == "ModelUnavailable"


def test_a_task_of_another_dialect_can_be_read() -> None:
    request = Request(
        dialect="volc_ark",
        kind=Kind.TEXT2VIDEO,
        model="doubao-seedance-1-5-pro",
        body={"bgm": "?", "style": 7},
    )
    task = finished(request)
    assert shown(task) == golden("served-success") | {"payload": ""}
    assert submitted(task) == golden("served-submitted-foreign")
    assert listed(task)["tasks"][0]["model"] == "doubao-seedance-1-5-pro"


def test_a_creation_without_a_cover_or_facts_has_every_field() -> None:
    bare = replace(ARCHIVED, duration=None, fps=None, width=None, height=None)
    creation = Creation(id="1", assets=(Asset(name="video", archived=bare),), duration=4.0)
    task = task_of(submit("img2video", IMAGE_BODY), state=State.SUCCESS, creations=(creation,))
    assert shown(task)["creations"] == [
        {
            "id": "1",
            "url": "https://reelkeep.example.com/files/1-video.mp4",
            "cover_url": "",
            "watermarked_url": "",
            "moderation_url": [],
            "video": {"duration": 4.0, "fps": 0, "resolution": {"width": 0, "height": 0}},
        }
    ]


# --- cancelling, errors, the document ---


def test_a_cancelled_task_is_answered_with_an_empty_object() -> None:
    route = next(route for route in dialect.routes if isinstance(route, Cancel))
    reply = route.render(task_of(submit("img2video", IMAGE_BODY)))
    assert (route.path, reply.status, reply.body) == ("/ent/v2/tasks/{task_id}/cancel", 200, {})


ERRORS: dict[str, errors.ClientError] = {
    "bad request": errors.InvalidRequest("the body is not valid JSON"),
    "field lacking": errors.Missing("it is required", field="model"),
    "field invalid": errors.InvalidRequest("images cannot be said at this provider", field="images"),
    "page size": errors.PageSizeOutOfRange("pager.pagesz must be from 1 to 100", field="pager.pagesz"),
    "unauthorized": errors.Unauthorized("this API key is not known, or was revoked"),
    "no such task": errors.NotFound("there is no task 7", field="task_id"),
    "no such path": errors.NotFound("there is nothing at /ent/v2/text2song"),
    "method": errors.NotAllowed("PUT is not allowed here, POST is"),
    "too late": errors.CannotCancel(State.ARCHIVING),
    "too large": errors.BodyTooLarge("the body has 7 bytes, the limit is 6"),
    "key reused": errors.KeyReused("this Idempotency-Key was sent before", field="Idempotency-Key"),
    "policy": errors.Refused(
        Failure(reason=FailureClass.POLICY, code="TaskPromptPolicyViolation", message="the prompt is not allowed")
    ),
    "credit": errors.Refused(Failure(reason=FailureClass.CREDIT, message="the account is empty")),
    "no such creation": errors.Refused(
        Failure(reason=FailureClass.INPUT, code="CreationNotFound", message="creation not found")
    ),
    "throttled": errors.Refused(Failure(reason=FailureClass.THROTTLED, message="too much to do")),
    "our key": errors.Refused(
        Failure(reason=FailureClass.PROVIDER, code="Forbidden", message="the provider refused the key")
    ),
    "out of reach": errors.Refused(Failure(reason=FailureClass.PROVIDER, message="provider vidu: blocked")),
}


def test_every_error_is_in_vidus_envelope() -> None:
    http = Http(method="GET", path="/ent/v2/tasks", headers={"x-amzn-trace-id": "Root=1-695c8f00-0a1b2c3d4e5f"})
    replies = {name: dialect.render_error(error, http) for name, error in ERRORS.items()}
    assert {name: reply.body for name, reply in replies.items()} == golden("served-errors")
    for error in ERRORS.values():
        status, body = refusal(error, http)
        assert status == body["code"]
    assert replies["unauthorized"].headers == {"www-authenticate": "Token"}


def test_no_client_error_is_left_without_a_reason() -> None:
    def leaves(error: type[errors.ClientError]) -> set[type[errors.ClientError]]:
        known = {kind for kind in error.__subclasses__() if kind.__module__ == errors.__name__}
        return known.union(*(leaves(kind) for kind in known))

    elsewhere = {errors.Conflict, errors.LimitReached}  # of subscriptions, which only the native API has
    submissions = {errors.ItemCountOutOfRange, errors.Forbidden}  # have tests of their own, as what limits refuse
    submissions |= {errors.Later, *errors.Later.__subclasses__()}
    assert leaves(errors.ClientError) - elsewhere - submissions == {type(error) for error in ERRORS.values()}


def test_a_fault_of_ours_says_nothing_of_what_it_was() -> None:
    reply = dialect.render_fault()
    body: Json = reply.body
    assert (reply.status, body["reason"]) == (500, "InternalServiceFailure")


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("Submitted", "served-submitted"),
        ("Submitted", "served-submitted-template"),
        ("Submitted", "served-submitted-reference"),
        ("Submitted", "served-submitted-foreign"),
        ("TaskCreations", "served-success"),
        ("TaskCreations", "served-failed"),
        ("TaskList", "served-list"),
        ("TaskList", "seed-list"),
        ("Error", "provider-error"),
    ],
)
def test_what_is_served_fits_its_published_schema(schema: str, name: str) -> None:
    SPEAKER.fits(f"ViduEntV2{schema}", golden(name))
