"""Gates: what a submission has to pass before anything is paid for."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain import counts, ledger, refusals
from reelkeep.domain.counts import ZERO, Counts, Use
from reelkeep.domain.errors import Forbidden, OverLimit, Stopped, TryLater
from reelkeep.domain.limits import Limits
from reelkeep.domain.task import Reservation, Task
from reelkeep.ports.owners import Caller, Counters

_ATTEMPTS = 8  # at counts that others change at the same moment


@dataclass(frozen=True, slots=True)
class Gates:
    """Refuses what an operator does not want, and counts what passes.

    Counting is one conditional write: a second one where a day or a minute begins. It needs no read: limits come with
    the key. An owner without limits costs no write.
    """

    counters: Counters
    is_waited_for: Callable[[str], bool] = lambda _: False  # whether tasks of an owner are in line; raises TryLater

    def __call__(self, task: Task, caller: Caller, now: datetime) -> Task:
        """The task, with what was counted for it. Raises Forbidden, Stopped, OverBudget, OverLimit, TryLater."""
        if caller.settings.stopped:
            raise Forbidden(f"an operator has stopped the submissions of {caller.owner}: {caller.settings.stopped}")
        if task.provider in caller.stopped_providers:
            raise Stopped(f"an operator has stopped submissions to the provider {task.provider}")
        _, _, money = ledger.cost(task)
        # Also of what only the provider can count: its charge comes on top of nothing.
        currency = task.price.currency if task.price and task.price.each is not None else ""
        counted = dict[str, Limits]()
        for counter, each in (("", caller.settings.limits), (caller.key_id, caller.limits)):
            refusals.check_allowed(each, task.request.model, task.provider)
            refusals.check_priced(each, _whose(counter), money, currency)
            if each.counted:
                counted[counter] = each
        if not counted:
            return task
        reservation = Reservation(
            id=secrets.token_hex(8), counters=tuple(counted), money=money or ZERO, currency=currency
        )
        queues = "" in counted and caller.settings.queues
        if queues and self.is_waited_for(caller.owner):
            reservation = _queued(reservation, counted)
        return replace(task, reservation=self._count(reservation, counted, task, now, queues=queues))

    def give_back(self, task: Task) -> None:
        """Nothing came of the submission, for certain. If this fails, too much is counted until it is repaired."""
        if task.reservation:
            with suppress(TryLater):
                changes = counts.reserved(task.reservation, task.created_at)
                self.counters.give_back(task.owner, changes, task.reservation.id)

    def _count(
        self, reservation: Reservation, counted: dict[str, Limits], task: Task, now: datetime, *, queues: bool
    ) -> Reservation:
        """What was counted: not among the tasks at once if there are too many of them, and the owner `queues`."""
        known: Counts | None = None
        for _ in range(_ATTEMPTS):
            for counter, each in counted.items():
                money = reservation.money if reservation.currency == each.currency else ZERO
                there = Use() if known is None else counts.use(known, counter, each.currency, now, task.created_at)
                if queues and not counter and counts.is_full(each, there):
                    reservation, each = _queued(reservation, counted), replace(each, tasks_at_once=None)
                refusals.check_use(each, there, _whose(counter), money, now, task.created_at)
            demand = counts.demand(reservation, counted, now, task.created_at, known)
            counted_as = self.counters.reserve(task.owner, demand, now)
            if isinstance(counted_as, int):
                return replace(reservation, number=counted_as)
            known = counted_as
        raise OverLimit("too many submissions came at once", "submissions_a_minute", timedelta(seconds=1))


def _queued(reservation: Reservation, counted: dict[str, Limits]) -> Reservation:
    counted[""] = replace(counted[""], tasks_at_once=None)
    return replace(reservation, queued=True)


def _whose(counter: str) -> str:
    return "this key" if counter else "this owner"
