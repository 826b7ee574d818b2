"""Days of bad luck: many tasks, in all dialects, at all kinds of providers, with everything going wrong at random.

The services and dialects are the real ones, and so is the studio; the cloud is played by hand, so that a day takes
seconds. Everything that is random comes from one seed, so any run can be had again:

    PYTHONPATH=layers/reelkeep:. python -m tests.chaos.simulation --seed 7 --tasks 10000

With `--watch 42` it tells all that happens to task 42 of that run.
"""

from __future__ import annotations

import heapq
import json
import re
import sys
from argparse import ArgumentParser
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from unittest.mock import patch
from urllib.parse import urljoin, urlsplit

from aws_lambda_powertools import Logger

from local.studio import studio as studio_module
from local.studio.studio import Settings
from local.studio.tasks import Task as Made
from reelkeep.adapters.http.outbound import AnswerLost, NotSent, Outbound
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.api import Api
from reelkeep.dialects import upstream
from reelkeep.domain import ids
from reelkeep.domain.claims import Claim
from reelkeep.domain.errors import TryLater
from reelkeep.domain.links import folder
from reelkeep.domain.notices.alerts import ALERTS
from reelkeep.domain.task import Kept, Request, State, Submission, Task
from reelkeep.domain.wire import Answer
from reelkeep.ports import Source, SourceBad, SourceBusy, SourceGone
from reelkeep.services.cancel import cancel
from reelkeep.services.finalize import finalize
from reelkeep.services.poll import poll
from reelkeep.services.query import list_tasks, show
from reelkeep.services.remove import remove
from reelkeep.services.submit import submit
from reelkeep.services.sweep import sweep
from tests.chaos.line import Killed
from tests.chaos.machine import ExecutionFailed, execution
from tests.chaos.provider import Provider, Stock
from tests.fakes import FakeClaims, FakeKeys, FakeTasks
from tests.integration.test_any_to_any import CLIENTS, PROVIDERS, ROOTS
from tests.submissions import MODELS, submission
from tests.unit.services.stage import ALICE, MALLORY, NOON, FakeDestinations

T = TypeVar("T")

DAYS = 3.0  # over which the tasks are submitted
_PATIENCE = timedelta(days=6)  # with what is not at its end by then
_SWEEPS_EVERY = 300.0
_KEYS = {"rk_alice": ALICE, "rk_mallory": MALLORY}
_NUMBER = re.compile(r"task (\d+) ")
_RANK = {State.CREATED: 0, State.QUEUEING: 1, State.PROCESSING: 2, State.ARCHIVING: 3}
_FILES = {"video": "video.mp4", "cover": "cover.jpeg", "watermarked": "watermarked.mp4", "last-frame": "cover.jpeg"}


@dataclass
class Report:
    seed: int
    ended: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)  # what went wrong, and how often
    unknown: int = 0  # generations that nobody could find again: the answer was lost, and there is no list
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}: " + ", ".join(f"{number} {state}" for state, number in sorted(self.ended.items())),
            f"made, but not to be found again: {self.unknown}",
            "went wrong: " + ", ".join(f"{number} {name}" for name, number in sorted(self.happened.items())),
            *(f"WRONG: {each}" for each in self.wrong[:50]),
        ]
        return "\n".join(lines)


