"""What AWS keeps, with all that can happen to a call to it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from reelkeep.adapters.s3.layout import folder
from reelkeep.domain.claims import Claim
from reelkeep.domain.counts import Changes, Counts, Demand
from reelkeep.domain.errors import TryLater
from reelkeep.domain.notices.alerts import ALERTS
from reelkeep.domain.notices.notice import POSSIBLE_REPEAT, UPDATED
from reelkeep.domain.task import ArchivedFile, Request, Task
from reelkeep.ports.archive import SourceBad, SourceBusy, SourceGone
from reelkeep.ports.providers import Source
from tests.chaos.faulty_transport import Killed
from tests.chaos.provider import Provider
from tests.chaos.simulation.provider import parted
from tests.chaos.simulation.world import World
from tests.fakes.owners import FakeCounters
from tests.fakes.providers import FakeDurations, FakeSeenCallbacks, FakeSlots
from tests.fakes.tasks import FakeClaims, FakeTasks

T = TypeVar("T")


class Aws:
    """A call: refused, lost, or the last thing that its function does; and others work `meanwhile`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self, service: str, effect: Callable[[], T]) -> T:
        world = self.world
        world.takes(world.random.uniform(0.005, 0.05))
        self.meanwhile()
        if world.happens(f"{service}: killed before", 0.0015):
            raise Killed
        if world.down(service, 0.0002, 1200) or world.happens(f"{service}: refused", 0.003):
            raise TryLater(f"{service} refuses")
        done = effect()
        if world.happens(f"{service}: killed after", 0.0015):
            raise Killed
        if world.happens(f"{service}: answer lost", 0.003):
            raise TryLater(f"the answer of {service} was lost")
        return done


class Table(FakeTasks):
    def __init__(self, aws: Aws) -> None:
        super().__init__()
        self._aws = aws
        self.open: set[str] = set()
        self.written: Callable[[Task | None, Task], None] = lambda before, task: None
        self._placed: dict[tuple[str, str], list[str]] = defaultdict(list)

    def create(self, task: Task) -> Task:
        if task.adopted is None:
            self._aws.world.current = task.id
        return self._aws("dynamodb", lambda: self._write(super(Table, self).create, task))

    def get(self, task_id: str) -> Task | None:
        return self._aws("dynamodb", lambda: self.recorded.get(task_id))

    def save(self, task: Task) -> Task:
        return self._aws("dynamodb", lambda: self._write(super(Table, self).save, task))

    def _write(self, write: Callable[[Task], Task], task: Task) -> Task:
        before = self.recorded.get(task.id)
        written = write(task)
        (self.open.add if written.unfinished else self.open.discard)(task.id)
        if written.provider_task_id and not (before and before.provider_task_id):
            self._placed[written.provider, written.provider_task_id].append(written.id)
        self.written(before, written)
        return written

    def unfinished(self) -> Iterator[Task]:
        for task_id in sorted(self.open):
            yield self.recorded[task_id]

    def by_provider_task(self, provider: str, provider_task_id: str) -> list[Task]:
        found = self._placed[provider, provider_task_id]
        return self._aws("dynamodb", lambda: [self.recorded[task_id] for task_id in found])

    def store_raw_response(self, task_id: str, reason: str, raw: bytes, now: object) -> None:
        self._aws("dynamodb", lambda: None)


class Claims(FakeClaims):
    def __init__(self, aws: Aws) -> None:
        super().__init__()
        self._aws = aws

    def claim(self, claim: Claim, now: datetime, *, instead_of: str = "") -> Claim:
        return self._aws("dynamodb", lambda: super(Claims, self).claim(claim, now, instead_of=instead_of))


class Counters(FakeCounters):
    """What the ledger changes in them is part of a transaction of its own, so `change` is no call."""

    def __init__(self, aws: Aws) -> None:
        super().__init__()
        self._aws = aws

    def counts(self, owner: str) -> Counts:
        return self._aws("dynamodb", lambda: super(Counters, self).counts(owner))

    def reserve(self, owner: str, demand: Demand, now: datetime) -> Counts | int:
        return self._aws("dynamodb", lambda: super(Counters, self).reserve(owner, demand, now))

    def give_back(self, owner: str, changes: Changes, token: str) -> None:
        self._aws("dynamodb", lambda: super(Counters, self).give_back(owner, changes, token))

    def rebuild(self, owner: str, counts: Changes, known: Counts | None = None) -> bool:
        return self._aws("dynamodb", lambda: super(Counters, self).rebuild(owner, counts, known))


class _EachCall:
    """Each of its calls is one to the table."""

    def __init__(self, aws: Aws) -> None:
        super().__init__()
        self._aws = aws

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found):
            return found
        return lambda *given: self._aws("dynamodb", lambda: found(*given))


class Slots(_EachCall, FakeSlots):
    pass


