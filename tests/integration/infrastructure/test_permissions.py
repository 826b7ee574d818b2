"""The template grants each function what it needs: the local cloud enforces it, with each function in its role."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cli.main import main
from local import claims, cloud, demo, deployment, stack
from local.errors import CloudError
from local.listener import listening
from local.stack import Stack
from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.domain.keys import KeySettings
from reelkeep.domain.limits import Limits
from reelkeep.domain.scopes import Scope
from reelkeep.domain.watch import ENOUGH
from tests.e2e.malformed import malformed_provider
from tests.samples import video
from tests.waiting import until

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client

ROOT = Path(__file__).parents[3]
SECONDS = 120.0


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    port, simulator_port = claims.free_ports(2)
    plan = cloud.Plan(
        root=ROOT,
        data=tmp_path_factory.mktemp("cloud"),
        port=port,
        simulator_port=simulator_port,
        say=lambda _: None,
        provider_callbacks=True,
        enforce_permissions=True,
    )
    with cloud.running(plan) as running:
        add_patient_provider(running.stack)
        for step in ("manage", "announce", "deliver"):
            allow_batches(running.stack, step)
        yield running.stack


def allow_batches(enforced: Stack, step: str) -> None:
    """Who may do something to a message may do it to several: AWS asks for no other permission, the emulator does."""
    iam = enforced.client("iam")
    role = role_of(enforced, step).rpartition("/")[2]
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for statement in policy["Statement"]:
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            one = {"sqs:SendMessage", "sqs:ChangeMessageVisibility"}.intersection(actions)
            statement["Action"] = [*actions, *(f"{each}Batch" for each in one)]
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))


def add_patient_provider(enforced: Stack) -> None:
    """The simulator, slow to finish. Before the first submission, since functions keep what they have read."""
    aws = enforced.client("secretsmanager")
    known = json.loads(aws.get_secret_value(SecretId=enforced.providers_secret_arn)["SecretString"])
    known["patient"] = {**known["simulator"], "default": False, "models": [], "typical_seconds": 10 * SECONDS}
    known["listed"] = {**known["simulator"], "default": False, "models": []}
    aws.put_secret_value(SecretId=enforced.providers_secret_arn, SecretString=json.dumps(known))


@pytest.fixture
def reachable(enforced: Stack) -> Iterator[Stack]:
    """Without the archive's policy: the emulator speaks no TLS, so the policy would refuse everything."""
    s3 = enforced.client("s3")
    policy = s3.get_bucket_policy(Bucket=enforced.bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=enforced.bucket)
    yield enforced
    s3.put_bucket_policy(Bucket=enforced.bucket, Policy=policy)


@pytest.fixture
def subscribable(reachable: Stack) -> Stack:
    """What may be done to subscriptions of the topic may be done to all: the emulator looks at the action alone, and
    wants it to be granted for everything, where AWS looks at the topic."""
    iam = reachable.client("iam")
    role = role_of(reachable, "manage").rpartition("/")[2]
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for statement in policy["Statement"]:
            if statement["Sid"] == "LookAfterSubscriptions":
                assert statement["Resource"] == reachable.topic_arn
                statement["Resource"] = "*"
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
    return reachable


def role_of(enforced: Stack, step: str) -> str:
    functions: LambdaClient = enforced.client("lambda")
    return functions.get_function_configuration(FunctionName=f"{deployment.STACK_NAME}-{step}")["Role"]


def s3_of(enforced: Stack, step: str) -> S3Client:
    """S3 with what one function may do there."""
    endpoint = enforced.aws_endpoint_url
    sts = stack.session().client("sts", endpoint_url=endpoint, config=stack.DIRECT)
    credentials = sts.assume_role(RoleArn=role_of(enforced, step), RoleSessionName="test")["Credentials"]
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=stack.REGION,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=stack.DIRECT,
    )


def test_the_archive_refuses_whoever_comes_without_tls(enforced: Stack) -> None:
    with pytest.raises(ClientError, match="explicit deny"):
        s3_of(enforced, "finalize").put_object(Bucket=enforced.bucket, Key="tasks/x", Body=b"x")