class Simulation:
    def __init__(self, seed: int, size: int, place: Path, watched: int | None = None) -> None:
        self.watched = watched
        self.random = Random(seed)
        self.report = Report(seed)
        self.now = NOON
        self.tasks = Table(self)
        self.claims = Claims(self)
        self.requests = Bucket(self)
        self.executions = Machines(self)
        self.notices = Topic(self)
        self.in_flight: set[int] = set()  # submissions that may be under way, as far as is recorded
        self.unsure: set[int] = set()  # those to which something happened then
        self.current = ""  # the task that is being worked on
        self.stock = Stock(place)
        settings = Settings(data=place / "studio", concurrency=size, off_peak_seconds=40_000, credits=10**9)
        self.studio = Provider(settings, self.stock, lambda: self.now.timestamp())
        self._depth = 0
        self._outages: dict[str, datetime] = {}
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()
        self._outbound = Line(self)
        configured = {
            name: {
                "dialect": name,
                "base_url": f"http://{name.replace('_', '-')}.test{ROOTS.get(name, '')}",
                "api_key": "studio",
                "models": [MODELS[name]],
                "allow_private": True,
            }
            for name in PROVIDERS
        }
        self._providers = ConfiguredProviders(_Text(json.dumps(configured)), upstream, self._outbound)
        seen: Any = {"tasks": self.tasks, "providers": self._providers, "clock": self.clock}
        self._api = Api(
            keys=FakeKeys(_KEYS),
            logger=Logger(service="simulation", level="CRITICAL"),
            submit=partial(
                submit,
                **seen,
                claims=self.claims,
                requests=self.requests,
                executions=self.executions,
                destinations=FakeDestinations(),
                new_id=self._new_id,
            ),
            cancel=partial(cancel, **seen),
            remove=partial(remove, **seen, manifests=self.requests),
            show=partial(show, tasks=self.tasks),
            list_tasks=partial(list_tasks, tasks=self.tasks, clock=self.clock),
            links=_link,
        )
        self._functions: dict[str, Callable[[dict[str, Any]], Any]] = {
            "poll": lambda event: poll(
                event["task_id"],
                event.get("provider_task_id", ""),
                **seen,
                claims=self.claims,
                requests=self.requests,
            ),
            "finalize": lambda event: finalize(
                event["task_id"],
                **seen,
                archive=self.requests,
                notices=self.notices,
                links=_link,
                seconds_left=lambda: self.random.choice([900.0, 900.0, 900.0, 30.0]),
            ),
        }
        self._size = size

    def clock(self) -> datetime:
        return self.now

    def run(self) -> Report:
        for number in range(self._size):
            self._at(self.random.uniform(0, DAYS * 86_400), partial(self._client, number))
        self._at(_SWEEPS_EVERY, self._sweep)
        while self._agenda:
            moment, _, do = heapq.heappop(self._agenda)
            self.now = max(self.now, moment)
            do()
        self._judge()
        return self.report

    # What goes wrong ----------------------------------------------------------------------------------------

    def happens(self, what: str, chance: float) -> bool:
        if self.random.random() >= chance:
            return False
        self.report.happened[what] += 1
        self.unsure |= self.in_flight
        self._tell(self.current, f"  {what}")
        return True

    def tell_of(self, what: object) -> None:
        self._tell(self.current, what)

    def _tell(self, task_id: str, what: object) -> None:
        """For whoever looks into a run."""
        task = self.tasks.recorded.get(task_id)
        found = _number(task) if task else None
        if self.watched is not None and found and int(found[1]) == self.watched:
            print(f"{self.now:%d %H:%M:%S}  {what}")

    def takes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def aws(self, service: str, effect: Callable[[], T]) -> T:
        """A call to AWS: refused, lost, or the last thing that its function does; and others work meanwhile."""
        self.takes(self.random.uniform(0.005, 0.05))
        self._meanwhile()
        if self.happens(f"{service}: killed before", 0.0015):
            raise Killed
        if self.down(service, 0.0002, 1200) or self.happens(f"{service}: refused", 0.003):
            raise TryLater(f"{service} refuses")
        done = effect()
        if self.happens(f"{service}: killed after", 0.0015):
            raise Killed
        if self.happens(f"{service}: answer lost", 0.003):
            raise TryLater(f"the answer of {service} was lost")
        return done

    def down(self, what: str, chance: float, seconds: float) -> bool:
        """Whether it is out of order for a while."""
        until = self._outages.get(what, NOON)
        if self.now >= until and self.happens(f"{what}: out of order", chance):
            self._outages[what] = until = self.now + timedelta(seconds=seconds)
        if self.now < until:
            self.unsure |= self.in_flight
        return self.now < until

    def _meanwhile(self) -> None:
        """Duplicate and late events, and impatient clients, while a function is at work."""
        if self._depth < 2 and self.current and self.happens("something at the same time", 0.03):
            task_id, self._depth = self.current, self._depth + 1
            self.takes(self.random.choice([0, 0, 20, 50]))  # a function may stand still
            if self.random.random() < 0.1:
                self._ask("POST", f"/tasks/{task_id}/cancel")
            for function in self.random.choice([["poll"], ["finalize"], ["poll", "finalize"]]):
                self._invoke_alone(function, task_id)
            self.current, self._depth = task_id, self._depth - 1

    # Clients ------------------------------------------------------------------------------------------------

    def _client(self, number: int) -> None:
        provider, client = self.random.choice(PROVIDERS), self.random.choice(sorted(CLIENTS))
        path, asked = submission(client, MODELS[provider], self._prompt(number))
        if client == provider == "vidu_ent_v2":
            asked |= {"watermark": self.random.random() < 0.5, "off_peak": self.random.random() < 0.1}
            if self.random.random() < 0.1:
                image = "data:image/png;base64," + "A" * 80_000
                path, asked = "/ent/v2/img2video", {**asked, "model": "viduq2-pro", "images": [image]}
                asked.pop("aspect_ratio")
        known = len(self.tasks.recorded)
        for _ in range(4):  # a client that heard nothing, or of a fault, asks again
            self.current = ""
            answer = self._ask("POST", path, asked, repeat=f"task-{number}")
            if answer is not None and answer["statusCode"] < 500:
                break
            self.takes(self.random.uniform(0, 40))
        made = list(self.tasks.recorded)[known:]
        accepted = answer["body"] if answer is not None and 200 <= answer["statusCode"] < 300 else None
        if accepted is not None and not any(task_id in accepted for task_id in made):
            self._wrong(f"task {number}: the client was given no task")
        for task_id in made:
            self._at(self.random.uniform(1, 5000), partial(self._reader, task_id))

    def _prompt(self, number: int) -> str:
        slow = min(3000, int(self.random.lognormvariate(5, 1)))
        words = [f"task {number} ", f"[slow:{slow}]", f"[moderation:{self.random.randrange(3)}]"]
        if self.random.random() < 0.08:
            words.append("[fail]")
        if self.random.random() < 0.05:
            words.append("[odd-state:reviewing]")
        if self.random.random() < 0.05:
            words.append("[expired:2]")
        if self.random.random() < 0.02:
            words.append("[refuse:CreditInsufficient]")
        return " ".join(words)

    def _reader(self, task_id: str) -> None:
        """Its owner looks at it, sometimes cancels or removes it; and so tries somebody else."""
        task = self.tasks.recorded[task_id]
        paths = [("GET", "/tasks/{}"), ("GET", "/ent/v2/tasks/{}/creations"), ("GET", "/v1/video/generations/{}")]
        changes = [("POST", "/tasks/{}/cancel"), ("DELETE", "/v1/videos/{}")]
        method, path = self.random.choice(changes if self.random.random() < 0.1 else paths)
        self._ask(method, path.format(task_id))
        method, path = self.random.choice([*paths, *changes])
        said = self._ask(method, path.format(task_id), key="rk_mallory")
        if said is not None and said["statusCode"] < 400:
            self._wrong(f"another owner was answered {said['statusCode']} to {method}")
        few = self.random.random() < 0.1  # it takes long with many tasks
        listed = self._ask("GET", "/tasks", key=self.random.choice(list(_KEYS))) if few else None
        if listed is not None and listed["statusCode"] == 200:
            shown = json.loads(listed["body"])["tasks"]
            if any(self.tasks.recorded[each["id"]].owner != _KEYS[self._key].owner for each in shown):
                self._wrong("a listing showed another owner's tasks")
        if task.owner != ALICE.owner:
            self._wrong("a task changed hands")

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        key: str = "rk_alice",
        repeat: str = "",
    ) -> dict[str, Any] | None:
        """The answer; None if its function died."""
        self._key = key
        event = {
            "rawPath": path,
            "headers": {"authorization": f"Bearer {key}", "content-type": "application/json"}
            | ({"idempotency-key": repeat} if repeat else {}),
            "requestContext": {"http": {"method": method, "path": path}},
            "body": json.dumps(body) if body is not None else "",
        }
        try:
            return self._api.handle(event)
        except Killed:
            return None

    # The machine and the sweep ------------------------------------------------------------------------------

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        self.current = event["task_id"]
        if self.happens(f"{function}: throttled", 0.002):
            raise TryLater("Lambda.TooManyRequestsException")
        answer: dict[str, Any] = self._functions[function](event).answer
        return answer

    def _invoke_alone(self, function: str, task_id: str) -> None:
        self._tell(task_id, f"{function}, alone")
        try:
            self.invoke(function, {"task_id": task_id})
        except (Exception, Killed) as error:
            if isinstance(error, AssertionError):
                raise
            self.report.happened[f"alone: {type(error).__name__}"] += 1

    def started(self, task_id: str, data: dict[str, Any]) -> Generator[float]:
        steps = execution(data, self.invoke)
        self._at(0, partial(self._step, self.executions.running_names, task_id, steps))
        return steps

    def _step(self, running: Mapping[str, object], task_id: str, steps: Generator[float]) -> None:
        try:
            wait = next(steps)
        except (StopIteration, ExecutionFailed) as end:
            if isinstance(end, ExecutionFailed):
                self.report.happened["executions failed"] += 1
            self.executions.ended(steps)
            if self.happens("late event", 0.02):
                self._at(self.random.uniform(0, 90_000), partial(self._invoke_alone, "poll", task_id))
                self._at(self.random.uniform(0, 90_000), partial(self._invoke_alone, "finalize", task_id))
        else:
            self._at(wait, partial(self._step, running, task_id, steps))

    def _sweep(self) -> None:
        self.current = ""
        try:
            sweep(
                tasks=self.tasks,
                executions=self.executions,
                notices=self.notices,
                soon=timedelta(hours=4),
                clock=self.clock,
            )
        except (Exception, Killed) as error:
            self.report.happened[f"sweep: {type(error).__name__}"] += 1
        over = self.now > NOON + timedelta(days=DAYS)
        if (over and not self.tasks.open) or self.now > NOON + timedelta(days=DAYS) + _PATIENCE:
            return
        self._at(_SWEEPS_EVERY, self._sweep)

    def _at(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now + timedelta(seconds=seconds), next(self._numbers), do))

    def _new_id(self, now: datetime) -> str:
        return ids.first_id_at(now)[:12] + f"{self.random.getrandbits(80):020x}"

    # What must hold -----------------------------------------------------------------------------------------

    def _wrong(self, what: str) -> None:
        self.report.wrong.append(what)

    def check_write(self, before: Task | None, task: Task) -> None:
        if before is not None:
            old, new = _RANK.get(before.state, 4), _RANK.get(task.state, 4)
            if new < old or (before.state.terminal and task.state is not before.state):
                self._wrong(f"{_named(task)}: {before.state} became {task.state}")
            if before.told_at and not task.told_at:
                self._wrong(f"{_named(task)}: was told, and is not any more")
            for was, creation in zip(before.creations, task.creations, strict=False):
                for old_asset, asset in zip(was.assets, creation.assets, strict=True):
                    if old_asset.kept and not asset.kept:
                        self._wrong(f"{_named(task)}: forgot that its {asset.name} is kept")
        self._check_kept(task, "visible")
        if found := _number(task):
            asked = task.submission in (Submission.PLACING, Submission.UNKNOWN) and not task.state.terminal
            (self.in_flight.add if asked else self.in_flight.discard)(int(found[1]))
        facts = f"{task.state}, {task.submission}, {task.provider_task_id or '-'}, {task.trouble}"
        self._tell(task.id, f"version {task.version}: {facts}")

    def check_notice(self, told: Mapping[str, Any]) -> None:
        task = self.tasks.recorded[told["subject"]]
        if told["data"]["state"] != task.state:
            self._wrong(f"{_named(task)}: told {told['data']['state']}, is {task.state}")
        self._check_kept(task, "told")

    def _check_kept(self, task: Task, when: str) -> None:
        if task.state is not State.SUCCESS:
            return
        if task.id not in self.requests.manifests:
            self._wrong(f"{_named(task)}: success was {when} without a manifest")
        if not task.creations:
            self._wrong(f"{_named(task)}: success of nothing")
        for asset in [asset for creation in task.creations for asset in creation.assets]:
            if asset.name == "video" and asset.kept is None:
                self._wrong(f"{_named(task)}: success was {when} without its video")
            if asset.kept is not None and asset.kept.key not in self.requests.digests:
                self._wrong(f"{_named(task)}: success was {when} without its {asset.name}")

    def _judge(self) -> None:
        made: dict[int, list[Made]] = defaultdict(list)
        for each in self.studio.studio.tasks():
            found = _NUMBER.search(each.order.prompt)
            assert found is not None
            made[int(found[1])].append(each)
        for number, orders in made.items():
            if len(orders) > 1:
                self._wrong(f"task {number}: paid {len(orders)} times")
        known = {int(found[1]): task for task in self.tasks.recorded.values() if (found := _number(task))}
        for number in made.keys() - known.keys():
            self._wrong(f"task {number}: paid for nothing that is known")
        for number, task in known.items():
            self.report.ended[task.state] += 1
            self._judge_one(number, task, made[number][0] if number in made else None)

    def _judge_one(self, number: int, task: Task, made: Made | None) -> None:
        if task.unfinished:
            self._wrong(f"{_named(task)}: left {task.state}, {task.submission}, {task.trouble}")
            return
        told = set(self.notices.told[task.id])
        if len(told) > 1 or (not told and task.state is not State.FAILED):
            self._wrong(f"{_named(task)}: told of under {len(told)} ids")
        lost = task.failure is not None and "outcome unknown" in task.failure.message
        truth = self.studio.studio.state(made) if made else None
        if lost and number in self.unsure:
            self.report.unknown += truth == "success"
            return
        expected = {"success": State.SUCCESS, "failed": State.FAILED, "cancelled": State.CANCELLED, None: None}
        if truth is None:
            refused = task.state is State.FAILED and "[refuse" in task.request.prompt
            if not refused and task.state not in (State.CANCELLED, State.EXPIRED):
                self._wrong(f"{_named(task)}: never placed, ended as {task.state}: {task.failure}")
        elif task.state is not expected[truth]:
            self._wrong(f"{_named(task)} at {task.provider}: {truth} there, {task.state} here: {task.failure}")
        if task.state is State.SUCCESS:
            for asset in [asset for creation in task.creations for asset in creation.assets]:
                file = _FILES.get(asset.name, f"{asset.name}.mp4")
                if asset.kept is None:
                    self._wrong(f"{_named(task)}: its {asset.name} was lost: {asset.lost}")
                elif self.requests.digests[asset.kept.key] != self.stock.digest(file):
                    self._wrong(f"{_named(task)}: its {asset.name} is not what was made")


