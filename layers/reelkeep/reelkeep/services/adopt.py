"""Adopt: archive what a provider lists as made and we do not hold, whoever asked for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from reelkeep.domain import ids, schedule
from reelkeep.domain.archiving import GIVE_UP_AFTER
from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.observation import Listed, Succeeded
from reelkeep.domain.record_size import needs_truncation, truncate_request
from reelkeep.domain.task import Adoption, Backward, Dispatch, DispatchStatus, Polling, State, Task
from reelkeep.ports.platform import Clock, SecondsLeft
from reelkeep.ports.providers import Provider, Providers
from reelkeep.ports.tasks import Executions, Tasks
from reelkeep.services.record import read, record

_WINDOW = timedelta(hours=24)
_ZONES = timedelta(hours=26)  # that a time without its zone may be off
_REACH = GIVE_UP_AFTER + _WINDOW + _ZONES  # what was given up last may still turn out to be there
_SETTLED = timedelta(minutes=10)  # a younger success may be one that we are about to record, or that an index lacks
_CLOCKS_DIFFER = timedelta(minutes=5)
_LINKS_LIVE = timedelta(hours=24)  # if they do not say
_SOON = timedelta(hours=4)
_RESERVE = 20.0  # seconds of the function's time under which nothing more is adopted
_READING_RESERVE = 120.0  # and under which the lists are read no further


@dataclass(slots=True)
class Adopted:
    listed: int = 0  # successes that are old enough to be adopted
    adopted: int = 0
    left: int = 0  # for the next time: there was no more time, or the table could not say
    unread: dict[str, str] = field(default_factory=dict)  # why a provider's list was not read to its end


@dataclass(frozen=True, slots=True)
class _Account:
    provider: Provider  # under which what is found is filed
    names: frozenset[str]  # of all that use it


@dataclass(frozen=True, slots=True)
class Adopt:
    """Reads the providers' lists and adopts what no task holds. Two at once adopt each success once."""

    tasks: Tasks
    providers: Providers
    executions: Executions
    clock: Clock

    def __call__(self, *, seconds_left: SecondsLeft) -> Adopted:
        """Whatever goes wrong with one account costs that one only, and is said."""
        result = Adopted()
        found = [each for account in self._accounts() for each in self._settled(account, result, seconds_left)]
        names = frozenset(name for account in self._accounts() for name in account.names)
        uncertain = [task for task in self.tasks.unfinished() if _uncertain(task) and task.provider in names]
        now = self.clock()
        found.sort(key=lambda each: _urgency(each[1], now))
        result.listed = len(found)
        for number, (account, listed) in enumerate(found):
            if seconds_left() < _RESERVE:
                result.left += len(found) - number
                break
            try:
                result.adopted += self._adopt(listed, account, uncertain)
            except Stale:  # another one was quicker
                continue
            except TryLater:  # the others must not wait for it
                result.left += 1
            except Exception as fault:  # nor suffer from it
                result.left += 1
                result.unread[account.provider.name] = repr(fault)
        return result

    def _accounts(self) -> Iterator[_Account]:
        for account in self.providers.accounts():
            provider = next((provider for provider in account if provider.adopt_for), None)
            if provider is not None:
                yield _Account(provider, frozenset(each.name for each in account))

    def _settled(
        self, account: _Account, result: Adopted, seconds_left: SecondsLeft
    ) -> Iterator[tuple[_Account, Listed]]:
        """Each once: while pages are read, what is new moves the rest on."""
        now, seen = self.clock(), set[str]()
        try:
            for listed in account.provider.successes(now - _REACH, now):
                if seconds_left() < _READING_RESERVE:
                    raise TryLater("there was no time to read it to its end")
                is_settled = not _is_sane(listed, now) or _made_at(listed, now) <= now - _SETTLED
                if listed.provider_task_id not in seen and is_settled:
                    yield account, listed
                seen.add(listed.provider_task_id)
        except TryLater as error:
            result.unread[account.provider.name] = str(error)
        except Exception as fault:  # whatever is odd about one account costs that one only
            result.unread[account.provider.name] = repr(fault)

    def _adopt(self, listed: Listed, account: _Account, uncertain: Collection[Task]) -> bool:
        """Whether it was adopted: not if a task holds it, or may hold it. Raises Stale, TryLater."""
        now = self.clock()
        task = self._adoption(listed, account, uncertain, now)
        if task is None:
            return False
        if task.adopted and task.adopted.lost_task:  # first, or a second run would not come to it
            lost = read(task.adopted.lost_task, tasks=self.tasks)
            record(lost, partial(_made_good, by=task.id), tasks=self.tasks)
        task = self.tasks.create(task)
        with suppress(TryLater):  # the sweep starts it
            self.executions.start(task, wait_seconds=1)
        return True

    def _adoption(self, listed: Listed, account: _Account, uncertain: Collection[Task], now: datetime) -> Task | None:
        """The task that is to hold it, or None if there is one, or may be."""
        known = [
            task for name in account.names for task in self.tasks.by_provider_task(name, listed.provider_task_id)
        ]
        if any(_holds(task) or task.erased_at for task in known):
            return None
        if any(asset.too_large for task in known for asset in task.assets):
            return None
        if any(task.creations for task in known):  # its files were given up, and that was announced
            listed = _looked_up(listed, known[0], account.provider)
            if not _has_files(listed, account.provider):
                return None
        named = self._named(listed, account)
        if named is not None and named.erased_at:
            return None
        if named is not None and not named.provider_task_id and not named.state.terminal:
            return None  # its next poll finds it
        lost = named or next((task for task in known if task.dispatch.is_of(account.provider.account)), None)
        left = _links_die_at(listed, now) - now
        if lost is None and left > _SOON and any(_may_be(listed, task) for task in uncertain):
            return None
        if lost is None and left <= timedelta() and _made_at(listed, now) < now - _WINDOW:
            return None  # nobody ever had a chance
        return _task(listed, account.provider, lost, now)

    def _named(self, listed: Listed, account: _Account) -> Task | None:
        """The task of ours that was placed with this payload."""
        payload = listed.request.payload
        task = self.tasks.get(payload) if ids.is_task_id(payload) else None
        return task if task is not None and task.provider in account.names else None


