"""What happens to one task from the client's call to its end, on a clock that nothing waits for."""

from __future__ import annotations

import heapq
import json
import math
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from local.simulator.callbacks import signed
from local.simulator.simulator import Settings
from local.simulator.tasks import Task as Made
from reelkeep.adapters import documents
from reelkeep.domain import ids
from reelkeep.domain.limits import Limits
from reelkeep.domain.notices.notice import DIFFERS
from reelkeep.domain.provider_callbacks import path_of
from reelkeep.domain.task import Announcements, Dispatch, DispatchStatus, Kind, Request, State, Task
from tests.chaos.cloud import Cloud, Connected
from tests.chaos.faulty_transport import Call, FaultyTransport, Killed, Mode
from tests.chaos.machine import DEFINITION, RELEASE_BEFORE, WATCH, ExecutionFailed, execution
from tests.chaos.provider import Provider, Stock
from tests.lambda_context import http_event

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SWEEPS_EVERY = 600.0  # half as often as in the template: what is overdue is so for ten minutes
_ELSEWHERE = {"model": "viduq2", "prompt": "elsewhere"}
_OTHERS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {  # what other owners ask for with the same accounts
    "vidu": ("http://vidu.test/ent/v2/text2video", "Token", _ELSEWHERE),
    "ark": (
        "http://ark.test/api/v3/contents/generations/tasks",
        "Bearer",
        {
            "model": "doubao-seedance-1-0-pro",
            "content": [{"type": "text", "text": "elsewhere"}],
            "execution_expires_after": 7200,
        },
    ),
}
_SEED = 2  # of ids, from which follows how long a task waits, and how often it is polled
_OUTAGE_IS_OVER = 1300.0  # seconds: one that is planned takes twenty minutes
LONGEST = 4 * 86_400.0
_ORDER = [State.CREATED, State.QUEUEING, State.PROCESSING, State.ARCHIVING]


@dataclass(frozen=True)
class ClientAction:
    """Something that the client does after so many seconds, and repeats until it is answered; `{id}` in the path is
    the task's."""

    after: float
    method: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    name: str
    path: str
    body: Mapping[str, Any]
    provider: str = "vidu"
    ends: State = State.SUCCESS  # if nothing else goes wrong
    client_actions: tuple[ClientAction, ...] = ()
    planned: Mapping[Call, Mode] = field(default_factory=dict)  # what goes wrong in any case
    queue_seconds: float = 0.5
    video_bytes: int = 0
    only: frozenset[str] = frozenset()  # functions whose calls no other scenario has so; all if empty
    calls: frozenset[str] = frozenset()  # of these names, where no other calls are new; all if empty
    is_upgraded: bool = False  # its executions began under the release before, whose input names no run
    calls_back: bool = False  # the provider, when the task has ended there
    is_watched: bool = False  # its provider's list is
    waits: bool = False  # another owner's task takes the provider's only slot first
    limits: Limits | None = None  # of its owner
    fills_limit: bool = False  # another task of the owner is under way as it is submitted
    repeats: bool = False  # the client repeats a call that was not answered, under the same Idempotency-Key


