"""A provider that misbehaves: each task ends as it should, paid once, and the archive holds nothing but films."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from local.stack import Stack
from tests.e2e.archive import Archive, decoded
from tests.e2e.client import SMALL, Client
from tests.e2e.conftest import Aws, Prompt
from tests.e2e.mailbox import Mailbox
from tests.e2e.simulator import Simulator
from tests.waiting import until

# What the simulator is told to do to each of them; see local/simulator/script.py.
DIRECTIVES = {
    "busy": "[429:1]",  # two in a row would show how many it takes, and the others would wait
    "lost answer": "[lose:1]",
    "unreadable answer": "[submit-nonsense:1]",
    "error": "[500:1]",
    "cut": "[cut:3]",
    "short": "[short:1]",
    "half": "[truncated:1]",
    "page": "[html:1]",
    "page for ever": "[html]",
    "unmeasured": "[no-length]",
    "unseekable": "[no-range]",
    "large": "[size:60][moderation:0]",
    "overloaded store": "[media-503:1]",
    "dead link": "[expired:1]",
    "rules": "[fail:CreationPolicyViolation]",
    "failure": "[fail:InternalServiceFailure]",
    "unwell": "[query-500:1][query-429:1][query-502:1]",
    "silent": "[query-cut:2]",
    "unheard-of state": "[odd-state:reviewing][slow:5]",
}


@dataclass(frozen=True)
class Story:
    prompt: str
    task_id: str
    answered_in: float  # seconds


class Stories:
    """By their names, as soon as the client has its answer."""

    def __init__(self, submitted: Mapping[str, Future[Story]]) -> None:
        self._submitted = submitted

    def __getitem__(self, name: str) -> Story:
        return self._submitted[name].result()


@pytest.fixture(scope="module")
def stories(alice: Client, prompt: Prompt, simulator: Simulator, mailbox: Mailbox) -> Iterator[Stories]:
    """All under way at once."""

    def submit(about: str, directives: str = "") -> Story:
        text, began = prompt(about, directives), time.monotonic()
        task_id = alice.submitted(text)
        return Story(text, task_id, time.monotonic() - began)

    with ThreadPoolExecutor(len(DIRECTIVES) + 1) as threads:
        simulator.misbehave({"on": "submit", "do": "slow", "seconds": 25, "times": 1})
        slow = threads.submit(submit, "and a slow answer")
        until(simulator.misbehaved, what="the slow answer, which is for the first that comes")
        others = {
            name: threads.submit(submit, f"and a {name}", directives) for name, directives in DIRECTIVES.items()
        }
        yield Stories({"slow answer": slow, **others})
    simulator.behave()


def whole(story: Story, alice: Client, archive: Archive, simulator: Simulator) -> dict[str, Any]:
    """Ended well: one generation at the provider, and its film in the archive."""
    task = alice.succeeded(story.task_id)
    assert simulator.task(story.prompt)["billed"] is True
    film = decoded(archive.verified(task)["video"])
    assert (film.frames, film.width, film.height) == (24, 960, 540)
    return task


def failed(story: Story, alice: Client, archive: Archive, mailbox: Mailbox) -> dict[str, Any]:
    """Ended badly: said so, with nothing but the reason in the archive."""
    task = alice.ended(story.task_id)
    assert (task["state"], task["creations"]) == ("failed", [])
    assert archive.names(story.task_id) == ["manifest.json"]
    event = mailbox.of(story.task_id).event
    assert (event["type"], event["data"]["failure"]) == ("reelkeep.task.failed", task["failure"])
    return task


# --- the submission ---


@pytest.mark.parametrize(
    ("reason", "vidu", "ours"),
    [
        ("CreditInsufficient", (400, "CreditInsufficient"), (402, "credit")),
        ("TaskPromptPolicyViolation", (400, "TaskPromptPolicyViolation"), (422, "policy")),
        ("Unauthorized", (400, "ModelUnavailable"), (422, "provider")),  # our key there is not the client's business
    ],
)
def test_a_refusal_reaches_the_client_at_once(
    reason: str, vidu: tuple[int, str], ours: tuple[int, str], alice: Client, prompt: Prompt, simulator: Simulator
) -> None:
    text = prompt("that is refused", f"[refuse:{reason}]")
    answer = alice.vidu_submit("text2video", **SMALL, prompt=text)
    assert (answer.status_code, answer.json()["reason"]) == vidu
    answer = alice.submit(text)
    assert (answer.status_code, answer.json()["failure"]["reason"]) == ours
    assert "albatross" not in answer.text
    assert simulator.tasks(text) == []


def test_an_answer_that_makes_no_sense_is_kept_for_diagnosis(
    alice: Client, prompt: Prompt, archive: Archive, simulator: Simulator, stack: Stack, aws: Aws
) -> None:
    """Before there are so many tasks that their provider's list is read instead."""
    text = prompt("and nonsense", "[nonsense:2]")
    story = Story(text, alice.submitted(text), answered_in=0.0)
    whole(story, alice, archive, simulator)
    answers = aws("dynamodb").query(
        TableName=stack.table,
        KeyConditionExpression="pk = :task AND begins_with(sk, :answer)",
        ExpressionAttributeValues={":task": {"S": f"task#{story.task_id}"}, ":answer": {"S": "answer#"}},
    )["Items"]
    assert len(answers) == 2
    for answer in answers:
        assert answer["reason"]["S"]
        assert answer["answer"]["S"].startswith('{"task_id": "8850000')
        assert "expires_at" in answer


