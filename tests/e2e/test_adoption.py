"""What was made elsewhere with the same account: a key and a schedule are enough to have it, too."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from local.stack import Stack
from tests.e2e.archive import Archive
from tests.e2e.client import Client
from tests.e2e.conftest import Aws, NewClient, Prompt
from tests.e2e.crooked import CrookedProvider
from tests.e2e.mailbox import Mailbox
from tests.samples import video


def test_a_success_made_elsewhere_is_archived_and_told_of_once(
    new_client: NewClient,
    alice: Client,
    prompt: Prompt,
    crooked: CrookedProvider,
    mailbox: Mailbox,
    archive: Archive,
    stack: Stack,
    aws: Aws,
) -> None:
    def adopt() -> int:
        answer = aws("lambda").invoke(FunctionName=stack.sweep_function, Payload=b'{"adopt": true}')
        result = json.load(answer["Payload"])
        assert "crooked" not in result["unread"], result
        return int(result["adopted"])

    now = datetime.now(UTC)
    crooked.make("885000000000000001", now - timedelta(hours=1), prompt("made elsewhere"), video())
    crooked.make("885000000000000002", now, prompt("made just now"), video())
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