class ScenarioRun:
    """What happened in one run of a scenario."""

    def __init__(self, scenario: Scenario, cloud: Cloud, stock_in: Path, planned: Mapping[Call, Mode]) -> None:
        self.scenario = scenario
        self.cloud = cloud
        self.now = NOON
        self.transport = FaultyTransport(self.seconds, {**scenario.planned, **planned}, happened=self._check)
        self.answers: list[dict[str, Any] | None] = []  # None: the client heard nothing
        self.histories: dict[str, list[State]] = defaultdict(list)
        self.wrong: list[str] = []
        self._agenda: list[tuple[datetime, int, Callable[[], object]]] = []
        self._numbers = count()
        self._known: set[str] = set()
        self._running: set[str] = set()
        self._images: dict[str, Any] = {}
        self._stream: list[dict[str, Any]] = []  # what the table's stream holds and the ledger lacks
        settings = Settings(data=stock_in, queue_seconds=scenario.queue_seconds, processing_seconds=30)
        stock = Stock(stock_in, scenario.video_bytes)
        self._provider = provider = Provider(settings, stock, lambda: self.now.timestamp())
        try:
            connected = Connected(self.transport, lambda: self.now, self._sleep, provider.answer, dice=Random(_SEED))
            with cloud.connected(connected) as key:
                self._key = key
                self._run()
                self.tasks = cloud.tasks()
                self.objects = cloud.objects()
                self.beyond_ledger = self._repair_counts() if scenario.limits else ()
                self.made = [made for made in provider.simulator.tasks() if "elsewhere" not in made.order.prompt]
                self.digests = cloud.digests()
                self.files = {f"1-{name}": stock.digest(name) for each in self.made for name in _shown(each)}
                self.notices = cloud.notices()
                self.truths = [provider.simulator.state(each) for each in self.made]
        finally:
            provider.close()

    def seconds(self) -> float:
        return (self.now - NOON).total_seconds()

    # The course of events -----------------------------------------------------------------------------------

    def _run(self) -> None:
        self.now = NOON - timedelta(hours=1)
        self._others()
        self.now = NOON
        if self.scenario.waits:
            other = self.cloud.key_of("another", self.now)
            self._at(
                0, lambda: self._call("POST", self.scenario.path, _ELSEWHERE | {"prompt": "elsewhere [fail]"}, other)
            )
        if self.scenario.limits:
            self.cloud.limit(self.scenario.limits)
        if self.scenario.fills_limit:
            self.cloud.count_another(1)
        self._at(0, self._submit)
        if self.scenario.fills_limit:  # until the task is in line; at no later time, for it checks at random ones
            self._at(0, lambda: self.cloud.count_another(-1))
        for action in self.scenario.client_actions:
            self._at(action.after, partial(self._take, action))
        if self.scenario.calls_back:
            self._at(25, self._call_back)
        if self.scenario.is_watched:
            data = {"provider": self.scenario.provider, "name": "watch-1"}
            self._at(2, partial(self._step, SimpleNamespace(name=""), execution(data, self.cloud.invoke, WATCH)))
        self._at(SWEEPS_EVERY, self._sweep)
        while self._agenda:
            moment, _, do = heapq.heappop(self._agenda)
            self.now = max(self.now, moment)  # a function may have taken longer
            do()
            self._follow()
            self._start_executions()
            if self.seconds() > LONGEST:
                self.wrong.append("it never comes to an end")
                return

    def _at(self, seconds: float, do: Callable[[], object]) -> None:
        heapq.heappush(self._agenda, (self.now + timedelta(seconds=seconds), next(self._numbers), do))

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def _submit(self) -> None:
        for _ in range(2 if self.scenario.repeats else 1):
            answer = self._call("POST", self.scenario.path, self.scenario.body)
            self.answers.append(answer)
            if answer is not None and answer["statusCode"] < 500:
                return
            self._sleep(120)

    def _take(self, action: ClientAction) -> None:
        tasks = self.cloud.tasks()
        for _ in range(2 if tasks else 0):
            answer = self._call(action.method, action.path.format(id=tasks[0].id), action.body)
            if answer is not None and answer["statusCode"] < 500:
                return
            self._sleep(_OUTAGE_IS_OVER)

    def _call(self, method: str, path: str, body: Mapping[str, Any], key: str = "") -> dict[str, Any] | None:
        event = {
            "rawPath": path,
            "rawQueryString": "",
            "headers": {
                "authorization": f"Token {key or self._key}",
                "content-type": "application/json",
                "idempotency-key": "one",
            },
            "requestContext": {"requestId": "request-1", "http": {"method": method, "path": path}},
            "body": json.dumps(body) if method in ("POST", "PATCH") else "",
        }
        function = "manage" if path.endswith("/erase") else "query" if method == "GET" else "submit"
        try:
            answer: dict[str, Any] = self.cloud.invoke(function, event)
        except (Exception, Killed):
            return None
        return answer

    def _call_back(self) -> None:
        """As Vidu does, twice more if it is not answered well."""
        for task in self.cloud.tasks():
            path = path_of(self.scenario.provider, task.id, "vda_chaos")
            headers = signed(f"https://keep.test{path}", "vda_chaos", self.now.timestamp())
            event = http_event("POST", path) | {"headers": {name.lower(): value for name, value in headers.items()}}
            for _ in range(3):
                try:
                    if self.cloud.invoke("provider_callback", event)["statusCode"] < 500:
                        break
                except (Exception, Killed):
                    self.transport.end()
                self._sleep(20)

    def _invoke(self, function: str, event: dict[str, Any], tried: int = 0) -> None:
        """Lambda tries an asynchronous invocation three times."""
        try:
            self.cloud.invoke(function, event)
        except (Exception, Killed):
            self.transport.end()
            if tried < 2:
                self._at(60 * (tried + 1), partial(self._invoke, function, event, tried + 1))

    def _sweep(self) -> None:
        idle = not self._running or self.scenario.waits  # the task in line has a run, the other one may have none
        if idle and any(task.unfinished for task in self.cloud.tasks()):
            try:
                self.cloud.invoke("sweep", {})
            except (Exception, Killed):
                self.transport.end()  # the next one comes soon
        elif idle and not self._agenda:
            return
        self._others()
        self._at(SWEEPS_EVERY, self._sweep)

    def _others(self) -> None:
        """Other tasks of ours come and go, so that a list shows from when until when it tells all."""
        for provider, (url, scheme, body) in _OTHERS.items():
            task_id = ids.new_task_id(self.now)
            headers = {"authorization": f"{scheme} vda_chaos", "content-type": "application/json"}
            sent = {**body, "payload": task_id} if provider == "vidu" else body
            answer = self._provider.answer("POST", url, headers, json.dumps(sent).encode())
            assert answer.startswith(b"HTTP/1.1 200"), answer
            said = json.loads(answer.partition(b"\r\n\r\n")[2])
            self.cloud.record(_other(task_id, provider, said.get("task_id") or said["id"], self.now))

    def _follow(self) -> None:
        """Lambda repeats what failed of a batch, and the stream waits until then."""
        while self._stream:
            try:
                failed = self.cloud.invoke("announce", {"Records": self._stream})["batchItemFailures"]
            except (Exception, Killed):
                self.transport.end()
                failed = [{"itemIdentifier": self._stream[0]["dynamodb"]["SequenceNumber"]}]
            first = int(failed[0]["itemIdentifier"]) if failed else math.inf
            self._stream = [each for each in self._stream if int(each["dynamodb"]["SequenceNumber"]) >= first]
            if failed:
                self._sleep(60)

    def _repair_counts(self) -> tuple[Decimal, ...]:
        """What is still wrong after the next sweep."""
        found = self.cloud.counted_beyond_ledger()
        if min(found) < 0 or not any(found):
            return found
        self.now += timedelta(seconds=_OUTAGE_IS_OVER)
        self.cloud.invoke("sweep", {})
        return self.cloud.counted_beyond_ledger()

    def _start_executions(self) -> None:
        while self.cloud.invocations:
            self._at(0, partial(self._invoke, *self.cloud.invocations.pop(0)))
        for each in self.cloud.executions:
            if each.name not in self._known:
                self._known.add(each.name)
                self._running.add(each.name)
                data, definition = json.loads(each.execution_input), DEFINITION
                if self.scenario.is_upgraded:
                    del data["run"]
                    definition = RELEASE_BEFORE
                steps = execution(data, self.cloud.invoke, definition)
                self._at(0, partial(self._step, each, steps))

    def _step(self, machine: Any, steps: Generator[float]) -> None:
        try:
            wait = next(steps)
        except (StopIteration, ExecutionFailed) as end:
            machine.status = "SUCCEEDED" if isinstance(end, StopIteration) else "FAILED"
            self._running.discard(machine.name)
        else:
            self._at(wait, lambda: self._step(machine, steps))

    # What must hold at every moment -------------------------------------------------------------------------

    def _check(self, call: str) -> None:
        if call == "sns.Publish" and (notices := self.cloud.notices()):
            told = notices[-1]
            task = next(task for task in self.cloud.tasks() if task.id == told["subject"])
            if told["data"]["state"] != task.state:
                self.wrong.append(f"told {told['data']['state']} of a task that is {task.state}")
            self._check_archived(task, "told")
        if call.startswith("dynamodb.") and "Get" not in call and "Query" not in call:
            if self.scenario.limits:
                self._note_changes()
            for task in self.cloud.tasks():
                history = self.histories[task.id]
                if history and (_rank(task.state), task.state) < (_rank(history[-1]), history[-1]):
                    self.wrong.append(f"{history[-1]} became {task.state}")
                if history and history[-1].terminal and history[-1] is not task.state:
                    self.wrong.append(f"{history[-1]} became {task.state}")
                history.append(task.state)
                self._check_archived(task, "visible")

    def _note_changes(self) -> None:
        for key, image in self.cloud.task_items().items():
            before = self._images.get(key)
            if before != image:
                change = {"SequenceNumber": f"{next(self._numbers)}", "NewImage": image}
                change |= {"OldImage": before} if before else {}
                self._stream.append({"eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": change})
                self._images[key] = image

    def _check_archived(self, task: Task, when: str) -> None:
        if task.state is not State.SUCCESS:
            return
        objects = self.cloud.objects()
        folder = next((key.rpartition("/")[0] for key in objects if task.id in key), "")
        if f"{folder}/manifest.json" not in objects:
            self.wrong.append(f"success was {when} without a manifest")
        for asset in [asset for creation in task.creations for asset in creation.assets]:
            kept = asset.archived
            if kept is None or kept.key not in objects:
                self.wrong.append(f"success was {when} without the {asset.name}")
            elif kept.sha256 and sha256(objects[kept.key]).hexdigest() != kept.sha256:
                self.wrong.append(f"success was {when} with another {asset.name}")


