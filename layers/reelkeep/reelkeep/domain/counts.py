"""What counts against limits.

A submission is counted before anything is paid for, with the price that is expected. Later the entries of the task's
ledger change the counts, each once. So no count is ever too low; one is too high if a function died between counting
and recording a task, until it is repaired.

Days and months are those of UTC. A task counts on the day of its submission.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from reelkeep.domain.limits import Limits
from reelkeep.domain.task import Reservation, Task

if TYPE_CHECKING:
    from reelkeep.domain.ledger import Account, Balance, Entry

ZERO = Decimal(0)
_KEPT = timedelta(days=3)  # counts of earlier days are forgotten
_MOST_FORGOTTEN = 200  # at a time: an expression has 4 KB at most
_LONGEST = timedelta(days=10)  # that a task is under way, in line and at its provider
_CHANGED = timedelta(days=1)  # and before that, they are not changed any more


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


NUMBER = "submissions"  # how many were counted: the number of the last one
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


_DATED = re.compile(r"(?:tasks|money):(\d{4}-\d\d(?:-\d\d)?)(?::[A-Z]{3})?")


def days_counted(today: date) -> list[date]:
    """The days whose tasks may be under way, or count for this month."""
    first = min(today - _LONGEST, (today - _CHANGED).replace(day=1))
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


def rebuilt(
    sums: Iterable[tuple[Account, Balance]], counters: Collection[str], known: Counts, today: date
) -> dict[str, Decimal]:
    """The counts that follow from the ledger's sums of these days. Those that are known and do not are 0; those that
    nothing changes any more stay as they are."""
    since = day_of(today - _CHANGED)
    found = {name: ZERO for name in known if _is_changed(name, counters, since)}
    for account, balance in sums:
        day = date.fromisoformat(account.day)
        at_once, money = balance.tasks - balance.tasks_charged, balance.reserved + balance.charged
        for counter in counters:
            if counter in ("", account.key):
                counted = Reservation(id="", counters=(counter,), currency=account.currency)
                for name, change in _changes(counted, day, balance.tasks, at_once, money, today).items():
                    found[name] = found.get(name, ZERO) + change
    return found


def _is_changed(name: str, counters: Collection[str], since: str) -> bool:
    counter, _, what = name.rpartition(".")
    dated = _DATED.fullmatch(what)
    return counter in counters and (what == "at_once" or bool(dated and dated[1] >= since[: len(dated[1])]))


def outdated(names: Iterable[str], today: date) -> list[str]:
    """The counts that nothing is checked by any more, and that nothing changes; as many as one write can forget."""
    first = day_of(today - _KEPT)
    found = ((name, _DATED.fullmatch(name.rpartition(".")[2])) for name in names)
    return [name for name, dated in found if dated and dated[1] < first[: len(dated[1])]][:_MOST_FORGOTTEN]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One write that counts a submission if nothing passes a limit by it."""

    add: Changes
    most: Changes  # which no count may be above before
    since: Counts = field(default_factory=dict)  # a day or minute that must be this one, or a later one
    begin: Counts = field(default_factory=dict)  # one that must be earlier, or none, and is this one from then on
    set: Changes = field(default_factory=dict)  # counts of what begins


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
    return Demand(add=add, most=most, since=since, begin=begin, set=fresh)
