"""A stage for webhooks: receivers with a temper, a FIFO queue as SQS has them, and time that only a test passes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from inspect import signature
from types import SimpleNamespace
from typing import Any

from reelkeep.dialects import shown
from reelkeep.domain.links import Links
from reelkeep.domain.notices.webhooks import Delivery, Webhook, new_webhook_id
from reelkeep.domain.task import State, Task
from reelkeep.ports import Caller, Rendered, Unanswered
from reelkeep.services import webhooks as manage
from reelkeep.services.announce import announce
from reelkeep.services.deliver import deliver
from tests.fakes import FakeDeliveries, FakeWebhooks
from tests.unit.services.stage import ALICE, NOON, FakeDestinations, FakeNotices, request

MASTER = "m" * 64
WORKERS = 100  # the mapping's
MOST_RECEIVES = 100  # the queue's
VISIBILITY = timedelta(seconds=180)
LONGEST_VISIBILITY = timedelta(hours=12)
RETENTION = timedelta(days=14)
DEDUPLICATION = timedelta(minutes=5)
TIMEOUT = 10.0

Receiver = Callable[["Received"], tuple[int, float]]  # -> the status, and the seconds that it took


@dataclass(frozen=True)
class Received:
    at: datetime
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Message:
    ticket: tuple[str, str, str, int]
    group: str
    deduplication: str
    sent_at: datetime
    visible_at: datetime
    receives: int = 0
    deleted: bool = False


@dataclass
class FakeQueue:
    """Both queues. Of each group only the first message can be had, and only when it is visible."""

    clock: Callable[[], datetime]
    messages: dict[str, list[Message]] = field(default_factory=dict)  # by group
    undelivered: list[str] = field(default_factory=list)  # ids of deliveries
    seen: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def put(self, delivery: Delivery) -> None:
        name = delivery.group, f"{delivery.id}.{delivery.round}"
        now = self.clock()
        if name in self.seen and now - self.seen[name] < DEDUPLICATION:
            return
        self.seen[name] = now
        ticket = (delivery.owner, delivery.webhook_id, delivery.id, delivery.round)
        self.messages.setdefault(delivery.group, []).append(Message(ticket, *name, now, now))

    def bury(self, delivery: Delivery) -> None:
        self.undelivered.append(delivery.id)

    def heads(self) -> Iterator[Message]:
        for group in [group for group, waiting in self.messages.items() if not waiting]:
            del self.messages[group]
        for waiting in self.messages.values():
            yield waiting[0]

    def receive(self, now: datetime) -> Message | None:
        for head in list(self.heads()):
            assert now - head.sent_at < RETENTION, "the queue forgot a message"
            if head.visible_at > now:
                continue
            if head.receives >= MOST_RECEIVES:
                self.undelivered.append(head.ticket[2])
                self.delete(head)
                continue
            head.receives += 1
            head.visible_at = now + VISIBILITY
            return head
        return None

    def delete(self, message: Message) -> None:
        self.messages[message.group].remove(message)

    def next_at(self) -> datetime | None:
        return min((head.visible_at for head in self.heads()), default=None)


@dataclass
class WebhookStage:
    now: datetime = NOON
    webhooks: FakeWebhooks = field(default_factory=FakeWebhooks)
    deliveries: FakeDeliveries = field(default_factory=FakeDeliveries)
    notices: FakeNotices = field(default_factory=FakeNotices)
    destinations: FakeDestinations = field(default_factory=FakeDestinations)
    receivers: dict[str, Receiver] = field(default_factory=dict)  # by address
    received: list[Received] = field(default_factory=list)
    took: float = 0.0  # seconds of the function's present call
    throttled: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.queue = FakeQueue(self.clock)
        self.secret = SimpleNamespace(value=lambda: MASTER)

    def clock(self) -> datetime:
        return self.now + timedelta(seconds=self.took)

    def manage(self, verb: str, wish: Any = None, caller: Caller = ALICE) -> Any:
        """One of the owner's operations, with the ports that it wants."""
        service = getattr(manage, verb)
        ports = {
            "webhooks": self.webhooks,
            "deliveries": self.deliveries,
            "outbox": self.queue,
            "destinations": self.destinations,
            "secret": self.secret,
            "clock": self.clock,
            "new_id": new_webhook_id,
        }
        wanted = signature(service).parameters
        return service(wish, caller, **{name: port for name, port in ports.items() if name in wanted})

    def webhook(self, url: str, receiver: Receiver | None = None, caller: Caller = ALICE, **wish: Any) -> Webhook:
        self.receivers[url] = receiver or accepting
        made: Webhook = self.manage("create", manage.Wish(url=url, **wish), caller).webhook
        return made

    def change(self, task: Task, state: State, **changes: Any) -> Task:
        """The task in this state, announced as the stream does."""
        after = task.advanced(state, self.now, **changes)
        announce(
            task,
            after,
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            outbox=self.queue,
            render=rendered,
            links=links,
        )
        return after

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        received = Received(self.clock(), url, headers, body)
        status, seconds = self.receivers[url](received)
        self.took += min(seconds, TIMEOUT)
        if seconds > TIMEOUT:
            raise Unanswered("no answer in time")
        if 200 <= status < 300:
            self.received.append(received)
        return status

    def deliver(self, message: Message) -> None:
        self.took = 0.0
        _, seconds = deliver(
            *message.ticket,
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            outbox=self.queue,
            post=self.post,
            notices=self.notices,
            secret=self.secret,
            clock=self.clock,
            jitter=lambda: 1.0,
            nonce=lambda: "nonce",
        )
        if seconds is None:
            self.queue.delete(message)
            return
        message.visible_at = self.clock() + timedelta(seconds=round(seconds))
        assert message.visible_at - self.now < LONGEST_VISIBILITY

    def pass_(self, time: timedelta) -> None:
        """Lets the functions take what the queue holds, as many at once as there are workers, until then."""
        until = self.now + time
        busy: list[datetime] = []
        while True:
            while busy and busy[0] <= self.now:
                heapq.heappop(busy)
            message = self.queue.receive(self.now) if len(busy) < WORKERS else None
            if message and self.throttled():
                continue
            if message:
                self.deliver(message)
                heapq.heappush(busy, self.clock())
                self.took = 0.0
                continue
            soonest = [each for each in (busy[0] if busy else None, self.queue.next_at()) if each and each > self.now]
            if not soonest or min(soonest) > until:
                self.now = until
                return
            self.now = min(soonest)


def accepting(_: Received) -> tuple[int, float]:
    return 204, 0.05


def task(number: int = 1, caller: Caller = ALICE, **asked: Any) -> Task:
    task_id = f"{int(NOON.timestamp() * 1000):012x}{number:020x}"
    return Task(
        id=task_id,
        owner=caller.owner,
        key_id=caller.key_id,
        provider="vidu",
        request=replace(request(), **asked),
        created_at=NOON,
        updated_at=NOON - timedelta(seconds=1),
        deadline=NOON + timedelta(hours=2),
        state=State.QUEUEING,
    )


def rendered(task: Task, links: Links) -> Rendered:
    return Rendered(*shown(task.request.dialect, task, links))


def links(_: Any) -> str:
    return "https://keep.test/files/x"