class Table(FakeTasks):
    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation
        self.open: set[str] = set()

    def create(self, task: Task) -> Task:
        self._simulation.current = task.id
        return self._simulation.aws("dynamodb", lambda: self._write(super(Table, self).create, task))

    def get(self, task_id: str) -> Task | None:
        return self._simulation.aws("dynamodb", lambda: self.recorded.get(task_id))

    def save(self, task: Task) -> Task:
        return self._simulation.aws("dynamodb", lambda: self._write(super(Table, self).save, task))

    def _write(self, write: Callable[[Task], Task], task: Task) -> Task:
        before = self.recorded.get(task.id)
        written = write(task)
        (self.open.add if written.unfinished else self.open.discard)(task.id)
        self._simulation.check_write(before, written)
        return written

    def unfinished(self) -> Iterator[Task]:
        for task_id in sorted(self.open):
            yield self.recorded[task_id]

    def keep_odd_answer(self, task_id: str, reason: str, raw: bytes, now: datetime) -> None:
        self._simulation.aws("dynamodb", lambda: None)


class Claims(FakeClaims):
    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation

    def claim(self, claim: Claim, now: datetime, *, instead_of: str = "") -> Claim:
        return self._simulation.aws("dynamodb", lambda: super(Claims, self).claim(claim, now, instead_of=instead_of))


