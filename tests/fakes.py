"""Fakes of ports, written by hand: as small as can be, and held to the same tests as what they stand for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from math import ceil
from threading import Lock

from reelkeep.domain import archiving, counts, ids, schedule
from reelkeep.domain.claims import Claim
from reelkeep.domain.counts import Changes, Counts, Demand
from reelkeep.domain.drift import Reading
from reelkeep.domain.durations import Combination, End, Known
from reelkeep.domain.errors import Conflict, InvalidRequest, LimitReached, Stale
from reelkeep.domain.ledger import MOST_TAGS, Account, Balance, Entry
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.notices.circuit_breaker import CircuitBreaker
from reelkeep.domain.notices.subscription import Channel, Policy, SnsState, Subscription, filter_policy
from reelkeep.domain.notices.webhooks import Delivery, WaitingDelivery, Webhook
from reelkeep.domain.room import InLine, Lease, Limit, Turn, joining_number
from reelkeep.domain.task import Task
from reelkeep.domain.watch import WATCH
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import Clock
from reelkeep.ports.tasks import Due


@dataclass
class FakeClaims:
    """Claims in memory."""

    made: dict[tuple[str, str, str], Claim] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def claim(self, claim: Claim, now: datetime, *, instead_of: str = "") -> Claim:
        with self._lock:
            name = (claim.sort, claim.owner, claim.name)
            standing = self.made.get(name)
            if standing is None or standing.expires_at <= now or standing.task_id == instead_of:
                self.made[name] = standing = claim
        return standing


@dataclass
class FakeTasks:
    """Tasks in memory. `raw_responses` holds what was kept for diagnosis, as it came."""

    recorded: dict[str, Task] = field(default_factory=dict)
    raw_responses: list[tuple[str, str, bytes]] = field(default_factory=list)
    claims: FakeClaims = field(default_factory=FakeClaims)
    counters: FakeCounters = field(default_factory=lambda: FakeCounters())
    _lock: Lock = field(default_factory=Lock)

    def create(self, task: Task) -> Task:
        with self._lock:
            if task.id in self.recorded:
                raise Stale(f"there is a task {task.id}")
            self.recorded[task.id] = task
        return task

    def create_under(self, claim: Claim, task: Task) -> Task:
        if self.claims.made[claim.sort, claim.owner, claim.name].task_id != claim.task_id:
            raise Stale("the claim stands no more")
        return self.create(task)

    def get(self, task_id: str) -> Task | None:
        return self.recorded.get(task_id)

    def save(self, task: Task) -> Task:
        with self._lock:
            recorded = self.recorded.get(task.id)
            if recorded is None or recorded.version != task.version:
                raise Stale(f"task {task.id} was changed since it was read")
            self.recorded[task.id] = saved = replace(task, version=task.version + 1)
        return saved

    def save_counted(self, task: Task, demand: Demand, now: datetime) -> Task | None:
        if self.counters.reserve(task.owner, demand, now) is not None:
            return None
        try:
            return self.save(task)
        except Stale:
            self.counters.change(task.owner, {name: -value for name, value in demand.add.items()})
            raise

    def restore(self, task: Task) -> bool:
        with self._lock:
            recorded = self.recorded.get(task.id)
            if recorded is not None and recorded.version >= task.version:
                return False
            self.recorded[task.id] = task
        return True

    def page(self, owners: str | tuple[str, ...], listing: Listing) -> Page:
        owners = (owners,) if isinstance(owners, str) else owners
        if listing.cursor and not ids.is_task_id(listing.cursor):
            raise InvalidRequest("the cursor is not one that this service has given")
        shown = [
            task
            for _, task in sorted(self.recorded.items(), reverse=not listing.oldest_first)
            if (not owners or task.owner in owners) and listing.filter.admits(task)
        ]
        total = len(shown) if listing.counted else None
        if listing.cursor:
            shown = [task for task in shown if (task.id > listing.cursor) is listing.oldest_first]
            shown = [task for task in shown if task.id != listing.cursor]
        shown = shown[listing.skip :]
        page = tuple(shown[: listing.size])
        return Page(tasks=page, next_cursor=page[-1].id if len(shown) > listing.size else "", total=total)

    def unfinished(self) -> Iterator[Task]:
        for _, task in sorted(self.recorded.items()):
            if task.unfinished:
                yield task

    def due(self, shard: str) -> Iterator[Due]:
        for task in self.unfinished():
            if task.id.endswith(shard):
                yield Due(task.id, schedule.overdue_at(task), archiving.links_die_at(task))

    def get_all(self, task_ids: Sequence[str]) -> list[Task]:
        assert len(task_ids) <= 100
        return [self.recorded[task_id] for task_id in task_ids if task_id in self.recorded]

    def by_provider_task(self, provider: str, provider_task_id: str) -> list[Task]:
        wanted = (provider, provider_task_id)
        return [task for task in self.recorded.values() if (task.provider, task.provider_task_id) == wanted]

    def store_raw_response(self, task_id: str, reason: str, raw: bytes, now: datetime) -> None:
        self.raw_responses.append((task_id, reason, raw))

    def erase_raw_responses(self, task_id: str) -> None:
        self.raw_responses = [each for each in self.raw_responses if each[0] != task_id]


@dataclass
class FakeDurations:
    """How long tasks took, in memory."""

    by_provider: dict[str, dict[Combination, dict[int, End]]] = field(default_factory=dict)

    def known(self, provider: str) -> Known:
        return Known({combination: dict(ends) for combination, ends in self.by_provider.get(provider, {}).items()})

    def learn(self, provider: str, combination: Combination, place: int, end: End) -> None:
        self.by_provider.setdefault(provider, {}).setdefault(combination, {})[place] = end


@dataclass
class FakeSlots:
    """Providers' slots in memory."""

    limits: dict[str, Limit] = field(default_factory=dict)
    held: dict[tuple[str, str], Lease] = field(default_factory=dict)  # by provider and slot
    waiting: dict[tuple[str, str], dict[str, InLine]] = field(default_factory=dict)  # by provider and owner
    rounds: dict[tuple[str, str], Turn] = field(default_factory=dict)  # by provider and owner
    looking: dict[tuple[str, str], datetime] = field(default_factory=dict)  # by provider and name
    watches: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # by provider: name, and until when

    def learned(self, provider: str) -> Limit | None:
        return self.limits.get(provider)

    def learn(self, provider: str, limit: Limit) -> None:
        self.limits[provider] = limit

    def leases(self, provider: str) -> tuple[Limit | None, list[Lease]]:
        return self.limits.get(provider), [lease for (where, _), lease in self.held.items() if where == provider]

    def lease(self, provider: str, lease: Lease) -> bool:
        holder = self.held.setdefault((provider, lease.slot), lease)
        if holder.task_id != lease.task_id:
            return False
        self.held[provider, lease.slot] = lease
        return True

    def give_back(self, provider: str, slot: str, task_id: str) -> None:
        lease = self.held.get((provider, slot))
        if lease and lease.task_id == task_id:
            del self.held[provider, slot]

    def end_reports(self, provider: str, most_held: int = 0) -> tuple[dict[str, datetime], int]:
        reports = {name: until for (where, name), until in self.looking.items() if where == provider}
        return reports, min(most_held, sum(where == provider for where, _ in self.held))

    def record_end_report(self, provider: str, name: str, until: datetime) -> None:
        self.looking[provider, name] = until

    def hold_watch(self, provider: str, name: str, until: datetime, now: datetime) -> bool:
        holder, held_until = self.watches.get(provider, (name, now))
        if holder != name and held_until > now:
            return False
        self.watches[provider], self.looking[provider, WATCH] = (name, until), until
        return True

    def join(self, waiting: InLine, now: datetime) -> None:
        key = waiting.provider, waiting.owner
        self.waiting.setdefault(key, {})[waiting.task_id] = waiting
        turn = self.rounds.get(key, Turn(waiting.owner, joining_number(now)))
        self.rounds[key] = replace(turn, joined=turn.joined + 1)

    def withdraw(self, waiting: InLine) -> bool:
        return self.waiting.get((waiting.provider, waiting.owner), {}).pop(waiting.task_id, None) is not None

    def is_waited_for(self, provider: str) -> bool:
        return any(where == provider for where, _ in self.rounds)

    def turns(self, provider: str) -> list[Turn]:
        return [turn for (where, _), turn in self.rounds.items() if where == provider]

    def first(self, provider: str, owner: str) -> InLine | None:
        line = self.waiting.get((provider, owner), {}).values()
        return min(line, key=lambda each: (each.urgency, each.task_id), default=None)

    def count_line(self, provider: str) -> tuple[int, bool]:
        return sum(len(line) for (where, _), line in self.waiting.items() if where == provider), False

    def line(self, provider: str, owner: str, most: int) -> list[InLine]:
        line = self.waiting.get((provider, owner), {}).values()
        return sorted(line, key=lambda each: (each.urgency, each.task_id))[:most]

    def advance(self, provider: str, owner: str, number: int) -> None:
        if turn := self.rounds.get((provider, owner)):
            self.rounds[provider, owner] = replace(turn, number=number)

    def end_turns(self, provider: str, turn: Turn) -> None:
        known = self.rounds.get((provider, turn.owner))
        if known and known.joined == turn.joined:
            del self.rounds[provider, turn.owner]


