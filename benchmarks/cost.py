"""What a million tasks cost on AWS, by service: counted calls times list prices.

    python -m benchmarks.cost [--check] [--local] [--tasks N]

The functions themselves run in simulated time on AWS in memory, under the state machine's own definition, and every
call that they make is counted: state transitions, invocations, read and write units with those of the indexes,
requests to S3, SNS and the API. How long an invocation lasts is modelled from its calls.

With `--local`, the calls of tasks that end at once are also counted on a local cloud. It must write as often. It may
read less: its functions stay warm and remember, while each invocation in memory begins anew.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import yaml
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

_ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT / "layers" / "reelkeep"))

from benchmarks import burst
from benchmarks.local_stack import running
from local.simulator.callbacks import signed
from local.simulator.simulator import Settings
from reelkeep.domain.provider_callbacks import path_of
from reelkeep.domain.task import State
from reelkeep.wiring import platform
from tests.chaos.cloud import Cloud, Connected, cloud
from tests.chaos.faulty_transport import FaultyTransport
from tests.chaos.machine import DEFINITION, WATCH, execution
from tests.chaos.provider import Provider, Stock, configuration
from tests.chaos.scenario import NOON
from tests.lambda_context import http_event

_TASKS: Final = 40
_MOST: Final = 400.0  # dollars for a million tasks, at defaults
_FEW: Final = 5.0  # state transitions a task, where there is a list or a callback
_VIDEO: Final = 20 << 20  # bytes
_USUAL: Final = 75.0  # seconds that a task takes
_MORE_WATCHED: Final = 3  # times as many tasks, where they must come at the same time
_IN_FLIGHT: Final = 50  # tasks, where the list is watched
_OFF_PEAK: Final = 6 * 3600.0
_ASKS_EVERY: Final = 5.0  # seconds between a client's questions
_ASKS_EVERY_OFF_PEAK: Final = 300.0
_TOLERANCE: Final = 0.05  # of a count
_FIXED: Final = 10.0  # seconds between polls, for comparison

# us-east-1, in dollars.
_TRANSITION: Final = 25e-6
_INVOCATION: Final = 0.20e-6
_GB_SECOND: Final = 0.0000133334  # arm64
_WRITE_UNIT: Final = 0.625e-6
_READ_UNIT: Final = 0.125e-6
_S3_WRITE: Final = 5e-6
_S3_READ: Final = 0.4e-6
_SNS: Final = 0.5e-6
_API: Final = 1e-6
_LOG_BYTE: Final = 0.50 / (1 << 30)
_EGRESS_BYTE: Final = 0.09 / (1 << 30)
_STORED_BYTE: Final = 0.023 / (1 << 30)  # a month

# A month, whether tasks come or not.
_STANDING: Final = {
    "AWS::SecretsManager::Secret": 0.40,
    "AWS::CloudWatch::Alarm": 0.10,
    "AWS::CloudWatch::Dashboard": 3.0,
}
_METRICS: Final = 4 * 0.30  # of one provider

# The model of an invocation's duration, in seconds.
_LATENCY: Final = {"dynamodb": 0.006, "sfn": 0.03, "s3": 0.04, "sns": 0.025, "lambda": 0.02}
_DISPATCH, _OBSERVE = 1.0, 0.3
_FIRST_BYTE: Final = 0.15
_BYTES_A_SECOND: Final = 75e6  # Lambda's network
_CPU: Final = 0.004  # seconds of a whole CPU that an invocation takes; `benchmarks.functions` measures 2 to 4 ms
_CPU_A_BYTE: Final = 1.8 / (1 << 30)  # of a copy; `benchmarks/copy_creation.py`
_WHOLE_CPU: Final = 1769  # MB of memory
_LOG_BYTES: Final = 900  # an invocation: Lambda's three lines and ours
_ACCESS_LOG_BYTES: Final = 350


@dataclass
class Bill:
    dollars: Counter[str] = field(default_factory=Counter)  # by service; Counter takes floats, too
    counted: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)  # of AWS, by function, service and operation

    def add(self, service: str, what: str, price: float, number: float = 1) -> None:
        self.dollars[service] += price * number  # type: ignore[assignment]
        self.counted[what] += number  # type: ignore[assignment]

    def of(self, share: float) -> Bill:
        """Of such a part of the tasks."""
        return Bill(
            *(
                Counter({name: each * share for name, each in part.items()})
                for part in (self.dollars, self.counted, self.calls)
            )
        )


class _CountedStates(dict[str, Any]):
    """Each state that is entered is looked up once."""

    def __init__(self, states: Mapping[str, Any], bill: Bill) -> None:
        super().__init__(states)
        self._bill = bill

    def __getitem__(self, name: str) -> Any:
        self._bill.add("Step Functions", "state transitions", _TRANSITION)
        return super().__getitem__(name)


@dataclass(frozen=True)
class Kind:
    """Of tasks."""

    calls_back: bool = False
    off_peak: bool = False
    seconds: float = _USUAL  # that a task takes
    is_watched: bool = False  # the list of their provider, while so many are in flight that it is worth it
    polled_every: float | None = None  # seconds, instead of the schedule


class World:
    """One run: tasks come one after the other, and each client asks until its task has ended."""

    def __init__(self, kind: Kind, behind: Cloud, folder: Path) -> None:
        self._kind = kind
        self._cloud = behind
        self._now = NOON
        self._dice = random.Random(14)
        self._bill = Bill()
        self._agenda: list[tuple[datetime, int, Callable[[], object]]] = []
        self._numbers = count()
        self._known: set[str] = set()
        self._seconds, self._function = 0.0, ""  # of the invocation that is under way
        self._changed: list[dict[str, Any]] = []
        settings = Settings(data=folder, concurrency=10_000, queue_seconds=2, off_peak_seconds=2)
        self._provider = Provider(settings, Stock(folder, size=(960, 540)), lambda: self._now.timestamp())
        self._memory = _memory()

    def measured(self, number: int) -> Bill:
        """The bill of so many tasks, after a few that are not counted: what was learned from these holds."""
        transport = FaultyTransport(lambda: (self._now - NOON).total_seconds())
        connected = Connected(transport, lambda: self._now, self._sleep, self._answered, self._counted)
        with self._cloud.connected(connected) as self._key:
            self._submit_all(3)
            for part in (self._bill.dollars, self._bill.counted, self._bill.calls):
                part.clear()
            self._submit_all(number)
            states = Counter(task.state for task in self._cloud.tasks())
        self._provider.close()
        if states != {State.SUCCESS: number + 3}:
            raise RuntimeError(f"not all tasks succeeded: {states}")
        return self._bill

    # What happens -------------------------------------------------------------------------------------------

    def _submit_all(self, number: int) -> None:
        every = _USUAL / _IN_FLIGHT if self._kind.is_watched else 20.0
        for each in range(number):
            self._at(every * each, partial(self._submit, next(self._numbers)))
        self._run()

    def _run(self, until: datetime | None = None) -> None:
        self._follow()
        while self._agenda and (until is None or self._agenda[0][0] <= until):
            moment, _, do = heapq.heappop(self._agenda)
            self._now = max(self._now, moment)
            do()
            self._follow()

    def _at(self, seconds: float, do: Callable[[], object]) -> None:
        heapq.heappush(self._agenda, (self._now + timedelta(seconds=seconds), next(self._numbers), do))

    def _sleep(self, seconds: float) -> None:
        """A watch does, which is paid for; others go on."""
        lasted, until = self._seconds, self._now + timedelta(seconds=seconds)
        with self._cloud.aside("watch"):
            self._run(until)
        self._now, self._seconds = max(self._now, until), lasted + seconds

    def _submit(self, number: int) -> None:
        seconds = int(self._kind.seconds * self._dice.lognormvariate(0, 0.35))
        prompt = f"boat {number} [slow:{seconds}][moderation:0]"
        body = {"model": "viduq2", "prompt": prompt, "duration": 1, "resolution": "540p"}
        event = http_event("POST", "/ent/v2/text2video", authorization=f"Token {self._key}")
        event["body"] = json.dumps(body | ({"off_peak": True} if self._kind.off_peak else {}))
        answer = self._asked("submit", event)
        task_id = json.loads(answer["body"])["task_id"]
        self._at(_ASKS_EVERY_OFF_PEAK if self._kind.off_peak else _ASKS_EVERY, partial(self._ask, task_id))
        if self._kind.calls_back:
            for after in (3.0, seconds + (5.0 if self._kind.off_peak else 2.5)):
                self._at(after, partial(self._call_back, task_id))

    def _ask(self, task_id: str) -> None:
        path = f"/ent/v2/tasks/{task_id}/creations"
        answer = self._asked("query", http_event("GET", path, authorization=f"Token {self._key}"))
        if json.loads(answer["body"])["state"] not in ("success", "failed"):
            self._at(_ASKS_EVERY_OFF_PEAK if self._kind.off_peak else _ASKS_EVERY, partial(self._ask, task_id))

    def _call_back(self, task_id: str) -> None:
        path = path_of("vidu", task_id, "vda_chaos")
        headers = signed(f"https://keep.test{path}", "vda_chaos", self._now.timestamp())
        event = http_event("POST", path) | {"headers": {name.lower(): value for name, value in headers.items()}}
        self._asked("provider_callback", event)

    def _follow(self) -> None:
        """What AWS does by itself: invocations that nobody waits for, the table's stream, executions."""
        while self._cloud.invocations or self._changed:
            while self._changed:
                self._invoke("announce", {"Records": [self._changed.pop(0)]})
            while self._cloud.invocations:
                self._invoke(*self._cloud.invocations.pop(0))
        started = [(each, DEFINITION) for each in self._cloud.executions]
        for each, definition in (*started, *((each, WATCH) for each in self._cloud.watches)):
            if each.name not in self._known:
                self._known.add(each.name)
                counted = {**definition, "States": _CountedStates(definition["States"], self._bill)}
                self._at(0, partial(self._step, execution(json.loads(each.execution_input), self._invoke, counted)))

    def _step(self, steps: Generator[float]) -> None:
        wait = next(steps, None)
        if wait is not None:
            self._at(self._kind.polled_every or wait, partial(self._step, steps))

    # What is counted ----------------------------------------------------------------------------------------

    def _asked(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        self._bill.add("API Gateway", "API requests", _API)
        self._bill.add("CloudWatch Logs", "log bytes", _LOG_BYTE, _ACCESS_LOG_BYTES)
        answer: dict[str, Any] = self._invoke(function, event)
        if answer["statusCode"] >= 300:
            raise RuntimeError(f"{function} answered {answer}")
        return answer

    def _invoke(self, function: str, event: dict[str, Any]) -> Any:
        self._seconds, outer, self._function = 0.0, self._function, function
        answer = self._cloud.invoke(function, event)
        self._function = outer
        memory = self._memory[function]
        seconds = self._seconds + _CPU / min(memory / _WHOLE_CPU, 1.0)
        service = "Lambda: finalize" if function == "finalize" else "Lambda: others"
        self._bill.add(service, f"invocations of {function}", _INVOCATION)
        self._bill.add(service, f"GB-seconds of {function}", _GB_SECOND, seconds * memory / 1024)
        self._bill.add("CloudWatch Logs", "log bytes", _LOG_BYTE, _LOG_BYTES)
        return answer

    def _answered(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """By the provider."""
        self._seconds += _DISPATCH if method == "POST" else _OBSERVE
        if "/media/" in url:
            size = _VIDEO if url.partition("?")[0].endswith("video.mp4") else 200_000
            cpu = size * _CPU_A_BYTE / min(self._memory["finalize"] / _WHOLE_CPU, 1.0)
            self._seconds += _FIRST_BYTE - _OBSERVE + max(size / _BYTES_A_SECOND, cpu)
        return self._provider.answer(method, url, headers, body)

    def _counted(
        self, service: str, operation: str, request: AWSPreparedRequest, happen: Callable[[], AWSResponse]
    ) -> AWSResponse:
        if service == "secrets-manager":  # read once in five minutes, not at every invocation as here
            return happen()
        self._seconds += _LATENCY[service]
        self._bill.calls[f"{self._function} {service} {operation}"] += 1
        if service != "dynamodb":
            if service == "s3":
                is_read = operation.startswith(("Get", "Head"))
                self._bill.add("S3 requests", f"S3 {operation}", _S3_READ if is_read else _S3_WRITE)
            if service == "sns":
                self._bill.add("SNS", "SNS messages", _SNS)
            return happen()
        assert isinstance(request.body, bytes)
        said = json.loads(request.body)
        is_transaction = operation == "TransactWriteItems"
        keys = _keys(said) if is_transaction or operation in ("PutItem", "UpdateItem", "DeleteItem") else []
        before = [self._cloud.item(key) for key in keys]
        answer = happen()
        if keys:
            for key, item in zip(keys, before, strict=True):
                self._count_write(item, self._cloud.item(key), 2 if is_transaction else 1)
        else:
            read = json.loads(answer.content)
            many = [item for items in read.get("Responses", {}).values() for item in items]
            sizes = [_size(item) for item in many] or [
                sum(map(_size, read["Items"])) if "Items" in read else _size(read.get("Item", {}))
            ]
            is_whole = said.get("ConsistentRead") or any(
                each.get("ConsistentRead") for each in said.get("RequestItems", {}).values()
            )
            units = sum(max(1, math.ceil(size / 4096)) for size in sizes) * (1.0 if is_whole else 0.5)
            self._bill.add("DynamoDB", "read units", _READ_UNIT, units)
        return answer

    def _count_write(self, before: dict[str, Any], after: dict[str, Any], times: int) -> None:
        units = times * max(1, math.ceil(max(_size(before), _size(after)) / 1024))
        self._bill.add("DynamoDB", "write units", _WRITE_UNIT, units)
        for name in self._cloud.indexed:
            old, new = before.get(name), after.get(name)
            changes = (old is not None) + (new is not None) if old != new else 0
            self._bill.add("DynamoDB", f"writes of index {name}", _WRITE_UNIT, times * changes)
        if after.get("sk") == {"S": "task"} and _is_announced(before.get("state"), after["state"]):
            self._changed.append(_change(before, after))


def _keys(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of the items that a call writes."""
    parts = [part for each in said.get("TransactItems", [{"Write": said}]) for part in each.values()]
    return [part.get("Key") or {name: part["Item"][name] for name in ("pk", "sk")} for part in parts]


def _is_announced(before: Mapping[str, str] | None, after: Mapping[str, str]) -> bool:
    """Whether the mapping's filter lets the change through."""
    if before is None or after["S"] in ("success", "failed", "cancelled", "expired"):
        return True
    return after["S"] in ("processing", "archiving") and before != after


def _change(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    keys = {name: after[name] for name in ("pk", "sk")}
    images = {"Keys": keys, "NewImage": after, "SequenceNumber": "1"} | ({"OldImage": before} if before else {})
    name = "MODIFY" if before else "INSERT"
    return {"eventSource": "aws:dynamodb", "eventName": name, "eventID": "1", "dynamodb": images}


def _size(item: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(len(name) + len(str(value).encode()) for name, typed in item.items() for value in typed.values())


class _Template(yaml.SafeLoader):
    pass


_Template.add_multi_constructor("!", lambda *_: None)


def _template() -> dict[str, Any]:
    return dict(yaml.load((_ROOT / "template.yaml").read_text(), _Template))


def monthly(million: float) -> list[str]:
    """The table of what so many videos a month cost, in dollars, if a million tasks cost so much."""
    resources = _template()["Resources"].values()
    standing = sum(_STANDING.get(each["Type"], 0) for each in resources) + _METRICS
    rows = [
        "| videos a month | tasks | standing | stored, each month | stored, after a year | one view of each |",
        "|---|---|---|---|---|---|",
    ]
    for videos in (1_000, 10_000, 100_000):
        stored = videos * _VIDEO * _STORED_BYTE
        dollars = (million * videos / 1e6, standing, stored, 12 * stored, videos * _VIDEO * _EGRESS_BYTE)
        rows.append(f"| {videos:,} | " + " | ".join(f"{each:,.2f}" for each in dollars) + " |")
    return rows


def _memory() -> dict[str, int]:
    """MB, by function."""
    template = _template()
    usual = template["Globals"]["Function"]["MemorySize"]
    functions = {
        each["Properties"]["CodeUri"].split("/")[1]: each["Properties"].get("MemorySize", usual)
        for each in template["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function"
    }
    return {name: int(memory) for name, memory in functions.items()}


KINDS: Final = {
    "defaults": Kind(calls_back=True),
    "list": Kind(is_watched=True),
    "neither": Kind(),
    "off-peak": Kind(calls_back=True, off_peak=True, seconds=_OFF_PEAK),
    "every 10 s": Kind(polled_every=_FIXED),
}
_SERVICES: Final = (
    "Step Functions",
    "Lambda: finalize",
    "Lambda: others",
    "DynamoDB",
    "S3 requests",
    "SNS",
    "API Gateway",
    "CloudWatch Logs",
)


def measured(number: int, kinds: Mapping[str, Kind] = KINDS) -> dict[str, Bill]:
    bills = {}
    with cloud() as behind, tempfile.TemporaryDirectory() as folder:
        os.environ["DELIVERIES_URL"] = "https://sqs.us-east-1.amazonaws.com/000000000000/outbox"
        providers = {"vidu": {key: value for key, value in configuration()["vidu"].items() if key != "slots"}}
        platform.secretsmanager().put_secret_value(
            SecretId=os.environ["PROVIDERS_SECRET_ARN"], SecretString=json.dumps(providers)
        )
        for name, kind in kinds.items():
            tasks = number * (_MORE_WATCHED if kind.is_watched else 1)
            bills[name] = World(kind, behind, Path(folder)).measured(tasks).of(number / tasks)
    return bills


def differing(number: int) -> list[str]:
    """The calls that a local cloud makes otherwise than AWS in memory. Prints how many there are of a task."""
    provider = {"dialect": "vidu_v1", "typical_seconds": 2, "default": True}  # it has no list, so nothing is watched
    with running({"simulator": provider}, concurrency=5000, count_calls=True) as (found, _):
        on_local_cloud = burst.measured(found, number)["calls"]
    counted = measured(number, {"at once": Kind(seconds=0)})["at once"].calls
    in_memory = {_on_the_wire(call): count for call, count in counted.items() if not call.startswith("query ")}
    print(f"{'calls of a task that ends at once':48}{'in memory':>12}{'local cloud':>12}")
    differ = []
    for call in sorted(in_memory.keys() | {each for each in on_local_cloud if " secretsmanager " not in each}):
        here, there = in_memory.get(call, 0) / number, on_local_cloud[call] / number
        print(f"{call:48}{here:12.2f}{there:12.2f}")
        is_read = call.endswith((" GetItem", " Query"))
        if there > here * (1 + _TOLERANCE) or (not is_read and there < here * (1 - _TOLERANCE)):
            differ.append(f"{call}: {here:.2f} in memory, {there:.2f} on the local cloud")
    return differ


def _on_the_wire(call: str) -> str:
    """As the local cloud names it."""
    function, service, operation = call.split()
    rest = {"s3": "s3 PUT", "sns": "sns POST", "sfn": f"states {operation}"}
    return f"{function} {rest.get(service, f'{service} {operation}')}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="end with status 1 if a target is missed")
    parser.add_argument("--local", action="store_true", help="also compare the calls with those on a local cloud")
    parser.add_argument("--counts", action="store_true", help="also print what was counted for one task")
    parser.add_argument("--tasks", type=int, default=_TASKS, help="of each kind (default: %(default)s)")
    options = parser.parse_args()
    os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"  # they would be printed
    bills = measured(options.tasks)
    million = 1e6 / options.tasks
    print(f"{'dollars for a million tasks':28}" + "".join(f"{name:>14}" for name in bills))
    for service in _SERVICES:
        print(f"{service:28}" + "".join(f"{bill.dollars[service] * million:14.0f}" for bill in bills.values()))
    totals = {name: bill.dollars.total() * million for name, bill in bills.items()}
    print(f"{'all':28}" + "".join(f"{total:14.0f}" for total in totals.values()))
    egress, stored = _VIDEO * _EGRESS_BYTE * 1e6, _VIDEO * _STORED_BYTE * 1e6
    print(f"beside it: {egress:.0f} for one view of each video, {stored:.0f} for a month of storage")
    print("", *monthly(round(totals["defaults"])), sep="\n")
    if options.counts:
        for what in sorted({what for bill in bills.values() for what in bill.counted}):
            counts = (bill.counted[what] / options.tasks for bill in bills.values())
            print(f"{what:34}" + "".join(f"{each:14.2f}" for each in counts))
    missed = [f"defaults: {totals['defaults']:.0f} dollars"] if totals["defaults"] > _MOST else []
    transitions = {name: bills[name].counted["state transitions"] / options.tasks for name in ("defaults", "list")}
    missed += [f"{name}: {each:.1f} state transitions a task" for name, each in transitions.items() if each > _FEW]
    missed += differing(options.tasks) if options.local else []
    for target in missed:
        print("missed:", target)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
