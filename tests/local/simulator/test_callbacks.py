"""The simulator sends callbacks when a task changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from reelkeep.dialects.vidu_ent_v2.client import callback_signature
from reelkeep.domain.provider_callbacks import is_signed
from tests.local.simulator.client import Client
from tests.waiting import until


@dataclass
class Listener:
    """Receives calls, and answers the first of them with these statuses, the rest with 204."""

    url: str
    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    @property
    def states(self) -> list[str]:
        return [body.get("state") or body["status"] for _, body in self.heard]

    def hears(self, *states: str) -> None:
        until(lambda: len(self.heard) >= len(states), what=f"{states}, not only {self.states}", within=60)
        assert self.states == list(states)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@contextmanager
def listening() -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status = heard_by.statuses.pop(0) if heard_by.statuses else 204
            self.send_response(status)
            self.end_headers()
            heard_by.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        heard_by = Listener(f"http://127.0.0.1:{server.server_port}/hook?k=1")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield heard_by
        server.shutdown()
        thread.join()


def seen(simulator: Client, task_id: str) -> list[dict[str, Any]]:
    """What the simulator remembers of its calls."""
    (task,) = (task for task in simulator.http.get("/simulator/tasks").json()["tasks"] if task["id"] == task_id)
    calls: list[dict[str, Any]] = task["callbacks"]
    return calls


def test_vidu_calls_when_it_begins_and_when_it_is_done(simulator: Client, listener: Listener) -> None:
    task_id = simulator.submitted(callback_url=listener.url, payload="mine")
    simulator.skip(1)
    listener.hears("processing")
    simulator.skip(10)
    listener.hears("processing", "success")
    last = listener.heard[-1][1]
    assert last.keys() == simulator.query(task_id).keys()
    assert (last["id"], last["payload"], len(last["creations"])) == (task_id, "mine", 1)


def test_vidu_signs_with_the_key_that_made_the_task(simulator: Client, listener: Listener) -> None:
    simulator.submitted("[fail:AuditFailed]", callback_url=listener.url)
    simulator.skip(10)
    listener.hears("failed")
    signature = callback_signature(listener.url, listener.heard[0][0])
    assert signature is not None
    assert is_signed(signature, "vda_test", signature.made_at)


def test_ark_calls_at_every_change_and_signs_nothing(simulator: Client, listener: Listener) -> None:
    body = {"model": "ep-1", "content": [{"type": "text", "text": "a boat"}], "callback_url": listener.url}
    headers = {"authorization": "Bearer ark"}
    made = simulator.http.post("/api/v3/contents/generations/tasks", json=body, headers=headers).json()
    simulator.skip(0.3)
    listener.hears("queued")
    simulator.skip(0.5)
    listener.hears("queued", "running")
    simulator.skip(10)
    listener.hears("queued", "running", "succeeded")
    headers, last = listener.heard[-1]
    assert (last["id"], "video_url" in last["content"]) == (made["id"], True)
    assert not [name for name in headers if name.startswith("x-hmac")]


def test_an_end_whose_callback_failed_is_sent_again_three_times(simulator: Client, listener: Listener) -> None:
    listener.statuses = [500, 503, 404, 500, 500]
    task_id = simulator.submitted(callback_url=listener.url)
    simulator.skip(10)
    listener.hears(*["success"] * 4)
    until(lambda: len(seen(simulator, task_id)[0]["answers"]) == 4, what="the last answer", within=60)
    assert seen(simulator, task_id)[0]["answers"] == [500, 503, 404, 500]


def test_who_did_not_ask_is_not_called(simulator: Client, listener: Listener) -> None:
    other, task_id = simulator.submitted(), simulator.submitted(callback_url=listener.url)
    simulator.skip(10)
    listener.hears("success")
    assert (seen(simulator, other), len(seen(simulator, task_id))) == ([], 1)


def test_calls_can_be_lost_doubled_late_and_forged(simulator: Client, listener: Listener) -> None:
    lost = simulator.submitted("[callback-lose]", callback_url=listener.url)
    simulator.submitted("[callback-twice]", callback_url=listener.url)
    simulator.skip(10)
    listener.hears("success", "success")
    assert seen(simulator, lost) == []

    listener.heard.clear()
    simulator.submitted("[callback-forged]", callback_url=listener.url)
    simulator.skip(10)
    listener.hears("success")
    signature = callback_signature(listener.url, listener.heard[0][0])
    assert signature is not None
    assert not is_signed(signature, "vda_test", signature.made_at)


def test_a_late_call_may_come_after_a_later_one(simulator: Client, listener: Listener) -> None:
    simulator.misbehave({"on": "callback", "do": "slow", "seconds": 1.5, "times": 1})
    simulator.submitted(callback_url=listener.url)
    simulator.skip(1)
    until(
        lambda: simulator.http.get("/simulator/faults").json()["faults"][0]["happened"],
        what="the late call",
        within=60,
    )
    simulator.skip(10)
    listener.hears("success", "processing")


def test_a_status_is_no_way_in_which_a_call_goes_wrong(simulator: Client) -> None:
    answer = simulator.http.put("/simulator/faults", json={"faults": [{"on": "callback", "do": "500"}]})
    assert answer.status_code == 400