def test_finalize_may_write_only_where_tasks_lie(reachable: Stack) -> None:
    s3 = s3_of(reachable, "finalize")
    s3.put_object(Bucket=reachable.bucket, Key="tasks/x", Body=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=reachable.bucket, Key="elsewhere", Body=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=reachable.bucket, Key="tasks/x")


def test_submit_may_not_write_what_clients_are_given(reachable: Stack) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        s3_of(reachable, "submit").put_object(
            Bucket=reachable.bucket, Key="tasks/2026/11/21/x/1-video.mp4", Body=b"x"
        )


def test_a_task_can_go_the_whole_way(reachable: Stack) -> None:
    demo.show(reachable, lambda _: None)
    until(lambda: demo.call(reachable, "GET", "/usage")["rows"], what="the ledger")


def test_a_provider_that_calls_back_ends_the_wait(reachable: Stack) -> None:
    task_id = demo.call(reachable, "POST", "/tasks", {**demo.TASK, "provider": "patient"})["id"]
    assert await_end(reachable, task_id)["state"] == "success"


def test_many_tasks_of_a_provider_with_a_list_are_watched(reachable: Stack) -> None:
    body = {**demo.TASK, "prompt": "a boat [callback-lose:9]", "provider": "listed"}
    tasks = [demo.call(reachable, "POST", "/tasks", body)["id"] for _ in range(ENOUGH)]
    assert {await_end(reachable, task_id)["state"] for task_id in tasks} == {"success"}
    machine = reachable.state_machine_arn.replace("-task", "-watch")
    aws = reachable.client("stepfunctions")
    (watch,) = aws.list_executions(stateMachineArn=machine)["executions"]
    events = aws.get_execution_history(executionArn=watch["executionArn"])["events"]
    assert not {event["type"] for event in events} & {"TaskFailed", "LambdaFunctionFailed", "ExecutionFailed"}


def test_a_request_too_big_for_the_table_can_be_kept_and_read_again(reachable: Stack) -> None:
    image = "data:image/png;base64," + base64.b64encode(os.urandom(600_000)).decode()
    body = {"kind": "img2video", "model": "viduq2-pro", "images": [image], "prompt": "x", "duration": 4}
    task_id = demo.call(reachable, "POST", "/tasks", body)["id"]
    assert list(Path(reachable.archive).glob(f"tasks/*/*/*/{task_id}/request.json"))
    assert await_end(reachable, task_id)["state"] in ("success", "failed")


def test_tasks_can_be_listed_by_everything_that_has_an_index(reachable: Stack) -> None:
    for query in ("", "?state=success", "?model=viduq2", "?resolution=720p", "?template=x"):
        demo.call(reachable, "GET", f"/tasks{query}")


def test_unfinished_tasks_can_be_swept(reachable: Stack) -> None:
    task_id = demo.call(reachable, "POST", "/tasks", demo.TASK)["id"]
    functions = reachable.client("lambda")
    answer = functions.invoke(FunctionName=reachable.sweep_function, Payload=b'{"everything": true}')
    swept = json.load(answer["Payload"])
    assert not answer.get("FunctionError"), swept
    assert swept["unfinished"] >= 1
    assert await_end(reachable, task_id)["state"] == "success"


def test_a_task_can_be_cancelled(reachable: Stack) -> None:
    slow = {**demo.TASK, "prompt": "a boat [slow:300]"}
    task_id = demo.call(reachable, "POST", "/tasks", slow)["id"]
    demo.call(reachable, "POST", f"/tasks/{task_id}/cancel")
    assert await_end(reachable, task_id)["state"] == "cancelled"


def end_workers(function: str) -> None:
    """Those of this stack, which are children of this process. The next one reads the secrets anew."""
    named = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid() and named in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)