def _other(task_id: str, provider: str, provider_task_id: str, now: datetime) -> Task:
    return Task(
        id=task_id,
        owner="somebody else",
        key_id="",
        provider=provider,
        request=Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO, expires_after=7200),
        created_at=now,
        updated_at=now,
        deadline=now,
        state=State.SUCCESS,
        dispatch=Dispatch(status=DispatchStatus.ACCEPTED, started_at=now),
        provider_task_id=provider_task_id,
        finished_at=now,
        announcements=Announcements(announced_at=now),
    )


def _shown(made: Made) -> tuple[str, ...]:
    """The files that the dialect of its submission shows."""
    return made.assets() if made.order.dialect == "vidu_ent_v2" else ("video.mp4",)


def _seen_by_owner(task: Task) -> tuple[bool, bool, tuple[str, ...]]:
    return task.removed_at is not None, task.starred, task.request.tags


def _rank(state: State) -> int:
    return _ORDER.index(state) if state in _ORDER else len(_ORDER)


def faults_of(run: ScenarioRun, clean: ScenarioRun) -> list[str]:
    """What is wrong with how a run ended, whatever went wrong in it."""
    wrong = list(run.wrong)
    if len(run.made) > 1:
        wrong.append(f"paid {len(run.made)} times")
    if len(run.tasks) > 1:
        wrong.append(f"{len(run.tasks)} tasks of one request")
    for task in run.tasks:
        wrong += _faults_of_end(task, run, clean)
    if any(run.beyond_ledger):
        wrong.append(f"counts against limits that differ from the ledger by {run.beyond_ledger}")
    answer = run.answers[-1]
    if answer is not None and answer["statusCode"] == 200 and not any(t.id in answer["body"] for t in run.tasks):
        wrong.append("the client was given no task")
    if run.made and not run.tasks:
        wrong.append("paid for nothing that is known")
    return wrong


