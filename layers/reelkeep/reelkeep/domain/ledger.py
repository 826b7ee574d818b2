"""What a task costs: a balance that follows from the task, and the entries that lead there.

A balance is a pure function of the task's record. The ledger's entries of a task add up to its balance, so a crash, a
race or a replay cannot charge twice: the next entry is the difference between the balance and the entries so far.

A task counts on the day of its submission (UTC). Money is decimal, to a millionth of its currency.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256

from reelkeep.domain.money import priced
from reelkeep.domain.task import DispatchStatus, FailureClass, State, Task

ZERO = Decimal(0)
OTHER_TAGS = ("#other",)  # no tag that a client may give: the sets of tags of an owner's day beyond so many
MOST_TAGS = 500
_UNCLEAR = (FailureClass.LOST, FailureClass.DEADLINE)  # the provider may have made it
_NEVER_SENT = (DispatchStatus.WAITING, DispatchStatus.REFUSED)


class Phase(StrEnum):
    """Whether a task costs anything."""

    RESERVED = "reserved"  # it will, unless it fails
    CHARGED = "charged"  # the provider made it, or may have
    FREE = "free"  # it ended in a way that the provider does not bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Sums of tasks. `unpriced` of them have no price in money; their units are counted all the same."""

    tasks: int = 0  # that cost something, or will
    tasks_charged: int = 0
    unpriced: int = 0
    units_reserved: Decimal = ZERO
    units_charged: Decimal = ZERO
    reserved: Decimal = ZERO  # money
    charged: Decimal = ZERO

    def __add__(self, other: Balance) -> Balance:
        return Balance(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in _SUMMED})

    def __sub__(self, other: Balance) -> Balance:
        return Balance(**{each.name: getattr(self, each.name) - getattr(other, each.name) for each in _SUMMED})


_SUMMED = fields(Balance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a sum is of."""

    day: str  # 2026-12-01
    owner: str
    key: str
    provider: str
    model: str
    tags: tuple[str, ...]
    unit: str  # what the provider counts
    currency: str  # empty if there is no price

    @property
    def digest(self) -> str:
        said = [getattr(self, each.name) for each in fields(self)]
        return sha256(json.dumps(said).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a task's ledger; lines are only ever added."""

    number: int  # from 0
    reason: str  # reserve, charge, release, refund, adjust
    at: datetime
    version: int  # of the task's record that it follows from
    account: Account
    change: Balance


def phase(task: Task) -> Phase:
    """Providers do not bill what they say has failed: Vidu, Ark and Kling document that. A task whose outcome nobody
    knows counts as charged, until its result is adopted as another task."""
    if task.adopted_as:
        return Phase.FREE
    if task.state in (State.ARCHIVING, State.SUCCESS):
        return Phase.CHARGED
    if not task.state.terminal:
        return Phase.RESERVED
    is_unclear = task.failure is not None and task.failure.reason in _UNCLEAR
    return Phase.CHARGED if is_unclear and task.dispatch.status not in _NEVER_SENT else Phase.FREE


def cost(task: Task) -> tuple[str, Decimal | None, Decimal | None]:
    """The unit, how many of it, and the money: as the provider said, or else as the price list expects. None for what
    nobody knows."""
    unit = task.price.unit if task.price else _unit_said(task)
    said = _said(task, unit)
    expected = task.price.units if task.price else None
    units = expected if said is None else Decimal(said)
    return unit, units, priced(units, task.price)


def _unit_said(task: Task) -> str:
    if task.credits is not None:
        return "credits"
    return "videos" if task.tokens is None else "tokens"


def _said(task: Task, unit: str) -> int | Decimal | None:
    if unit in ("credits", "units"):
        return task.credits
    if unit == "videos":
        return max(len(task.creations), 1)
    return task.tokens if unit == "tokens" else None


def balance(task: Task, tags: tuple[str, ...] | None = None) -> dict[Account, Balance]:
    """Under these tags, or those that it has now. Empty for a task that costs nothing."""
    now = phase(task)
    if now is Phase.FREE:
        return {}
    _, units, money = cost(task)
    units, money_known = units or ZERO, money or ZERO
    counted = Balance(tasks=1, unpriced=int(money is None))
    if now is Phase.CHARGED:
        return {_account(task, tags): replace(counted, tasks_charged=1, units_charged=units, charged=money_known)}
    return {_account(task, tags): replace(counted, units_reserved=units, reserved=money_known)}


def _account(task: Task, tags: tuple[str, ...] | None) -> Account:
    return Account(
        day=f"{task.created_at:%Y-%m-%d}",
        owner=task.owner,
        key=task.key_id,
        provider=task.provider,
        model=task.request.model,
        tags=tuple(sorted(task.request.tags)) if tags is None else tags,
        unit=cost(task)[0],
        currency=task.price.currency if task.price and task.price.each is not None else "",
    )


def entries(task: Task, before: Iterable[Entry], tags: tuple[str, ...] | None = None) -> list[Entry]:
    """What is to be added to the entries that there are: none if they add up to the balance of this task, or follow
    from a later version of it.

    The task counts under the tags of its first entry, which are `tags` or those that it has: who changes them later
    moves no money.
    """
    before = list(before)
    tags = before[0].account.tags if before else tags
    if any(entry.version > task.version for entry in before):
        return []
    there = total(before)
    wanted = _as_reserved(there, task) if task.erased_at else balance(task, tags)
    differences = {
        account: wanted.get(account, Balance()) - there.get(account, Balance()) for account in {**there, **wanted}
    }
    changes = {account: change for account, change in differences.items() if change != Balance()}
    if task.version and not before and not wanted and not task.erased_at:
        # What an older version cost may still come, and must not count.
        changes = {_account(task, tags): Balance()}
    reason = _reason(sum(there.values(), Balance()), sum(wanted.values(), Balance()))
    return [
        Entry(
            number=len(before) + number,
            reason=reason,
            at=task.updated_at,
            version=task.version,
            account=account,
            change=change,
        )
        for number, (account, change) in enumerate(changes.items())
    ]


def _as_reserved(there: Mapping[Account, Balance], erased: Task) -> dict[Account, Balance]:
    """Its record does not say any more what it cost, but the ledger does. If its end was never heard of, what was
    reserved is charged, or released."""
    charged = phase(erased) is Phase.CHARGED
    return {
        account: Balance(
            tasks=each.tasks,
            tasks_charged=each.tasks,
            unpriced=each.unpriced,
            units_charged=each.units_charged + each.units_reserved,
            charged=each.charged + each.reserved,
        )
        for account, each in there.items()
        if charged or each.tasks_charged
    }


def total(entries: Iterable[Entry]) -> dict[Account, Balance]:
    """Accounts whose entries cancel out are not in it."""
    sums: dict[Account, Balance] = {}
    for entry in entries:
        sums[entry.account] = sums.get(entry.account, Balance()) + entry.change
    return {account: balance for account, balance in sums.items() if balance != Balance()}


def _reason(there: Balance, wanted: Balance) -> str:
    if not wanted.tasks:
        return "refund" if there.tasks_charged else "release"
    if there.tasks and there.tasks_charged == wanted.tasks_charged:
        return "adjust"
    return "charge" if wanted.tasks_charged else "reserve"
