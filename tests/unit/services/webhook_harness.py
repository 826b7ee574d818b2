"""A harness for webhooks: receivers with a temper, a queue as SQS has them, and time that only a test passes."""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, ClassVar

from reelkeep.dialects import shown
from reelkeep.domain.links import Links
from reelkeep.domain.notices.webhooks import Delivery, DeliveryMessage, ReleaseMessage, Webhook, WebhookSettings
from reelkeep.domain.task import State, Task
from reelkeep.ports.notices import Rendered, Unanswered
from reelkeep.ports.owners import Caller
from reelkeep.services.announce import Announce
from reelkeep.services.deliver import Deliver
from reelkeep.services.release import Release
from reelkeep.services.webhooks import ManageWebhooks
from tests.fakes.notices import FakeCircuitBreakers, FakeDeliveries, FakeWaiting, FakeWebhooks
from tests.unit.services.harness import ALICE, NOON, FakeDestinations, FakeNotices, request

MASTER = "m" * 64
WORKERS = 100  # the mapping's
MOST_RECEIVES = 100  # the queue's
VISIBILITY = timedelta(seconds=180)
LONGEST_DELAY = 900  # seconds
TIMEOUT = 10.0

Receiver = Callable[["Received"], tuple[int, float]]  # -> the status, and the seconds that it took


class Killed(BaseException):
    """The function was stopped in the middle of a call."""


@dataclass(frozen=True)
class Received:
    at: datetime
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(eq=False)
class Message:
    content: DeliveryMessage | ReleaseMessage
    sent_at: datetime
    visible_at: datetime
    receives: int = 0


@dataclass
class FakeQueue:
    """Both queues, as SQS standard queues are: no order among what is visible, but the oldest first is usual."""

    clock: Callable[[], datetime]
    messages: set[Message] = field(default_factory=set)
    in_flight: set[Message] = field(default_factory=set)
    most_in_flight: int = 0
    undelivered: list[str] = field(default_factory=list)  # ids of deliveries
    _heads: list[tuple[datetime, int, Message]] = field(default_factory=list)  # the heap of those that can be had
    _order: Iterator[int] = field(default_factory=itertools.count)

    def put(self, *messages: tuple[DeliveryMessage | ReleaseMessage, float]) -> None:
        now = self.clock()
        for content, seconds in messages:
            assert 0 <= seconds <= LONGEST_DELAY
            message = Message(content, now, now)
            self.messages.add(message)
            self.hide(message, now + timedelta(seconds=math.ceil(seconds)))

    def dead_letter(self, delivery: Delivery) -> None:
        self.undelivered.append(delivery.id)

    def receive(self, now: datetime) -> Message | None:
        if not self._soonest(now):
            return None
        head = heapq.heappop(self._heads)[2]
        head.receives += 1
        assert head.receives < MOST_RECEIVES
        self.in_flight.add(head)
        self.most_in_flight = max(self.most_in_flight, len(self.in_flight))
        self.hide(head, now + VISIBILITY)
        return head

    def hide(self, message: Message, until: datetime) -> None:
        message.visible_at = until
        heapq.heappush(self._heads, (until, next(self._order), message))

    def delete(self, message: Message) -> None:
        self.messages.discard(message)
        self.in_flight.discard(message)

    def next_at(self) -> datetime | None:
        """When the next message can be had."""
        self._soonest(datetime.min.replace(tzinfo=UTC))
        return self._heads[0][0] if self._heads else None

    def _soonest(self, now: datetime) -> bool:
        """Whether there is a first one, once what does not hold any more is dropped."""
        while self._heads:
            visible_at, _, message = self._heads[0]
            if message in self.messages and message.visible_at == visible_at:
                self.in_flight.discard(message)
                return visible_at <= now
            heapq.heappop(self._heads)
        return False


@dataclass
class WebhookHarness:
    now: datetime = NOON
    webhooks: FakeWebhooks = field(default_factory=FakeWebhooks)
    deliveries: FakeDeliveries = field(default_factory=FakeDeliveries)
    waiting: FakeWaiting = field(default_factory=FakeWaiting)
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
        self.build()

    def build(self, port: Callable[[Any], Any] = lambda port: port) -> None:
        """The use cases, with each port as this function makes it."""
        waiting, outbox, deliveries = port(self.waiting), port(self.queue), port(self.deliveries)
        webhooks, breakers = port(self.webhooks), port(self.breakers)
        self.announce = Announce(
            webhooks_of=lambda owner: webhooks.of(owner),
            deliveries=deliveries,
            waiting=waiting,
            outbox=outbox,
            render=rendered,
            links=links,
            estimate=lambda task: task,
        )
        self.release = Release(webhooks=webhooks, waiting=waiting, breakers=breakers, outbox=outbox, clock=self.clock)
        self._deliver = Deliver(
            webhooks=webhooks,
            deliveries=deliveries,
            waiting=waiting,
            breakers=breakers,
            release=self.release,
            outbox=outbox,
            post=port(self.post),
            notices=port(self.notices),
            secret=self.secret,
            clock=self.clock,
            jitter=lambda: self.jitter(),
            nonce=lambda: "nonce",
        )

    def clock(self) -> datetime:
        return self.now

    @property
    def is_done(self) -> bool:
        """Nothing waits for anything any more."""
        waits = any(isinstance(message.content, DeliveryMessage) for message in self.queue.messages)
        return not waits and not self.waiting.all

    def manage(self, verb: str, asked: Any = None, caller: Caller = ALICE) -> Any:
        """One of the owner's operations."""
        service = ManageWebhooks(
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            waiting=self.waiting,
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
        self.announce(task, after)
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
        """As the function does it. One that is killed leaves its message in the queue."""
        try:
            if isinstance(message.content, ReleaseMessage):
                self.release(message.content)
            else:
                self._deliver(message.content)
        except Killed:
            return
        self.queue.delete(message)

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
        """Whose turn it is: the worker whose answer came, or the one that takes the message; None if time is up."""
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