@dataclass
class FakeCounters:
    """As the table keeps them, by owner. Whatever is counted is counted by one at a time."""

    held: dict[str, dict[str, Decimal | str]] = field(default_factory=dict)
    given_back: set[str] = field(default_factory=set)
    writes: int = 0  # that were tried
    lock: Lock = field(default_factory=Lock)

    def counts(self, owner: str) -> Counts:
        return {**self.held.get(owner, {})}

    def reserve(self, owner: str, demand: Demand, now: datetime) -> Counts | None:
        with self.lock:
            self.writes += 1
            there = self.held.get(owner, {})
            if not (
                all(Decimal(there.get(name, 0)) <= most or name not in there for name, most in demand.most.items())
                # A count is a number or a day by its name, so the two that are compared are of one type.
                and all(name in there and there[name] >= least for name, least in demand.since.items())  # type: ignore[operator]
                and all(name not in there or there[name] < value for name, value in demand.begin.items())  # type: ignore[operator]
            ):
                return {**there}
            there = {name: value for name, value in there.items() if name not in demand.forget}
            changed_at = {"changed_at": Decimal(ceil(now.timestamp()))}
            self.held[owner] = {**there, **demand.begin, **demand.set, **changed_at}
            self._add(owner, demand.add)
        return None

    def give_back(self, owner: str, changes: Changes, token: str) -> None:
        if token not in self.given_back:
            self.given_back.add(token)
            self.change(owner, {name: -value for name, value in changes.items()})

    def change(self, owner: str, changes: Changes) -> None:
        with self.lock:
            self._add(owner, changes)

    def _add(self, owner: str, changes: Changes) -> None:
        for name, value in changes.items():
            there = self.held.setdefault(owner, {})
            there[name] = Decimal(there.get(name, 0)) + value

    def warned(self, owner: str, name: str, amount: Decimal) -> None:
        with self.lock:
            there = self.held.setdefault(owner, {})
            there[name] = max(Decimal(there.get(name, 0)), amount)

    def rebuild(self, owner: str, counts: Changes, known: Counts | None = None) -> bool:
        with self.lock:
            there = self.held.get(owner, {})
            if known is not None and any(there.get(name) != known.get(name) for name in {*counts, "changed_at"}):
                return False
            self.held[owner] = {**there, **counts}
        return True


