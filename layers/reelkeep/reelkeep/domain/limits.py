"""What an owner, or a key, may spend: its limits, what counts against them, and what is refused.

A submission is counted before anything is paid for, with the price that is expected. Later the entries of the task's
ledger change the counts, each once. So no count is ever too low; one is too high if a function died between counting
and recording a task, until it is repaired.

Days and months are those of UTC. A task counts on the day of its submission.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from reelkeep.domain.claims import LONGEST_WINDOW
from reelkeep.domain.errors import Forbidden, InvalidRequest, OverBudget, OverLimit, wrong
from reelkeep.domain.money import amount
from reelkeep.domain.task import Record, Reservation, Task

if TYPE_CHECKING:
    from reelkeep.domain.ledger import Account, Balance, Entry

ZERO = Decimal(0)
MOST_TASKS = 1_000_000
MOST_MONEY = Decimal(1_000_000_000)
_DECIMALS = 6
_LONGEST_REASON = 200
_ASK_AGAIN = timedelta(seconds=10)  # whether one of the owner's tasks has ended
_CURRENCY = re.compile("[A-Z]{3}")
_KEPT = timedelta(days=3)  # counts of earlier days are forgotten
_MOST_FORGOTTEN = 200  # at a time: an expression has 4 KB at most
_LONGEST = timedelta(days=10)  # that a task is under way, in line and at its provider
_CHANGED = timedelta(days=1)  # and before that, they are not changed any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Record):
    """None, or nothing, is no limit."""

    models: tuple[str, ...] = ()  # patterns of those that may be used
    providers: tuple[str, ...] = ()  # that may be used
    tasks_at_once: int | None = None  # from the submission until the provider is done
    submissions_a_minute: int | None = None
    videos_a_day: int | None = None  # without those that failed in a way that is not billed
    money_a_day: Decimal | None = None  # reserved and charged
    money_a_month: Decimal | None = None
    currency: str = ""  # of that money, such as USD
    unpriced: bool = False  # whether models whose price is not known may be used in spite of a limit of money

    @property
    def counted(self) -> bool:
        """Whether there is anything to count."""
        return any(getattr(self, name) is not None for name in COUNTED)

    @property
    def of_money(self) -> bool:
        return self.money_a_day is not None or self.money_a_month is not None


_OF_TASKS = ("tasks_at_once", "submissions_a_minute", "videos_a_day")
_OF_MONEY = ("money_a_day", "money_a_month")
COUNTED = (*_OF_TASKS, *_OF_MONEY)
NO_LIMITS = Limits()
NEW_OWNERS = "*"  # stands for them: their settings are what an owner begins with


def check(limits: Limits, above: Limits = NO_LIMITS, path: str = "limits.") -> None:
    """Raises InvalidRequest with every field that is wrong: also a limit of a key that is higher than its owner's,
    which is `above`."""
    found = tuple(_wrong(limits)) or tuple(_higher(limits, above))
    if found:
        found = tuple((f"{path}{field}", message) for field, message in found)
        field, message = found[0]
        raise InvalidRequest(f"{field} {message}", field=field, wrong=found)


def _wrong(limits: Limits) -> Iterable[tuple[str, str]]:
    for name in _OF_TASKS:
        count = getattr(limits, name)
        if count is not None and not 0 < count <= MOST_TASKS:
            yield name, f"must be from 1 to {MOST_TASKS}"
    for name in _OF_MONEY:
        money = getattr(limits, name)
        if money is not None and not (money.is_finite() and 0 < money <= MOST_MONEY):
            yield name, f"must be more than 0, and at most {MOST_MONEY}"
        elif money is not None and money != round(money, _DECIMALS):
            yield name, f"must have {_DECIMALS} decimals at most"
    if limits.currency and not _CURRENCY.fullmatch(limits.currency):
        yield "currency", "must be three capital letters, such as USD"
    elif limits.of_money and not limits.currency:
        yield "currency", "is required with a limit of money"
    if limits.money_a_day and limits.money_a_month and limits.money_a_day > limits.money_a_month:
        yield "money_a_day", "must be at most money_a_month"
    if limits.tasks_at_once and limits.videos_a_day and limits.tasks_at_once > limits.videos_a_day:
        yield "tasks_at_once", "must be at most videos_a_day"
    for name in ("models", "providers"):
        if any(not 0 < len(each) <= 256 for each in getattr(limits, name)) or len(getattr(limits, name)) > 100:
            yield name, "must be up to 100 names of 1 to 256 characters"


def _higher(limits: Limits, above: Limits) -> Iterable[tuple[str, str]]:
    if limits.of_money and above.of_money and limits.currency != above.currency:
        yield "currency", f"must be {above.currency}, as in the owner's limits"
    for name in COUNTED:
        own, most = getattr(limits, name), getattr(above, name)
        if own is not None and most is not None and own > most:
            yield name, f"must be at most {most}, which is the owner's"


# --- what is counted ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What counts against limits at a moment."""

    tasks_at_once: int = 0
    submissions_a_minute: int = 0
    videos_a_day: int = 0
    money_a_day: Decimal = ZERO  # in the currency that was asked for
    money_a_month: Decimal = ZERO


