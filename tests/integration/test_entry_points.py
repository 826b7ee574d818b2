"""Each function's entry point, with its sample event, on the emulated AWS and against the simulator."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from io import StringIO
from logging import StreamHandler
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.exceptions import EndpointConnectionError
from standardwebhooks import Webhook

from local.listener import listening
from local.simulator.callbacks import signed
from local.simulator.clock import Clock
from local.simulator.server import Server
from local.simulator.simulator import Settings, Simulator
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain import archiving
from reelkeep.domain.keys import KeySettings
from reelkeep.domain.listing import Listing
from reelkeep.domain.notices import signatures
from reelkeep.domain.provider_callbacks import path_of
from reelkeep.domain.scopes import Scope
from reelkeep.domain.task import Task
from reelkeep.wiring import platform
from tests.integration.conftest import ROOT, create_table
from tests.lambda_context import CONTEXT

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

MACHINE = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}
# A function keeps its connections for as long as it lives, and nobody tells it when that ends.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MASTER = "m" * 64
PAGE = "https://example.com"  # whose scripts may read files

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulator, str]]:
    """Its clock stands still unless a test moves it."""
    clock = Clock()
    simulator = Simulator(Settings(data=tmp_path_factory.mktemp("simulator")), clock)
    address: Queue[str] = Queue()
    server = Server(simulator, host="127.0.0.1", port=0, ready=address.put)
    thread = Thread(target=server.run)
    thread.start()
    yield simulator, address.get(timeout=10)
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="module")
def key(aws_endpoint: str, dynamodb: DynamoDBClient, simulator: tuple[Simulator, str]) -> Iterator[str]:
    """An API key, and around it everything that the template gives the functions."""
    session = boto3.Session("test", "test", region_name="us-east-1")

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=aws_endpoint)  # type: ignore[call-overload]  # any service

    provider = {
        "dialect": "vidu_ent_v2",
        "base_url": simulator[1],
        "api_key": "vda_test",
        "default": True,
        "allow_private": True,
        "typical_seconds": 2,
    }
    client("s3").create_bucket(Bucket="entry-archive")
    table = create_table(dynamodb)
    machine = client("stepfunctions").create_state_machine(
        name="entry", definition=json.dumps(MACHINE), roleArn="arn:aws:iam::000000000000:role/none"
    )
    providers = client("secretsmanager").create_secret(
        Name="entry-providers", SecretString=json.dumps({"simulator": provider})
    )
    links = client("secretsmanager").create_secret(Name="entry-links", SecretString="s" * 64)
    webhooks = client("secretsmanager").create_secret(Name="entry-webhooks", SecretString=MASTER)
    queues = {
        name: client("sqs").create_queue(QueueName=f"entry-{name}")["QueueUrl"]
        for name in ("deliveries", "undelivered", "dead-letters")
    }
    environment = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TABLE_NAME": table,
        "BUCKET_NAME": "entry-archive",
        "TOPIC_ARN": client("sns").create_topic(Name="entry")["TopicArn"],
        "STATE_MACHINE_ARN": machine["stateMachineArn"],
        "DEAD_LETTERS_URL": queues["dead-letters"],
        "SWEEP_FUNCTION_ARN": "arn:aws:lambda:us-east-1:000000000000:function:entry-sweep:live",
        "FINALIZE_FUNCTION_ARN": "arn:aws:lambda:us-east-1:000000000000:function:entry-finalize:live",
        "PROVIDERS_SECRET_ARN": providers["ARN"],
        "LINK_SECRET_ARN": links["ARN"],
        "WEBHOOK_SECRET_ARN": webhooks["ARN"],
        "DELIVERIES_URL": queues["deliveries"],
        "UNDELIVERED_URL": queues["undelivered"],
        "ALLOW_PRIVATE_WEBHOOKS": "true",
        "PUBLIC_URL": "https://keep.test",
        "SUBSCRIPTION_PROTOCOLS": "https,sqs,email",
        "ALLOWED_ORIGINS": PAGE,
        "LINKS_EXPIRING_HOURS": "4",
        "LONGEST_WAIT_HOURS": "24",
        "POLL_COST_SECONDS": "4",
        "POWERTOOLS_SERVICE_NAME": "reelkeep.test",
        "POWERTOOLS_METRICS_NAMESPACE": "Reelkeep",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        made, _ = TableKeys(platform.dynamodb(), table).create("alice", KeySettings(), platform.now())
        yield made


@pytest.fixture
def call(key: str) -> Call:
    def call(step: str, **changes: Any) -> Any:
        """The function's answer to its sample event, with the changes that make it fit this stack."""
        event = json.loads((ROOT / "events" / f"{step}.json").read_text())
        if "headers" in event:
            event["headers"]["authorization"] = f"Token {key}"
        return entry_point(step.partition("-")[0])(event | changes, CONTEXT)

    return call