@dataclass
class FakeLedger:
    written: dict[str, list[Entry]] = field(default_factory=dict)
    summed: dict[Account, Balance] = field(default_factory=dict)
    tags: dict[tuple[str, date], set[tuple[str, ...]]] = field(default_factory=dict)  # by owner and day
    counters: FakeCounters = field(default_factory=lambda: FakeCounters())
    clock: Clock = lambda: datetime.now(UTC)

    def entries(self, task_id: str) -> list[Entry]:
        return [*self.written.get(task_id, ())]

    def add(self, task: Task, before: Sequence[Entry], entries: Sequence[Entry]) -> None:
        there = self.written.setdefault(task.id, [])
        if any(entry.number < len(there) for entry in entries):
            raise Stale(f"the ledger of task {task.id} has such an entry")
        self.counters.change(task.owner, counts.settled(task, before, entries, self.clock().date()))
        there += entries
        for entry in entries:
            self.summed[entry.account] = self.summed.get(entry.account, Balance()) + entry.change

    def admits(self, owner: str, day: date, tags: tuple[str, ...]) -> bool:
        known = self.tags.setdefault((owner, day), set())
        if tags not in known and len(known) >= MOST_TAGS:
            return False
        known.add(tags)
        return True

    def sums(self, day: date, owner: str | None) -> Iterator[tuple[Account, Balance]]:
        for account, balance in self.summed.items():
            if account.day == str(day) and owner in (None, account.owner):
                yield account, balance


