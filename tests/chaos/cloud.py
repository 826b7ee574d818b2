"""AWS in memory, behind the faulty transport: the functions' own code, clients and wiring run on it unchanged."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import iter_modules
from random import Random
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from botocore import handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError
from botocore.handlers import REGISTER_LAST
from botocore.retries.quota import RetryQuota
from moto import mock_aws
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.stepfunctions.models import stepfunctions_backends

from reelkeep import wiring
from reelkeep.adapters import documents
from reelkeep.adapters.copying.copy import copy
from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.domain.keys import KeySettings
from reelkeep.domain.ledger import Balance
from reelkeep.domain.limits import Limits
from reelkeep.domain.notices.alerts import ALERTS
from reelkeep.domain.notices.notice import POSSIBLE_REPEAT
from reelkeep.domain.task import Task
from reelkeep.services.ledger import KeepLedger
from reelkeep.wiring import platform
from tests.chaos import direct
from tests.chaos.faulty_transport import FaultyTransport, Mode, Ways
from tests.chaos.provider import InMemory, configuration
from tests.integration.conftest import create_table
from tests.lambda_context import CONTEXT

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
_OWNER = "alice"
BUCKET = "chaos-archive"
_STANDS_STILL = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}}

Happen = Callable[[], AWSResponse]
Measure = Callable[[str, str, AWSPreparedRequest, Happen], AWSResponse]  # service, operation
Answering = Callable[[str, str, Mapping[str, str], bytes], bytes]


@dataclass
class Connected:
    """What one world puts behind the cloud while it lasts."""

    transport: FaultyTransport
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    provider: Answering
    measure: Measure | None = None  # of every call that a function makes
    dice: Random = field(default_factory=Random)  # for ids


class Cloud:
    """Made once, since clients take long to make; `connected` empties it for the next run."""

    def __init__(self, table: str, topic: str, machine: str, watch_machine: str) -> None:
        self._connected: Connected | None = None
        self._inside = False  # a function
        self._dice = Random()
        self.invocations: list[tuple[str, dict[str, Any]]] = []  # that nobody waits for
        self._table_name = table
        self._bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET]
        self._topic = sns_backends[DEFAULT_ACCOUNT_ID][REGION].topics[topic]
        machines = stepfunctions_backends[DEFAULT_ACCOUNT_ID][REGION].state_machines
        self._machine, self._watch_machine = (
            next(each for each in machines if each.arn == arn) for arn in (machine, watch_machine)
        )

    @property
    def _table(self) -> Any:
        """Looked up each time: moto replaces it where a transaction is cancelled."""
        return dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[self._table_name]

    @contextmanager
    def connected(self, connected: Connected) -> Iterator[str]:
        """A new run begins; gives the API key."""
        for store in (self._table.items, self._bucket.keys, self._topic.sent_notifications):
            store.clear()
        for machine in (self._machine, self._watch_machine):
            machine.executions.clear()
        self.invocations.clear()
        self._dice = connected.dice
        key = self.key_of(_OWNER, connected.clock())
        self._connected = connected
        try:
            yield key
        finally:
            self._connected = None

    def token_hex(self, nbytes: int | None = None) -> str:
        return self._dice.randbytes(nbytes or 32).hex()

    def key_of(self, owner: str, now: datetime) -> str:
        """Of a key that was used today: the first use of a day takes a write more, which may fail."""
        keys = TableKeys(platform.dynamodb(), self._table.name)
        key = keys.create(owner, KeySettings(name="chaos"), now)[0]
        keys.caller(key)
        return key

    def limit(self, limits: Limits) -> None:
        """Of the owner that submits, whose tasks wait in line beyond its tasks at once."""
        settings = TableKeys(platform.dynamodb(), self._table.name).settings
        settings.change(_OWNER, lambda before: replace(before, limits=limits, when_full="queue"))

    def count_another(self, change: int) -> None:
        """Another task of the owner that submits begins, or ends."""
        counters = TableCounters(platform.dynamodb(), self._table.name)
        counters.give_back(_OWNER, {"at_once": Decimal(-change)}, secrets.token_hex(8))

    def counted_beyond_ledger(self) -> tuple[Decimal, ...]:
        """What counts against the limits of the owner that submits, less its ledger: at once, in all, money."""
        client, table = platform.dynamodb(), self._table.name
        ledger = TableLedger(client, table, clock=self.now)
        for task in self.tasks():
            KeepLedger(ledger)(task)
        counts = TableCounters(client, table).counts(_OWNER)
        sums = Balance()
        for each in {task.created_at.date() for task in self.tasks()}:
            sums = sum((balance for _, balance in ledger.sums(each, _OWNER)), sums)
        of_days = {name: Decimal(value) for name, value in counts.items() if name.count("-") == 2}
        tasks = sum(value for name, value in of_days.items() if name.startswith("tasks:"))
        money = sum(value for name, value in of_days.items() if name.startswith("money:"))
        at_once = Decimal(counts.get("at_once", 0)) - sums.tasks + sums.tasks_charged
        return at_once, Decimal(tasks - sums.tasks), Decimal(money - sums.reserved - sums.charged)

    # What is there ------------------------------------------------------------------------------------------

    def tasks(self) -> list[Task]:
        """Those of the owner that submits."""
        items = (item.attrs for part in self._table.items.values() for item in part.values())
        tasks = [documents.read(Task, item["document"].value) for item in items if item["sk"].value == "task"]
        return [task for task in tasks if task.owner == _OWNER]

    def task_items(self) -> dict[str, Any]:
        """The records of the owner that submits, as DynamoDB describes them, by their partitions."""
        items = [item for part in self._table.items.values() for item in part.values()]
        found = (item.to_json()["Attributes"] for item in items if item.attrs["sk"].value == "task")
        return {item["pk"]["S"]: item for item in found if item["owner"]["S"] == _OWNER}

    def record(self, task: Task) -> None:
        """Beside the functions."""
        TableTasks(platform.dynamodb(), self._table.name).create(task)

    def objects(self) -> dict[str, bytes]:
        return {key: self._bucket.keys[key].value for key in self._bucket.keys}

    def digests(self) -> dict[str, str]:
        """Of what the provider made, by file name."""
        ours = ("manifest.json", "request.json")
        files = {key.rpartition("/")[2]: content for key, content in self.objects().items()}
        return {name: sha256(content).hexdigest() for name, content in files.items() if name not in ours}

    def notices(self) -> list[dict[str, Any]]:
        """The notices about states; other events come on the same topic."""
        events = [json.loads(message) for _, message, *_ in self._topic.sent_notifications]
        told = [event for event in events if event["type"] not in ALERTS | {POSSIBLE_REPEAT}]
        return [event for event in told if event["data"]["owner"] == _OWNER]

    def item(self, key: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        """As DynamoDB describes it; empty if there is none."""
        found = self._table.get_item(DynamoType(dict(key["pk"])), DynamoType(dict(key["sk"])))
        return found.to_json()["Attributes"] if found else {}

    @property
    def indexed(self) -> list[str]:
        """The attributes that have an index."""
        return [index.schema[0]["AttributeName"] for index in self._table.global_indexes]

    @property
    def executions(self) -> list[Any]:
        return list(self._machine.executions)

    @property
    def watches(self) -> list[Any]:
        return list(self._watch_machine.executions)

    # What happens -------------------------------------------------------------------------------------------

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """In a new sandbox. Raises what the function raises, and Killed."""
        assert self._connected is not None
        transport = self._connected.transport
        transport.begin(function)
        self._inside = True
        try:
            return _entry_point(function)(event, CONTEXT)
        finally:
            self._inside = False
            transport.end()

    @contextmanager
    def aside(self, function: str) -> Iterator[None]:
        """While this function stands still, others are invoked."""
        assert self._connected is not None
        self._inside = False
        yield
        self._connected.transport.begin(function)
        self._inside = True

    def now(self) -> datetime:
        return self._connected.clock() if self._connected else datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        if self._connected:
            self._connected.sleep(seconds)

    def outbound(self, _tls: object) -> Outbound:
        assert self._connected is not None
        return Outbound(transport=InMemory(self._connected.transport, self._connected.provider))

    def answer(self, request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse:
        """Every call of every client of boto3 comes by here."""

        service, operation = event_name.split(".")[1:]

        def happen() -> AWSResponse:
            if self._inside and self._connected and self._connected.measure:
                return self._connected.measure(service, operation, request, effect)
            return effect()

        def effect() -> AWSResponse:
            if (service, operation) == ("lambda", "Invoke"):
                assert isinstance(request.body, bytes)
                self.invocations.append((_function_of(request.url), json.loads(request.body)))
                return _said(request, 202, {}, b"")
            if (plain := service.replace("-", "")) in direct.HANDLERS:
                return _said(request, *direct.answer(plain, operation, request, REGION))
            return _stubbed(event_name, request)

        if not self._inside or self._connected is None:
            return happen()

        def lost(_: object) -> AWSResponse:
            raise ConnectionClosedError(endpoint_url=request.url)

        refusal = _REFUSALS.get(service, _REFUSALS["json"])

        def refused() -> AWSResponse:
            return _said(request, *refusal)

        if operation.startswith(("Get", "Query", "BatchGet", "Head", "Describe")):  # an outage begins with a refusal
            ways = Ways(happen, {Mode.OUTAGE: refused}, {Mode.LOST: lost}, only_reads=True)
        else:
            ways = Ways(happen, {Mode.REFUSED: refused, Mode.OUTAGE: refused}, {Mode.LOST: lost})
        answer = self._connected.transport.call(f"{service}.{operation}", ways)
        assert isinstance(answer, AWSResponse)
        return answer


# botocore repeats a call after any of the faults in which nothing happened, so one of them stands for all.
_REFUSALS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "json": (400, {}, b'{"__type":"ThrottlingException","message":"Rate exceeded"}'),
    "s3": (503, {}, b"<Error><Code>SlowDown</Code><Message>Slow down.</Message></Error>"),
    "sns": (
        400,
        {},
        b"<ErrorResponse><Error><Code>Throttling</Code><Message>No.</Message></Error></ErrorResponse>",
    ),
}


def _stubbed(event_name: str, request: AWSPreparedRequest) -> AWSResponse:
    if isinstance(request.body, bytearray):
        request.body = bytes(request.body)  # moto takes nothing else
    answer = botocore_stubber(event_name, request)
    assert answer is not None, f"nothing stands for {request.url}"
    return answer


def _said(request: AWSPreparedRequest, status: int, headers: dict[str, str], body: str | bytes) -> AWSResponse:
    return AWSResponse(request.url, status, headers, MockRawResponse(body))  # type: ignore[arg-type]  # read alike


def _function_of(url: str) -> str:
    """`finalize`, of .../functions/arn:...:function:chaos-finalize:live/invocations."""
    return unquote(urlsplit(url).path).split("/")[-2].split(":")[-2].removeprefix("chaos-")


def _entry_point(function: str) -> Callable[..., Any]:
    """Loaded anew, as in a new sandbox, which knows no secret, and no trouble with a provider."""
    platform.troubles.cache_clear()
    platform.secrets().clear_cache()  # type: ignore[no-untyped-call]  # the library has no types for it
    spec = spec_from_file_location(f"functions_{function}", ROOT / "functions" / function / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[..., Any] = module.handler
    return handler


@contextmanager
def cloud() -> Iterator[Cloud]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        behind: list[Cloud] = []

        def answer(request: AWSPreparedRequest, event_name: str, **more: object) -> AWSResponse:
            return behind[0].answer(request, event_name) if behind else _stubbed(event_name, request)

        builtin = [entry for entry in handlers.BUILTIN_HANDLERS if entry[1] is not botocore_stubber]
        patch.setattr(handlers, "BUILTIN_HANDLERS", [*builtin, ("before-send", answer, REGISTER_LAST)])
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "POWERTOOLS_LOG_LEVEL": "CRITICAL",
            "POWERTOOLS_SERVICE_NAME": "reelkeep.test",
            "POWERTOOLS_METRICS_NAMESPACE": "Reelkeep",
        }.items():
            patch.setenv(name, value)
        for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
            patch.delenv(name)
        _forget_clients()
        behind.append(made := Cloud(*_resources(patch)))
        patch.setattr(platform, "now", made.now)
        patch.setattr(secrets, "token_hex", made.token_hex)
        patch.setattr(time, "sleep", made.sleep)  # botocore's pauses
        # Clients outlive the runs here, and a sandbox has all its retries before it.
        patch.setattr(RetryQuota, "acquire", lambda _quota, _amount: True)
        assert copy.__kwdefaults__ is not None
        patch.setitem(copy.__kwdefaults__, "part_bytes", 5 << 20)  # which is the least that S3 takes
        patch.setitem(copy.__kwdefaults__, "pause", made.sleep)
        for name in [module.name for module in iter_modules(wiring.__path__)]:
            module = import_module(f"{wiring.__name__}.{name}")
            if hasattr(module, "Outbound"):
                patch.setattr(module, "Outbound", made.outbound)
        yield made
    _forget_clients()


def _forget_clients() -> None:
    for each in vars(platform).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


def _resources(patch: pytest.MonkeyPatch) -> tuple[str, str, str, str]:
    """What the template has, and the functions' environment that names it."""
    session = boto3.Session()
    session.client("s3").create_bucket(Bucket=BUCKET)
    session.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    table = create_table(session.client("dynamodb"))
    topic = session.client("sns").create_topic(Name="chaos")["TopicArn"]
    machine, watch_machine = (
        session.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(_STANDS_STILL), roleArn="arn:aws:iam::000000000000:role/none"
        )["stateMachineArn"]
        for name in ("chaos", "chaos-watch")
    )
    secrets = session.client("secretsmanager")
    providers = secrets.create_secret(Name="providers", SecretString=json.dumps(configuration()))["ARN"]
    links = secrets.create_secret(Name="links", SecretString="s" * 64)["ARN"]
    for name, value in {
        "TABLE_NAME": table,
        "BUCKET_NAME": BUCKET,
        "TOPIC_ARN": topic,
        "STATE_MACHINE_ARN": machine,
        "WATCH_MACHINE_ARN": watch_machine,
        "FINALIZE_FUNCTION_ARN": f"arn:aws:lambda:{REGION}:000000000000:function:chaos-finalize:live",
        "PROVIDERS_SECRET_ARN": providers,
        "LINK_SECRET_ARN": links,
        "WEBHOOK_SECRET_ARN": links,
        "DELIVERIES_URL": "https://queue.test/outbox",  # to which nothing is sent here
        "SUBSCRIPTION_PROTOCOLS": "https",
        "PUBLIC_URL": "https://keep.test",
        "LINKS_EXPIRING_HOURS": "4",
        "LONGEST_WAIT_HOURS": "24",
        "POLL_COST_SECONDS": "4",
        "ALLOW_PRIVATE_WEBHOOKS": "false",
    }.items():
        patch.setenv(name, value)
    return table, topic, machine, watch_machine
