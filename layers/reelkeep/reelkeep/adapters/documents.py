"""Stored records as JSON, both ways. ADR 10 says why this is not left to pydantic, which reads the bodies of formats
and the configuration of providers.

What equals its default is left out, and a missing field gets its default. What a newer release wrote and this one
does not know stays in a Record: its fields, and the words of its fields. So an older function that writes the value
again erases nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from reelkeep.domain.task import OF_NEWER_RELEASE

T = TypeVar("T")
_Reader = Callable[[Any], Any]
_EXTRA = "extra"  # the field of a Record


def write(value: Any) -> str:
    """The JSON of a dataclass made of dataclasses, times, words, numbers, tuples, and JSON itself."""
    text = json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON may carry it escaped, UTF-8 cannot
        return json.dumps(value, default=_plain, separators=(",", ":"))
    return text


def read(kind: type[T], text: str | bytes) -> T:
    """The value that `write` made this of. Raises ValueError, TypeError if it is none of that kind."""
    return from_json(kind, json.loads(text))


def from_json(kind: type[T], value: Any) -> T:
    """The same of what `json.loads` made of the text."""
    read: T = _record_reader(cast("Any", kind))(value)
    return read


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    plain = {
        name: content
        for name, default in _defaults(cast("Any", type(value)))
        if (content := getattr(value, name)) != default
    }
    extra = plain.pop(_EXTRA, None)
    return _with_extra(plain, extra, _words(cast("Any", type(value)))) if extra else plain


def _with_extra(plain: dict[str, Any], extra: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, Any]:
    """A word that this release does not know gives way only to one that it wrote in its place."""
    for name, content in extra.items():
        if name not in words or plain.get(name) == words[name]:
            plain[name] = content
    return plain


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Raises TypeError for what is not a dataclass."""
    return tuple(
        (each.name, each.default if each.default_factory is MISSING else each.default_factory())
        for each in fields(kind)
    )


@cache
def _words(kind: Any) -> dict[str, Any]:
    """The fields that hold one of a set of words, and what a word of a newer release is read as there."""
    hints = get_type_hints(kind)
    return {name: OF_NEWER_RELEASE[hint] for name, hint in hints.items() if hint in OF_NEWER_RELEASE}


@cache
def _record_reader(kind: Any) -> _Reader:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items() if name != _EXTRA}
    words, keeps_extra = _words(kind), any(each.name == _EXTRA for each in fields(kind))

    def read_record(record: Any) -> Any:
        if not isinstance(record, dict):
            raise TypeError(f"no {kind.__name__}, but {type(record).__name__}")
        values, extra = {}, {}
        for name, value in record.items():
            if name not in readers:
                extra[name] = value
            elif value is None or (reader := readers[name]) is None:
                values[name] = value
            else:
                try:
                    values[name] = reader(value)
                except ValueError:
                    if name not in words:
                        raise
                    values[name], extra[name] = words[name], value
        return kind(**values, extra=extra) if extra and keeps_extra else kind(**values)

    return read_record


def _whole_or_decimal(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) else value


def _reader(hint: Any) -> _Reader | None:
    """What makes a value of this type out of JSON's; None if it is the same in both."""
    match get_origin(hint):
        case origin if origin is UnionType:
            hints = [each for each in get_args(hint) if each is not NoneType]
            return _whole_or_decimal if hints == [int, Decimal] else _reader(*hints)
        case origin if origin is tuple:
            item = _reader(get_args(hint)[0])
            return tuple if item is None else lambda values: tuple([item(value) for value in values])
        case origin if origin is Mapping:
            return None
    if is_dataclass(hint):
        return _record_reader(cast("Any", hint))
    if hint is datetime:
        return datetime.fromisoformat
    if isinstance(hint, type) and issubclass(hint, StrEnum | Decimal):
        return hint
    if hint in (str, int, float, bool, Any):
        return None
    raise TypeError(f"no way to read {hint} from JSON")