@dataclass
class FakeBalances:
    readings: dict[str, Reading] = field(default_factory=dict)

    def last(self, account: str) -> Reading | None:
        return self.readings.get(account)

    def save(self, account: str, reading: Reading) -> None:
        self.readings[account] = reading


@dataclass
class FakeSeenCallbacks:
    """`fault` is raised by whatever wants to write."""

    known: set[tuple[str, str]] = field(default_factory=set)  # by provider
    until: datetime | None = None  # for how long the last one is to be known
    fault: BaseException | None = None

    def contains(self, provider: str, name: str) -> bool:
        return (provider, name) in self.known

    def add(self, provider: str, name: str, until: datetime) -> None:
        if self.fault:
            raise self.fault
        self.known.add((provider, name))
        self.until = until


@dataclass
class FakeWebhooks:
    recorded: dict[tuple[str, str], Webhook] = field(default_factory=dict)  # by owner and id

    def create(self, webhook: Webhook) -> Webhook:
        if (webhook.owner, webhook.id) in self.recorded:
            raise Stale(f"there is a webhook {webhook.id}")
        self.recorded[webhook.owner, webhook.id] = webhook
        return webhook

    def get(self, owner: str, webhook_id: str) -> Webhook | None:
        return self.recorded.get((owner, webhook_id))

    def of(self, owner: str) -> list[Webhook]:
        return [webhook for (whose, _), webhook in sorted(self.recorded.items()) if whose == owner]

    def save(self, webhook: Webhook) -> Webhook:
        recorded = self.get(webhook.owner, webhook.id)
        if recorded is None or recorded.version != webhook.version:
            raise Stale(f"webhook {webhook.id} was changed since it was read")
        self.recorded[webhook.owner, webhook.id] = saved = replace(webhook, version=webhook.version + 1)
        return saved

    def delete(self, owner: str, webhook_id: str) -> None:
        self.recorded.pop((owner, webhook_id), None)


@dataclass
class FakeDeliveries:
    recorded: dict[tuple[str, str, str], Delivery] = field(default_factory=dict)  # by owner, webhook and id

    def add(self, delivery: Delivery) -> Delivery:
        return self.recorded.setdefault((delivery.owner, delivery.webhook_id, delivery.id), delivery)

    def get(self, owner: str, webhook_id: str, delivery_id: str) -> Delivery | None:
        return self.recorded.get((owner, webhook_id, delivery_id))

    def save(self, delivery: Delivery) -> Delivery:
        recorded = self.get(delivery.owner, delivery.webhook_id, delivery.id)
        if recorded is None or recorded.version != delivery.version:
            raise Stale(f"delivery {delivery.id} was changed since it was read")
        saved = replace(delivery, version=delivery.version + 1)
        self.recorded[delivery.owner, delivery.webhook_id, delivery.id] = saved
        return saved

    def delete(self, delivery: Delivery) -> None:
        self.recorded.pop((delivery.owner, delivery.webhook_id, delivery.id), None)

    def page(self, owner: str, webhook_id: str, size: int, before: str = "") -> list[Delivery]:
        found = [
            delivery
            for (whose, where, which), delivery in sorted(self.recorded.items(), reverse=True)
            if (whose, where) == (owner, webhook_id) and (not before or which < before)
        ]
        return found[:size]


@dataclass
class FakeWaiting:
    recorded: dict[tuple[str, str], dict[str, WaitingDelivery]] = field(
        default_factory=dict
    )  # of receivers, by place
    places: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # sorted

    def put(self, waiting: WaitingDelivery) -> None:
        receiver = waiting.message.owner, waiting.receiver
        found, places = self.recorded.setdefault(receiver, {}), self.places.setdefault(receiver, [])
        if waiting.place not in found:
            insort(places, waiting.place)
        found[waiting.place] = waiting

    def lease(self, waiting: Sequence[WaitingDelivery], due: datetime) -> None:
        for each in waiting:
            self.put(replace(each, due=due))

    def first(self, delivery: Delivery) -> WaitingDelivery | None:
        receiver, group = (delivery.owner, delivery.receiver), f"{delivery.group}#"
        places = self.places.get(receiver, [])
        at = bisect_left(places, group)
        return self.recorded[receiver][places[at]] if at < len(places) and places[at].startswith(group) else None

    def remove(self, delivery: Delivery) -> None:
        receiver = delivery.owner, delivery.receiver
        if self.recorded.get(receiver, {}).pop(delivery.place, None):
            places = self.places[receiver]
            del places[bisect_left(places, delivery.place)]

    def page(self, owner: str, receiver: str, after: str, size: int) -> list[WaitingDelivery]:
        places = self.places.get((owner, receiver), [])
        at = bisect_right(places, after)
        return [self.recorded[owner, receiver][place] for place in places[at : at + size]]

    @property
    def all(self) -> list[WaitingDelivery]:
        return [each for found in self.recorded.values() for each in found.values()]