def _faults_of_end(task: Task, run: ScenarioRun, clean: ScenarioRun) -> list[str]:
    wrong = []
    if task.unfinished:
        wrong.append(f"left {task.state}")
    told = {notice["id"] for notice in run.notices if notice["type"] != DIFFERS}
    answered = (
        task.state is State.FAILED and task.announcements.announced_at is not None and not told
    )  # refused, by the very answer
    if len(told) != 1 and not answered:
        wrong.append(f"told of under {len(told)} ids")
    truth = next(iter(run.truths), None)
    expected = {"success": State.SUCCESS, "failed": State.FAILED, "cancelled": State.CANCELLED}.get(truth or "")
    # Nothing else that is lost is excused: least of all what was seen made.
    unknowable = run.scenario.provider == "plain" and task.failure and "outcome unknown" in task.failure.message
    if truth is None:
        if task.state is State.SUCCESS:
            wrong.append("success without a generation")
        elif not unknowable and task.state is clean.tasks[0].state:
            pass
        elif not unknowable and task.state is not State.CANCELLED:
            wrong.append(f"never placed, ended as {task.state}")
    elif task.state is not expected and not unknowable:
        wrong.append(f"{truth} at the provider, {task.state} here: {task.failure}")
    if clean.tasks[0].erased_at:
        left = {key.rpartition("/")[2]: content for key, content in run.objects.items() if task.id in key}
        if [*left] != ["manifest.json"] or documents.read(Task, left["manifest.json"]) != task or not task.erased_at:
            wrong.append(f"erased at {task.erased_at}, and left {sorted(left)}")
    elif task.state is State.SUCCESS:
        if run.digests != run.files:
            wrong.append(f"kept {sorted(run.digests)}, not {sorted(run.files)}, or other bytes")
        manifest = next(
            (content for key, content in run.objects.items() if task.id in key and key.endswith("manifest.json")),
            b"{}",
        )
        archived = documents.read(Task, manifest)
        if archived.state is not State.SUCCESS:
            wrong.append("the manifest knows of no success")
        if _seen_by_owner(archived) != _seen_by_owner(task):
            wrong.append("a rebuilt table would show it otherwise")
        if _seen_by_owner(task)[1:] != _seen_by_owner(clean.tasks[0])[1:]:
            wrong.append("it is not labelled as its owner wants")
    return wrong
