"""Our functions on the cloud played by hand, the state machine that runs them, and what runs on a schedule."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger

from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.api import Api
from reelkeep.dialects import upstream
from reelkeep.domain import ids
from reelkeep.domain.errors import ReelkeepError, TryLater
from reelkeep.domain.limits import Limits
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.task import ArchivedFile
from reelkeep.services.adopt import Adopt
from reelkeep.services.cancel import Cancel
from reelkeep.services.counts import RepairCounts, SweepCounts
from reelkeep.services.early_end import FinalizeDirectly, RecordEarlyEnd
from reelkeep.services.end_reports import EndReports
from reelkeep.services.finalize import Finalize
from reelkeep.services.forecasts import Estimate, Forecasts
from reelkeep.services.gates import Gates
from reelkeep.services.organize import Organize
from reelkeep.services.poll import Poll
from reelkeep.services.provider_callback import ProviderCallback
from reelkeep.services.query import ListTasks, show
from reelkeep.services.remove import Remove
from reelkeep.services.room import Room
from reelkeep.services.submit import Submit
from reelkeep.services.sweep import Sweep
from reelkeep.services.watch import Watch
from tests.chaos.faulty_transport import Killed
from tests.chaos.machine import WATCH, ExecutionFailed, execution
from tests.chaos.provider import Provider
from tests.chaos.simulation.bills import price_list
from tests.chaos.simulation.cloud import (
    Aws,
    Bucket,
    Claims,
    Counters,
    Durations,
    Finalizing,
    Machines,
    SeenCallbacks,
    Slots,
    Table,
    Topic,
)
from tests.chaos.simulation.provider import Line
from tests.chaos.simulation.world import DAYS, World
from tests.fakes.owners import FakeKeys, FakeLedger
from tests.integration.test_any_to_any import PROVIDERS, ROOTS
from tests.submissions import MODELS
from tests.unit.services.harness import ALICE, LONGEST_WAIT, MALLORY, NOON, FakeDestinations

# So high that they refuse nothing: what counts against them has to be right all the same.
_LIMITS = Limits(
    tasks_at_once=100_000, videos_a_day=100_000, money_a_month=Decimal(1_000_000), currency="USD", unpriced=True
)
_LIMITED = replace(ALICE, settings=OwnerSettings(limits=_LIMITS), limits=Limits(videos_a_day=100_000))
KEYS = {"rk_alice": _LIMITED, "rk_mallory": MALLORY}
COUNTERS = ("", ALICE.key_id)
_SWEEPS_EVERY = 300.0
_ADOPTS_EVERY = 3 * 3600.0  # more often takes long, for whoever runs this
_WATCHES_EVERY = 1800.0
_ADOPTS_UNTIL = NOON + timedelta(days=DAYS, hours=36)
_PATIENCE_UNTIL = NOON + timedelta(days=DAYS + 6)  # with what is not at its end by then


class Stack:
    def __init__(self, world: World, line: Line, provider: Provider) -> None:
        self.world = world
        self.aws = Aws(world)
        self.aws.meanwhile = self._meanwhile
        self.tasks = Table(self.aws)
        self.claims = self.tasks.claims = Claims(self.aws)
        self.counters = Counters(self.aws)
        self.ledger = FakeLedger(counters=self.counters, clock=world.clock)
        self.repair_counts = RepairCounts(self.counters, self.ledger, self.tasks, world.clock)
        self.seen_callbacks = SeenCallbacks(self.aws)
        self.bucket = Bucket(self.aws, provider)
        self.executions = Machines(self.aws, self._begun)
        self.executions.begin_watch = lambda data: self._watched(execution(data, self._watch, WATCH))
        self.notices = Topic(self.aws)
        self._depth = 0
        line.called = self._called
        self._providers = ConfiguredProviders(
            _Text(json.dumps(configuration())),
            upstream,
            line,
            lambda: world.now.timestamp(),
            calls_back_at="https://api.test",
        )
        self._seen: dict[str, Any] = {"tasks": self.tasks, "providers": self._providers, "clock": world.clock}
        self.forecasts = Forecasts(Durations(self.aws), 6.0, world.clock)
        self._foresees: dict[str, Any] = {**self._seen, "forecasts": self.forecasts}
        self.room = Room(
            self.tasks,
            slots := Slots(self.aws),
            self._providers,
            self.executions,
            EndReports(slots),
            world.clock,
        )
        record_early_end = RecordEarlyEnd(self.tasks, self.forecasts, Finalizing(self.aws, self._finalize), self.room)
        self._accept = ProviderCallback(
            **self._seen, record_early_end=record_early_end, seen=self.seen_callbacks, pause=self.world.takes
        )
        self._watches = Watch(
            **self._foresees, slots=self.room.slots, record_early_end=record_early_end, pause=self.world.takes
        )
        self.api = self._api()
        poll = Poll(**self._foresees, claims=self.claims, requests=self.bucket, notices=self.notices, room=self.room)
        finalize = Finalize(**self._seen, archive=self.bucket, notices=self.notices, links=_link)
        directly = FinalizeDirectly(finalize, lambda: self.executions)
        self._functions: dict[str, Callable[[dict[str, Any]], Any]] = {
            "poll": lambda event: poll(event["task_id"], event.get("run"), event.get("provider_task_id", "")),
            "finalize": lambda event: (directly if event.get("direct") else finalize)(
                event["task_id"], partial(float, world.random.choice([900, 900, 900, 30])), event.get("run")
            ),
        }

    def _api(self) -> Api:
        cancel = Cancel(**self._seen, room=self.room)
        return Api(
            keys=FakeKeys(KEYS),
            logger=Logger(service="simulation", level="CRITICAL"),
            submit=Submit(
                **self._foresees,
                claims=self.claims,
                requests=self.bucket,
                executions=self.executions,
                destinations=FakeDestinations(),
                notices=self.notices,
                room=self.room,
                gates=Gates(self.counters),
                longest_wait=LONGEST_WAIT,
                new_id=self._new_id,
            ),
            cancel=cancel,
            remove=Remove(self.tasks, Organize(self.tasks, self.bucket, self.world.clock), cancel),
            show=partial(show, tasks=self.tasks),
            estimate=Estimate(self.forecasts, self.world.clock),
            list_tasks=ListTasks(self.tasks, self.world.clock),
            links=_link,
        )

    def _new_id(self, now: datetime) -> str:
        return ids.first_id_at(now)[:12] + f"{self.world.random.getrandbits(80):020x}"

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        key: str = "rk_alice",
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Any] | None:
        """What the API answers; None if its function died."""
        event = {
            "rawPath": path,
            "headers": {"authorization": f"Bearer {key}", "content-type": "application/json"} | dict(more),
            "requestContext": {"requestId": "request-1", "http": {"method": method, "path": path}},
            "body": json.dumps(body) if body is not None else "",
        }
        try:
            return self.api.handle(event)
        except Killed:
            return None

    # The machine --------------------------------------------------------------------------------------------

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        self.world.current = event["task_id"]
        if self.world.happens(f"{function}: throttled", 0.002):
            raise TryLater("Lambda.TooManyRequestsException")
        answer: dict[str, Any] = self._functions[function](event).answer
        return answer

    def _finalize(self, event: dict[str, Any], tried: int = 0) -> None:
        """An asynchronous invocation: Lambda tries it three times."""
        try:
            self.invoke("finalize", event)
        except (ReelkeepError, LookupError, ValueError, Killed) as error:
            self.world.report.happened[f"finalize, directly: {type(error).__name__}"] += 1
            if tried < 2:
                self.world.at(60 * (tried + 1), partial(self._finalize, event, tried + 1))

    def _alone(self, function: str, task_id: str) -> None:
        """An unexpected event."""
        self.world.tell(f"{function}, alone", task_id)
        self._whatever("alone", lambda: self.invoke(function, {"task_id": task_id}))

    def _whatever(self, name: str, do: Callable[[], object]) -> None:
        """It may fail: it comes again, or it was one too many."""
        try:
            do()
        except (ReelkeepError, LookupError, ValueError, Killed) as error:
            self.world.report.happened[f"{name}: {type(error).__name__}"] += 1

    def _begun(self, task_id: str, data: dict[str, Any]) -> None:
        self.world.at(0, partial(self._step, task_id, execution(data, self.invoke)))

    def _step(self, task_id: str, steps: Generator[float]) -> None:
        try:
            wait = next(steps)
        except (StopIteration, ExecutionFailed) as end:
            if isinstance(end, ExecutionFailed):
                self.world.report.happened["executions failed"] += 1
            if self.world.happens("late event", 0.02):
                for function in ("poll", "finalize"):
                    self.world.at(self.world.random.uniform(0, 90_000), partial(self._alone, function, task_id))
        else:
            self.world.at(wait, partial(self._step, task_id, steps))

    def _watch(self, _function: str, event: dict[str, Any]) -> dict[str, Any]:
        self.world.current, wait = "", self._watches(event["provider"], event["name"], event.get("number", 0))
        return {**event, "number": event.get("number", 0) + 1, "finished": wait is None, "wait_seconds": wait or 0}

    def _watched(self, steps: Generator[float]) -> None:
        wait = None
        with suppress(ExecutionFailed):
            wait = next(steps, None)
        if wait is None:
            self.world.report.happened["watches ended"] += 1
        else:
            self.world.at(wait, partial(self._watched, steps))

    def _meanwhile(self) -> None:
        """Duplicate and late events, and impatient clients, while a function is at work."""
        world = self.world
        if self._depth < 2 and world.current and world.happens("something at the same time", 0.03):
            task_id, self._depth = world.current, self._depth + 1
            world.takes(world.random.choice([0, 0, 20, 50]))  # a function may stand still
            if world.random.random() < 0.1:
                self.ask("POST", f"/tasks/{task_id}/cancel")
            for function in world.random.choice([["poll"], ["finalize"], ["poll", "finalize"]]):
                self._alone(function, task_id)
            world.current, self._depth = task_id, self._depth - 1

    def _called(self, url: str, headers: Mapping[str, str]) -> None:
        """By a provider, about a task."""
        _, _, token, task_id = urlsplit(url).path.split("/")
        self.world.current = task_id
        self._whatever("provider callback", lambda: self._accept(token, task_id, headers))

    # On a schedule ------------------------------------------------------------------------------------------

    def schedule(self) -> None:
        self.world.at(_SWEEPS_EVERY, self._sweep)
        self.world.at(_ADOPTS_EVERY, self._adopt)
        self.world.at(_WATCHES_EVERY, self._begin_watches)

    def _begin_watches(self) -> None:
        """Few tasks are in flight here at a time. So that lists are watched all the same, nobody waits for more."""
        for provider in (each for account in self._providers.accounts() for each in account if each.lists):
            self._whatever("watch", partial(self.executions.watch, provider.name, self.world.now))
        if self.world.now < _ADOPTS_UNTIL:
            self.world.at(_WATCHES_EVERY, self._begin_watches)

    def _sweep(self) -> None:
        world = self.world
        world.current = ""
        sweep = Sweep(self.tasks, self.executions, self.notices, timedelta(hours=4), world.clock)
        self._whatever("sweep", lambda: sweep(seconds_left=lambda: 300.0, hand_on=lambda shard: None))
        repair = SweepCounts(lambda: {ALICE.owner: COUNTERS}, self.repair_counts, world.clock)
        self._whatever("repair of counts", lambda: self._repaired(repair(lambda: 300.0)))
        through = world.now > _ADOPTS_UNTIL and not self.tasks.open
        if not through and world.now < _PATIENCE_UNTIL:
            world.at(_SWEEPS_EVERY, self._sweep)

    def _repaired(self, owners: int) -> None:
        self.world.report.counts["repairs of counts"] += owners

    def _adopt(self) -> None:
        """It makes thousands of calls: with as much bad luck in each as others have, it would never get far."""
        world = self.world
        world.current, began = "", world.now
        with world.luck(0.02):
            self._whatever("adoption", lambda: self._adopted(began))
        if world.now < _ADOPTS_UNTIL:
            world.at(_ADOPTS_EVERY, self._adopt)

    def _adopted(self, began: datetime) -> None:
        adopt = Adopt(**self._seen, executions=self.executions)
        result = adopt(seconds_left=lambda: 900.0 - (self.world.now - began).total_seconds())
        if result.left or result.unread:
            self.world.report.counts["adoptions that came to no end"] += 1


def configuration() -> dict[str, Any]:
    return {
        name: {
            "dialect": name,
            "base_url": f"http://{name.replace('_', '-')}.test{ROOTS.get(name, '')}",
            "api_key": "simulator",
            "models": [f"{MODELS[name]}*"],
            "allow_private": True,
            "prices": [price_list(name)],
        }
        for name in PROVIDERS
    }


@dataclass(frozen=True)
class _Text:
    text: str

    def value(self) -> str:
        return self.text


def _link(kept: ArchivedFile) -> str:
    return f"https://keep.test/{kept.key}"
