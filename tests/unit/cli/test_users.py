"""What users see of the command, and of their mistakes."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.users.watch import columns
from reelkeep.domain.observation import Failed
from reelkeep.domain.task import Failure, FailureClass
from tests.api_server import KEY
from tests.unit.cli.harness import URL, Stack
from tests.unit.services.harness import NOON, QUEUED

PNG = b"\x89PNG\r\n\x1a\n a picture"
NOBODY = "f" * 32


def logged_in(stack: Stack) -> Stack:
    """By a profile, and not by the environment."""
    del stack.environ["REELKEEP_URL"], stack.environ["REELKEEP_KEY"]
    assert stack("login", f"{URL}/", stdin=f"{KEY}\n").code == 0
    return stack


def test_login_tries_the_key_and_keeps_it_where_nobody_else_can_read_it(stack: Stack) -> None:
    logged_in(stack)
    file = stack.home / ".config" / "reelkeep" / "profiles.json"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert json.loads(file.read_text())["profiles"]["default"] == {"url": URL, "key": KEY}
    assert stack("list").code == 0

    refused = stack("login", URL, "--profile", "work", stdin="rk_wrong")
    assert (refused.code, refused.err) == (4, f"error: {URL} does not accept this key\n")
    assert [each["profile"] for each in stack("profiles", "--json").json] == ["default"]
    assert KEY not in stack("profiles").out
    assert stack("env").out == f"export REELKEEP_URL={URL}\nexport REELKEEP_KEY={KEY}\n"

    assert stack("logout").code == 0
    assert stack("list").code == 4


def test_a_profile_goes_before_the_environment_and_the_environment_before_the_default(stack: Stack) -> None:
    logged_in(stack)
    stack.environ |= {"REELKEEP_KEY": "rk_wrong"}
    assert stack("list").code == 4
    assert stack("list", "--profile", "default").code == 0
    close = stack("list", "--profile", "defualt")
    assert (close.code, close.err) == (2, "error: there is no profile 'defualt': did you mean 'default'?\n")


def test_without_a_profile_the_local_cloud_of_the_checkout_is_used(stack: Stack) -> None:
    del stack.environ["REELKEEP_URL"], stack.environ["REELKEEP_KEY"]
    lacking = stack("list", "--profile", "local")
    assert (lacking.code, "start the local cloud with `reelkeep up`" in lacking.err) == (1, True)
    file = stack.home / "checkout" / ".local" / "stack.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"api_url": URL, "api_key": KEY}))
    assert stack("list").code == 0


def test_submit_prints_the_id_and_pays_once_although_the_answer_is_lost(stack: Stack) -> None:
    stack.while_waiting = [lambda: None]
    stack.faults = [httpx.ReadTimeout("")]
    done = stack("submit", "a paper boat", "-m", "viduq2", "--duration", "4", "--tag", "x")
    (listed,) = stack("list", "--json").json
    assert (done.code, done.out) == (0, f"{listed['id']}\n")
    assert (listed["prompt"], listed["duration"], listed["tags"]) == ("a paper boat", 4, ["x"])
    assert stack.requests[0].headers["idempotency-key"] == stack.requests[1].headers["idempotency-key"]


def test_a_picture_may_be_a_file_and_decides_the_kind(stack: Stack, tmp_path: Path) -> None:
    picture = tmp_path / "boat"
    picture.write_bytes(PNG)
    assert stack("submit", "it sails", "-m", "viduq2", "-i", str(picture)).code == 0
    sent = json.loads(stack.requests[-1].content)
    assert (sent["kind"], sent["images"][0][:22]) == ("img2video", "data:image/png;base64,")
    assert stack("submit", "it sails", "-m", "viduq2", "-i", "https://example.com/a.png").code == 0
    assert json.loads(stack.requests[-1].content)["images"] == ["https://example.com/a.png"]


def test_submit_waits_and_saves(stack: Stack, tmp_path: Path) -> None:
    stack.while_waiting = [lambda: None, stack.finish_all]
    done = stack("submit", "Ein Boot, im Regen!", "-m", "viduq2", "--out", str(tmp_path / "films"))
    (film,) = (tmp_path / "films").iterdir()
    (task,) = stack("list", "--json").json
    assert (done.code, done.out) == (0, f"{film}\n")
    assert film.name == f"{task['created_at'][:10]}_viduq2_ein-boot-im-regen_{task['id'][-8:]}.mp4"


def test_a_failure_has_an_exit_code_and_its_reason(stack: Stack) -> None:
    failure = Failure(reason=FailureClass.POLICY, code="AuditSubmitIllegal", message="not that")
    stack.harness.provider.observations = [Failed(failure)]
    stack.while_waiting = [stack.finish_all]
    done = stack("submit", "a paper boat", "-m", "viduq2", "--wait")
    task_id = done.out.strip()
    assert (done.code, done.err) == (3, f"error: {task_id} is failed: not that\n")
    assert stack("open", task_id).code == 5
    assert stack("pull", task_id, "-o", str(stack.home)).code == 3


MISTAKES: dict[str, tuple[int, str]] = {
    "sumbit a": (2, "no such command 'sumbit': did you mean 'submit'?"),
    "submit a --modle x": (2, "there is no option --modle: did you mean --model?"),
    "submit a --kind text2vidoe": (2, "--kind cannot be 'text2vidoe': did you mean text2video?"),
    "list --state sucess": (2, "--state cannot be 'sucess': did you mean success?"),
    "submit a --image nowhere.png": (
        2,
        "--image nowhere.png is neither a link nor a file that can be read: No such file or directory",
    ),
    "submit a --duration 9000": (2, "--duration must be a whole number from 1 to 600"),
    "submit --kind text2video": (2, "PROMPT is required"),
    "submit a --image http://a.test/1 --image http://a.test/2": (2, "--kind is needed with 2 images: one of "),
    "submit a --kind extend": (2, "--video or --creation is required, and only one of them"),
    "list --since yesterday": (2, "--since 'yesterday' is neither a day, as 2026-11-21, nor a length of time"),
    f"show {NOBODY}": (5, f"there is no task {NOBODY}"),
    f"pull {NOBODY} {NOBODY[1:]}0": (5, f"there is no task {NOBODY}"),
    "show ../../keys": (5, ""),
    "show": (2, "ID is missing (see `reelkeep show --help`)"),
    "cancel": (2, "ID is missing"),
    f"show {NOBODY} more": (2, "there is no place for 'more' (see `reelkeep show --help`)"),
    "list --limit 0": (2, "--limit must be a whole number, 1 or more (see"),
    "list --limit ten": (2, "--limit must be a whole number, 1 or more (see"),
    "pull --workers 99": (2, "--workers must be a whole number from 1 to 32 (see"),
    "submit a --duration nine": (2, "--duration must be a whole number (see"),
    "submit a --priority urgent": (2, "--priority cannot be 'urgent'; it is one of high, normal, low (see"),
    "usage --by colour": (2, "--by must be one of day"),
    "webhooks create somewhere": (2, "URL must be an http(s) URL"),
    "webhooks create https://example.com --event end": (2, "--event must have some of processing"),
    "keys create": (2, "--owner is missing (see `reelkeep keys create --help`)"),
    "subscriptions add": (2, "--protocol is missing: it is one of https, sqs, email, lambda (see"),
    "mcp --limit much": (2, "--limit 'much' is no sum, such as 200 for credits, '5 USD' or"),
    "archive verfy": (2, "no such command 'verfy': did you mean 'verify'?"),
    "list --json=yes": (2, "option '--json' does not take a value (see"),
    "webhooks change callbacks": (2, "nothing is to be changed: give --url, --event"),
    "login not-an-address": (2, "URL must be the stack's address, such as https://"),
    "login --profile local https://a.test": (2, "the profile 'local' always is the local cloud"),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_one_sentence_that_names_the_word(stack: Stack, words: str) -> None:
    code, sentence = MISTAKES[words]
    done = stack(*words.split())
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(f"error: {sentence}")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), "does not answer: [Errno 111] Connection refused"),
        (httpx.ReadTimeout(""), "does not answer: it takes too long"),
        (httpx.Response(503, json={"detail": "no"}), "answered 503: no"),
        (httpx.Response(403, text="<html>"), "answered 403 Forbidden, as no Reelkeep does"),
    ],
    ids=["refused", "slow", "busy", "a proxy"],
)
def test_a_stack_that_does_not_answer_says_which_and_why(stack: Stack, fault: Any, sentence: str) -> None:
    stack.faults, stack.while_waiting = [fault] * 5, [lambda: None] * 4
    done = stack("list")
    assert (done.code, done.err) == (6, f"error: {URL} {sentence}\n")


def test_a_fault_of_the_command_itself_is_a_sentence_too(stack: Stack) -> None:
    stack.faults = [httpx.Response(200, json={"nonsense": 1})]
    done = stack("list")
    assert (done.code, done.err.startswith("error: this is a fault of `reelkeep` itself, KeyError")) == (1, True)


def test_watching_prints_a_line_for_each_change_and_ends_with_the_task(stack: Stack) -> None:
    stack.harness.provider.observations = [QUEUED, *stack.harness.provider.observations]
    task_id = stack("submit", "a paper boat", "-m", "viduq2").out.strip()
    stack.while_waiting = [lambda: None, stack.finish_all]
    done = stack("watch")
    assert (done.code, done.out) == (0, f"{task_id}  queueing\n{task_id}  success\n")
    assert [json.loads(line)["state"] for line in stack("watch", task_id, "--json").out.splitlines()] == ["success"]
    assert stack("watch").err == "No task is under way.\n"


def test_on_a_terminal_there_is_a_table_of_its_width(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    task_id = stack.finished("a paper boat that sails down a street in the rain, at night")
    for command in ("list", "watch"):
        shown = stack(command, *([task_id] if command == "watch" else []), terminal=True).out
        assert task_id in shown
        assert "\x1b[32msuccess" in shown
    assert "\x1b" not in stack("list").out


def test_again_submits_the_same_with_changes(stack: Stack, tmp_path: Path) -> None:
    before = stack("submit", "a boat", "-m", "viduq2", "-d", "4", "--tag", "x", "--seed", "7").out.strip()
    done = stack("again", before, "--prompt", "another boat", "--json").json
    assert (done["prompt"], done["duration"], done["tags"], done["seed"]) == ("another boat", 4, ["x"], None)
    assert done["id"] != before
    picture = tmp_path / "a.png"
    picture.write_bytes(PNG)
    sent_along = stack("submit", "it sails", "-m", "viduq2", "-i", str(picture)).out.strip()
    lacking = stack("again", sent_along)
    assert (lacking.code, lacking.err.endswith("cannot be sent again: give them with --image\n")) == (2, True)
    assert stack("again", sent_along, "-i", "https://example.com/a.png").code == 0


def test_cancelling_goes_on_after_one_that_cannot_be_cancelled(stack: Stack) -> None:
    ended = stack.finished()
    stack.harness.provider.observations = [QUEUED]
    under_way = stack("submit", "a boat", "-m", "viduq2").out.strip()
    done = stack("cancel", ended, under_way)
    assert (done.code, done.out) == (1, f"{under_way} is cancelled.\n")
    assert done.err.startswith(f"error: {ended}: ")


def test_the_browser_is_given_the_permanent_link(stack: Stack) -> None:
    task_id = stack.finished()
    link = stack("open", task_id).out.strip()
    assert stack.opened == [link]
    assert link.endswith(f"{task_id}/1-video.mp4")


def test_exported_tasks_can_be_read_by_other_programs(stack: Stack, tmp_path: Path) -> None:
    ids = [stack.finished('=HYPERLINK("x"), a "boat"\nin the rain'), stack.finished("纸船")]
    assert [json.loads(line)["id"] for line in stack("export").out.splitlines()] == ids[::-1]
    assert stack("export", "-o", str(tmp_path / "tasks.csv")).code == 0
    newest, oldest = csv.DictReader(io.StringIO((tmp_path / "tasks.csv").read_text()))
    assert (newest["prompt"], newest["state"], len(newest["sha256"])) == ("纸船", "success", 64)
    assert oldest["prompt"].startswith("'=HYPERLINK")  # no spreadsheet runs it
    assert [path.name for path in tmp_path.glob("tasks*")] == ["tasks.csv"]


def test_webhooks_are_made_changed_and_asked(stack: Stack) -> None:
    hook = {"id": "wh_1", "url": "https://a.test", "events": ["success"], "active": True, "paused_because": None}
    sent: dict[str, Any] = {"id": "d_1", "event": "test", "task_id": None, "outcome": "waiting", "attempts": []}
    page = {"deliveries": [sent], "next_cursor": None}
    script: list[tuple[str, int, Any]] = [
        ("create https://a.test --event success", 201, {**hook, "secret": "whsec_x"}),
        ("list", 200, {"webhooks": [hook]}),
        ("change wh_1 --paused", 200, hook),
        ("rotate wh_1", 200, {**hook, "secret": "whsec_y"}),
        ("test wh_1", 202, sent),
        ("deliveries wh_1", 200, page),
        ("delivery wh_1 d_1", 200, sent),
        ("replay wh_1 d_1", 202, sent),
        ("delete wh_1", 204, None),
    ]
    said = {}
    for words, status, body in script:
        stack.faults = [httpx.Response(status, json=body) if body else httpx.Response(status)]
        done = stack("webhooks", *words.split())
        assert done.code == 0, done.err
        said[words.split()[0]] = done.out
    assert said["create"] == "whsec_x\n"
    assert "https://a.test" in said["list"]
    assert stack.asked == [
        "POST /webhooks",
        "GET /webhooks",
        "PATCH /webhooks/wh_1",
        "POST /webhooks/wh_1/rotate",
        "POST /webhooks/wh_1/test",
        "GET /webhooks/wh_1/deliveries?limit=100",
        "GET /webhooks/wh_1/deliveries/d_1",
        "POST /webhooks/wh_1/deliveries/d_1/replay",
        "DELETE /webhooks/wh_1",
    ]
    assert json.loads(stack.requests[2].content) == {"active": False}


def test_the_local_clouds_logs_are_shown_by_function(stack: Stack) -> None:
    none = stack("logs", "--local")
    assert (none.code, "start the local cloud with `reelkeep up`" in none.err) == (1, True)
    folder = stack.home / "checkout" / ".local" / "logs"
    folder.mkdir(parents=True)
    for name in ("submit", "finalize"):
        (folder / f"reelkeep-{name}.log").write_text("".join(f"{name} {number}\n" for number in range(50)))
    assert stack("logs", "submit", "-n", "2").out.split() == ["submit", "submit", "48", "submit", "submit", "49"]
    assert len(stack("logs", "--json").out.splitlines()) == 40
    assert stack("logs", "sumbit").err == "error: there is no log 'sumbit'; there are finalize, submit\n"


def test_what_needs_a_checkout_says_so_where_the_command_alone_is_installed(stack: Stack) -> None:
    for command in ("up", "demo", "deploy"):
        done = stack(command)
        assert (done.code, done.err[:46]) == (1, "error: this command needs a checkout of Reelke")


def test_tasks_are_tagged_starred_hidden_and_found_again(stack: Stack) -> None:
    stack.requests.clear()
    task: dict[str, Any] = {"id": "1" * 32, "tags": ["a", "b"], "starred": True, "state": "success"}
    script: list[tuple[str, list[Any], str]] = [
        ("tag ID --add c --remove a", [task, {**task, "tags": ["b", "c"]}], "has the tags b c"),
        ("star ID", [task], "is starred"),
        ("star ID --off", [{**task, "starred": False}], "is not starred"),
        ("hide ID", [task], "is hidden"),
        ("restore ID", [task], "is back"),
        ("revoke-links ID", [task], "has new links; the old ones are dead"),
        ("erase ID --yes", [{"id": "x"}], "is erased"),
    ]
    for words, answers, said in script:
        stack.faults = [httpx.Response(200, json=answer) for answer in answers]
        done = stack(*words.replace("ID", task["id"]).split())
        assert (done.code, done.out) == (0, f"{task['id']} {said}.\n")
    asked = len(stack.requests)
    assert stack("erase", task["id"], stdin="n\n").code == 1
    assert len(stack.requests) == asked
    changes = [json.loads(each.content) for each in stack.requests if each.method == "PATCH"]
    assert changes == [{"tags": ["b", "c"]}, {"starred": True}, {"starred": False}]
    stack.faults = [httpx.Response(200, json={"tasks": [], "next_cursor": None})]
    stack(
        "list",
        "--search",
        "a boat",
        "--tag",
        "c",
        "--starred",
        "--hidden",
        "--kind",
        "img2video",
        "--provider",
        "ark",
    )
    query = "provider=ark&kind=img2video&tag=c&starred=true&hidden=true&q=a+boat&limit=20"
    assert stack.asked[-1] == f"GET /tasks?{query}"


def test_what_tasks_cost_and_would_cost_is_shown(stack: Stack) -> None:
    row = {"day": "2026-11-21", "tasks": 2, "unit": "credits", "units_charged": "40"}
    paid = {**row, "currency": "USD", "charged": "0.2", "reserved": "0"}
    rows = [paid, {**row, "currency": None, "charged": None, "reserved": None}]
    stack.faults = [httpx.Response(200, json={"first_day": "2026-11-21", "last_day": "2026-11-21", "rows": rows})]
    shown = stack("usage", "--since", "2026-11-21").out.splitlines()
    assert [line.split() for line in shown[1:]] == [
        ["2026-11-21", "2", "40", "credits", "0.2", "USD", "0", "USD"],
        ["2026-11-21", "2", "40", "credits", "-", "-"],
    ]
    assert stack.asked == ["GET /usage?from=2026-11-21&by=day"]
    quote = {"provider": "vidu", "possible": True, "reason": None, "unit": "credits", "units": "20", "seconds": 40}
    stack.faults = [httpx.Response(200, json={"quotes": [{**quote, "amount": None, "currency": None}]})]
    assert stack("submit", "a boat", "-m", "viduq2", "--quote").out.splitlines()[1].split() == [
        "vidu",
        "yes",
        "20",
        "credits",
        "-",
        "40",
    ]
    assert stack.asked[-1] == "POST /quote"
    assert stack.harness.provider.dispatched == []


@pytest.mark.parametrize(
    ("p50", "p90", "said"),
    [(40, 75, "in 40 s (75 s)"), (-5, 30, "within 30 s"), (-60, -5, "later than usual"), (None, None, "-")],
)
def test_a_table_of_tasks_says_when_they_are_expected_to_end(p50: int | None, p90: int | None, said: str) -> None:
    def at(seconds: int | None) -> str:
        return (NOON + timedelta(seconds=seconds or 0)).isoformat()

    eta = {"p50": at(p50), "p90": at(p90)} if p50 is not None else None
    task = {"id": "1", "state": "processing", "created_at": at(-90), "finished_at": None, "prompt": "a boat"}
    shown = columns([{**task, "eta": eta, "waiting": {"position": 3}}], NOON)
    assert (shown["EXPECTED"], shown["PLACE"], shown["SINCE"]) == ([said.replace("75 s", "1 min")], ["3"], ["2 min"])
