"""The emulator, killed: what it wrote is there again. And no page of another address gets anything from it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import signal
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from local import emulator, journal, pools, processes
from local.claims import free_ports
from local.listener import Listener, listening
from tests.waiting import until

MINISTACK = Path(__file__).parents[3] / ".venv-cloud" / "bin" / "ministack"
KEYS: Any = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
TABLE: Any = {
    "TableName": "table",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@dataclass(frozen=True)
class Emulator:
    child: processes.Child
    port: int
    data: Path

    def client(self, service: str, **keys: str) -> Any:
        anyhow: Any = service
        config = Config(retries={"total_max_attempts": 1}, proxies={})
        return boto3.client(anyhow, endpoint_url=f"http://127.0.0.1:{self.port}", config=config, **{**KEYS, **keys})

    def put(self, key: str, value: str, **condition: Any) -> None:
        self.client("dynamodb").put_item(TableName="table", Item={"pk": {"S": key}, "v": {"S": value}}, **condition)

    def items(self) -> dict[str, str]:
        found = self.client("dynamodb").scan(TableName="table", ConsistentRead=True)["Items"]
        return {item["pk"]["S"]: item["v"]["S"] for item in found}

    def await_saved(self) -> None:
        """Until all that was done by now is in the saved state."""
        (self.data / emulator.DEPLOYED).touch()
        emulator.await_saved(self.data, self.child)

    def kill(self) -> None:
        os.killpg(self.child._process.pid, signal.SIGKILL)
        self.child.wait()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder that says that a whole deployment is there."""
    (tmp_path / emulator.DEPLOYED).touch()
    return tmp_path


@contextlib.contextmanager
def running(data: Path, *, secret_key: str = journal.EVERYBODYS, **functions: str) -> Iterator[Emulator]:
    (port,) = free_ports(1)
    known: Any = {"data": data, "functions": functions, "log": data / "log", "secret_key": secret_key}
    with emulator.running(MINISTACK, port=port, **known) as child:
        yield Emulator(child, port, data)


def test_an_item_is_there_again_though_the_emulator_was_killed_the_moment_it_had_answered(data: Path) -> None:
    with running(data) as first:
        first.client("dynamodb").create_table(**TABLE)
        first.put("old", "1")
        first.await_saved()
        first.put("old", "2")
        first.put("new", "纸船")
        first.put("gone", "1")
        first.client("dynamodb").delete_item(TableName="table", Key={"pk": {"S": "gone"}})
        first.kill()
    assert emulator.was_killed(data)
    with running(data) as second:
        assert second.items() == {"old": "2", "new": "纸船"}
        second.put("later", "1")
        second.kill()
    with running(data) as third:  # neither journal was saved: both are gone through, in order
        assert third.items() == {"old": "2", "new": "纸船", "later": "1"}


def test_a_conditional_write_is_not_made_twice(data: Path) -> None:
    first_only = {"ConditionExpression": "attribute_not_exists(pk)"}
    with running(data) as first:
        first.client("dynamodb").create_table(**TABLE)
        first.await_saved()
        first.put("taken", "by the first", **first_only)
        with pytest.raises(Exception, match="ConditionalCheckFailed"):
            first.put("taken", "by the second", **first_only)
        first.kill()
    with running(data) as second:
        assert second.items() == {"taken": "by the first"}


def test_everything_else_is_there_again_as_it_was_some_seconds_before(data: Path) -> None:
    with running(data) as first:
        queue = first.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        first.client("sqs").send_message(QueueUrl=queue, MessageBody="hello")
        secret = first.client("secretsmanager").create_secret(Name="s", SecretString="secret")["ARN"]
        first.client("dynamodb").create_table(**TABLE)
        first.await_saved()
        first.kill()
    with running(data) as second:
        queue = second.client("sqs").get_queue_url(QueueName="q")["QueueUrl"]
        (message,) = second.client("sqs").receive_message(QueueUrl=queue)["Messages"]
        assert message["Body"] == "hello"
        assert second.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"] == "secret"


