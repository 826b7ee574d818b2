"""Cancelling: in time, too late, and by another owner."""

from __future__ import annotations

from tests.e2e.client import SMALL, Client
from tests.e2e.conftest import Prompt
from tests.e2e.mailbox import Mailbox
from tests.e2e.simulator import Simulator
from tests.waiting import until


def test_a_task_that_has_not_begun_is_cancelled_there_and_here(
    alice: Client, prompt: Prompt, simulator: Simulator, mailbox: Mailbox
) -> None:
    text = prompt("that nobody wants any more")
    task_id = alice.submitted(text, off_peak=True)
    answer = alice.cancel(task_id)
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert simulator.task(text)["state"] == "cancelled"
    notice = mailbox.of(task_id)
    assert (notice.attributes["state"], notice.event["data"]["creations"]) == ("cancelled", [])
    assert alice.cancel(task_id).status_code == 200  # a second time changes nothing
    vidu = alice.vidu_task(task_id)
    assert (vidu["state"], vidu["err_code"]) == ("failed", "UserCancelled")


def test_vidus_clients_cancel_in_vidus_words(alice: Client, prompt: Prompt, simulator: Simulator) -> None:
    text = prompt("that is called off")
    task_id = alice.vidu_submitted("text2video", **SMALL, prompt=text, off_peak=True)["task_id"]
    answer = alice.http.post(f"/ent/v2/tasks/{task_id}/cancel", json={"id": task_id})
    assert (answer.status_code, answer.json()) == (200, {})
    assert alice.task(task_id)["state"] == "cancelled"
    assert simulator.task(text)["billed"] is False


def test_what_has_begun_is_not_cancelled_and_goes_on(alice: Client, prompt: Prompt, simulator: Simulator) -> None:
    text = prompt("that is well under way", "[slow:6]")
    task_id = alice.submitted(text)
    until(lambda: simulator.task(text)["state"] == "processing", what="the simulator to begin")
    answer = alice.cancel(task_id)
    assert answer.status_code == 409
    assert answer.json()["type"] == f"{alice.http.base_url.path}docs#problem-cannot-cancel"
    answer = alice.http.post(f"/ent/v2/tasks/{task_id}/cancel", json={"id": task_id})
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")
    assert "can not cancel" in answer.json()["message"]
    alice.succeeded(task_id)
    assert alice.cancel(task_id).status_code == 409


def test_another_owners_task_cannot_be_cancelled(
    alice: Client, bob: Client, prompt: Prompt, simulator: Simulator
) -> None:
    text = prompt("of alice's own", "[slow:0]")
    task_id = alice.submitted(text, off_peak=True)
    assert bob.cancel(task_id).status_code == 404
    assert bob.http.post(f"/ent/v2/tasks/{task_id}/cancel", json={"id": task_id}).status_code == 404
    assert simulator.task(text)["state"] != "cancelled"
    assert alice.cancel(task_id).status_code == 200
