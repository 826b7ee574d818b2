"""When to poll a task again: few polls, little delay, and never past its deadline."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from reelkeep.domain.durations import Forecast
from reelkeep.domain.task import Eta, Request, Task

ORDINARY = timedelta(hours=2)  # then the provider has forgotten the task, or never had it
OFF_PEAK = timedelta(hours=49)  # Vidu ends an off-peak task by itself after 48 h
# The one thing that is assumed of providers' lists. They may be hours old, which shows; but they show every task
# before any that was accepted so much later.
LISTED_IN_ORDER_AFTER = timedelta(minutes=30)
UNCLEAR_FOR = timedelta(hours=6)  # that a provider is waited for which does not say what became of a task
CALL_IS_OVER_AFTER = timedelta(minutes=2)  # and so is the function that made it
ALERT_AFTER = timedelta(minutes=10)  # of answers that are not understood
MAX_NOT_FOUND = 6  # answers in a row that the provider does not know the task; the first may be too early
MAX_DISPATCHES = 3  # of a task whose answers get lost each time: then something else is wrong
OVERDUE_AFTER = timedelta(minutes=10)  # a poll this overdue means that no execution is running
_FIRST_RESTART_WAIT = timedelta(minutes=10)  # for an execution that records nothing; doubles with every further one
_LONGEST_RESTART_WAIT = timedelta(hours=6)
_LONGEST_WAIT = 900.0  # seconds
_LONGEST_OFF_PEAK_WAIT = 3600.0  # a day is left for links to be followed
_LONGEST_COPY_WAIT = 1800.0
_FORESEEN = 0.95  # of all tasks, from their submission on
_ENDED_BY_FALLBACK = 0.95  # of the tasks that have not ended now
_SHORTEST_FALLBACK_WAIT = 60.0  # seconds
_LONGEST_TURN_WAIT = (
    900.0  # seconds; the task is started when its turn comes, and checks by itself only as a fallback
)
_SHARE = 0.12  # of the time it takes, until what failed is tried again
_QUESTION_COST = 0.5  # seconds of delay to a client that one question less is worth
_LONGEST_PATIENCE = 30.0  # seconds between the questions of a client


def deadline(request: Request, created_at: datetime) -> datetime:
    """The provider's own limit, where one is known, and an hour for it to say so."""
    if request.expires_after is not None:
        return created_at + timedelta(seconds=request.expires_after, hours=1)
    return created_at + (OFF_PEAK if request.off_peak else ORDINARY)


def is_time_to_alert(since: datetime | None, now: datetime) -> bool:
    return since is not None and now - since >= ALERT_AFTER


def overdue_at(task: Task) -> datetime:
    """From then on, no execution is at work on the task."""
    return (task.polling.next_poll_at or task.updated_at) + OVERDUE_AFTER


def first_wait(request: Request, forecast: Forecast) -> int:
    """Seconds from the submission to the first poll."""
    return _whole(min(forecast.next_poll(0.0), _longest_wait(request)))


def next_wait(task: Task, forecast: Forecast, now: datetime) -> int:
    """Seconds until the next poll of a task that its provider is at work on, at most until its deadline, if that is
    still to come."""
    age = (now - task.dispatched_at).total_seconds()
    return _until_deadline(task, forecast.next_poll(max(age, 0.0)) - age, now)


def back_off_wait(task: Task, forecast: Forecast, now: datetime, retry_after: float | None = None) -> int:
    """Seconds until the next try after an error.

    Grows with the time since the task was sent; doubles with every error in a row; honours Retry-After; ends at the
    deadline, if that is still to come.
    """
    age = (now - task.dispatched_at).total_seconds()
    wait = _SHARE * max(forecast.quantile(0.5), age) * 2 ** min(task.polling.consecutive_errors, 8)
    return _until_deadline(task, wait, now, min(retry_after or 0, 3600.0))


def _until_deadline(task: Task, wait: float, now: datetime, least: float = 0.0) -> int:
    left = (task.deadline - now).total_seconds()
    wait = max(min(wait, _longest_wait(task.request)), least)
    return _whole(min(wait, left) if left > 0 else wait)


def _longest_wait(request: Request) -> float:
    return _LONGEST_OFF_PEAK_WAIT if request.off_peak else _LONGEST_WAIT


def eta(forecast: Forecast, sent_at: datetime, now: datetime) -> Eta:
    """For a task that was sent then, or will be."""
    age = max((now - sent_at).total_seconds(), 0.0)
    begins = max(sent_at - now, timedelta())

    foreseen = forecast.quantile(_FORESEEN)

    def left(share: float) -> float:
        """What takes longer than all that was seen takes twice as long in half of the cases, and so on."""
        end = min(forecast.quantile(share, age), max(foreseen, age / (1 - share)))
        return max(end - age, 0.0) + begins.total_seconds()

    every = min(max(math.sqrt(2 * _QUESTION_COST * left(0.5)), 1.0), _LONGEST_PATIENCE)
    after = min(max(every, left(0.1)), _LONGEST_WAIT)
    return Eta(now + timedelta(seconds=left(0.5)), now + timedelta(seconds=left(0.9)), after, every)


def fallback_wait(task: Task, forecast: Forecast, now: datetime) -> int:
    """Seconds until the next poll if something else should see the task's end first: most have ended by then. What
    takes longer than foreseen is polled when it is twice as old at the latest: whoever should see it may be dead."""
    age = max((now - task.dispatched_at).total_seconds(), 0.0)
    most = max(forecast.quantile(_FORESEEN) - age, age)
    wait = min(forecast.quantile(_ENDED_BY_FALLBACK, age) - age, most)
    return _until_deadline(task, max(wait, _SHORTEST_FALLBACK_WAIT), now)


def restart_wait(restarts: int) -> timedelta:
    """How long a run has until its first poll before the next one is started, if so many did not come to one."""
    return min(_FIRST_RESTART_WAIT * int(2 ** min(restarts, 10)), _LONGEST_RESTART_WAIT)


def copy_wait(errors: int, jitter: float, retry_after: float | None = None) -> int:
    """Seconds until a file is fetched again after so many errors in a row.

    Any part (`jitter`, from 0 to 1) of 4, 8, 16, ... seconds, at most of half an hour; not before Retry-After.
    """
    return _whole(max(jitter * min(2.0 ** (min(errors, 16) + 1), _LONGEST_COPY_WAIT), min(retry_after or 0, 3600.0)))


def turn_wait(jitter: float) -> int:
    """Seconds until a task in line checks by itself whether there is room: any part (`jitter`) of 15 minutes."""
    return _whole(jitter * _LONGEST_TURN_WAIT)


def seconds_until(moment: datetime | None, now: datetime) -> int:
    return _whole((moment - now).total_seconds() if moment else 1)


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))  # Step Functions waits whole seconds