def test_what_was_made_elsewhere_can_be_adopted(reachable: Stack) -> None:
    secrets, functions = reachable.client("secretsmanager"), reachable.client("lambda")

    def adopt() -> int:
        answer = functions.invoke(FunctionName=reachable.sweep_function, Payload=b'{"adopt": true}')
        adopted = json.load(answer["Payload"])
        assert not answer.get("FunctionError") or "the process ended" in adopted["errorMessage"], adopted
        return int(adopted.get("adopted", 0))

    before = secrets.get_secret_value(SecretId=reachable.providers_secret_arn)["SecretString"]
    with malformed_provider() as malformed:
        settings = json.dumps({**json.loads(before), "malformed": malformed.settings})
        secrets.put_secret_value(SecretId=reachable.providers_secret_arn, SecretString=settings)
        malformed.make("885000000000000001", datetime.now(UTC) - timedelta(hours=1), "a boat", video())
        end_workers(reachable.sweep_function)  # they have read the secret when the stack began
        assert until(adopt, what="the task that was made elsewhere", within=SECONDS) == 1
        assert adopt() == 0
    secrets.put_secret_value(SecretId=reachable.providers_secret_arn, SecretString=before)


def test_a_finished_task_can_be_labelled_hidden_restored_and_erased_and_the_archive_knows(reachable: Stack) -> None:
    task_id = demo.call(reachable, "POST", "/tasks", demo.TASK)["id"]
    await_end(reachable, task_id)

    def archived() -> Any:
        (manifest,) = Path(reachable.archive).glob(f"tasks/*/*/*/{task_id}/manifest.json")
        return json.loads(manifest.read_text())

    def ids(query: str) -> list[str]:
        return [each["id"] for each in demo.call(reachable, "GET", f"/tasks?task_id={task_id}&{query}")["tasks"]]

    shown = demo.call(reachable, "PATCH", f"/tasks/{task_id}", {"starred": True, "tags": ["final"]})
    assert shown["creations"][0]["url"]
    assert ids("starred=true") == ids("tag=final&order=oldest") == [task_id]
    demo.call(reachable, "DELETE", f"/api/v3/contents/generations/tasks/{task_id}")
    assert archived()["removed_at"]
    assert (ids("hidden=true"), ids("starred=true")) == ([task_id], [])
    demo.call(reachable, "POST", f"/tasks/{task_id}/restore")
    image, none = f"reelkeep:{task_id}/cover", f"reelkeep:{task_id}/last-frame"
    made_of = {**demo.TASK, "kind": "img2video", "model": "viduq2-pro"}
    assert demo.call(reachable, "POST", "/tasks", {**made_of, "images": [image]})["images"] == [image]
    (possible,), (impossible,) = (
        demo.call(reachable, "POST", "/quote", {**made_of, "images": [each]})["quotes"] for each in (image, none)
    )
    assert (possible["possible"], impossible["possible"]) == (True, False)
    assert f"names no archived file: {none}" in impossible["reason"]
    other = demo.call(reachable, "POST", f"/tasks/{task_id}/revoke-links")["creations"][0]["url"]
    assert other != shown["creations"][0]["url"]
    erased = demo.call(reachable, "POST", f"/tasks/{task_id}/erase")
    assert demo.call(reachable, "POST", f"/tasks/{task_id}/erase") == erased
    assert archived()["erased_at"]
    assert str(demo.TASK["prompt"]) not in json.dumps(archived())
    s3 = reachable.client("s3")
    left = s3.list_object_versions(Bucket=reachable.bucket)
    assert [each["Key"].rpartition("/")[2] for each in left["Versions"] if task_id in each["Key"]] == [
        "manifest.json"
    ]
    assert ids("hidden=true") == []


@pytest.fixture(scope="module")
def operator(enforced: Stack) -> Stack:
    """The same stack, with the key of somebody who operates it."""
    aws = enforced.client("dynamodb")
    asked = KeySettings(scopes=frozenset({Scope.READ, Scope.OPERATE}))
    key, _ = TableKeys(aws, enforced.table).create("operator", asked, datetime.now(UTC))
    return replace(enforced, api_key=key)