NOTHING_USED = Use()
Counts = Mapping[str, Decimal | str]  # by the names of what is counted, and what was counted last
Changes = Mapping[str, Decimal]


WARNED = "warned"  # in the place of a key's id: the amounts up to which the owner was warned of its budgets


def name_of(counter: str, what: str) -> str:
    """Of a count of one key, or of its owner as a whole, whose counter is ""."""
    return f"{counter}.{what}" if counter else what


def use(counts: Counts, counter: str, currency: str, now: datetime, submitted: datetime | None = None) -> Use:
    """At this moment, for a task that was submitted a moment ago."""
    day = submitted or now

    def count(what: str) -> Decimal:
        return max(Decimal(counts.get(name_of(counter, what), 0)), ZERO)

    this_minute = count("minute") >= minute_of(now)
    return Use(
        tasks_at_once=int(count("at_once")),
        submissions_a_minute=int(count("minute_tasks")) if this_minute else 0,
        videos_a_day=int(count(f"tasks:{day_of(day)}")),
        money_a_day=count(f"money:{day_of(day)}:{currency}"),
        money_a_month=count(f"money:{month_of(day)}:{currency}"),
    )


def minute_of(now: datetime) -> int:
    return int(now.timestamp() // 60)


def day_of(now: datetime | date) -> str:
    return f"{now:%Y-%m-%d}"


def month_of(now: datetime | date) -> str:
    return f"{now:%Y-%m}"


def reserved(reservation: Reservation, submitted: datetime) -> dict[str, Decimal]:
    """What a submission adds to the counts, but for those of the minute."""
    return _changes(reservation, submitted.date(), 1, 1, reservation.money, submitted.date())


def settled(task: Task, before: Sequence[Entry], lacking: Sequence[Entry], today: date) -> dict[str, Decimal]:
    """What further entries of a task's ledger change in the counts. Its submission was counted as it was made."""
    if task.reservation is None:
        return {}
    changes = [entry.change for entry in lacking]
    first = not before and task.adopted is None  # what is adopted was not submitted
    tasks = sum(each.tasks for each in changes)
    at_once = tasks - sum(each.tasks_charged for each in changes)
    money = sum((each.reserved + each.charged for each in changes), ZERO) - first * task.reservation.money
    return _changes(task.reservation, task.created_at.date(), tasks - first, at_once - first, money, today)


def _changes(
    reservation: Reservation, day: date, tasks: int, at_once: int, money: Decimal, today: date
) -> dict[str, Decimal]:
    since = today - _CHANGED
    changes = {"at_once": Decimal(at_once)}
    if day >= since:
        changes[f"tasks:{day_of(day)}"] = Decimal(tasks)
        changes[f"money:{day_of(day)}:{reservation.currency}"] = money
    if month_of(day) >= month_of(since):
        changes[f"money:{month_of(day)}:{reservation.currency}"] = money
    return {
        name_of(counter, what): change
        for counter in reservation.counters
        for what, change in changes.items()
        if change and not what.endswith(":") and not (reservation.queued and name_of(counter, what) == "at_once")
    }


def place_of(limits: Limits) -> Demand:
    """What a task that waits for its owner's tasks adds to the counts when it goes on."""
    most = {} if limits.tasks_at_once is None else {"at_once": Decimal(limits.tasks_at_once - 1)}
    return Demand(add={"at_once": Decimal(1)}, most=most)


def is_full(limits: Limits, use: Use) -> bool:
    """Whether the owner has as many tasks at once as it may have."""
    return limits.tasks_at_once is not None and use.tasks_at_once >= limits.tasks_at_once


_DATED = re.compile(r"(?:\w+\.)?(?:tasks|money):(\d{4}-\d\d(?:-\d\d)?)(?::[A-Z]{3})?")


def days_counted(today: date) -> list[date]:
    """The days whose tasks may be under way, or count for this month."""
    first = min(today - _LONGEST, (today - _CHANGED).replace(day=1))
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


def rebuilt(
    sums: Iterable[tuple[Account, Balance]], counters: Collection[str], known: Counts, today: date
) -> dict[str, Decimal]:
    """The counts that follow from the ledger's sums of these days. Those that are known and do not are 0."""
    dated = (name for name in known if _DATED.fullmatch(name) or name.endswith("at_once"))
    found = {name: ZERO for name in dated if not name.startswith(f"{WARNED}.")}
    for account, balance in sums:
        day = date.fromisoformat(account.day)
        at_once, money = balance.tasks - balance.tasks_charged, balance.reserved + balance.charged
        for counter in counters:
            if counter in ("", account.key):
                counted = Reservation(id="", counters=(counter,), currency=account.currency)
                for name, change in _changes(counted, day, balance.tasks, at_once, money, today).items():
                    found[name] = found.get(name, ZERO) + change
    return found


def outdated(names: Iterable[str], today: date) -> list[str]:
    """The counts that nothing is checked by any more, and that nothing changes; as many as one write can forget."""
    first = day_of(today - _KEPT)
    found = ((name, _DATED.fullmatch(name)) for name in names)
    return [name for name, dated in found if dated and dated[1] < first[: len(dated[1])]][:_MOST_FORGOTTEN]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One write that counts a submission if nothing passes a limit by it."""

    add: Changes
    most: Changes  # which no count may be above before
    since: Counts = field(default_factory=dict)  # a day or minute that must be this one, or a later one
    begin: Counts = field(default_factory=dict)  # one that must be earlier, or none, and is this one from then on
    set: Changes = field(default_factory=dict)  # counts of what begins
    forget: Sequence[str] = ()


def demand(
    reservation: Reservation, limits: Mapping[str, Limits], now: datetime, submitted: datetime, known: Counts | None
) -> Demand:
    """`limits` by counter. `known` is what the counts were a moment ago; without it, they are taken for current."""
    add, most = reserved(reservation, submitted), dict[str, Decimal]()
    since, begin, fresh = dict[str, Decimal | str](), dict[str, Decimal | str](), dict[str, Decimal]()
    is_new_day = known is not None and str(known.get("day", "")) < day_of(now)
    (begin if is_new_day else since)["day"] = day_of(now)
    for counter, limit in limits.items():
        money = reservation.money if reservation.currency == limit.currency else ZERO
        for what, highest, own in (
            ("at_once", limit.tasks_at_once, 1),
            (f"tasks:{day_of(submitted)}", limit.videos_a_day, 1),
            (f"money:{day_of(submitted)}:{limit.currency}", limit.money_a_day, money),
            (f"money:{month_of(submitted)}:{limit.currency}", limit.money_a_month, money),
        ):
            if highest is not None:
                most[name_of(counter, what)] = highest - Decimal(own)
        if limit.submissions_a_minute is not None:
            minute, tasks = name_of(counter, "minute"), name_of(counter, "minute_tasks")
            if known is not None and Decimal(known.get(minute, 0)) < minute_of(now):
                begin[minute], fresh[tasks] = Decimal(minute_of(now)), Decimal(1)
            else:
                since[minute], add[tasks] = Decimal(minute_of(now)), Decimal(1)
                most[tasks] = Decimal(limit.submissions_a_minute - 1)
    forget = outdated(known, now.date()) if is_new_day and known else ()
    return Demand(add=add, most=most, since=since, begin=begin, set=fresh, forget=forget)


# --- what is refused ---


def check_allowed(limits: Limits, model: str, provider: str) -> None:
    """Raises Forbidden for a model or a provider that may not be used."""
    if limits.models and not any(fnmatchcase(model, pattern) for pattern in limits.models):
        raise Forbidden(f"the model {model[:100]!r} may not be used; {', '.join(limits.models)} may", field="model")
    if limits.providers and provider not in limits.providers:
        raise Forbidden(
            f"the provider {provider} may not be used; {', '.join(limits.providers)} may", field="provider"
        )


def check_priced(limits: Limits, whose: str, money: Decimal | None, currency: str) -> None:
    """Raises OverBudget for what nobody could count."""
    if limits.of_money and not limits.unpriced and (money is None or currency != limits.currency):
        known = f"its price is in {currency}" if money is not None else "it has no price"
        raise OverBudget(
            f"{whose} has a limit of money in {limits.currency}, and nobody knows what this would cost: {known}. An "
            "operator can give it a price, or allow models without one",
            "unpriced",
        )


def check_use(
    limits: Limits, use: Use, whose: str, money: Decimal, now: datetime, submitted: datetime | None = None
) -> None:
    """Raises OverBudget or OverLimit for one submission more, which costs so much. It counts on the day on which it
    came first: for some seconds after midnight, a repetition may still count on the day before."""
    day = submitted or now
    tomorrow = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    next_month = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    next_minute = datetime.fromtimestamp((minute_of(now) + 1) * 60, UTC)
    for name, opens_at in (("money_a_month", next_month), ("money_a_day", tomorrow)):
        most, there = getattr(limits, name), getattr(use, name)
        if most is not None and there + money > most:
            raise OverBudget(
                f"{whose} may spend {amount(most)} {limits.currency} {_SAID[name]}: {amount(there)} are spent or "
                f"reserved, and this costs {amount(money)}. {_opens(opens_at)}",
                name,
                opens_at - now,
            )
    for name, opens_at in (("videos_a_day", tomorrow), ("submissions_a_minute", next_minute)):
        most, there = getattr(limits, name), getattr(use, name)
        if most is not None and there + 1 > most:
            raise OverLimit(f"{whose} may have {most} {_SAID[name]}. {_opens(opens_at)}", name, opens_at - now)
    if limits.tasks_at_once is not None and use.tasks_at_once + 1 > limits.tasks_at_once:
        raise OverLimit(
            f"{whose} may have {limits.tasks_at_once} tasks at once. It opens when one of them ends",
            "tasks_at_once",
            _ASK_AGAIN,
        )


_SAID = {
    "money_a_month": "a month",
    "money_a_day": "a day",
    "videos_a_day": "videos a day",
    "submissions_a_minute": "submissions a minute",
}


def _opens(at: datetime) -> str:
    return f"It opens at {at:%Y-%m-%dT%H:%M:%SZ}"


# --- what an operator settles ---

REFUSE, QUEUE = "refuse", "queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerSettings(Record):
    """What holds for all keys of an owner."""

    repeat_window: int = 0  # seconds in which an identical body is taken as a repeat; 0 is never
    limits: Limits = NO_LIMITS
    stopped: str = ""  # why it may submit nothing
    when_full: str = REFUSE  # what becomes of a submission beyond `limits.tasks_at_once`
    version: int = 0

    @property
    def queues(self) -> bool:
        return self.when_full == QUEUE and self.limits.tasks_at_once is not None


USUAL_SETTINGS = OwnerSettings()


@dataclass(frozen=True, slots=True)
class Stopped:
    """What an operator stopped: no task of these is started."""

    providers: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()


NOTHING_STOPPED = Stopped()


@dataclass(frozen=True, slots=True)
class OwnerChange:
    name: str
    said: Mapping[str, Any]
    whole: bool = False  # what is not said is as it is by default

    def of(self, settings: OwnerSettings) -> OwnerSettings:
        before = replace(USUAL_SETTINGS, version=settings.version) if self.whole else settings
        return replace(before, **self.said)


def check_settings(settings: OwnerSettings) -> None:
    """Raises InvalidRequest."""
    seconds = int(LONGEST_WINDOW.total_seconds())
    if not 0 <= settings.repeat_window <= seconds:
        raise InvalidRequest(f"a repeat window is 0 (off) to {seconds} seconds", field="repeat_window")
    if settings.when_full not in (REFUSE, QUEUE):
        raise wrong("when_full", f"must be {REFUSE} or {QUEUE}")
    if len(settings.stopped) > _LONGEST_REASON or not settings.stopped.isprintable():
        raise wrong("stopped", f"must be at most {_LONGEST_REASON} printable characters")
    check(settings.limits)
