"""A listing's query: what it may hold, for the documents, and how that is read. Clients write arrays and times in
more ways than one."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from typing import Any

from reelkeep.domain import ids
from reelkeep.domain.errors import InvalidRequest, wrong
from reelkeep.domain.listing import Filter
from reelkeep.domain.task import State
from reelkeep.domain.wire import Json

LARGEST_NUMBER = 2**31 - 1
_LONGEST_WORD = 256  # it may become part of a key in the table


class Query:
    """Arrays come as repeated names, with brackets or without, or with commas; blank is absent."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if value:
                self._values.setdefault(re.sub(r"\[\d*\]$", "", name), []).append(value)

    def one(self, name: str) -> str:
        return self._values.get(name, [""])[0]

    def words(self, name: str) -> tuple[str, ...]:
        words = (word.strip() for value in self._values.get(name, ()) for word in value.split(","))
        return tuple(dict.fromkeys(word for word in words if word))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One text."""

    name: str
    meaning: str
    _: KW_ONLY
    fills: str = ""  # the field of a Filter that it says

    def read(self, query: Query) -> Any:
        return query.one(self.name)

    @property
    def schema(self) -> Mapping[str, Json]:
        return {"type": "string"}


def filter_of(query: Query, parameters: Iterable[Parameter]) -> Filter:
    return Filter(**{each.fills: each.read(query) for each in parameters if each.fills})


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Parameter):
    """One of these words; the first of them if none is given."""

    among: tuple[str, ...]

    def read(self, query: Query) -> str:
        word = query.one(self.name) or self.among[0]
        if word not in self.among:
            raise InvalidRequest(f"{self.name} must be one of {', '.join(self.among)}", field=self.name)
        return word

    @property
    def schema(self) -> Mapping[str, Json]:
        return {"type": "string", "enum": list(self.among), "default": self.among[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words(Parameter):
    """Any number of words."""

    among: tuple[str, ...] = ()  # if these are all that there are
    form: str = ""  # a pattern that each of them has

    def read(self, query: Query) -> tuple[str, ...]:
        words = query.words(self.name)
        if any(len(word) > _LONGEST_WORD for word in words):
            raise wrong(self.name, f"must not hold a value of more than {_LONGEST_WORD} characters")
        if self.among and not set(words) <= set(self.among):
            raise wrong(self.name, f"must be one of {', '.join(self.among)}")
        if not all(re.search(self.form, word) for word in words):
            raise wrong(self.name, f"must be of the form {self.form}")
        return words

    @property
    def schema(self) -> Mapping[str, Json]:
        choice = {"enum": list(self.among)} if self.among else {"minLength": 1, "maxLength": _LONGEST_WORD}
        form = {"pattern": self.form} if self.form else {}
        return {"type": "array", "items": {"type": "string", **choice, **form}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Parameter):
    """True or false."""

    usual: bool | None = None

    def read(self, query: Query) -> bool | None:
        text = query.one(self.name)
        if text not in ("", "true", "false"):
            raise wrong(self.name, "must be true or false")
        return text == "true" if text else self.usual

    @property
    def schema(self) -> Mapping[str, Json]:
        return {"type": "boolean"} | ({} if self.usual is None else {"default": self.usual})


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(Parameter):
    """Words to look for, in any order and case."""

    def read(self, query: Query) -> tuple[str, ...]:
        text = query.one(self.name)
        if len(text) > _LONGEST_WORD:
            raise wrong(self.name, f"must not have more than {_LONGEST_WORD} characters")
        return tuple(dict.fromkeys(text.casefold().split()))

    @property
    def schema(self) -> Mapping[str, Json]:
        return {"type": "string", "minLength": 1, "maxLength": _LONGEST_WORD}


def states(name: str, meaning: str, words: Mapping[State, str]) -> Parameter:
    """The states for which these words stand."""
    return _States(name, meaning, among=tuple(dict.fromkeys(words.values())), fills="states", words=words)


@dataclass(frozen=True, slots=True, kw_only=True)
class _States(Words):
    words: Mapping[State, str]

    def read(self, query: Query) -> tuple[State, ...]:
        chosen = Words.read(self, query)
        return tuple(state for state, word in self.words.items() if word in chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Parameter):
    """A whole number."""

    usual: int
    least: int = 0
    most: int = LARGEST_NUMBER
    error: type[InvalidRequest] = InvalidRequest  # for one beyond these

    def read(self, query: Query) -> int:
        text = query.one(self.name) or str(self.usual)
        if not re.fullmatch(r"-?[0-9]{1,10}", text) or abs(int(text)) > LARGEST_NUMBER:
            raise wrong(self.name, "must be a whole number")
        if not self.least <= int(text) <= self.most:
            raise self.error(f"{self.name} must be from {self.least} to {self.most}", field=self.name)
        return int(text)

    @property
    def schema(self) -> Mapping[str, Json]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most, "default": self.usual}


@dataclass(frozen=True, slots=True, kw_only=True)
class Time(Parameter):
    """A point in time with an offset, in UTC if it has none."""

    def read(self, query: Query) -> datetime | None:
        text = re.sub(r"(T\S+) (\d\d:\d\d)$", r"\1+\2", query.one(self.name))  # a plus that was not escaped
        try:
            moment = datetime.fromisoformat(text) if text else None
            return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise wrong(self.name, "must be a time such as 2026-01-06T08:00:00Z") from error

    @property
    def schema(self) -> Mapping[str, Json]:
        return {"type": "string", "format": "date-time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor(Parameter):
    """The id of a task, so that nobody takes it for one. `mark` makes it unlikely that another text is a cursor."""

    mark: bytes = b""

    def read(self, query: Query) -> str:
        text = query.one(self.name)
        try:
            task_id = base64.urlsafe_b64decode(text + "==")[len(self.mark) :].hex()
        except ValueError:
            task_id = ""
        if text and (not ids.is_task_id(task_id) or self.write(task_id) != text):
            raise wrong(self.name, "is not one that a listing gave out")
        return task_id if text else ""

    def write(self, task_id: str) -> str:
        return base64.urlsafe_b64encode(self.mark + bytes.fromhex(task_id)).decode().rstrip("=") if task_id else ""