def test_an_operator_sees_the_tasks_of_every_owner_and_how_providers_do(reachable: Stack, operator: Stack) -> None:
    task_id = demo.call(reachable, "POST", "/tasks", demo.TASK)["id"]
    for query in ("", "&unfinished=true", "&state=created,queueing,processing", f"&task_id={task_id}"):
        assert task_id in {each["id"] for each in demo.call(operator, "GET", f"/tasks?owner=*{query}")["tasks"]}
    assert demo.call(operator, "GET", f"/tasks/{task_id}")["owner"] == "demo"
    assert {"health", "in_line", "times"} <= demo.call(operator, "GET", "/providers")["providers"][0]["status"].keys()
    assert "status" not in demo.call(reachable, "GET", "/providers")["providers"][0]
    with pytest.raises(CloudError, match="lacks the scope operate"):
        demo.call(reachable, "GET", "/tasks?owner=operator")


def test_an_operator_limits_an_owner_whose_tasks_are_under_way(reachable: Stack, operator: Stack) -> None:
    demo.call(reachable, "POST", "/tasks", {**demo.TASK, "prompt": "a boat [slow:300]"})
    limited = demo.call(operator, "PATCH", "/owners/demo", {"limits": {"tasks_at_once": 1}, "when_full": "queue"})
    assert limited["left"]["tasks_at_once"] == 0
    task_id = demo.call(reachable, "POST", "/tasks", demo.TASK)["id"]
    assert "one of its owner's tasks" in demo.call(reachable, "GET", f"/tasks/{task_id}")["last_error"]
    demo.call(operator, "PATCH", "/owners/demo", {"limits": {"tasks_at_once": 1000}})
    assert await_end(reachable, task_id)["state"] == "success"  # and not after a quarter of an hour
    demo.call(operator, "PATCH", "/owners/demo", {"limits": {}, "when_full": "refuse"})


def test_counts_that_a_crash_left_too_high_are_repaired_by_the_sweep(reachable: Stack) -> None:
    aws = reachable.client("dynamodb")
    keys, counters = TableKeys(aws, reachable.table), TableCounters(aws, reachable.table)
    key, _ = keys.create("leaky", KeySettings(), datetime.now(UTC))
    leaky = replace(reachable, api_key=key)
    demo.call(leaky, "POST", "/tasks", {**demo.TASK, "prompt": "a boat [slow:300]"})  # before there are limits
    keys.settings.change("leaky", lambda before: replace(before, limits=Limits(tasks_at_once=9)))
    demo.call(leaky, "POST", "/tasks", {**demo.TASK, "prompt": "a boat [slow:300]"})

    def entered() -> Any:
        return [row for row in demo.call(leaky, "GET", "/usage")["rows"] if row["tasks"] == 2]

    until(entered, what="the ledger", within=SECONDS)
    counters.rebuild("leaky", {"at_once": Decimal(7)})
    an_hour_ago = Decimal(int((datetime.now(UTC) - timedelta(hours=1)).timestamp()))
    for _ in range(2):  # the first one counts the task that is under way since before
        counters.rebuild("leaky", {"changed_at": an_hour_ago})
        answer = reachable.client("lambda").invoke(FunctionName=reachable.sweep_function, Payload=b"{}")
        assert not answer.get("FunctionError"), json.load(answer["Payload"])
    assert counters.counts("leaky")["at_once"] == 2


def test_an_operator_sees_dead_letters_and_has_them_replayed(reachable: Stack, operator: Stack) -> None:
    slow = {**demo.TASK, "prompt": "a boat [slow:300]"}
    task_id = demo.call(reachable, "POST", "/tasks", slow)["id"]
    event = json.loads((ROOT / "events" / "dlq" / "execution.json").read_text())
    event["detail"] |= {"stateMachineArn": reachable.state_machine_arn, "input": json.dumps({"task_id": task_id})}
    event["detail"] |= {"name": task_id}
    sqs = reachable.client("sqs")
    for body in (event, {"odd": True}):
        sqs.send_message(QueueUrl=reachable.dead_letter_queue_url, MessageBody=json.dumps(body))
    page = demo.call(operator, "GET", "/dead-letters")
    by_what = {each["what"]: each for each in page["letters"]}
    assert (by_what["execution"]["task_id"], page["count"] >= 2) == (task_id, True)
    ids = [by_what[what]["id"] for what in ("execution", "unknown")]
    done, left = demo.call(operator, "POST", "/dead-letters/replay", {"ids": ids})["replayed"]
    assert (done["done"], left["done"]) == (True, False)
    assert ids[0] not in {each["id"] for each in demo.call(operator, "GET", "/dead-letters")["letters"]}


