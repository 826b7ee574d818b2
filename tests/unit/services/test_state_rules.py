"""Any order of submissions, looks, changes of mind, copies, deaths and sweeps, with a provider that is honest at
heart: it makes each thing once, and says so sooner or later."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reelkeep.domain.errors import ReelkeepError, TryLater
from reelkeep.domain.observation import (
    Absent,
    Accepted,
    Busy,
    DispatchOutcome,
    Failed,
    Finding,
    Found,
    Missing,
    NotYet,
    Observation,
    Pending,
    Succeeded,
    Uncertain,
    Unknown,
    Unreadable,
    Untraceable,
)
from reelkeep.domain.task import Failure, FailureClass, State, Task
from reelkeep.domain.wire import OtherTask
from reelkeep.ports.archive import SourceBusy, SourceGone
from tests.fakes.tasks import FakeTasks
from tests.unit.services.harness import MALLORY, FakeExecutions, FakeProvider, Harness, creation

_RANK = {State.CREATED: 0, State.QUEUEING: 1, State.PROCESSING: 2, State.ARCHIVING: 3}
_END = {"success": State.SUCCESS, "failed": State.FAILED, "cancelled": State.CANCELLED}


class Killed(BaseException):
    """The function was killed."""


@dataclass
class Honest(FakeProvider):
    """`truth` is what became of the one generation; None as long as there is none."""

    has_list: bool = True
    truth: str | None = None
    accepted: int = 0
    moods: list[str] = field(default_factory=list)  # of the next answers; then it is well

    def dispatch(self, task: Task) -> DispatchOutcome:
        mood = self._mood()
        if mood == "busy":
            return NotYet(retry_after=30)
        if mood == "killed":
            raise Killed
        if mood != "cut":
            self.accepted, self.truth = self.accepted + 1, "queueing"
        if mood == "killed after":
            raise Killed
        return Accepted("p-1") if mood == "well" else Unknown(mood)

    def find(self, task: Task, other: OtherTask) -> Finding:
        if not self.has_list:
            return Untraceable()
        if self._mood() != "well":
            return Uncertain("its list is not to be had")
        return Found("p-1") if self.accepted else Absent()

    def observe(self, task: Task) -> Observation:
        match self._mood():
            case "busy" | "cut":
                return Busy("503", retry_after=30)
            case "nonsense":
                return Unreadable("not JSON", b"<html>")
            case "absent":
                return Missing()
            case "before":
                return Pending(State.QUEUEING)
            case "killed" | "killed after":
                raise Killed
        match self.truth:
            case "success":
                return Succeeded((creation("c1", "video", "cover"),))
            case "failed":
                return Failed(Failure(reason=FailureClass.POLICY))
            case "cancelled":
                return Failed(Failure(reason=FailureClass.CANCELLED))
        return Pending(State(self.truth or "queueing"))

    def cancel(self, task: Task) -> bool:
        mood = self._mood()
        if self.truth == "queueing" and mood != "busy":
            self.truth = "cancelled"
            return mood == "well"
        return False

    def _mood(self) -> str:
        return self.moods.pop(0) if self.moods else "well"


@dataclass
class Written(FakeTasks):
    """Remembers every state, and loses answers or kills its callers on demand."""

    histories: dict[str, list[Task]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)  # of the next writes; then all is well

    def create(self, task: Task) -> Task:
        return self._write(super().create, task)

    def save(self, task: Task) -> Task:
        return self._write(super().save, task)

    def _write(self, write: Any, task: Task) -> Task:
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "killed before":
            raise Killed
        if trouble == "refused":
            raise TryLater("throttled")
        written: Task = write(task)
        self.histories.setdefault(task.id, []).append(written)
        if trouble == "killed after":
            raise Killed
        if trouble == "lost":
            raise TryLater("the answer was lost")
        return written


MOODS = st.lists(
    st.sampled_from(["well", "busy", "cut", "lost", "killed", "killed after", "nonsense", "absent", "before"]),
    max_size=3,
)
TROUBLES = st.lists(st.sampled_from(["", "", "killed before", "killed after", "refused", "lost"]), max_size=4)


class Lives(RuleBasedStateMachine):
    @initialize(has_list=st.booleans(), moods=MOODS, troubles=TROUBLES)
    def submitted(self, has_list: bool, moods: list[str], troubles: list[str]) -> None:
        self.provider = Honest(has_list=has_list, moods=moods)
        self.tasks = Written(troubles=troubles)
        self.harness = Harness(provider=self.provider, tasks=self.tasks)
        self._attempt(self.harness.submit)
        self.tasks.troubles = []

    def _attempt(self, step: Any, *given: Any) -> None:
        with suppress(ReelkeepError, Killed):
            step(*given)

    @property
    def task(self) -> Task | None:
        return next(iter(self.tasks.recorded.values()), None)

    @rule(moods=MOODS, troubles=TROUBLES, function=st.sampled_from(["poll", "poll", "finalize", "cancel"]))
    def one_function_runs(self, moods: list[str], troubles: list[str], function: str) -> None:
        task = self.task
        if task is None or (function == "finalize" and task.state not in (*_END.values(), State.ARCHIVING)):
            return
        self.provider.moods, self.tasks.troubles = moods, troubles
        self._attempt(getattr(self.harness, function), task.id)
        self.provider.moods, self.tasks.troubles = [], []

    @rule(seconds=st.sampled_from([1, 60, 400, 3000]))
    def time_passes(self, seconds: int) -> None:
        self.harness.pass_(seconds)

    @rule(truth=st.sampled_from(["processing", "success", "failed"]))
    @precondition(lambda self: self.provider.truth in ("queueing", "processing"))
    def the_provider_goes_on(self, truth: str) -> None:
        self.provider.truth = truth

    @rule(
        fault=st.sampled_from([SourceBusy("503"), SourceGone("403"), None]), name=st.sampled_from(["video", "cover"])
    )
    def files_change_their_luck(self, fault: BaseException | None, name: str) -> None:
        self.harness.archive.faults[name] = [fault, None]

    @rule()
    def somebody_else_tries_to_cancel(self) -> None:
        if self.task:
            before = self.task
            self._attempt(self.harness.cancel, before.id, MALLORY)
            assert self.task == before

    @invariant()
    def it_is_paid_once(self) -> None:
        assert self.provider.accepted <= 1

    @invariant()
    def it_goes_forward_only(self) -> None:
        for history in self.tasks.histories.values():
            for before, after in pairwise(history):
                assert _RANK.get(before.state, 4) <= _RANK.get(after.state, 4)
                assert not before.state.terminal or after.state is before.state
                assert after.version == before.version + 1

    @invariant()
    def nothing_that_is_kept_is_forgotten(self) -> None:
        for history in self.tasks.histories.values():
            for before, after in pairwise(history):
                for was, now in zip(before.creations, after.creations, strict=False):
                    assert all(new.archived for old, new in zip(was.assets, now.assets, strict=True) if old.archived)

    @invariant()
    def success_is_kept_before_it_is_seen(self) -> None:
        for history in self.tasks.histories.values():
            for task in history:
                if task.state is State.SUCCESS:
                    videos = [creation.asset("video") for creation in task.creations]
                    assert [video is not None and video.archived is not None for video in videos] == [True]
                    assert any(kept.id == task.id for kept in self.harness.archive.manifests)

    @invariant()
    def it_is_told_under_one_id(self) -> None:
        assert len({told["id"] for told in self.harness.notices.told}) <= 1

    def teardown(self) -> None:
        """From here on nothing goes wrong any more: it ends, and as it ended at the provider."""
        if self.task is None:
            assert self.provider.accepted == 0
            return
        self.harness.archive.faults, self.provider.moods, self.tasks.troubles = {}, [], []
        if self.provider.truth in ("queueing", "processing"):
            self.provider.truth = "success"
        self.harness.executions = FakeExecutions()
        for _ in range(20):
            self.harness.pass_(700)
            self.harness.sweep()
            self._attempt(self.harness.see_through, self.task.id)
            if self.task.announcements.announced_at:
                break
            if self.provider.truth in ("queueing", "processing"):  # placed only now
                self.provider.truth = "success"
        task = self.task
        assert task.announcements.announced_at is not None
        assert len({told["id"] for told in self.harness.notices.told}) == 1
        unknowable = not self.provider.has_list and task.failure and task.failure.reason is FailureClass.LOST
        expired = task.state is State.EXPIRED or (task.failure and "does not know" in task.failure.message)
        if self.provider.truth and not unknowable and not expired:
            assert task.state is _END[self.provider.truth]


TestLives = Lives.TestCase