@dataclass
class FakeCircuitBreakers:
    recorded: dict[tuple[str, str], CircuitBreaker] = field(default_factory=dict)  # by owner and receiver

    def get(self, owner: str, receiver: str) -> CircuitBreaker | None:
        return self.recorded.get((owner, receiver))

    def save(self, breaker: CircuitBreaker, now: datetime) -> CircuitBreaker:
        recorded = self.get(breaker.owner, breaker.id)
        if breaker.version != (recorded.version if recorded else 0):
            raise Stale(f"{breaker.id} was changed since it was read")
        self.recorded[breaker.owner, breaker.id] = saved = replace(breaker, version=breaker.version + 1)
        return saved


@dataclass
class FakeKeys:
    callers: dict[str, Caller] = field(default_factory=dict)  # by key

    def caller(self, key: str) -> Caller | None:
        return self.callers.get(key)


@dataclass
class FakeSubscriptions:
    """Records of subscriptions in memory. `fault` is raised by the next save."""

    recorded: dict[tuple[str, str], Subscription] = field(default_factory=dict)
    most: int = 3
    fault: BaseException | None = None

    def add(self, subscription: Subscription) -> None:
        held = [each for each in self.recorded.values() if each.removed_at is None]
        if any((each.protocol, each.endpoint) == (subscription.protocol, subscription.endpoint) for each in held):
            raise Conflict("this endpoint is subscribed already", field="endpoint")
        if len([each for each in held if each.owner == subscription.owner]) >= self.most:
            raise LimitReached(f"there are {self.most} subscriptions")
        self.recorded[subscription.owner, subscription.id] = subscription

    def get(self, owner: str, subscription_id: str) -> Subscription | None:
        return self.recorded.get((owner, subscription_id))

    def of(self, owner: str) -> list[Subscription]:
        found = [each for (of, _), each in sorted(self.recorded.items()) if of == owner]
        return [each for each in found if each.removed_at is None]

    def save(self, subscription: Subscription) -> Subscription:
        fault, self.fault = self.fault, None
        if fault:
            raise fault
        recorded = self.recorded.get((subscription.owner, subscription.id))
        if recorded is None or recorded.version != subscription.version:
            raise Stale("it was changed")
        saved = replace(subscription, version=subscription.version + 1)
        self.recorded[saved.owner, saved.id] = saved
        return saved

    def remove(self, subscription: Subscription, now: datetime) -> None:
        self.save(replace(subscription, removed_at=now))


@dataclass
class FakeTopic:
    """SNS as it is documented: an endpoint has one subscription, whose attributes must be the same the next time."""

    held: dict[str, Subscription] = field(default_factory=dict)  # by SNS's name
    policies: dict[str, Policy] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    looks: int = 0
    fault: BaseException | None = None  # raised by the next subscribe; "after" it was done, if `late`
    late: bool = False

    def subscribe(self, subscription: Subscription) -> str:
        fault, self.fault = self.fault, None
        if fault and not self.late:
            raise fault
        arn = f"arn:aws:sns:eu-west-1:123456789012:notices:{subscription.protocol}:{subscription.endpoint}"
        wanted = filter_policy(subscription)
        if self.policies.setdefault(arn, wanted) != wanted:
            raise Conflict("SNS knows this endpoint with another filter", field="endpoint")
        if arn not in self.held and subscription.protocol in (Channel.EMAIL, Channel.HTTPS):
            self.pending.add(arn)
        self.held[arn] = subscription
        if fault:
            raise fault
        return arn

    def state(self, arn: str) -> SnsState:
        self.looks += 1
        if arn not in self.held:
            return SnsState.GONE
        return SnsState.PENDING if arn in self.pending else SnsState.CONFIRMED

    def set_filter_policy(self, arn: str, policy: Policy) -> None:
        if arn in self.held:
            self.policies[arn] = policy

    def unsubscribe(self, arn: str) -> None:
        self.held.pop(arn, None)
        self.policies.pop(arn, None)
        self.pending.discard(arn)
