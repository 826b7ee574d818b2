"""Which tasks a client wants to see, and which page of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from reelkeep.domain.delivered import differences
from reelkeep.domain.task import FailureClass, Kind, State, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Empty means any. Within one field any value may match; all fields must."""

    created_from: datetime | None = None  # inclusive
    created_to: datetime | None = None  # inclusive
    task_ids: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    kinds: tuple[Kind, ...] = ()
    models: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    off_peak: bool | None = None
    providers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    starred: bool | None = None
    differs: bool | None = None  # from what was ordered
    unfinished: bool | None = None  # whether it is in no final state yet
    failures: tuple[FailureClass, ...] = ()  # why it ended without a result
    words: tuple[str, ...] = ()  # casefolded; the prompt must contain every one of them
    hidden: bool = False  # what its owner has hidden, and nothing else

    def admits(self, task: Task) -> bool:
        return (
            (self.created_from is None or task.created_at >= self.created_from)
            and (self.created_to is None or task.created_at <= self.created_to)
            and (not self.task_ids or task.id in self.task_ids)
            and (not self.states or task.state in self.states)
            and (not self.kinds or task.request.kind in self.kinds)
            and (not self.models or task.request.model in self.models)
            and (not self.resolutions or task.request.resolution in self.resolutions)
            and (not self.templates or task.request.template in self.templates)
            and self.off_peak in (None, task.request.off_peak)
            and (not self.providers or task.provider in self.providers)
            and (not self.tags or any(tag in self.tags for tag in task.request.tags))
            and self.starred in (None, task.starred)
            and (self.differs is None or self.differs is bool(differences(task)))
            and self.unfinished in (None, not task.state.terminal)
            and (not self.failures or (task.failure is not None and task.failure.reason in self.failures))
            and self.hidden == (task.removed_at is not None)
            and task.erased_at is None
            and (not self.words or self._has_words(task))
        )

    @property
    def possible_states(self) -> tuple[State, ...]:
        """All that tasks may be in which it admits; more than those that it names."""
        return tuple(
            state
            for state in State
            if (not self.states or state in self.states)
            and self.unfinished in (None, not state.terminal)
            and (not self.failures or (state.terminal and state is not State.SUCCESS))
        )

    def _has_words(self, task: Task) -> bool:
        prompt = task.request.prompt.casefold()
        return all(word in prompt for word in self.words)


EVERY_OWNER = "*"  # no owner's name, for operators
MOST_OWNERS = 200  # whose tasks are listed together: each of them is a query


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A request for one page. `cursor` is the id after which the page begins, and is stable while new tasks
    arrive; `skip` counts tasks from there, for dialects whose pages have numbers."""

    owner: str = ""  # whose tasks; those of whoever asks if empty
    filter: Filter = Filter()
    size: int = 20
    cursor: str = ""
    skip: int = 0
    oldest_first: bool = False  # then `cursor` is the id that the page comes after in that order
    counted: bool = False  # the answer has the number of all tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    tasks: tuple[Task, ...]
    next_cursor: str = ""  # empty on the last page
    total: int | None = None  # of all pages, if it was asked for

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)
