"""A harness for the services: every port played by hand, and a clock that only the test moves."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, cast

from reelkeep.adapters.s3.layout import folder
from reelkeep.domain.drift import AccountBalance
from reelkeep.domain.errors import InvalidRequest, Misconfigured
from reelkeep.domain.ids import SHARDS, first_id_at
from reelkeep.domain.observation import (
    Absent,
    Accepted,
    DispatchOutcome,
    Finding,
    Found,
    Listed,
    Observation,
    Pending,
    Succeeded,
    Uncertain,
)
from reelkeep.domain.owner_settings import NOTHING_STOPPED, USUAL_SETTINGS, OwnerSettings, Stopped
from reelkeep.domain.task import ArchivedFile, Asset, Creation, Kind, Price, Request, State, Task
from reelkeep.domain.wire import OtherTask
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import SecondsLeft
from reelkeep.ports.providers import Source
from reelkeep.services.adopt import Adopt, Adopted
from reelkeep.services.cancel import Cancel
from reelkeep.services.early_end import FinalizeDirectly, RecordEarlyEnd
from reelkeep.services.end_reports import EndReports
from reelkeep.services.finalize import Finalize
from reelkeep.services.forecasts import Forecasts
from reelkeep.services.gates import Gates
from reelkeep.services.owners_line import OwnersLine
from reelkeep.services.poll import Poll, Verdict
from reelkeep.services.provider_callback import ProviderCallback
from reelkeep.services.room import Room
from reelkeep.services.submit import Submit
from reelkeep.services.sweep import Sweep, Swept
from tests.fakes.owners import FakeCounters
from tests.fakes.providers import FakeDurations, FakeSeenCallbacks, FakeSlots
from tests.fakes.tasks import FakeClaims, FakeTasks

ALICE = Caller("alice", "key-1")
MALLORY = Caller("mallory", "key-2")
TOKEN = "given-to-the-provider"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LONGEST_WAIT = timedelta(hours=24)

QUEUED = Pending(State.QUEUEING)
RUNNING = Pending(State.PROCESSING)


def request(**changes: Any) -> Request:
    plain = Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO, model="viduq2", prompt="a paper boat", duration=4)
    return replace(plain, **changes)


def creation(id: str = "c1", *names: str, round: int = 1) -> Creation:
    """A creation whose links carry the round in which they were handed out."""
    assets = tuple(
        Asset(name=name, source=f"https://files.test/{id}/{name}?round={round}") for name in names or ("video",)
    )
    return Creation(id=id, assets=assets, duration=4.0, fps=24.0, width=1280, height=720)


@dataclass
class FakeProvider:
    """Plays a script: each call takes the next line, the last line is repeated."""

    name: str = "vidu"
    account: str = "account-1"
    typical_seconds: float | None = None
    default_model: str = ""
    slots: int | None = None
    line: str = "vidu"
    tells_slots: int | BaseException | None = None
    adopt_for: str = "adopted"
    calls_back: bool = True
    outcomes: list[DispatchOutcome | BaseException] = field(default_factory=lambda: [Accepted("p-1", credits=20)])
    observations: list[Observation | BaseException] = field(default_factory=lambda: [Succeeded((creation(),))])
    found: list[Finding | str | None] = field(default_factory=lambda: [None])  # an id, "" for absent, None for unsure
    listed: list[Listed | BaseException] = field(default_factory=list)  # its list, up to a fault
    files: bool = True  # whether its links lead to files
    cancels: bool = True
    refuses: BaseException | None = None
    unknown: bool = False  # to the configuration, for now
    chosen_for: list[Request] = field(default_factory=list)
    dispatched: list[Task] = field(default_factory=list)
    looks: int = 0
    lists: bool = False
    readings: int = 0
    cancellations: int = 0
    prices: Price | None = None
    signs: bool = True
    signature: str = ""  # the name of the next call; empty if it signs none

    def check(self, task: Task) -> None:
        if self.refuses:
            raise self.refuses

    def price(self, request: Request, now: datetime) -> Price | None:
        return self.prices

    def dispatch(self, task: Task) -> DispatchOutcome:
        self.dispatched.append(task)
        placement: DispatchOutcome = _next(self.outcomes)
        return placement

    def observe(self, task: Task) -> Observation:
        self.looks += 1
        observation: Observation = _next(self.observations)
        return observation

    def successes(self, since: datetime, now: datetime) -> Iterator[Listed]:
        for line in self.listed:
            if isinstance(line, BaseException):
                raise line
            if line.created_at is None or line.created_at >= since:
                yield line

    def observe_all(self, tasks: Sequence[Task]) -> Mapping[str, Observation]:
        raise NotImplementedError

    def ask_slots(self) -> int | None:
        if isinstance(self.tells_slots, BaseException):
            raise self.tells_slots
        return self.tells_slots

    def ask_balance(self) -> AccountBalance | None:
        return None

    def cancel(self, task: Task) -> bool:
        self.cancellations += 1
        return self.cancels

    def source(self, asset: Asset) -> Source:
        return Source(asset.source)

    def has_file(self, asset: Asset) -> bool:
        return self.files

    def find(self, task: Task, other: OtherTask) -> Finding:
        match _next(self.found):
            case None:
                return Uncertain("its list is not to be had")
            case "":
                return Absent()
            case str(provider_task_id):
                return Found(provider_task_id)
            case finding:
                return cast("Finding", finding)

    def signed(self, task_id: str, headers: Mapping[str, str], now: datetime) -> str | None:
        return self.signature if self.signs else None


def _next(script: list[Any]) -> Any:
    line = script.pop(0) if len(script) > 1 else script[0]
    if isinstance(line, BaseException):
        raise line
    return line


@dataclass
class FakeProviders:
    provider: FakeProvider

    def choose(self, request: Request) -> FakeProvider:
        getattr(self.provider, "chosen_for", []).append(request)  # not all that tests put here can remember it
        return self.provider

    def get(self, name: str) -> FakeProvider:
        assert name == self.provider.name
        if getattr(self.provider, "unknown", False):  # not all that tests put here can be
            raise Misconfigured(f"the provider {name!r} is gone")
        return self.provider

    def accounts(self) -> list[list[FakeProvider]]:
        return [[self.provider]]

    def called(self, token: str, task_id: str) -> FakeProvider | None:
        return self.provider if token == TOKEN else None


@dataclass
class FakeArchive:
    """Keeps what is asked of it, unless there is a fault for the source."""

    faults: dict[str, list[BaseException | None]] = field(default_factory=dict)  # by part of the source
    copies: list[str] = field(default_factory=list)
    manifests: list[Task] = field(default_factory=list)
    requests: dict[str, Request] = field(default_factory=dict)

    def archive(self, task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        for part, script in self.faults.items():
            if part in source.url:
                _next(script)
        self.copies.append(source.url)
        key = f"{folder(task.id)}{number}-{name}.mp4"
        return ArchivedFile(key=key, bytes=1000, sha256="ab" * 32, content_type="video/mp4", duration=4.0)

    def write_manifest(self, task: Task) -> None:
        self.manifests.append(task)

    def store_request(self, task: Task) -> str:
        self.requests["big"] = task.request
        return "big"

    def request(self, key: str) -> Request:
        return self.requests[key]


@dataclass
class FakeExecutions:
    started: list[tuple[str, int]] = field(default_factory=list)  # task and seconds
    unrecorded: dict[str, str] = field(default_factory=dict)  # what went along, by task
    runs: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))  # by task
    watches: dict[str, str] = field(default_factory=dict)  # their providers, by name
    fault: BaseException | None = None

    def start(self, task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        if self.fault:
            raise self.fault
        if provider_task_id:
            self.unrecorded[task.id] = provider_task_id
        if task.executions not in self.runs[task.id]:
            self.runs[task.id].add(task.executions)
            self.started.append((task.id, wait_seconds))

    def watch(self, provider: str, now: datetime) -> None:
        if self.fault:
            raise self.fault
        self.watches.setdefault(f"{provider}-{int(now.timestamp()) // 60}", provider)


@dataclass
class FakeFinalizing:
    started: list[tuple[str, int]] = field(default_factory=list)  # task and run
    fault: BaseException | None = None

    def start(self, task: Task) -> None:
        if self.fault:
            raise self.fault
        self.started.append((task.id, task.executions))


@dataclass
class FakeNotices:
    """What names an owner can reach that owner; the rest reaches operators alone."""

    told: list[dict[str, Any]] = field(default_factory=list)
    attributes: list[dict[str, str | Sequence[str]]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    faults: list[BaseException | None] = field(default_factory=lambda: [None])

    def publish(self, notice: Mapping[str, Any], attributes: Mapping[str, str | Sequence[str]]) -> None:
        _next(self.faults)
        if "owner" not in attributes:
            self.alerts.append(json.loads(json.dumps(notice)))
            return
        self.told.append(json.loads(json.dumps(notice)))
        self.attributes.append(dict(attributes))


@dataclass
class FakeDestinations:
    """Everywhere but at the addresses of a test's choice."""

    unreachable: set[str] = field(default_factory=set)

    def check(self, url: str, field: str) -> None:
        if url in self.unreachable:
            raise InvalidRequest(f"{field} cannot be reached", field=field)


