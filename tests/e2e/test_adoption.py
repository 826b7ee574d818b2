"""What was made elsewhere with the same account: a key and a schedule are enough to have it, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from local.stack import Stack
from reelkeep.domain.ids import adopted_task_id
from tests.e2e.archive import Archive
from tests.e2e.client import Client
from tests.e2e.conftest import Aws, NewClient, Prompt
from tests.e2e.mailbox import Mailbox
from tests.e2e.malformed import MalformedProvider
from tests.samples import video
from tests.waiting import until

Adopt = Callable[[], int]  # and how many were


@pytest.fixture
def adopt(stack: Stack, aws: Aws) -> Adopt:
    def adopt() -> int:
        answer = aws("lambda").invoke(FunctionName=stack.sweep_function, Payload=b'{"adopt": true}')
        result = json.load(answer["Payload"])
        assert "malformed" not in result["unread"], result
        return int(result["adopted"])

    return adopt


def test_a_success_made_elsewhere_is_archived_and_announced_once(
    new_client: NewClient,
    alice: Client,
    prompt: Prompt,
    malformed: MalformedProvider,
    mailbox: Mailbox,
    archive: Archive,
    adopt: Adopt,
) -> None:
    now = datetime.now(UTC)
    malformed.make("885000000000000001", now - timedelta(hours=1), prompt("made elsewhere"), video())
    malformed.make("885000000000000002", now, prompt("made just now"), video())
    assert adopt() == 1

    finder = new_client("adopted")
    (task,) = finder.tasks()
    task = finder.succeeded(task["id"])
    assert archive.verified(task) == {"video": video()}
    assert (task["prompt"], task["credits"]) == (prompt("made elsewhere"), 7)
    assert (task["adopted"]["provider_task_id"], task["adopted"]["lost_task"]) == ("885000000000000001", None)
    assert abs(datetime.fromisoformat(task["created_at"]) - now + timedelta(hours=1)) < timedelta(seconds=1)
    assert mailbox.of(task["id"]).event["data"]["adopted"]["provider_task_id"] == "885000000000000001"
    assert finder.vidu_task(task["id"])["state"] == "success"
    assert alice.http.get(f"/tasks/{task['id']}").status_code == 404

    assert adopt() == 0
    assert len(finder.tasks()) == 1


def test_a_film_that_leads_to_a_clouds_secrets_is_not_followed_there(
    malformed: MalformedProvider,
    prompt: Prompt,
    provider_key: str,
    archive: Archive,
    stack: Stack,
    aws: Aws,
    adopt: Adopt,
) -> None:
    """Although this provider may live on a private address. How it ends, after minutes, is left to the unit tests."""
    made_at = datetime.now(UTC) - timedelta(hours=1)
    malformed.make("885000000000000003", made_at, prompt("that is a trap"), video(), path="/trap.mp4")
    assert adopt() >= 1
    task_id = adopted_task_id("malformed", "885000000000000003", made_at)

    def last_error() -> str:
        key = {"pk": {"S": f"task#{task_id}"}, "sk": {"S": "task"}}
        item = aws("dynamodb").get_item(TableName=stack.table, Key=key)["Item"]
        return str(json.loads(item["document"]["S"]).get("last_error", ""))

    assert "not on the public internet" in until(last_error, what="a try to get it")
    assert archive.names(task_id) == []


def test_the_schedule_adopts_by_itself(stack: Stack, aws: Aws) -> None:
    """What it does is what the others do by hand; here it is only seen to be there."""
    scheduler = aws("scheduler")
    schedules = [scheduler.get_schedule(Name=each["Name"]) for each in scheduler.list_schedules()["Schedules"]]
    inputs = {each["Target"].get("Input", ""): each["ScheduleExpression"] for each in schedules}
    assert inputs['{"adopt": true}'] == "rate(1 hour)"