@cache
def entry_point(step: str) -> Call:
    path = ROOT / "functions" / step / "app.py"
    spec = spec_from_file_location(f"functions_{step}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Call = module.handler
    return handler


def test_there_is_a_sample_event_for_each_entry_point() -> None:
    steps = {path.parent.name for path in Path(ROOT / "functions").glob("*/app.py")}
    assert steps == {path.stem.partition("-")[0] for path in (ROOT / "events").glob("*.json")}


def test_the_sample_events_take_a_task_the_whole_way(call: Call, simulator: tuple[Simulator, str]) -> None:
    submitted = call("submit")
    assert submitted["statusCode"] == 200
    task_id = json.loads(submitted["body"])["task_id"]

    looked = call("poll", task_id=task_id)
    assert (looked["task_id"], looked["finished"]) == (task_id, False)
    simulator[0].clock.advance(60)
    assert call("poll", task_id=task_id)["finished"]
    assert call("finalize", task_id=task_id) == {"task_id": task_id, "run": 0, "finished": True, "wait_seconds": 1}

    assert [each["name"] for each in json.loads(call("manage")["body"])["providers"]] == ["simulator"]
    listed = call("query")
    [task] = json.loads(listed["body"])["tasks"]
    assert (listed["statusCode"], task["id"], task["state"]) == (200, task_id, "success")

    link = task["creations"][0]["url"]
    assert link.startswith("https://keep.test/files/")
    path = link.removeprefix("https://keep.test")
    origins = {"https://example.com.evil.test": None, PAGE: PAGE}  # no page but ours may read the file
    for origin, allowed in origins.items():
        followed = call("query", rawPath=path, rawQueryString="", headers={"origin": origin})
        assert followed["statusCode"] == 302
        assert followed["headers"].get("access-control-allow-origin") == allowed
    video = httpx.get(followed["headers"]["location"])
    assert (video.status_code, video.headers["content-type"]) == (200, "video/mp4")


def test_a_watch_sees_the_end_of_the_task(call: Call, simulator: tuple[Simulator, str]) -> None:
    task_id = json.loads(call("submit")["body"])["task_id"]
    simulator[0].clock.advance(60)
    watched = call("watch")
    assert (watched["number"], watched["finished"], watched["wait_seconds"]) == (1, False, 60)
    assert call("finalize", task_id=task_id)["finished"]
    assert call("watch", **watched) == {**watched, "number": 2, "finished": True, "wait_seconds": 0}


def test_a_call_of_the_provider_wakes_the_task(call: Call, simulator: tuple[Simulator, str]) -> None:
    task_id = json.loads(call("submit")["body"])["task_id"]
    path = path_of("simulator", task_id, "vda_test")
    assert call("provider_callback")["statusCode"] == 404
    assert call("provider_callback", rawPath=path)["statusCode"] == 401
    simulator[0].clock.advance(60)
    headers = signed(f"https://keep.test{path}", "vda_test", time.time())
    woken = call("provider_callback", rawPath=path, headers={name.lower(): value for name, value in headers.items()})
    assert (woken["statusCode"], woken["body"]) == (204, "")
    assert call("finalize", task_id=task_id)["finished"]


def test_a_sweep_by_hand_starts_the_next_run_of_everything(call: Call) -> None:
    call("submit")
    assert call("sweep") == {"unfinished": 1, "restarted": 1, "links_expiring_soon": 0, "left": 0, "handed_on": 0}


def test_a_success_made_elsewhere_is_adopted_by_hand(call: Call, simulator: tuple[Simulator, str]) -> None:
    made = {"model": "viduq2", "prompt": "made elsewhere", "duration": 4}
    headers = {"authorization": "Token vda_test"}
    simulator[0].clock.skipped -= 3600
    httpx.post(f"{simulator[1]}/ent/v2/text2video", json=made, headers=headers).raise_for_status()
    simulator[0].clock.skipped += 3600
    adopted = call("sweep-adopt")
    assert (adopted["adopted"], adopted["left"], adopted["unread"]) == (1, 0, {})
    assert call("sweep-adopt") == {**adopted, "adopted": 0}
    [task] = [task for task in adopted_tasks() if task.adopted]
    assert call("poll", task_id=task.id)["finished"]
    assert call("finalize", task_id=task.id)["finished"]
    [task] = [task for task in adopted_tasks() if task.adopted]
    assert (task.owner, task.state, task.request.prompt) == ("adopted", "success", "made elsewhere")


def adopted_tasks() -> list[Task]:
    tasks = TableTasks(platform.dynamodb(), platform.settings.table)
    return list(tasks.page("adopted", Listing()))


def test_the_sample_events_deliver_a_change_to_a_callback_once(call: Call) -> None:
    with listening() as listener:
        told = (ROOT / "events" / "announce.json").read_text().replace("https://example.com", listener.url)
        records = json.loads(told)["Records"]
        call("announce", Records=records)
        call("announce", Records=records)  # a stream may repeat itself
        assert call("deliver") == {"batchItemFailures": []}
        assert call("deliver") == {"batchItemFailures": []}
        message = listener.next(0)
        assert message is not None
        assert listener.next(0) is None
    secret = signatures.secret_of(MASTER, "alice", "callbacks", 0)
    assert Webhook(secret).verify(message.body, dict(message.headers))["state"] == "processing"


@contextmanager
def log() -> Iterator[StringIO]:
    """What the functions log meanwhile."""
    handler = platform.logger().registered_handler
    assert isinstance(handler, StreamHandler)
    before = handler.setStream(lines := StringIO())
    yield lines
    handler.setStream(before)


def test_one_line_says_which_task_was_lost_and_why_and_nothing_that_is_secret(
    call: Call, key: str, simulator: tuple[Simulator, str], dynamodb: DynamoDBClient
) -> None:
    entry_point("finalize")
    body = json.dumps({"model": "viduq2", "prompt": "a boat that sinks [expired:99]"})
    task_id = json.loads(call("submit", body=body)["body"])["task_id"]
    simulator[0].clock.advance(60)
    assert call("poll", task_id=task_id)["finished"]
    tasks = TableTasks(dynamodb, platform.settings.table)
    made = tasks.get(task_id)
    assert made
    tasks.save(replace(made, succeeded_at=made.succeeded_at and made.succeeded_at - 2 * archiving.GIVE_UP_AFTER))
    with log() as written:
        assert call("finalize", task_id=task_id)["finished"]
    lines = [json.loads(line) for line in written.getvalue().split("\n") if line]
    ended, lost = (line for line in lines if line["message"] in ("task ended", "task lost"))
    assert (lost["level"], lost["task_id"], lost["owner"], lost["reason"]) == ("WARNING", task_id, "alice", "lost")
    assert ended["state"] == lost["state"] == "failed"
    assert lost["lost"].startswith("generated, but its file cannot be fetched: video: ")
    for secret in ("a boat", key, "vda_test", "Signature", f"{simulator[1]}/"):
        assert secret not in written.getvalue()


def test_one_line_each_says_what_was_accepted_what_was_refused_and_how_it_ended_and_they_join(
    call: Call, key: str, simulator: tuple[Simulator, str], capsys: pytest.CaptureFixture[str]
) -> None:
    prompt = "a very private boat"
    for step in ("submit", "poll", "finalize"):
        entry_point(step)
    with log() as written:
        submitted = call("submit", body=json.dumps({"model": "viduq2", "prompt": prompt}))
        task_id = json.loads(submitted["body"])["task_id"]
        simulator[0].clock.advance(60)
        assert call("poll", task_id=task_id)["finished"]
        assert call("finalize", task_id=task_id)["finished"]
        no_credit = {"model": "viduq2", "prompt": f"{prompt} [refuse:CreditInsufficient]"}
        assert call("submit", body=json.dumps(no_credit))["statusCode"] == 400
        assert (
            call("submit", body=json.dumps({"model": "viduq2", "prompt": prompt, "duration": "x"}))["statusCode"]
            == 400
        )
    text = written.getvalue()
    lines = [json.loads(line) for line in text.split("\n") if line]
    accepted, ended, refused, invalid = (
        line for line in lines if line["message"] in ("task accepted", "task ended", "refused")
    )
    assert accepted["correlation_id"] == refused["correlation_id"] == "JKJaXmPLvHcESHA="  # the API's request id
    who = {"owner": "alice", "provider": "simulator", "model": "viduq2", "dialect": "vidu_ent_v2"}
    for line in (accepted, ended, refused):
        assert {name: line[name] for name in who} == who
        assert line["function_request_id"]
    assert (accepted["task_id"], accepted["state"]) == (task_id, "queueing")
    assert (ended["task_id"], ended["correlation_id"], ended["state"], ended["reason"]) == (
        task_id,
        task_id,
        "success",
        "",
    )
    assert (ended["credits"] > 0, ended["archive_seconds"] >= 0, ended["seconds"] >= 0) == (True, True, True)
    assert (refused["state"], refused["reason"], refused["status"]) == ("failed", "credit", 400)
    assert (invalid["owner"], invalid["error"], invalid["field"]) == ("alice", "InvalidRequest", "duration")
    metrics = [json.loads(line) for line in capsys.readouterr().out.split("\n") if "CloudWatchMetrics" in line]
    for secret in (prompt, key, "vda_test", "Signature", simulator[1], "http"):
        assert secret not in text + json.dumps(metrics)
    found = {name: each[name] for each in metrics for name in each if isinstance(each[name], list)}
    assert {name: found[name] for name in ("ProviderUnreachable", "TaskFailed", "ProviderOutOfCredit")} == {
        "ProviderUnreachable": [0.0],
        "TaskFailed": [0.0],
        "ProviderOutOfCredit": [1.0],
    }
    assert {(each["service"], each["provider"]) for each in metrics} == {("reelkeep", "simulator")}

    asked = KeySettings(scopes=frozenset(Scope))
    operator, _ = TableKeys(platform.dynamodb(), platform.settings.table).create("operator", asked, platform.now())
    answer = json.loads(call("manage", headers={"authorization": f"Token {operator}"})["body"])
    status = answer["providers"][0]["status"]
    assert (status["health"], status["troubles"][0]["kind"]) == ("out-of-credit", "out-of-credit")
    assert {each["model"] for each in status["times"]} == {"viduq2"}


def test_a_big_request_is_kept_beside_the_assets_and_reaches_the_provider_whole(
    call: Call, simulator: tuple[Simulator, str]
) -> None:
    image = "data:image/png;base64," + "A" * 300_000
    body = {"model": "viduq2-pro", "images": [image], "prompt": "it moves", "payload": "p" * 200_000}
    submitted = call("submit", rawPath="/ent/v2/img2video", body=json.dumps(body))
    assert submitted["statusCode"] == 200
    task_id = json.loads(submitted["body"])["task_id"]
    shown = call("query", rawPath=f"/ent/v2/tasks/{task_id}/creations", rawQueryString="")
    assert json.loads(shown["body"])["payload"] == "p" * 200_000


def test_a_submission_that_the_table_cannot_record_is_accepted_and_known_by_the_first_poll(
    call: Call, simulator: tuple[Simulator, str]
) -> None:
    put_item = platform.dynamodb().put_item

    def down(**asked: Any) -> object:
        if asked["ConditionExpression"] == "#version = :read":
            raise EndpointConnectionError(endpoint_url="https://dynamodb.test")
        return put_item(**asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform.dynamodb(), "put_item", down)
        submitted = call("submit")
    assert submitted["statusCode"] == 200
    shown = json.loads(submitted["body"])
    assert shown["state"] == "created"

    arn = f"{platform.settings.state_machine_arn.replace(':stateMachine:', ':execution:')}:{shown['task_id']}"
    state = json.loads(platform.stepfunctions().describe_execution(executionArn=arn)["input"])
    accepted = simulator[0].tasks()[0].id
    assert state == {"task_id": shown["task_id"], "run": 0, "wait_seconds": 35, "provider_task_id": accepted}

    assert call("poll", **state)["finished"] is False
    task = TableTasks(platform.dynamodb(), platform.settings.table).get(shown["task_id"])
    assert task is not None
    assert task.provider_task_id == accepted


def test_a_repeated_key_gives_the_same_task_through_the_function(call: Call, key: str) -> None:
    headers = {"authorization": f"Token {key}", "content-type": "application/json", "idempotency-key": "k"}
    path, body = "/tasks", {"kind": "text2video", "model": "viduq2", "prompt": "a paper boat", "duration": 4}

    def submit(body: object) -> tuple[int, Any]:
        handler = entry_point("submit")
        event = json.loads((ROOT / "events" / "submit.json").read_text())
        answer = handler(event | {"headers": headers, "rawPath": path, "body": json.dumps(body)}, CONTEXT)
        return answer["statusCode"], json.loads(answer["body"])

    first, second, other = submit(body), submit(body), submit({**body, "duration": 5})
    assert (first[0], first[1]["id"]) == (second[0], second[1]["id"])
    assert (other[0], other[1]["type"]) == (422, "/docs#problem-idempotency-key-reused")
