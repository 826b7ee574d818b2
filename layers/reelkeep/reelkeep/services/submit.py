"""Submit: record a task, dispatch it to a provider, and start an execution."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain import ids, schedule, transitions
from reelkeep.domain.claims import (
    Claim,
    check_key,
    claim_of,
    claim_of_likely_repeat,
    is_overtaken,
    key_reused,
    repeats,
)
from reelkeep.domain.errors import InvalidRequest, Refused, Stale, TryLater
from reelkeep.domain.record_size import needs_truncation, truncate_request
from reelkeep.domain.task import Backward, Dispatch, DispatchStatus, FailureClass, Polling, Request, State, Task
from reelkeep.ports.archive import Requests
from reelkeep.ports.notices import Destinations, Notices
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Provider, Providers
from reelkeep.ports.tasks import Claims, Executions, Tasks
from reelkeep.services.announce_repeat import announced_repeat
from reelkeep.services.dispatch import DispatchTask, Unrecorded
from reelkeep.services.forecasts import Forecasts
from reelkeep.services.gates import Gates
from reelkeep.services.record import record
from reelkeep.services.room import Room

DISPATCH_TAKES_AT_MOST = timedelta(seconds=35)  # longer than a function of the API may run
_LIVES_AT_MOST = timedelta(seconds=30)  # a function of the API
_TIME_TO_CALL = timedelta(seconds=5)  # the call takes 20 s at most, and the function has 29 s for everything


@dataclass(frozen=True, slots=True)
class Submit:
    """Records the task, calls the provider, and starts an execution.

    Unless the provider refuses it, the client gets its task: the state machine finds out what became of it.
    """

    tasks: Tasks
    claims: Claims
    requests: Requests
    providers: Providers
    executions: Executions
    destinations: Destinations
    notices: Notices
    room: Room
    forecasts: Forecasts
    gates: Gates
    longest_wait: timedelta  # for room at the provider, or for one that is out of reach
    clock: Clock
    new_id: Callable[[datetime], str]

    def __call__(self, request: Request, caller: Caller, key: str | None = None, attempt: int | None = None) -> Task:
        """The accepted task. Raises InvalidRequest before anything is recorded, Refused if the provider said no.

        `key` is the client's own name for this submission: sent again with the same request it gives the same task,
        or the same refusal. Raises KeyReused if it comes with another request.
        `attempt` is how often the client has sent this very request before, if it counts that: from 1 on, it is the
        task of the latest first attempt, and so is a first attempt that comes after its repetition.
        """
        now = self.clock()  # of what follows, looking a name up may take its time, too
        check_key(key)
        if request.callback_url:
            self.destinations.check(request.callback_url, "callback_url")
        source = self._source(request, caller)
        provider = self.providers.choose(replace(request, provider=source.provider) if source else request)
        sent, request = request, request.with_default_model(provider.default_model)
        task = self._new_task(request, caller, provider, source, now)
        provider.check(task)
        claim = claim_of(
            sent,
            owner=caller.owner,
            key=key,
            window=caller.repeat_window,
            attempt=attempt,
            task_id=task.id,
            now=now,
        )
        joined = None
        if claim is not None:
            standing, earlier = self._claim(claim, caller.repeat_window, attempt, now)
            if earlier:
                return self._repeat(earlier, request, now)
            joined = standing if self._may_be_overtaken(standing, claim, now) else None
            task = replace(task, id=standing.task_id, created_at=ids.created_at(standing.task_id))
        task = self.gates(task, caller, now)
        try:
            if claim is None:
                task = replace(task, possible_repeat=self._possible_repeat(sent, task, now))
            if needs_truncation(request):
                task = replace(task, request_key=self.requests.store_request(task), request=truncate_request(request))
            slot = self.room.enter(task, provider)
        except Exception:
            self.gates.give_back(task)
            raise
        try:
            if slot is None:
                task = self._create(transitions.in_line(task, now), joined)
            else:
                started = transitions.starting(task, slot, provider.account, request, now, provider.typical_seconds)
                task = self._create(started, joined)
        except Stale:  # by the same submission, which came twice at once: only one of them calls the provider
            recorded = self.tasks.get(task.id)
            if recorded is None or recorded.reservation != task.reservation:  # another one's, not this very one's
                self.gates.give_back(task)
            if recorded is None:  # a later repetition took this one for abandoned, and goes on under another id
                raise
            return self._repeat(recorded, request, now)
        with suppress(Exception):  # the task's polls make up for it
            task = announced_repeat(task, now, notices=self.notices)
        if slot is not None:
            return self._dispatch(task, request, provider, now)
        with suppress(TryLater):  # its first poll puts it in line
            self.room.join(task, provider)
        return self._answer(task, request, now)

    def _new_task(
        self, request: Request, caller: Caller, provider: Provider, source: _Source | None, now: datetime
    ) -> Task:
        task_id = self.new_id(now)
        return Task(
            id=task_id,
            owner=caller.owner,
            key_id=caller.key_id,
            provider=provider.name,
            request=request,
            created_at=ids.created_at(task_id),
            updated_at=now,
            deadline=now + self.longest_wait,
            dispatch=Dispatch(
                status=DispatchStatus.WAITING,
                start_by=now + self.longest_wait,
                line=provider.line if provider.line != provider.name else "",
            ),
            polling=Polling(next_poll_at=now + DISPATCH_TAKES_AT_MOST),
            source_creation=source.creation if source else "",
            price=provider.price(request, now),
        )

    def _may_be_overtaken(self, standing: Claim, claim: Claim, now: datetime) -> bool:
        """Whether a later repetition may take the task's id, which an earlier submission made, for abandoned while
        this one is under way with it."""
        left = ids.created_at(standing.task_id) + DISPATCH_TAKES_AT_MOST - now
        return standing.task_id != claim.task_id and left < _LIVES_AT_MOST

    def _create(self, task: Task, joined: Claim | None) -> Task:
        """Raises Stale, TryLater."""
        return self.tasks.create(task) if joined is None else self.tasks.create_under(joined, task)

    def _possible_repeat(self, sent: Request, task: Task, now: datetime) -> str:
        """The task of the same request shortly before. An SDK may have repeated it by itself, or it is meant."""
        claim = claim_of_likely_repeat(sent, owner=task.owner, task_id=task.id, now=now)
        with suppress(TryLater):  # a hint is not worth a refusal
            first = self._earlier(self.claims.claim(claim, now), claim)
            if first and not _came_to_nothing(first):
                return first.id
            if first:
                self.claims.claim(claim, now, instead_of=first.id)
        return ""

    def _dispatch(self, task: Task, request: Request, provider: Provider, now: datetime) -> Task:
        unrecorded = ""
        with suppress(TryLater):  # recorded as started, whatever could not be recorded after that
            if self.clock() - now < _TIME_TO_CALL:
                try:
                    task = DispatchTask(self.tasks, self.room, self.forecasts)(task, request, provider, now)
                except Unrecorded as accepted:
                    unrecorded = accepted.provider_task_id
            else:
                task = record(task, _left_to_the_machine, tasks=self.tasks)
            if (
                task.dispatch.status is DispatchStatus.REFUSED and not task.announcements.acknowledged_to_client
            ):  # this very answer says so
                task = record(task, lambda task: task.with_announcements(announced_at=now), tasks=self.tasks)
        return self._answer(task, request, now, unrecorded)

    def _claim(
        self, claim: Claim, window: timedelta, attempt: int | None, now: datetime
    ) -> tuple[Claim, Task | None]:
        """The claim of the task that this submission is for, and the task if an earlier one recorded it.

        Not recorded means that the earlier one has not come so far, or never will: whoever creates the task first
        goes on. Raises KeyReused.
        """
        standing = self.claims.claim(claim, now)
        if not repeats(claim, standing, window, attempt, now):  # another task, however alike they look
            standing = self.claims.claim(claim, now, instead_of=standing.task_id)
            if not repeats(claim, standing, window, attempt, now):
                return claim, None
        if standing.fingerprint != claim.fingerprint:
            raise key_reused()
        if is_overtaken(standing, attempt) and standing.task_id != claim.task_id:  # only once
            noted = replace(standing, awaits_first=False)
            standing = self.claims.claim(noted, now, instead_of=standing.task_id)
        earlier = self._earlier(standing, claim)
        is_abandoned = now - ids.created_at(standing.task_id) > DISPATCH_TAKES_AT_MOST
        if earlier is None and standing.task_id != claim.task_id and is_abandoned:  # refused, or its function died
            standing = self.claims.claim(claim, now, instead_of=standing.task_id)
            earlier = self._earlier(standing, claim)
        if earlier and claim.sort != "key" and _came_to_nothing(earlier):  # no repeat: somebody tries once more
            standing = self.claims.claim(claim, now, instead_of=earlier.id)
            earlier = self._earlier(standing, claim)
        return standing, earlier

    def _earlier(self, standing: Claim, claim: Claim) -> Task | None:
        return self.tasks.get(standing.task_id) if standing.task_id != claim.task_id else None

    def _repeat(self, task: Task, request: Request, now: datetime) -> Task:
        """The task of an earlier submission, as it is now. Raises Refused."""
        return self._answer(record(task, _acknowledged, tasks=self.tasks), request, now)

    def _answer(self, task: Task, request: Request, now: datetime, unrecorded: str = "") -> Task:
        """The task, with an execution to see it through. Raises Refused."""
        if task.dispatch.status is DispatchStatus.REFUSED and task.failure is not None:
            raise Refused(task.failure, task)
        if not task.state.terminal:
            with suppress(TryLater):  # the client must get its task; the sweep starts an execution later
                self.executions.start(task, schedule.seconds_until(task.polling.next_poll_at, now), unrecorded)
        return task.asking(request)

    def _source(self, request: Request, caller: Caller) -> _Source | None:
        """Where the creation is known that the request builds on; None if it names none of ours."""
        found = ids.task_of_creation(request.creation_id)
        if found is None:
            return None
        task_id, number = found
        task = self.tasks.get(task_id)
        if task is None or task.owner != caller.owner or number > len(task.creations):
            raise InvalidRequest(f"there is no creation {request.creation_id}", field="creation_id")
        if request.provider not in ("", task.provider):
            raise InvalidRequest(f"the creation {request.creation_id} is at another provider", field="creation_id")
        return _Source(task.provider, task.creations[number - 1].provider_id)


@dataclass(frozen=True, slots=True)
class _Source:
    provider: str
    creation: str  # its id there


def _came_to_nothing(task: Task) -> bool:
    """Over without a result, and certainly without one that is still to come; or erased."""
    if task.erased_at:
        return True
    lost = task.failure is not None and task.failure.reason is FailureClass.LOST
    return task.state.terminal and task.state is not State.SUCCESS and not lost


def _left_to_the_machine(task: Task) -> Task:
    return transitions.left_to_wait(task).with_dispatch(attempts=0).with_polling(next_poll_at=task.updated_at)


def _acknowledged(task: Task) -> Task:
    """This client already has the task, so a later refusal must be announced."""
    if task.dispatch.status is not DispatchStatus.STARTED or task.announcements.acknowledged_to_client:
        raise Backward("there is nothing to remember")
    return task.with_announcements(acknowledged_to_client=True)
