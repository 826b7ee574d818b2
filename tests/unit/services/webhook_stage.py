"""A stage for webhooks: receivers with a temper, a FIFO queue as SQS has them, and time that only a test passes."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, ClassVar

from reelkeep.dialects import shown
from reelkeep.domain.links import Links
from reelkeep.domain.notices.webhooks import Delivery, DeliveryMessage, Webhook, WebhookSettings
from reelkeep.domain.task import State, Task
from reelkeep.ports import Caller, Rendered, Unanswered
from reelkeep.services.announce import Announce
from reelkeep.services.deliver import Deliver
from reelkeep.services.webhooks import ManageWebhooks
from tests.fakes import FakeCircuitBreakers, FakeDeliveries, FakeWebhooks
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
    content: DeliveryMessage
    group: str
    deduplication: str
    sent_at: datetime
    visible_at: datetime
    receives: int = 0
    received_at: datetime = NOON


@dataclass
class FakeQueue:
    """Both queues. Of each group only the first message can be had, and only when it is visible."""

    clock: Callable[[], datetime]
    messages: dict[str, list[Message]] = field(default_factory=dict)  # by group
    undelivered: list[str] = field(default_factory=list)  # ids of deliveries
    done: list[Message] = field(default_factory=list)
    seen: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _heads: list[tuple[datetime, int, Message]] = field(default_factory=list)  # the heap of those that can be had
    _order: Iterator[int] = field(default_factory=itertools.count)

    def put(self, delivery: Delivery) -> None:
        name = delivery.message_group, f"{delivery.id}.{delivery.replay_number}"
        now = self.clock()
        if name in self.seen and now - self.seen[name] < DEDUPLICATION:
            return
        self.seen[name] = now
        content = DeliveryMessage(delivery.owner, delivery.webhook_id, delivery.id, delivery.replay_number)
        message = Message(content, *name, now, now)
        group = self.messages.setdefault(delivery.message_group, [])
        group.append(message)
        if group[0] is message:
            self.hide(message, now)

    def dead_letter(self, delivery: Delivery) -> None:
        self.undelivered.append(delivery.id)

    def receive(self, now: datetime) -> Message | None:
        while self._soonest(now):
            head = heapq.heappop(self._heads)[2]
            assert now - head.sent_at < RETENTION, "the queue forgot a message"
            if head.receives >= MOST_RECEIVES:
                self.undelivered.append(head.content.delivery_id)
                self.delete(head)
                continue
            head.receives += 1
            head.received_at = now
            self.hide(head, now + VISIBILITY)
            return head
        return None

    def hide(self, message: Message, until: datetime) -> None:
        message.visible_at = until
        heapq.heappush(self._heads, (until, next(self._order), message))

    def delete(self, message: Message) -> None:
        self.done.append(message)
        group = self.messages[message.group]
        group.remove(message)
        if group:
            self.hide(group[0], self.clock())
        else:
            del self.messages[message.group]

    def next_at(self) -> datetime | None:
        """When the next message can be had."""
        self._soonest(datetime.min.replace(tzinfo=UTC))
        return self._heads[0][0] if self._heads else None

    def _soonest(self, now: datetime) -> bool:
        """Whether the first of all can be had, once what is said no more is forgotten."""
        while self._heads:
            visible_at, _, message = self._heads[0]
            if self.messages.get(message.group, [None])[0] is message and message.visible_at == visible_at:
                return visible_at <= now
            heapq.heappop(self._heads)
        return False


@dataclass
class WebhookStage:
    now: datetime = NOON
    webhooks: FakeWebhooks = field(default_factory=FakeWebhooks)
    deliveries: FakeDeliveries = field(default_factory=FakeDeliveries)
    breakers: FakeCircuitBreakers = field(default_factory=FakeCircuitBreakers)
    notices: FakeNotices = field(default_factory=FakeNotices)
    destinations: FakeDestinations = field(default_factory=FakeDestinations)
    receivers: dict[str, Receiver] = field(default_factory=dict)  # by address
    received: list[Received] = field(default_factory=list)
    busy: list[tuple[datetime, int, Worker]] = field(default_factory=list)  # until when, and in which order
    order: Iterator[int] = field(default_factory=itertools.count)
    until: datetime = NOON  # when it is the turn of the test
    main: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    error: BaseException | None = None
    throttled: Callable[[], bool] = lambda: False
    jitter: Callable[[], float] = lambda: 1.0

    def __post_init__(self) -> None:
        self.queue = FakeQueue(self.clock)
        self.secret = SimpleNamespace(value=lambda: MASTER)

    def clock(self) -> datetime:
        return self.now

    def manage(self, verb: str, asked: Any = None, caller: Caller = ALICE) -> Any:
        """One of the owner's operations."""
        service = ManageWebhooks(
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            outbox=self.queue,
            destinations=self.destinations,
            secret=self.secret,
            clock=self.clock,
        )
        return getattr(service, verb)(asked, caller)

    def webhook(self, url: str, receiver: Receiver | None = None, caller: Caller = ALICE, **wish: Any) -> Webhook:
        self.receivers[url] = receiver or accepting
        made: Webhook = self.manage("create", WebhookSettings(url=url, **wish), caller).webhook
        return made

    def change(self, task: Task, state: State, **changes: Any) -> Task:
        """The task in this state, announced as the stream does."""
        after = task.advanced(state, self.now, **changes)
        announce = Announce(
            webhooks=self.webhooks, deliveries=self.deliveries, outbox=self.queue, render=rendered, links=links
        )
        announce(task, after)
        return after

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        received = Received(self.clock(), url, headers, body)
        status, seconds = self.receivers[url](received)
        self._wait(self.now + timedelta(seconds=min(seconds, TIMEOUT)))
        if seconds > TIMEOUT:
            raise Unanswered("no answer in time")
        if 200 <= status < 300:
            self.received.append(received)
        return status

    def deliver(self, message: Message) -> None:
        deliver = Deliver(
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            breakers=self.breakers,
            outbox=self.queue,
            post=self.post,
            notices=self.notices,
            secret=self.secret,
            clock=self.clock,
            jitter=self.jitter,
            nonce=lambda: "nonce",
        )
        _, seconds = deliver(message.content)
        if seconds is None:
            self.queue.delete(message)
            return
        self.queue.hide(message, self.now + timedelta(seconds=round(seconds)))
        assert message.visible_at - message.received_at < LONGEST_VISIBILITY

    def pass_(self, time: timedelta) -> None:
        """Lets the functions take what the queue holds, as many at once as there are workers, until then."""
        self.until = self.now + time
        self._hand_over(self._next())
        self.main.acquire()
        if self.error:
            raise self.error

    def work(self, message: Message) -> None:
        """What a worker does in its turn: this message and all that follow, until it is the turn of somebody else."""
        turn: Message | Worker | None = message
        try:
            while isinstance(turn, Message):
                self.deliver(turn)
                turn = self._next()
        except BaseException as error:
            self.error, turn = error, None
        Worker.idle.append(Worker.current())
        self._hand_over(turn)

    def _wait(self, until: datetime) -> None:
        worker = Worker.current()
        heapq.heappush(self.busy, (until, next(self.order), worker))
        if (turn := self._next()) is not worker:
            self._hand_over(turn)
            worker.turn.acquire()

    def _next(self) -> Message | Worker | None:
        """Whose turn it is: the worker whose answer came, or whoever takes the message; None if time is up."""
        busy = self.busy
        while True:
            if busy and busy[0][0] <= self.now:
                return heapq.heappop(busy)[2]
            if len(busy) < WORKERS and (message := self.queue.receive(self.now)):
                if self.throttled():
                    continue
                return message
            ahead = (busy[0][0] if busy else None, self.queue.next_at() if len(busy) < WORKERS else None)
            soonest = [each for each in ahead if each]
            if not soonest or min(soonest) > self.until:
                self.now = self.until
                return None
            self.now = min(soonest)

    def _hand_over(self, turn: Message | Worker | None) -> None:
        if turn is None:
            self.main.release()
            return
        if isinstance(turn, Message):
            worker = Worker.idle.pop() if Worker.idle else Worker()
            worker.work = partial(self.work, turn)
        else:
            worker = turn
        worker.turn.release()


class Worker(threading.Thread):
    """Works only when it is its turn, so that simulated time can pass in the middle of what it does."""

    idle: ClassVar[list[Worker]] = []  # of all stages: a thread takes longer to start than to deliver

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.turn = threading.Semaphore(0)
        self.work: Callable[[], None]
        self.start()

    @classmethod
    def current(cls) -> Worker:
        worker = threading.current_thread()
        assert isinstance(worker, cls)
        return worker

    def run(self) -> None:
        while True:
            self.turn.acquire()
            self.work()


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
