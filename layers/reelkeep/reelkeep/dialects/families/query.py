"""A listing's query, read leniently: clients write arrays and times in more ways than one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reelkeep.domain.errors import InvalidRequest, wrong
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
        found = tuple(dict.fromkeys(word for word in words if word))
        if any(len(word) > _LONGEST_WORD for word in found):
            raise wrong(name, f"must not hold a value of more than {_LONGEST_WORD} characters")
        return found

    def number(self, name: str, usual: int) -> int:
        text = self.one(name) or str(usual)
        if not re.fullmatch(r"-?[0-9]{1,10}", text) or abs(int(text)) > LARGEST_NUMBER:
            raise wrong(name, "must be a whole number")
        return int(text)

    def moment(self, name: str) -> datetime | None:
        """A time with an offset, in UTC if it has none."""
        text = re.sub(r"(T\S+) (\d\d:\d\d)$", r"\1+\2", self.one(name))  # a plus that was not escaped
        try:
            moment = datetime.fromisoformat(text) if text else None
            return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise wrong(name, "must be a time such as 2026-01-06T08:00:00Z") from error


# --- what a listing's query may hold: read here, and described in the OpenAPI document ---


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    meaning: str

    @property
    def schema(self) -> Mapping[str, Json]:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Word(Parameter):
    """One word. If only some are words here, the first of them is meant where none is given."""

    among: tuple[str, ...] = ()

    def read(self, query: Query) -> str:
        word = query.one(self.name)
        if self.among and word and word not in self.among:
            raise InvalidRequest(f"{self.name} must be one of {', '.join(self.among)}", field=self.name)
        return word or next(iter(self.among), "")

    @property
    def schema(self) -> Mapping[str, Json]:
        return {"type": "string"} | ({"enum": list(self.among), "default": self.among[0]} if self.among else {})


@dataclass(frozen=True, slots=True)
class Words(Parameter):
    """Any number of words."""

    among: tuple[str, ...] = ()  # if these are all that there are
    form: str = ""  # a pattern that each of them has

    def read(self, query: Query) -> tuple[str, ...]:
        words = query.words(self.name)
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
class Number(Parameter):
    """A whole number."""

    usual: int
    least: int = 0
    most: int = LARGEST_NUMBER
    error: type[InvalidRequest] = InvalidRequest  # for one beyond these

    def read(self, query: Query) -> int:
        number = query.number(self.name, self.usual)
        if not self.least <= number <= self.most:
            raise self.error(f"{self.name} must be from {self.least} to {self.most}", field=self.name)
        return number

    @property
    def schema(self) -> Mapping[str, Json]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most, "default": self.usual}


@dataclass(frozen=True, slots=True)
class Moment(Parameter):
    """A point in time."""

    def read(self, query: Query) -> datetime | None:
        return query.moment(self.name)

    @property
    def schema(self) -> Mapping[str, Json]:
        return {"type": "string", "format": "date-time"}