class Bucket:
    """The archive, and the requests that are too big for the table."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.digests: dict[str, str] = {}
        self.manifests: dict[str, Task] = {}
        self._requests: dict[str, Request] = {}

    def keep(self, task: Task, number: int, name: str, source: Source) -> Kept:
        content = self._fetched(source)
        key = f"{folder(task.id)}{number}-{name}"
        digest = sha256(content).hexdigest()
        self._simulation.aws("s3", lambda: self.digests.__setitem__(key, digest))
        return Kept(key=key, bytes=len(content), sha256=digest, content_type="video/mp4")

    def _fetched(self, source: Source) -> bytes:
        simulation = self._simulation
        simulation.takes(simulation.random.uniform(0.1, 5))
        host = urlsplit(source.url).netloc
        if simulation.down(f"files of {host}", 0.0005, 5400) or simulation.happens("a file is busy", 0.03):
            raise SourceBusy("503", retry_after=simulation.random.choice([None, 5.0, 600.0]))
        if simulation.happens("a file is a page", 0.02):
            raise SourceBad("an HTML page where a video was expected")
        if simulation.happens("a file is not there", 0.02):
            raise SourceGone("404")
        answer = simulation.studio.answer("GET", source.url, {**source.headers, "host": host}, b"")
        if found := re.search(rb"\r\nlocation: (\S+)", answer):
            url = urljoin(source.url, found[1].decode())
            answer = simulation.studio.answer("GET", url, {"host": urlsplit(url).netloc}, b"")
        status, content = _parted(answer)
        if status != 200:
            simulation.report.happened["a link is dead"] += 1
            raise SourceGone(str(status))
        return content

    def keep_manifest(self, task: Task) -> None:
        self._simulation.aws("s3", lambda: self.manifests.__setitem__(task.id, task))

    def keep_request(self, task: Task) -> str:
        def keep() -> str:
            self._requests.setdefault(task.id, task.request)
            return task.id

        return self._simulation.aws("s3", keep)

    def request(self, key: str) -> Request:
        return self._simulation.aws("s3", lambda: self._requests[key])


class Machines:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.running_names: dict[str, Generator[float]] = {}
        self._taken: set[str] = set()

    def start(self, task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        data: dict[str, Any] = {"task_id": task.id, "wait_seconds": wait_seconds}
        data |= {"provider_task_id": provider_task_id} if provider_task_id else {}
        self._simulation.aws("sfn", lambda: self._start(task, data))

    def _start(self, task: Task, data: dict[str, Any]) -> None:
        name = f"{task.id}-{task.runs}"
        if name not in self._taken:
            self._taken.add(name)
            self.running_names[name] = self._simulation.started(task.id, data)

    def running(self, task: Task) -> bool:
        return self._simulation.aws("sfn", lambda: f"{task.id}-{task.runs}" in self.running_names)

    def ended(self, steps: Generator[float]) -> None:
        self.running_names = {name: each for name, each in self.running_names.items() if each is not steps}


class Topic:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.told: dict[str, list[str]] = defaultdict(list)

    def tell(self, notice: Mapping[str, Any], attributes: Mapping[str, str | Sequence[str]]) -> None:
        self._simulation.aws("sns", lambda: self._tell(notice))

    def _tell(self, notice: Mapping[str, Any]) -> None:
        if notice["type"] in ALERTS:  # for operators, on the same topic
            return
        self._simulation.check_notice(notice)
        self.told[notice["subject"]].append(notice["id"])


class Line(Outbound):
    """The way to the studio, which misbehaves as providers do."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._said: dict[str, Answer] = {}  # the first answer to each look

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes | memoryview] | None = None,
        seconds: float = 20.0,
        limit_bytes: int = 8 << 20,
        allow_private: bool = False,
    ) -> Answer:
        assert isinstance(body, bytes | None)
        return self._sent(method, url, headers or {}, body or b"")

    def _sent(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        simulation, host = self._simulation, urlsplit(url).netloc
        simulation.takes(simulation.random.uniform(0.05, 2))
        simulation.tell_of(f"{method} {urlsplit(url).path}")
        if simulation.happens("provider: killed before", 0.002):
            raise Killed
        if simulation.happens("provider: out of reach", 0.02):
            raise NotSent("connection refused")
        if simulation.happens("provider: cut before", 0.01):
            simulation.takes(20)
            raise AnswerLost("no answer in time")
        if simulation.down(host, 0.0003, 3600) or simulation.happens("provider: 503", 0.01):
            return Answer(status=503, body=b"<html>Bad gateway</html>")
        if simulation.happens("provider: 429", 0.03):
            wait = simulation.random.choice(["1", "40", "900", "tomorrow"])
            return Answer(status=429, headers={"retry-after": wait}, body=b"{}")
        if method == "GET" and simulation.happens("provider: 404", 0.01):
            url = re.sub(r"(\d)(?=/|$|\?)", "000\\1", url, count=1)
        answer = self._answered(method, url, headers, body)
        if simulation.happens("provider: killed after", 0.002):
            raise Killed
        if simulation.happens("provider: answer lost", 0.01):
            raise AnswerLost("the connection was cut")
        if simulation.happens("provider: 502 though it was done", 0.005):
            return Answer(status=502, body=b"")
        if simulation.happens("provider: nonsense", 0.01):
            return Answer(status=200, body=simulation.random.choice([b"", b"<html>", b"{}", b"[]", answer.body[:-9]]))
        if method == "GET":
            return self._crooked(url, answer)
        return answer

    def _crooked(self, url: str, answer: Answer) -> Answer:
        """An answer of before, or one with something left out or said twice."""
        simulation = self._simulation
        if "?" not in url:
            first = self._said.setdefault(url, answer)
            if simulation.happens("provider: a status of before", 0.03):
                return first
        if simulation.happens("provider: no links", 0.02):
            return Answer(status=answer.status, body=re.sub(rb'"http[^"]*"', b'""', answer.body))
        if simulation.happens("provider: no creations", 0.02):
            body = re.sub(rb'"(creations|videos|content|data)":\s*([\[{])', rb'"\1_":\2', answer.body)
            return Answer(status=answer.status, body=body)
        return answer

    def _answered(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        given = {**headers, "host": urlsplit(url).netloc}
        status, content = _parted(self._simulation.studio.answer(method, url, given, body))
        return Answer(status=status, body=content)


@dataclass(frozen=True)
class _Text:
    text: str

    def value(self) -> str:
        return self.text


def _parted(answer: bytes) -> tuple[int, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body


def _link(kept: Kept) -> str:
    return f"https://keep.test/{kept.key}"


def _number(task: Task) -> re.Match[str] | None:
    return _NUMBER.search(task.request.prompt)


def _named(task: Task) -> str:
    found = _number(task)
    return f"task {found[1]}" if found else task.id


@contextmanager
def _seeded(random: Random) -> Iterator[None]:
    """The studio's ids come from the same seed."""
    with patch.object(studio_module, "randbelow", random.randrange):
        yield


def simulate(seed: int, size: int, watched: int | None = None) -> Report:
    with TemporaryDirectory() as place:
        simulation = Simulation(seed, size, Path(place), watched)
        try:
            with _seeded(Random(seed)):
                return simulation.run()
        finally:
            simulation.studio.close()


def main() -> int:
    parser = ArgumentParser(prog="python -m tests.chaos.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--watch", type=int, help="the number of a task of which all is told")
    arguments = parser.parse_args()
    report = simulate(arguments.seed, arguments.tasks, arguments.watch)
    print(report)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