@dataclass
class Harness:
    provider: FakeProvider = field(default_factory=FakeProvider)
    tasks: FakeTasks = field(default_factory=FakeTasks)
    claims: FakeClaims = field(default_factory=FakeClaims)
    seen_callbacks: FakeSeenCallbacks = field(default_factory=FakeSeenCallbacks)
    slots: FakeSlots = field(default_factory=FakeSlots)
    durations: FakeDurations = field(default_factory=FakeDurations)
    counters: FakeCounters = field(default_factory=FakeCounters)
    archive: FakeArchive = field(default_factory=FakeArchive)
    executions: FakeExecutions = field(default_factory=FakeExecutions)
    finalizing: FakeFinalizing = field(default_factory=FakeFinalizing)
    notices: FakeNotices = field(default_factory=FakeNotices)
    destinations: FakeDestinations = field(default_factory=FakeDestinations)
    most_swept: int = 10_000  # by one invocation
    handed_on: list[str] = field(default_factory=list)  # shards that one sweep left to others
    stopped: Stopped = NOTHING_STOPPED
    settings: OwnerSettings = USUAL_SETTINGS  # of every owner, where they are looked up
    now: datetime = NOON
    seconds_left: float = 900.0
    dice: Random = field(default_factory=lambda: Random(1))

    def __post_init__(self) -> None:
        self.tasks.claims = self.claims

    def clock(self) -> datetime:
        return self.now

    @property
    def room(self) -> Room:
        providers = FakeProviders(self.provider)
        return Room(
            self.tasks,
            self.slots,
            providers,
            self.executions,
            EndReports(self.slots),
            self.clock,
            lambda: self.stopped,
            self.owners_line.start_next,
        )

    @property
    def owners_line(self) -> OwnersLine:
        self.tasks.counters = self.counters
        return OwnersLine(
            self.tasks, self.slots, self.counters, lambda owner: self.settings, self.executions, self.clock
        )

    @property
    def record_early_end(self) -> RecordEarlyEnd:
        return RecordEarlyEnd(self.tasks, self.forecasts, self.finalizing, self.room)

    @property
    def forecasts(self) -> Forecasts:
        return Forecasts(self.durations, 4.0, self.clock)

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def submit(
        self,
        asked: Request | None = None,
        caller: Caller = ALICE,
        key: str | None = None,
        attempt: int | None = None,
    ) -> Task:
        submit = Submit(
            tasks=self.tasks,
            claims=self.claims,
            requests=self.archive,
            providers=FakeProviders(self.provider),
            executions=self.executions,
            destinations=self.destinations,
            notices=self.notices,
            room=self.room,
            forecasts=self.forecasts,
            gates=Gates(self.counters, self.owners_line.is_waited_for),
            longest_wait=LONGEST_WAIT,
            clock=self.clock,
            new_id=self.new_id,
        )
        return submit(asked or request(), caller, key, attempt)

    def new_id(self, now: datetime) -> str:
        """As of a submission, and the same in every run: waits are spread by it."""
        return f"{first_id_at(now)[:12]}{self.dice.randbytes(10).hex()}"

    def poll(self, task_id: str, run: int | None = None) -> Verdict:
        poll = Poll(
            tasks=self.tasks,
            claims=self.claims,
            requests=self.archive,
            providers=FakeProviders(self.provider),
            notices=self.notices,
            room=self.room,
            forecasts=self.forecasts,
            clock=self.clock,
        )
        return poll(task_id, run, self.executions.unrecorded.get(task_id, ""))

    def finalize(self, task_id: str, run: int | None = None, *, direct: bool = False) -> Verdict:
        finalize = Finalize(
            tasks=self.tasks,
            archive=self.archive,
            providers=FakeProviders(self.provider),
            notices=self.notices,
            links=lambda kept: f"https://keep.test/{kept.key}",
            clock=self.clock,
        )
        chosen = FinalizeDirectly(finalize, lambda: self.executions) if direct else finalize
        return chosen(task_id, lambda: self.seconds_left, run)

    def cancel(self, task_id: str, caller: Caller = ALICE) -> Task:
        return Cancel(self.tasks, FakeProviders(self.provider), self.room, self.clock)(task_id, caller)

    def sweep(self, *, everything: bool = False, shards: str = SHARDS) -> Swept:
        sweep = Sweep(self.tasks, self.executions, self.notices, timedelta(hours=4), self.clock, self.most_swept)
        return sweep(
            seconds_left=lambda: self.seconds_left,
            hand_on=self.handed_on.append,
            everything=everything,
            shards=shards,
        )

    def call_back(self, task_id: str, token: str = TOKEN) -> None:
        """As the provider."""
        callback = ProviderCallback(
            tasks=self.tasks,
            providers=FakeProviders(self.provider),
            seen=self.seen_callbacks,
            record_early_end=self.record_early_end,
            clock=self.clock,
            pause=self.pass_,
        )
        callback(token, task_id, {})

    def adopt(self, seconds_left: SecondsLeft | None = None) -> Adopted:
        adopt = Adopt(self.tasks, FakeProviders(self.provider), self.executions, self.clock)
        return adopt(seconds_left=seconds_left or (lambda: self.seconds_left))

    def see_through(self, task_id: str, most: int = 1000, late: int = 1) -> Iterable[int]:
        """What the state machine does; returns the waits. It may come late, so that all ends in fewer steps."""
        waits = []
        for step in (self.poll, self.finalize):
            for _ in range(most):
                verdict = step(task_id)
                if verdict.finished:
                    break
                waits.append(verdict.wait_seconds)
                self.pass_(verdict.wait_seconds * late)
            else:
                raise AssertionError("never finished")
        return waits

    def task(self, task_id: str) -> Task:
        task = self.tasks.get(task_id)
        assert task is not None
        return task