def stream(first: Emulator) -> str:
    """Of a new table."""
    table = {**TABLE, "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}
    arn: str = first.client("dynamodb").create_table(**table)["TableDescription"]["LatestStreamArn"]
    return arn


def read_by_a_function(first: Emulator, source: str, **mapping: Any) -> None:
    with io.BytesIO() as code:
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", "")
        first.client("lambda").create_function(
            FunctionName="reader",
            Runtime="python3.13",
            Handler="app.handler",
            Role="arn:aws:iam::000000000000:role/none",
            Code={"ZipFile": code.getvalue()},
        )
    first.client("lambda").create_event_source_mapping(FunctionName="reader", EventSourceArn=source, **mapping)


def heard(listener: Listener, last: str) -> list[str]:
    """The keys of the records that the function was given, up to the last one."""
    keys: list[str] = []
    while last not in keys:
        message = listener.next(30)
        assert message is not None, f"only {keys} came"
        keys += [record["dynamodb"]["Keys"]["pk"]["S"] for record in json.loads(message.body)["Records"]]
    return keys


@pytest.mark.parametrize("killed", [True, False])
def test_a_stream_goes_on_where_its_reader_was(data: Path, killed: bool) -> None:
    with listening() as listener:
        with running(data, reader=listener.url) as first:
            read_by_a_function(first, stream(first), StartingPosition="TRIM_HORIZON")
            for number in range(5):
                first.put(str(number), "read")
            assert set(heard(listener, "4")) == {"0", "1", "2", "3", "4"}
            listener.refusals = 1_000_000
            first.put("5", "not read")
            first.await_saved()
            first.put("6", "neither, and in the journal")
            if killed:
                first.kill()
        listener.refusals = 0
        while listener.next(0):  # what was refused
            pass
        with running(data, reader=listener.url) as second:
            second.put("7", "later")
            assert heard(listener, "7")[-3:] == ["5", "6", "7"]


def test_nothing_is_saved_before_everything_is_loaded(data: Path) -> None:
    keys = [f"{number:05}" for number in range(5000)]
    with running(data) as first:
        dynamodb = first.client("dynamodb")
        dynamodb.create_table(**TABLE)
        for batch in (keys[start : start + 25] for start in range(0, len(keys), 25)):
            puts = [{"PutRequest": {"Item": {"pk": {"S": key}, "v": {"S": "x" * 500}}}} for key in batch]
            dynamodb.batch_write_item(RequestItems={"table": puts})
        first.await_saved()
        first.kill()
    for _ in range(2):  # what is loaded here was saved by a run that had to load it, too
        with running(data) as later:
            later.await_saved()
            pages = later.client("dynamodb").get_paginator("scan").paginate(TableName="table")
            assert sorted(item["pk"]["S"] for page in pages for item in page["Items"]) == keys
            later.kill()


def test_a_message_is_there_again_though_the_emulator_was_killed_the_moment_it_had_answered(data: Path) -> None:
    with running(data) as first:
        first.client("dynamodb").create_table(**TABLE)
        queue = first.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        first.await_saved()
        first.client("sqs").send_message(QueueUrl=queue, MessageBody="纸船")
        first.kill()
    with running(data) as second:
        queue = second.client("sqs").get_queue_url(QueueName="q")["QueueUrl"]
        (message,) = second.client("sqs").receive_message(QueueUrl=queue)["Messages"]
        assert message["Body"] == "纸船"


def test_a_file_is_whole_though_the_emulator_was_killed_while_it_was_overwritten(data: Path) -> None:
    with running(data) as first:
        s3 = first.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="bucket", Key="file", Body=b"old")
        first.await_saved()
        first.kill()
    (file,) = (data / "s3").glob("*/bucket/file")
    file.write_bytes(b"the new one")
    with running(data) as second:
        found = second.client("s3").get_object(Bucket="bucket", Key="file")
        assert (found["Body"].read(), found["ContentLength"]) == (b"the new one", 11)
        assert found["ETag"] == f'"{hashlib.md5(b"the new one").hexdigest()}"'


def test_a_queue_is_read_by_its_function_on_another_port_too(data: Path) -> None:
    with listening() as listener:
        with running(data, reader=listener.url) as first:
            queue = first.client("sqs").create_queue(QueueName="q")["QueueUrl"]
            read_by_a_function(first, "arn:aws:sqs:us-east-1:000000000000:q")
            first.await_saved()
        with running(data, reader=listener.url) as second:
            assert second.port != first.port
            second.client("sqs").send_message(QueueUrl=queue, MessageBody="a paper boat")
            message = listener.next(30)
            assert message is not None
            assert "a paper boat" in message.body.decode()


