"""What formats answer. Each field is declared once: its type, for the documents, and where its value comes from.

    class Task(Shape):
        id: str = shows("task.id")                                       of a View
        created_at: int = shows("task.created_at", write=unix)
        duration: int = shows("request.duration", 0)                     0 if it is not known
        seed: int = shows("request.seed", optional=True)                 left out if it is not known
        url: str = shows(lambda view: view.file("video"), says="Permanent.")

It stands in a format's `server`. Functions that only read need no pydantic for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from operator import attrgetter
from typing import Annotated, Any

from reelkeep.domain.links import Links
from reelkeep.domain.listing import Page
from reelkeep.domain.task import Creation, Request, State, Task
from reelkeep.domain.wire import Json

_AS_IT_IS: Any = object()


@dataclass(frozen=True, slots=True)
class Field:
    read: Callable[[Any], Any]
    optional: bool
    says: str
    schema: Mapping[str, Json]


def shows(
    source: str | Callable[[Any], Any],
    otherwise: Any = _AS_IT_IS,
    *,
    write: Callable[[Any], Json] | None = None,
    optional: bool = False,
    says: str = "",
    **schema: Json,
) -> Any:
    """A field of a reply. `source` is the way to its value from what is shown, or makes the value; `otherwise` stands
    for one that is empty, `write` makes this format's spelling of it. The rest is for the documents."""
    get = attrgetter(source) if isinstance(source, str) else source

    def read(subject: Any) -> Json:
        value = get(subject)
        value = write(value) if write and value is not None else value
        return value if value or otherwise is _AS_IT_IS else otherwise

    return Field(read, optional, says, schema)


def always(value: Json, **more: Any) -> Any:
    return shows(lambda _: value, **more)


class Shape:
    """An object of a reply. An optional field that has no value is left out."""

    @classmethod
    def of(cls, subject: Any) -> dict[str, Json]:
        shape: Any = cls
        said = ((name, field, field.read(subject)) for name, field in fields(shape).items())
        return {name: value for name, field, value in said if value is not None or not field.optional}


class Nothing(Shape):
    pass


@cache
def fields(shape: Any) -> dict[str, Field]:
    declared = {name: value for each in reversed(shape.__mro__) for name, value in vars(each).items()}
    return {name: value for name, value in declared.items() if isinstance(value, Field)}


class Schema:
    """For Annotated: more facts for the JSON schema of a type."""

    def __init__(self, **facts: Json) -> None:
        self.facts = facts

    def __get_pydantic_json_schema__(self, core: Any, handler: Callable[[Any], dict[str, Json]]) -> dict[str, Json]:
        return handler(core) | self.facts


def words(of_states: str) -> dict[State, str]:
    """A format's words for the states, in their order."""
    return dict(zip(State, of_states.split(), strict=True))


Moment = Annotated[str, Schema(format="date-time")]
Day = Annotated[str, Schema(format="date")]
Url = Annotated[str, Schema(format="uri")]

# --- what is shown ---


class View:
    """A task as a client sees it, and one of its creations: the first, unless another is meant."""

    def __init__(self, task: Task, links: Links | None = None, creation: Creation | None = None) -> None:
        self.task, self.links = task, links
        self.request: Request = task.request
        self.succeeded = task.state is State.SUCCESS
        first = task.creations[0] if self.succeeded and task.creations else Creation(id="")
        self.creation = creation or first

    @property
    def ended_at(self) -> datetime:
        return self.task.finished_at or self.task.updated_at

    @property
    def seed(self) -> int | None:
        """The one that was used, if it is known."""
        return self.request.seed if self.task.seed is None else self.task.seed

    @property
    def creations(self) -> list[View]:
        """Once it is a success."""
        return [View(self.task, self.links, each) for each in self.task.creations if self.succeeded]

    @cached_property
    def files(self) -> dict[str, str]:
        """The permanent links to the creation's files in the archive, by their names: video, cover, ..."""
        assets = ((asset.name, asset.archived) for asset in self.creation.assets)
        return {name: self.links(file) for name, file in assets if file and self.links}

    def file(self, name: str) -> str:
        return self.files.get(name, "")

    def fact(self, name: str) -> Any:
        """`duration`, `fps`, `width` or `height` of its video: measured, or else as the provider claims."""
        return self.measured(name) or getattr(self.creation, name)

    def measured(self, name: str) -> Any:
        video = self.creation.asset("video")
        return getattr(video and video.archived, name, None)

    def sent(self, dialect: str) -> Mapping[str, Json]:
        """The body of its submission, if that came in this format."""
        return self.request.body if self.request.dialect == dialect else {}


class Views:
    """A page of a list."""

    def __init__(self, page: Page, links: Links | None) -> None:
        self.page, self.tasks = page, [View(task, links) for task in page]


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def unix(moment: datetime) -> int:
    """In whole seconds since 1970."""
    return int(moment.timestamp())
