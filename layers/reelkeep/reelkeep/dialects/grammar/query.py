"""A listing's query, read leniently: clients write arrays and times in more ways than one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from reelkeep.domain.errors import InvalidRequest

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
            raise InvalidRequest(f"{name}: a value is longer than {_LONGEST_WORD} characters", field=name)
        return found

    def number(self, name: str, usual: int) -> int:
        text = self.one(name) or str(usual)
        if not re.fullmatch(r"-?[0-9]{1,10}", text) or abs(int(text)) > LARGEST_NUMBER:
            raise InvalidRequest(f"{name} must be a whole number", field=name)
        return int(text)

    def moment(self, name: str) -> datetime | None:
        """A time with an offset, in UTC if it has none."""
        text = re.sub(r"(T\S+) (\d\d:\d\d)$", r"\1+\2", self.one(name))  # a plus that was not escaped
        try:
            moment = datetime.fromisoformat(text) if text else None
            return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise InvalidRequest(f"{name} must be a time such as 2026-01-06T08:00:00Z", field=name) from error
