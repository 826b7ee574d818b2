"""Poll: ask the provider how a task is doing, record what it said, and say when to ask again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from reelkeep.domain import schedule, transitions
from reelkeep.domain.errors import Misconfigured, Stale, TryLater
from reelkeep.domain.notices import alerts
from reelkeep.domain.observation import Finding, Found, Pending, Unreadable
from reelkeep.domain.task import DispatchStatus, Task
from reelkeep.ports.archive import Requests
from reelkeep.ports.notices import Notices
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Provider, Providers
from reelkeep.ports.tasks import Claims, Tasks
from reelkeep.services.announce_repeat import announced_repeat
from reelkeep.services.dispatch import DispatchTask, Unrecorded
from reelkeep.services.forecasts import Forecasts
from reelkeep.services.reconcile import Reconcile
from reelkeep.services.record import Superseded, read, read_in_run, record, record_in_run
from reelkeep.services.room import Room

_UNTIL_A_NEWER_RELEASE = 300  # seconds: a deployment replaces the functions one after the other


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a step of the state machine about a task."""

    task_id: str
    run: int
    finished: bool
    wait_seconds: int = 1
    superseded: bool = False  # this run ends: the task is over, or a newer run sees it through
    state: str = ""
    last_error: str = ""
    lost: str = ""  # what was generated and cannot be had, and why; said once, with the notice
    provider_task_id: str = ""  # the provider's answer to the submission, if it could not be recorded
    task: Task | None = None  # if it has ended, or a file of it was lost in this run
    announced: bool = False  # its end, in this run

    @property
    def facts(self) -> dict[str, str | bool | int]:
        """For the log."""
        return asdict(replace(self, task=None))

    @property
    def answer(self) -> dict[str, str | bool | int]:
        """For the state machine, which carries ids only."""
        answer: dict[str, str | bool | int] = {
            "task_id": self.task_id,
            "run": self.run,
            "finished": self.finished,
            "wait_seconds": self.wait_seconds,
        }
        if self.superseded:
            answer["superseded"] = True
        if self.provider_task_id:
            answer["provider_task_id"] = self.provider_task_id
        return answer