class Durations(_EachCall, FakeDurations):
    pass


class SeenCallbacks(FakeSeenCallbacks):
    def __init__(self, aws: Aws) -> None:
        super().__init__()
        self._aws = aws

    def contains(self, provider: str, name: str) -> bool:
        return self._aws("dynamodb", lambda: super(SeenCallbacks, self).contains(provider, name))

    def add(self, provider: str, name: str, until: datetime) -> None:
        self._aws("dynamodb", lambda: super(SeenCallbacks, self).add(provider, name, until))


class Bucket:
    """The archive, and the requests that are too big for the table."""

    def __init__(self, aws: Aws, provider: Provider) -> None:
        self._aws = aws
        self._provider = provider
        self.digests: dict[str, str] = {}
        self.manifests: dict[str, Task] = {}
        self._requests: dict[str, Request] = {}

    def archive(self, task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        content = self._fetched(source)
        key = f"{folder(task.id)}{number}-{name}"
        digest = sha256(content).hexdigest()
        self._aws("s3", lambda: self.digests.__setitem__(key, digest))
        return ArchivedFile(key=key, bytes=len(content), sha256=digest, content_type="video/mp4")

    def _fetched(self, source: Source) -> bytes:
        world = self._aws.world
        world.takes(world.random.uniform(0.1, 5))
        host = urlsplit(source.url).netloc
        if world.down(f"files of {host}", 0.0005, 5400) or world.happens("a file is busy", 0.03):
            raise SourceBusy("503", retry_after=world.random.choice([None, 5.0, 600.0]))
        if world.happens("a file is a page", 0.02):
            raise SourceBad("an HTML page where a video was expected")
        if world.happens("a file is not there", 0.02):
            raise SourceGone("404")
        answer = self._provider.answer("GET", source.url, {**source.headers, "host": host}, b"")
        if found := re.search(rb"\r\nlocation: (\S+)", answer):
            url = urljoin(source.url, found[1].decode())
            answer = self._provider.answer("GET", url, {"host": urlsplit(url).netloc}, b"")
        status, content = parted(answer)
        if status != 200:
            world.report.happened["a link is dead"] += 1
            raise SourceGone(str(status))
        return content

    def write_manifest(self, task: Task) -> None:
        self._aws("s3", lambda: self.manifests.__setitem__(task.id, task))

    def store_request(self, task: Task) -> str:
        def keep() -> str:
            self._requests.setdefault(task.id, task.request)
            return task.id

        return self._aws("s3", keep)

    def request(self, key: str) -> Request:
        return self._aws("s3", lambda: self._requests[key])


class Machines:
    """Executions by name. `begin` is called with each new one."""

    def __init__(self, aws: Aws, begin: Callable[[str, dict[str, Any]], None]) -> None:
        self._aws = aws
        self._begin = begin
        self._taken: set[str] = set()
        self.begin_watch: Callable[[dict[str, Any]], None] = lambda data: None

    def watch(self, provider: str, now: datetime) -> None:
        name = f"{provider}-{now:%d %H:%M}"
        self._aws("sfn", lambda: self._watch(name, {"provider": provider, "name": name}))

    def _watch(self, name: str, data: dict[str, Any]) -> None:
        if name not in self._taken:
            self._taken.add(name)
            self.begin_watch(data)

    def start(self, task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        data: dict[str, Any] = {"task_id": task.id, "run": task.executions, "wait_seconds": wait_seconds}
        data |= {"provider_task_id": provider_task_id} if provider_task_id else {}
        self._aws("sfn", lambda: self._start(task, data))

    def _start(self, task: Task, data: dict[str, Any]) -> None:
        name = f"{task.id}-{task.executions}"
        if name not in self._taken:
            self._taken.add(name)
            self._begin(task.id, data)


class Finalizing:
    def __init__(self, aws: Aws, invoke: Callable[[dict[str, Any]], None]) -> None:
        self._aws = aws
        self._invoke = invoke

    def start(self, task: Task) -> None:
        event = {"task_id": task.id, "run": task.executions, "direct": True}
        self._aws("lambda", lambda: self._aws.world.at(0, lambda: self._invoke(event)))


class Topic:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.told: dict[str, list[str]] = defaultdict(list)
        self.files: dict[str, list[str]] = {}  # that were named last, by task
        self.telling: Callable[[Mapping[str, Any]], None] = lambda notice: None

    def publish(self, notice: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
        self._aws("sns", lambda: self._tell(notice))

    def _tell(self, notice: Mapping[str, Any]) -> None:
        if notice["type"] in ALERTS or notice["type"] == POSSIBLE_REPEAT:  # on the same topic
            return
        self.telling(notice)
        self.files[notice["subject"]] = [name for each in notice["data"]["creations"] for name in each["files"]]
        if notice["type"] != UPDATED:
            self.told[notice["subject"]].append(notice["id"])