def test_the_tables_are_written_last_since_their_journal_has_what_they_lack(data: Path) -> None:
    with running(data) as first:
        first.client("dynamodb").create_table(**TABLE)
        first.client("sqs").create_queue(QueueName="q")
        first.await_saved()
    files = sorted((data / "state").glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    assert files[-1].name == "dynamodb.json"


def test_an_orderly_end_saves_everything_and_leaves_no_journal(data: Path) -> None:
    with running(data) as first:
        first.client("dynamodb").create_table(**TABLE)
        first.put("last", "word")
    assert not emulator.was_killed(data)
    with running(data) as second:
        assert second.items() == {"last": "word"}


def test_a_journal_is_dropped_once_the_state_is_saved(data: Path) -> None:
    with running(data) as first:
        first.client("dynamodb").create_table(**TABLE)
        for number in range(200):
            first.put(str(number), "x" * 1000)
        first.await_saved()
        log = data / "state" / journal.JOURNAL
        until(lambda: sum(path.stat().st_size for path in log.iterdir()) == 0, what="a new journal", within=30)


def test_half_a_deployment_is_not_saved(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.client("dynamodb").create_table(**TABLE)
        first.kill()
    with running(tmp_path) as second:
        assert second.client("dynamodb").list_tables()["TableNames"] == []


def test_a_line_that_was_cut_short_is_passed_over(tmp_path: Path) -> None:
    log = journal.Journal(tmp_path)
    log.append(["a", "1"])
    with log.end()[0].open("ab") as file:
        file.write(b'["b", "2')
    later = journal.Journal(tmp_path)
    assert list(later.entries()) == [["a", "1"]]
    later.end()


def test_an_invocation_may_wait_longer_than_its_function_may_run() -> None:
    asked: list[Any] = []
    invoke = journal.patient(lambda *arguments: asked.append(arguments))
    deployed = {"FunctionName": "step", "Timeout": 29}
    for function in (deployed, {"config": deployed}):
        invoke(function, {"event": 1}, "http://here", "request-1")
    expected = {"FunctionName": "step", "Timeout": journal.INVOCATION_SECONDS}
    assert asked == [(expected, {"event": 1}, "http://here", "request-1")] * 2
    assert deployed["Timeout"] == 29
    assert journal.INVOCATION_SECONDS > pools.WAIT_SECONDS + 900


def test_a_page_of_another_address_reads_nothing_and_does_nothing(data: Path) -> None:
    with running(data) as cloud:
        secret = cloud.client("secretsmanager").create_secret(Name="providers", SecretString="vda_1")["ARN"]
        own = f"http://127.0.0.1:{cloud.port}"

        def read(method: str = "POST", **headers: str) -> httpx.Response:
            asked = {"x-amz-target": "secretsmanager.GetSecretValue", "content-type": "application/x-amz-json-1.1"}
            body = json.dumps({"SecretId": secret})
            return httpx.request(method, own, headers=asked | headers, content=body, trust_env=False)

        port = cloud.port
        strangers = [
            {"origin": f"http://127.0.0.1:{port + 1}"},
            {"origin": f"http://localhost:{port}"},  # the host is another one
            {"origin": "https://example.com"},
            {"origin": "null"},
            {"host": "rebound.example.com"},
            {"host": f"127.0.0.1.example.com:{port}", "origin": f"http://127.0.0.1.example.com:{port}"},
        ]
        for headers in strangers:
            assert [read(method, **headers).status_code for method in ("POST", "OPTIONS")] == [403, 403], headers
        for headers in ({}, {"origin": own}, {"host": f"localhost:{port}"}):
            answer = read(**headers)
            assert (answer.status_code, answer.json()["SecretString"]) == (200, "vda_1")
            assert [name for name in answer.headers if name.startswith("access-control-")] == []


def test_the_secrets_are_for_those_who_sign_with_the_stacks_own_key(data: Path) -> None:
    with running(data, secret_key="a stack's own") as cloud:
        own = cloud.client("secretsmanager", aws_secret_access_key="a stack's own")
        secret = own.create_secret(Name="providers", SecretString="vda_1")["ARN"]
        assert own.get_secret_value(SecretId=secret)["SecretString"] == "vda_1"
        for refused in ("get_secret_value", "describe_secret", "delete_secret"):
            with pytest.raises(ClientError, match="not signed with this stack's secret key"):
                getattr(cloud.client("secretsmanager"), refused)(SecretId=secret)

        sent: list[AWSPreparedRequest] = []
        own.meta.events.register("before-send", lambda request, **_: sent.append(request))
        own.describe_secret(SecretId=secret)
        (signed,) = sent
        headers: Any = {name: value for name, value in signed.headers.items() if name != "Content-Length"}

        def send(**changed: str) -> int:
            body = changed.pop("body", json.dumps({"SecretId": secret}))
            answer = httpx.post(signed.url, headers=headers | changed, content=body, trust_env=False)
            return answer.status_code

        unsigned = {"Authorization": ""}
        other_operation = {"X-Amz-Target": "secretsmanager.GetSecretValue"}
        other_body = {"body": json.dumps({"SecretId": secret, "VersionStage": "AWSCURRENT"})}
        assert send() == 200
        assert [send(**changed) for changed in (unsigned, other_operation, other_body)] == [403, 403, 403]

        cloud.client("dynamodb").create_table(**TABLE)  # nothing else asks for it


def test_ministack_alone_loses_its_tables_when_it_is_killed(tmp_path: Path) -> None:
    """Should this fail, ministack saves its state by itself now, and `local/journal.py` can go."""
    (port,) = free_ports(1)
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(tmp_path / "state"),
    }

    @contextlib.contextmanager
    def alone() -> Iterator[Emulator]:
        log = tmp_path / "log"
        with processes.running("ministack", [MINISTACK], env=env, log=log, cwd=tmp_path) as child:
            emulator.await_answer(f"http://127.0.0.1:{port}/_ministack/ready", child)
            yield Emulator(child, port, tmp_path)

    with alone() as first:
        first.client("dynamodb").create_table(**TABLE)
        first.kill()
    with alone() as second:
        assert second.client("dynamodb").list_tables()["TableNames"] == []
