"""The sweep on the day after an outage: a hundred thousand unfinished tasks, all of them overdue.

    $ PYTHONPATH=layers/reelkeep:. python -m benchmarks.sweep

The service and its adapters are the real ones. DynamoDB and Step Functions are played by an object that remembers
two numbers for each task and makes its item when it is read. All invocations run in this one process, one after the
other; on AWS each has a process of its own. The memory that is printed is the process's peak above its start, and so
includes what the object remembers.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import perf_counter
from typing import Any, cast

from reelkeep.adapters.dynamodb.task_record import from_item, to_item
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.domain.ids import SHARDS
from reelkeep.domain.task import Asset, Creation, Kind, Polling, Request, State, Task
from reelkeep.services.sweep import Sweep, Swept

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
_LONGEST = 900.0  # seconds of one invocation
_PER_TASK = 0.045  # seconds on AWS: a hundredth of a batch read, StartExecution, PutItem
_LIMIT_MIB = 256


@dataclass
class Aws:
    """DynamoDB and Step Functions, as far as the sweep calls them."""

    tasks: int
    executions: dict[str, int] = field(default_factory=dict)  # by task, of those that were written
    started: Counter[str] = field(default_factory=Counter)  # by execution
    calls: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0  # of the invocation that goes on

    def query(self, **query: Any) -> dict[str, Any]:
        self.calls["Query"] += 1
        shard, first = query["ExpressionAttributeValues"][":value"]["S"], query.get("ExclusiveStartKey", 0)
        last = min(first + query["Limit"], len(range(SHARDS.index(shard), self.tasks, 16)))
        found = {"Items": [{"task_id": {"S": _task_id(16 * n + SHARDS.index(shard))}} for n in range(first, last)]}
        return found if last - first < query["Limit"] else {**found, "LastEvaluatedKey": last}

    def batch_get_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's word
        self.calls["BatchGetItem"] += 1
        (asked,) = RequestItems.values()
        wanted = asked.get("ProjectionExpression", "").split(", ")
        items = [self._item(each["pk"]["S"].removeprefix("task#")) for each in asked["Keys"]]
        if wanted != [""]:
            items = [{name: item[name] for name in wanted if name in item} for item in items]
        return {"Responses": {"table": items}, "UnprocessedKeys": {}}

    def put_item(self, Item: Any, **_: Any) -> None:  # noqa: N803 - boto3's word
        self.calls["PutItem"] += 1
        self.executions[Item["task_id"]["S"]] = from_item(Item).executions

    def start_execution(self, name: str, **_: Any) -> None:
        self.calls["StartExecution"] += 1
        self.seconds += _PER_TASK
        self.started[name] += 1

    def publish(self, notice: Mapping[str, Any], attributes: Mapping[str, str | Sequence[str]]) -> None:  # noqa: ARG002
        self.calls["Publish"] += 1

    def _item(self, task_id: str) -> dict[str, Any]:
        runs = self.executions.get(task_id, 0)
        task = _task(task_id)
        if runs:
            task = replace(task, executions=runs, polling=Polling(next_poll_at=NOW + timedelta(minutes=10)))
        return cast("dict[str, Any]", to_item(task, "w"))

    @property
    def exceptions(self) -> Any:
        """As boto3's clients have them. None of these happens here."""
        return type(
            "Exceptions", (), {"ExecutionAlreadyExists": KeyError, "ConditionalCheckFailedException": KeyError}
        )


def _task_id(number: int) -> str:
    return f"{number:012x}{sha256(str(number).encode()).hexdigest()[:19]}{SHARDS[number % 16]}"


def _task(task_id: str) -> Task:
    """Half of them are made, and lose their links in the next hours."""
    number, since = int(task_id[:12], 16), NOW - timedelta(hours=20)
    plain = Task(
        id=task_id,
        owner="alice",
        key_id="key-1",
        provider="vidu",
        provider_task_id=f"p-{number}",
        request=Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO, model="viduq2", prompt="a paper boat " * 40),
        created_at=since,
        updated_at=since,
        deadline=since + timedelta(hours=49),
        state=State.PROCESSING,
        polling=Polling(next_poll_at=since + timedelta(minutes=1)),
    )
    if number % 2:
        return plain
    dies_at = NOW + timedelta(hours=5, seconds=number)
    video = Asset(name="video", source=f"https://files.test/{number}", expires_at=dies_at)
    return replace(plain, state=State.ARCHIVING, succeeded_at=since, creations=(Creation(id="c", assets=(video,)),))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=100_000)
    options = parser.parse_args()
    aws = Aws(options.tasks)
    client = cast("Any", aws)
    sweep = Sweep(
        tasks=TableTasks(client, "table"),
        executions=StepFunctionsExecutions(client, "arn:aws:states:eu-west-1:123456789012:stateMachine:task"),
        notices=aws,
        soon=timedelta(hours=4),
        clock=lambda: NOW,
    )
    waiting, swept, longest = [SHARDS], list[Swept](), 0.0
    start = _peak_mib()
    began = perf_counter()
    while waiting:
        shards, aws.seconds = waiting.pop(0), 0.0
        swept.append(sweep(seconds_left=lambda: _LONGEST - aws.seconds, hand_on=waiting.append, shards=shards))
        longest = max(longest, aws.seconds)
    peak = _peak_mib() - start
    twice = sum(times > 1 for times in aws.started.values())
    print(
        json.dumps(
            {
                "tasks": options.tasks,
                "invocations": len(swept),
                "runs_started": len(aws.started),
                "started_twice": twice,
                "left": sum(each.left for each in swept),
                "peak_mib_above_start": round(peak, 1),
                "longest_invocation_seconds_on_aws": round(longest),
                "seconds_here": round(perf_counter() - began, 1),
                "calls": aws.calls,
            },
            indent=2,
        )
    )
    return int(len(aws.started) != options.tasks or twice > 0 or peak > _LIMIT_MIB)


if __name__ == "__main__":
    raise SystemExit(main())