def test_an_owner_can_subscribe_change_and_end_it(subscribable: Stack) -> None:
    queue = f"arn:aws:sqs:{stack.REGION}:000000000000:subscriber"
    made = demo.call(subscribable, "POST", "/subscriptions", {"protocol": "sqs", "endpoint": queue})
    path = f"/subscriptions/{made['id']}"
    assert demo.call(subscribable, "PATCH", path, {"active": False})["status"] == "paused"
    assert demo.call(subscribable, "GET", path)["status"] == "paused"
    assert [each["id"] for each in demo.call(subscribable, "GET", "/subscriptions")["subscriptions"]] == [made["id"]]
    demo.call(subscribable, "DELETE", path)
    assert demo.call(subscribable, "GET", "/subscriptions")["subscriptions"] == []


def test_an_owner_can_make_list_and_revoke_its_keys(reachable: Stack) -> None:
    made = demo.call(reachable, "POST", "/keys", {"name": "editing", "ends_at": "2999-01-01T00:00:00Z"})
    assert demo.call(replace(reachable, api_key=made["key"]), "GET", "/keys")["keys"][-1]["id"] == made["id"]
    assert demo.call(reachable, "DELETE", f"/keys/{made['id']}")["revoked_at"]
    with pytest.raises(CloudError, match="401"):
        demo.call(replace(reachable, api_key=made["key"]), "GET", "/keys")


def test_webhooks_can_be_managed_and_their_deliveries_read_and_sent_again(reachable: Stack) -> None:
    with listening() as listener:
        made = demo.call(reachable, "POST", "/webhooks", {"url": listener.url})
        path = f"/webhooks/{made['id']}"
        demo.call(reachable, "PATCH", path, {"description": "for a while"})
        demo.call(reachable, "POST", f"{path}/rotate")
        delivery = demo.call(reachable, "POST", f"{path}/test")
        assert listener.next(SECONDS)
        demo.call(reachable, "POST", f"{path}/deliveries/{delivery['id']}/replay")
        assert listener.next(SECONDS)
        assert demo.call(reachable, "GET", f"{path}/deliveries")["deliveries"]
        demo.call(reachable, "DELETE", path)


def await_end(found: Stack, task_id: str) -> Any:
    def ended() -> Any:
        task = demo.call(found, "GET", f"/tasks/{task_id}")
        return task if task["state"] in ("success", "failed", "cancelled", "expired") else None

    return until(ended, what="the task to end", within=SECONDS)


COMMANDS = (
    "status",
    "keys create --owner olga",
    "owners set olga --repeat-window 60",
    "owners limit olga tasks_at_once=5",
    "providers check",
    "costs check",
    "archive verify",
    "dlq list",
    "subscriptions list",
    "owners erase olga --yes",
)


def test_an_operator_may_do_with_the_operators_policy_what_the_commands_do_and_deploy_nothing(
    reachable: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    iam = reachable.client("iam")
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role = iam.create_role(RoleName="operator", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = (ROOT / "docs" / "operator-policy.json").read_text()
    one = '"sqs:ChangeMessageVisibility"'
    policy = policy.replace(one, f'{one}, "sqs:ChangeMessageVisibilityBatch"')  # as for the functions above
    iam.put_role_policy(RoleName="operator", PolicyName="operator", PolicyDocument=policy)
    sts = reachable.client("sts")
    credentials = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    environment = {
        "AWS_ENDPOINT_URL": reachable.aws_endpoint_url,
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
        "AWS_REGION": stack.REGION,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for command in COMMANDS:
        main([*command.split(), "--stack", "reelkeep", "--json"])
        printed = capsys.readouterr()
        assert "not authorized" not in printed.out + printed.err, command
    with (
        closing(boto3.client("lambda", region_name=stack.REGION)) as functions,
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        functions.delete_function(FunctionName="reelkeep-submit")
