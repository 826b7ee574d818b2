"""Everything that the simulator can be told to do wrong, by a prompt or by its admin endpoint."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from local.simulator import admin
from local.simulator.faults import Fault, fault_from_json
from local.simulator.prompt_directives import Directives, read_directives
from local.simulator.simulator import Settings, Simulator
from tests.local.simulator.client import Client


def _statuses(simulator: Client, prompt: str, times: int) -> list[int]:
    return [simulator.submit(prompt).status_code for _ in range(times)]


def test_a_prompt_without_directives_asks_for_nothing() -> None:
    assert read_directives("a [paper] boat [123] [slow:soon] [cut:x] [media-refuse:X] []") == Directives()


def test_a_prompt_can_ask_for_several_things() -> None:
    prompt = "[fail:AuditFailed] a boat [slow:30][odd-state][429:2][query-503][moderation:3][callback-slow:1]"
    assert read_directives(prompt) == Directives(
        fail="AuditFailed",
        takes=30,
        odd_state="reviewing",
        moderation=3,
        faults=(Fault("submit", "429", times=2), Fault("query", "503"), Fault("callback", "slow", times=1)),
    )


def test_a_task_fails_with_the_code_that_its_prompt_names(simulator: Client) -> None:
    answer = simulator.query(simulator.made("[fail:CreationPolicyViolation]"))
    assert (answer["state"], answer["err_code"]) == ("failed", "CreationPolicyViolation")
    assert (answer["creations"], simulator.generated()) == ([], 0)


def test_a_slow_task_takes_its_time(simulator: Client) -> None:
    task_id = simulator.made("[slow:30]")
    assert simulator.query(task_id)["state"] == "processing"
    simulator.skip(30)
    assert simulator.query(task_id)["state"] == "success"


def test_a_task_can_be_in_an_unknown_state(simulator: Client) -> None:
    task_id = simulator.submitted("[odd-state:reviewing]")
    simulator.skip(1)
    assert simulator.query(task_id)["state"] == "reviewing"
    simulator.skip(5)
    assert simulator.query(task_id)["state"] == "success"


def test_a_submission_is_refused_as_often_as_the_prompt_says_and_then_accepted(simulator: Client) -> None:
    assert _statuses(simulator, "[429:2][500:1]", 4) == [429, 429, 500, 200]
    assert simulator.http.get("/simulator/tasks").json()["total"] == 1


def test_a_refusal_names_its_reason(simulator: Client) -> None:
    answers = [simulator.submit("[refuse:CreditInsufficient]"), simulator.submit("[refuse:QuotaExceeded]")]
    assert [(a.status_code, a.json()["reason"]) for a in answers] == [
        (400, "CreditInsufficient"),
        (429, "QuotaExceeded"),
    ]


def test_a_gateway_error_is_no_json(simulator: Client) -> None:
    assert simulator.submit("[503]").headers["content-type"].startswith("text/html")


def test_an_answer_can_be_lost_although_the_task_was_taken(simulator: Client) -> None:
    with pytest.raises(httpx.ReadError):
        simulator.submit("[lose:1]")
    simulator.skip(10)
    assert simulator.generated() == 1


def test_a_connection_can_be_cut_before_the_task_is_taken(simulator: Client) -> None:
    with pytest.raises(httpx.ReadError):
        simulator.submit("[submit-cut:1]")
    assert simulator.http.get("/simulator/tasks").json()["total"] == 0


def test_an_answer_can_come_too_late(simulator: Client) -> None:
    simulator.misbehave({"on": "submit", "do": "lose", "times": 1, "seconds": 30})
    with pytest.raises(httpx.ReadTimeout):
        simulator.http.post(
            "/ent/v2/text2video",
            json={"model": "vidu1.5", "prompt": "x"},
            timeout=httpx.Timeout(5, read=0.05),
        )
    simulator.skip(10)
    assert simulator.generated() == 1


def test_a_query_can_be_answered_with_nonsense(simulator: Client) -> None:
    task_id = simulator.submitted("[nonsense:1]")
    answer = simulator.http.get(f"/ent/v2/tasks/{task_id}/creations")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r"utf-8|Invalid|Expecting"):
        answer.json()
    assert simulator.query(task_id)["state"] == "created"


def test_links_can_be_dead_on_arrival(simulator: Client) -> None:
    task_id = simulator.made("[expired:1]")
    assert simulator.get(simulator.creation(task_id)["url"]).status_code == 403
    assert simulator.get(simulator.creation(task_id)["url"]).status_code == 200


def test_a_web_page_can_come_in_place_of_the_video(simulator: Client) -> None:
    url = simulator.creation(simulator.made("[html:1]"))["url"]
    page = simulator.get(url)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert simulator.get(url).headers["content-type"] == "video/mp4"


@pytest.mark.parametrize("word", ["short", "cut"])
def test_a_download_can_break_off(simulator: Client, word: str) -> None:
    url = simulator.creation(simulator.made(f"[{word}:2]"))["url"]
    errors = {"short": httpx.RemoteProtocolError, "cut": httpx.ReadError}
    size = int(simulator.head(url).headers["content-length"])
    for _ in range(2):
        with simulator.http.stream("GET", url) as answer:
            assert answer.headers["content-length"] == str(size)
            with pytest.raises(errors[word]):
                answer.read()
    assert len(simulator.get(url).content) == size


def test_a_file_can_be_half_of_itself_without_a_sign(simulator: Client) -> None:
    url = simulator.creation(simulator.made("[truncated:1]"))["url"]
    half, whole = simulator.get(url), simulator.get(url)
    assert half.headers["content-length"] == str(len(half.content))
    assert half.content == whole.content[: len(whole.content) // 2]


def test_a_download_can_come_without_a_length(simulator: Client) -> None:
    url = simulator.creation(simulator.made("[no-length:1]"))["url"]
    chunked, whole = simulator.get(url), simulator.get(url)
    assert "content-length" not in chunked.headers
    assert chunked.content == whole.content


def test_a_range_can_be_ignored(simulator: Client) -> None:
    url = simulator.creation(simulator.made("[no-range:1]"))["url"]
    statuses = [simulator.get(url, range="bytes=0-9").status_code for _ in range(2)]
    assert statuses == [200, 206]


def test_the_store_of_files_can_be_down(simulator: Client) -> None:
    creation = simulator.creation(simulator.made("[media-503:1]"))
    assert [simulator.get(creation["url"]).status_code for _ in range(2)] == [503, 200]


def test_only_the_video_follows_the_prompt(simulator: Client) -> None:
    creation = simulator.creation(simulator.made("[html][media-503]"))
    assert simulator.get(creation["cover_url"]).headers["content-type"] == "image/jpeg"


def test_global_faults_hit_whoever_comes_next(simulator: Client) -> None:
    simulator.misbehave(
        {"on": "submit", "do": 429, "times": 1, "retry_after": 3}, {"on": "submit", "do": "500", "times": 1}
    )
    answers = [simulator.submit() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 500, 200]
    assert answers[0].headers["retry-after"] == "3"
    assert [fault["happened"] for fault in simulator.http.get("/simulator/faults").json()["faults"]] == [1, 1]


def test_a_global_fault_without_a_number_lasts_until_it_is_deleted(simulator: Client) -> None:
    task_id = simulator.submitted()
    simulator.misbehave({"on": "query", "do": "500"})
    path = f"/ent/v2/tasks/{task_id}/creations"
    assert [simulator.http.get(path).status_code for _ in range(3)] == [500] * 3
    assert simulator.http.delete("/simulator/faults").json() == {"faults": []}
    assert simulator.http.get(path).status_code == 200


def test_the_list_and_the_other_calls_can_fail_too(simulator: Client) -> None:
    task_id = simulator.submitted(payload="job-1")
    calls: list[tuple[str, str, str]] = [
        ("list", "GET", "/ent/v2/tasks"),
        ("cancel", "POST", f"/ent/v2/tasks/{task_id}/cancel"),
        ("credits", "GET", "/ent/v2/credits"),
    ]
    simulator.misbehave(*({"on": on, "do": "500"} for on, _, _ in calls))
    assert [simulator.http.request(method, path).status_code for _, method, path in calls] == [500] * 3
    simulator.misbehave({"on": "list", "do": "no-payload"})
    assert "payload" not in simulator.list()["tasks"][0]


def test_a_slow_answer_comes_all_the_same(simulator: Client) -> None:
    simulator.misbehave({"on": "submit", "do": "slow", "seconds": 0.02, "times": 1})
    assert simulator.submit().elapsed.total_seconds() > 0.02


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"on": "submit"},
        {"on": "nowhere", "do": "429"},
        {"on": "submit", "do": "html"},
        {"on": "media", "do": "200"},
        {"on": "submit", "do": "refuse"},
        {"on": "submit", "do": "429", "times": 0},
        {"on": "submit", "do": "429", "times": True},
        {"on": "submit", "do": "429", "often": 1},
        {"on": "submit", "do": "slow", "seconds": -1},
        "429",
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(fault: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        fault_from_json(fault)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/simulator/faults", {"faults": [{"on": "x", "do": "429"}]}),
        ("PUT", "/simulator/faults", []),
        ("POST", "/simulator/clock", {"advance_seconds": -1}),
        ("POST", "/simulator/clock", {"advance_seconds": "1"}),
    ],
)
def test_an_admin_request_that_makes_no_sense_is_refused(
    simulator: Client, method: str, path: str, body: Any
) -> None:
    response = simulator.http.request(method, path, json=body)
    assert response.status_code == 400
    assert response.json()["error"]


def test_the_admin_endpoints_answer_only_to_this_machine(tmp_path: Path) -> None:
    simulator = Simulator(Settings(data=tmp_path))
    app = Starlette(routes=admin.routes(simulator))

    async def ask(address: str) -> int:
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://simulator.test") as http:
            return (await http.get("/simulator/tasks")).status_code

    assert [asyncio.run(ask(address)) for address in ("10.0.0.7", "127.0.0.1", "::1")] == [403, 200, 200]
    simulator.close()


def test_what_was_asked_and_made_can_be_looked_up(simulator: Client) -> None:
    task_id = simulator.made("a paper boat", payload="job-1")
    simulator.get(simulator.creation(task_id)["url"])
    answer = simulator.http.get("/simulator/tasks").json()
    (task,) = answer["tasks"]
    assert (answer["total"], answer["generated"]) == (1, 1)
    assert (task["id"], task["state"], task["billed"]) == (task_id, "success", True)
    assert (task["queries"], task["downloads"], task["request"]["payload"]) == (1, 1, "job-1")