@dataclass(frozen=True, slots=True)
class Poll:
    """Asks the provider about one task, records the answer, decides when to ask again.

    It never raises for what a provider does. Faults of our own platform do raise, and the state machine repeats them.
    """

    tasks: Tasks
    claims: Claims
    requests: Requests
    providers: Providers
    notices: Notices
    room: Room
    forecasts: Forecasts
    clock: Clock

    def __call__(self, task_id: str, run: int | None = None, provider_task_id: str = "") -> Verdict:
        """`run` is the number of the execution that asks. `provider_task_id` is the provider's answer to the
        submission, if it could not be recorded."""
        try:
            return self._poll(read_in_run(task_id, run, tasks=self.tasks), provider_task_id)
        except Superseded:
            if provider_task_id:
                self._hand_over(task_id, provider_task_id)
            return Verdict(task_id, run or 0, finished=True, superseded=True)

    def _poll(self, task: Task, provider_task_id: str) -> Verdict:
        run, task, planned_at = task.executions, self._announce_repeat(task), task.polling.next_poll_at
        if task.is_generated:
            return self._left(task, run)
        if task.is_of_newer_release:
            return Verdict(task.id, run, finished=False, wait_seconds=_UNTIL_A_NEWER_RELEASE)
        try:
            task = self._ask(task, self.providers.get(task.provider), provider_task_id)
        except Misconfigured as wrong:
            task = self._back_off(task, str(wrong))
        except Unrecorded as accepted:
            return Verdict(task.id, run, finished=False, provider_task_id=accepted.provider_task_id)
        now = self.clock()
        if task.announcements.not_understood_announced_at is None and schedule.is_time_to_alert(
            task.polling.not_understood_since, now
        ):
            task = self._alert(task, now)
        if transitions.is_overdue(task, now) and not transitions.is_asked_again(task, planned_at):
            task = record_in_run(task, lambda task: transitions.expired(task, now), tasks=self.tasks)
        if task.is_generated:
            return self._left(task, run)
        wait = schedule.seconds_until(task.polling.next_poll_at, now)
        unrecorded = "" if task.provider_task_id else provider_task_id
        return Verdict(
            task.id,
            run,
            finished=False,
            wait_seconds=wait,
            state=task.state,
            last_error=task.last_error,
            provider_task_id=unrecorded,
        )

    def _left(self, task: Task, run: int) -> Verdict:
        """Its provider is done with it: the next one may start there."""
        with suppress(TryLater):  # its slot's lease runs out
            self.room.leave(task)
        over = not task.unfinished
        return Verdict(task.id, run, finished=True, superseded=over, state=task.state, last_error=task.last_error)

    def _hand_over(self, task_id: str, provider_task_id: str) -> None:
        """This run alone knows what the provider answered to the submission; the newer one needs it."""
        now, task = self.clock(), read(task_id, tasks=self.tasks)
        forecast, found = self.forecasts.of(task.provider, task.request), Found(provider_task_id)
        record(task, lambda task: transitions.reconciled(task, found, task, forecast, now), tasks=self.tasks)

    def _announce_repeat(self, task: Task) -> Task:
        """If the submission came to its end before it could."""
        now = self.clock()
        if announced_repeat(task, now, notices=self.notices) is task:
            return task
        return record_in_run(
            task, lambda task: task.with_announcements(possible_repeat_announced_at=now), tasks=self.tasks
        )

    def _ask(self, task: Task, provider: Provider, provider_task_id: str) -> Task:
        match task.dispatch.status:
            case DispatchStatus.ACCEPTED:
                return self._observe(task, provider)
            case DispatchStatus.WAITING if not provider_task_id:
                return self._dispatch(task, provider)
            case DispatchStatus.WAITING | DispatchStatus.STARTED | DispatchStatus.UNKNOWN:
                return self._reconcile(task, provider, provider_task_id)
        return task

    def _observe(self, task: Task, provider: Provider) -> Task:
        now, observation = self.clock(), provider.observe(task)
        if isinstance(observation, Unreadable) and observation.raw:
            self.tasks.store_raw_response(task.id, observation.reason, observation.raw, now)
        forecast = self.forecasts.of(task.provider, task.request, provider.typical_seconds)
        reports = self.room.reports
        seen_at = reports.read(provider, now).next_report_at(task, now) if isinstance(observation, Pending) else None

        def changed(task: Task) -> Task:
            after = transitions.observed(task, observation, forecast, now)
            return transitions.polled_late(after, forecast, seen_at, now) if seen_at else after

        after = record_in_run(task, changed, tasks=self.tasks)
        if after.succeeded_at == now:
            unfinished_at = None if task.polling.consecutive_errors or not task.polling.polls else task.updated_at
            self.forecasts.learn(task, after, observation, forecast, unfinished_at)
        if after.is_generated and provider.calls_back:
            reports.missed(provider.name, now)
        return after

    def _dispatch(self, task: Task, provider: Provider) -> Task:
        """It was not called before, or was busy or out of reach, so the call was certainly not accepted."""
        now = self.clock()
        if now >= task.deadline:
            return task
        had, is_held = task.dispatch.slot, self.room.is_held(task)
        slot = None if is_held else self.room.enter(task, provider)
        if slot is None:
            task = record_in_run(task, lambda task: transitions.in_line(task, now, had), tasks=self.tasks)
            if task.dispatch.status is DispatchStatus.WAITING and not task.dispatch.slot:
                self.room.join(task, provider, had if is_held else "")
            return task
        request = self.requests.request(task.request_key) if task.request_key else task.request
        started = transitions.starting(task, slot, provider.account, request, now, provider.typical_seconds)
        try:
            started = self.tasks.save(started)
        except Stale:  # cancelled meanwhile, or called up: its next run starts it
            return read_in_run(task.id, task.executions, tasks=self.tasks)
        return DispatchTask(self.tasks, self.room, self.forecasts)(started, request, provider, now)

    def _reconcile(self, task: Task, provider: Provider, provider_task_id: str) -> Task:
        now, asked = self.clock(), task
        finding: Finding = Found(provider_task_id)
        if not provider_task_id:
            finding = Reconcile(self.tasks, self.claims, self.providers)(task, provider, now)
        forecast = self.forecasts.of(task.provider, task.request, provider.typical_seconds)
        task = record_in_run(
            task, lambda task: transitions.reconciled(task, finding, asked, forecast, now), tasks=self.tasks
        )
        if isinstance(finding, Found) and task.dispatch.status is DispatchStatus.ACCEPTED:
            return self._observe(task, provider)
        return task

    def _back_off(self, task: Task, error: str) -> Task:
        """Somebody will correct the configuration before the deadline; until then it is as if the provider were
        busy."""
        now, forecast = self.clock(), self.forecasts.of(task.provider, task.request)
        return record_in_run(task, lambda task: transitions.back_off(task, error, forecast, now), tasks=self.tasks)

    def _alert(self, task: Task, now: datetime) -> Task:
        if task.announcements.not_understood_announced_at:
            return task
        alert = alerts.not_understood(task, now)
        self.notices.publish(alert, alerts.attributes(task, alert))
        return record_in_run(
            task, lambda task: task.with_announcements(not_understood_announced_at=now), tasks=self.tasks
        )
