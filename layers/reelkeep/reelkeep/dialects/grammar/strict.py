"""Reading what clients send: a value of a wrong form is refused, under the name that its client gave it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from reelkeep.domain.errors import InvalidRequest, ItemCountOutOfRange
from reelkeep.domain.wire import Json

LONGEST_NAME = 256  # it may become part of a key in the table
LONGEST_WAY = 86_400  # seconds, of a video

URL = re.compile(r"(?i:https?)://[^\s/?#]\S*")
IMAGE = re.compile(r"(?i:https?)://[^\s/?#]\S*|data:image/[a-zA-Z0-9.+-]+;base64,[a-zA-Z0-9+/][\s\S]*")
_FORMS = {
    URL: "must be an http(s) URL",
    IMAGE: "must be an http(s) URL, or a data: URI that begins with data:image/…;base64,",
}


class Fields:
    """An object of a client's body; it remembers what was read of it, so that the rest can be named.

    Null and "" are absent: clients written in languages without optional values send them for what they leave out.
    """

    def __init__(self, value: Json, name: str = "") -> None:
        if not isinstance(value, dict):
            raise InvalidRequest(f"{name} must be an object", field=name)
        self.given: dict[str, Json] = {key: item for key, item in value.items() if item is not None and item != ""}
        self._name = name
        self._read: dict[str, tuple[Fields, ...]] = {}  # what was read, with the objects in it

    def name(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key

    def wrong(self, key: str, message: str) -> InvalidRequest:
        return InvalidRequest(f"{self.name(key)} {message}", field=self.name(key))

    def text(
        self,
        key: str,
        *,
        longest: int = LONGEST_NAME,
        form: re.Pattern[str] | None = None,
        among: Collection[str] = (),
    ) -> str:
        value = self._value(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(key, "must be a string")
        if among and value not in among:
            raise self.wrong(key, f"must be one of {', '.join(among)}")
        if form and not form.fullmatch(value):
            raise self.wrong(key, _FORMS[form])
        if len(value) > longest:
            raise self.wrong(key, f"must not be longer than {longest} characters")
        return value

    def whole(self, key: str, *, least: int = 0, most: int = LONGEST_WAY) -> int | None:
        value = self._value(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(key, f"must be a whole number from {least} to {most}")
        return value

    def flag(self, key: str) -> bool | None:
        value = self._value(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def part(self, key: str) -> Fields:
        """The object in this one; an empty one if it is absent."""
        value = self._value(key)
        part = Fields({} if value is None else value, self.name(key))
        self._read[key] = (part,)
        return part

    def images(self, key: str, *, most: int) -> tuple[str, ...]:
        images = self._items(key, most)
        for number, image in enumerate(images):
            if not isinstance(image, str) or not IMAGE.fullmatch(image):
                raise self.wrong(f"{key}[{number}]", _FORMS[IMAGE])
        return tuple(images)

    def unread(self, usual: Mapping[str, Json]) -> Iterator[str]:
        """What was given and not read, but for what says nothing: the value in `usual` or, of a field that is
        not in there, anything false."""
        for key, value in self.given.items():
            if key in self._read:
                for part in self._read[key]:
                    yield from part.unread(usual)
            elif value != usual[key] if key in usual else value:
                yield self.name(key)

    def _value(self, key: str) -> Json:
        self._read[key] = ()
        return self.given.get(key)

    def _items(self, key: str, most: int) -> list[Json]:
        items = self._value(key)
        if items is None:
            return []
        if not isinstance(items, list):
            raise self.wrong(key, "must be an array")
        if len(items) > most:
            raise ItemCountOutOfRange(f"{self.name(key)} must hold {most} items at most", field=self.name(key))
        return items