def test_a_busy_provider_is_asked_again(
    stories: Stories, alice: Client, archive: Archive, simulator: Simulator
) -> None:
    whole(stories["busy"], alice, archive, simulator)


@pytest.mark.parametrize("story", ["lost answer", "unreadable answer"])
def test_a_submission_whose_answer_is_lost_is_found_again_and_paid_once(
    story: str, stories: Stories, alice: Client, archive: Archive, simulator: Simulator
) -> None:
    whole(stories[story], alice, archive, simulator)


def test_a_submission_that_met_an_error_is_not_repeated_blindly(
    stories: Stories, alice: Client, simulator: Simulator
) -> None:
    """It may have gone through. Whether it has takes minutes to be certain, so that is left to the unit tests."""
    task = alice.task(stories["error"].task_id)
    assert (task["state"], simulator.tasks(stories["error"].prompt)) == ("created", [])


# --- the looks ---


@pytest.mark.parametrize("story", ["unwell", "silent", "unheard-of state"])
def test_a_provider_that_cannot_say_how_it_goes_is_asked_again(
    story: str, stories: Stories, alice: Client, archive: Archive, simulator: Simulator
) -> None:
    whole(stories[story], alice, archive, simulator)


@pytest.mark.parametrize(
    ("story", "reason", "code"),
    [("rules", "policy", "CreationPolicyViolation"), ("failure", "provider", "InternalServiceFailure")],
)
def test_a_failure_is_shown_with_its_reason(
    story: str,
    reason: str,
    code: str,
    stories: Stories,
    alice: Client,
    archive: Archive,
    mailbox: Mailbox,
) -> None:
    task = failed(stories[story], alice, archive, mailbox)
    assert (task["failure"]["reason"], task["failure"]["code"]) == (reason, code)
    assert len(task["failure"]["message"].split()) > 3
    vidu = alice.vidu_task(task["id"])
    assert (vidu["state"], vidu["err_code"], vidu["creations"]) == ("failed", code, [])


# --- the download ---


@pytest.mark.parametrize(
    "story", ["cut", "short", "half", "page", "unmeasured", "unseekable", "large", "overloaded store", "dead link"]
)
def test_a_film_that_is_hard_to_get_arrives_whole(
    story: str, stories: Stories, alice: Client, archive: Archive, simulator: Simulator
) -> None:
    task = whole(stories[story], alice, archive, simulator)
    assert task["failure"] is None


def test_a_large_film_keeps_every_byte(stories: Stories, alice: Client) -> None:
    task = alice.succeeded(stories["large"].task_id)
    (video,) = (file for file in task["creations"][0]["files"] if file["name"] == "video")
    assert video["bytes"] == 60_000_000


def test_a_page_in_place_of_a_film_is_never_archived_as_one(
    stories: Stories, alice: Client, archive: Archive, simulator: Simulator, mailbox: Mailbox
) -> None:
    """How it ends, after some minutes of patience, is left to the unit tests."""
    story = stories["page for ever"]
    until(lambda: simulator.task(story.prompt)["downloads"] > 4, what="a second try")
    task = alice.task(story.task_id)
    assert (task["state"], task["creations"]) == ("archiving", [])
    assert alice.vidu_task(story.task_id)["state"] == "processing"
    assert "1-video.mp4" not in archive.names(story.task_id)
    mailbox.empty()
    assert [notice for notice in mailbox.notices if notice.event["subject"] == story.task_id] == []


# --- and the one that takes its time ---


def test_a_client_is_answered_in_time_however_slow_the_provider_is(
    stories: Stories, alice: Client, archive: Archive, simulator: Simulator
) -> None:
    story = stories["slow answer"]
    assert 15 < story.answered_in < 29
    whole(story, alice, archive, simulator)