def _is_sane(listed: Listed, now: datetime) -> bool:
    return listed.created_at is not None and listed.created_at <= now + _CLOCKS_DIFFER


def _made_at(listed: Listed, now: datetime) -> datetime:
    """By the provider's clock; today if its time makes no sense, which is the same for two that adopt it at once."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return listed.created_at if listed.created_at is not None and _is_sane(listed, now) else today


def _holds(task: Task) -> bool:
    """It is on its way or in the archive, or was adopted before."""
    return not task.state.terminal or task.state is State.SUCCESS or task.adopted is not None


def _looked_up(listed: Listed, task: Task, provider: Provider) -> Listed:
    """With links, also where the list has none."""
    return listed if isinstance(listed.seen, Succeeded) else replace(listed, seen=provider.observe(task))


def _has_files(listed: Listed, provider: Provider) -> bool:
    """Whether every video is there now."""
    creations = listed.seen.creations if isinstance(listed.seen, Succeeded) else ()
    videos = [creation.asset("video") for creation in creations]
    return bool(videos) and all(video is not None and provider.has_file(video) for video in videos)


def _made_good(lost: Task, by: str) -> Task:
    """A client that saw it fail asks for it by its own id."""
    if lost.adopted_as or lost.failure is None:
        raise Backward("it says so already")
    message = f"{lost.failure.message}; what its provider made after all is kept as task {by}"
    return replace(lost, adopted_as=by, failure=replace(lost.failure, message=message))


def _uncertain(task: Task) -> bool:
    return task.dispatch.status in (DispatchStatus.STARTED, DispatchStatus.UNKNOWN)


def _may_be(listed: Listed, task: Task) -> bool:
    """Whether it may be what came of a submission with a lost answer. Only some providers echo what tells.

    Its time tells nothing: the provider's clock may be hours off.
    """
    return not listed.request.payload and listed.request.model in ("", task.request.model)


def _urgency(listed: Listed, now: datetime) -> tuple[bool, datetime]:
    """What is nearest to losing its links goes first, and what has lost them last."""
    dies_at = _links_die_at(listed, now)
    return dies_at <= now, dies_at


def _links_die_at(listed: Listed, now: datetime) -> datetime:
    creations = listed.seen.creations if isinstance(listed.seen, Succeeded) else ()
    deaths = (asset.expires_at for creation in creations for asset in creation.assets if asset.expires_at)
    return min(deaths, default=_made_at(listed, now) + _LINKS_LIVE)


def _task(listed: Listed, provider: Provider, lost: Task | None, now: datetime) -> Task:
    task_id = ids.adopted_task_id(provider.name, listed.provider_task_id, _made_at(listed, now))
    request = lost.request if lost else listed.request
    if needs_truncation(request):
        request = replace(truncate_request(request), payload_omitted=request.payload_omitted)
    task = Task(
        id=task_id,
        owner=lost.owner if lost else provider.adopt_for,
        key_id=lost.key_id if lost else "",
        provider=provider.name,
        request=request,
        request_key=lost.request_key if lost else "",
        created_at=ids.created_at(task_id),
        updated_at=now,
        deadline=now + schedule.ORDINARY,
        state=State.PROCESSING,
        dispatch=Dispatch(status=DispatchStatus.ACCEPTED, account=provider.account),
        provider_task_id=listed.provider_task_id,
        succeeded_at=now,
        polling=Polling(next_poll_at=now),
        adopted=Adoption(at=now, lost_task=lost.id if lost else ""),
        reservation=lost.reservation if lost else None,
        price=lost.price if lost else provider.price(listed.request, _made_at(listed, now)),
        credits=lost.credits if lost else None,
    )
    if not isinstance(listed.seen, Succeeded):
        return task
    creations, credits, seed, tokens = (
        listed.seen.creations,
        listed.seen.credits,
        listed.seen.seed,
        listed.seen.tokens,
    )
    credits = task.credits if credits is None else credits
    archiving = task.advanced(State.ARCHIVING, now, credits=credits, seed=seed, tokens=tokens)
    return archiving.with_creations(creations)
