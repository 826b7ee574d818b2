"""Forms, as JSON would have said it: with files in them, and with brackets in their names."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import count
from urllib.parse import parse_qsl

from reelkeep.dialects.dialect import LARGEST_BODY, Http
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.wire import Json, parse_json

_MOST_FIELDS = 256
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\]){0,6})")
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}\.\d{1,18}", re.ASCII)
_FILE_NAME = re.compile(r";\s*filename\*\s*=", re.IGNORECASE)  # in RFC 5987's spelling, which may stand alone
_PICTURES = {  # how each begins, and how in base64
    "image/png": (b"\x89PNG\r\n\x1a\n", "iVBORw0KGgo"),
    "image/jpeg": (b"\xff\xd8\xff", "/9j/"),
    "image/webp": (b"RIFF", "UklGR"),
    "image/gif": (b"GIF8", "R0lGOD"),
}


def form_in(http: Http) -> dict[str, Json] | None:
    """What a form says; None if the body is none. A file becomes a data: URI, text stays text.

    Raises InvalidRequest.
    """
    match http.headers.get("content-type", "").partition(";")[0].strip().lower():
        case "multipart/form-data":
            return _nested(_parts(http))
        case "application/x-www-form-urlencoded" if not http.body.lstrip().startswith(b"{"):  # curl's -d says so
            return _nested(_pairs(http))
    return None


def unpacked(text: str) -> Json:
    """The JSON object that a text holds; any other text as it is."""
    try:
        found = parse_json(text.encode())
    except ValueError:
        return text
    return found if isinstance(found, dict) else text


def plain(text: str) -> str | int | float | bool:
    """The value of a form's text: a number, true or false if it looks like one."""
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return {"true": True, "false": False}.get(text, text)


def picture(value: Json) -> Json:
    """Bare base64 of a picture as the data: URI that it stands for; anything else as it is."""
    for kind, (_, beginning) in _PICTURES.items():
        if isinstance(value, str) and value.startswith(beginning):
            return f"data:{kind};base64,{value}"
    return value


def _parts(http: Http) -> Iterator[tuple[str, str]]:
    import multipart  # type: ignore[import-untyped]  # only now: most bodies are JSON

    _, options = multipart.parse_options_header(http.headers["content-type"])
    try:
        parts = multipart.MultipartParser(
            BytesIO(http.body),
            options.get("boundary", ""),
            part_limit=_MOST_FIELDS,
            spool_limit=LARGEST_BODY,
            memory_limit=2 * LARGEST_BODY,
        )
        for part in parts:
            if part.filename is None and not _FILE_NAME.search(part.disposition):
                yield part.name, part.raw.decode()
            elif part.size:  # browsers send an empty file where none was chosen
                yield part.name, _data_uri(part.content_type, part.raw)
    except (multipart.MultipartError, UnicodeError) as error:
        raise InvalidRequest("the body is not valid multipart/form-data") from error


def _data_uri(kind: str, content: bytes) -> str:
    if not kind.startswith("image/"):
        kind = next((known for known, (mark, _) in _PICTURES.items() if content.startswith(mark)), kind)
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _pairs(http: Http) -> Iterator[tuple[str, str]]:
    try:
        yield from parse_qsl(http.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidRequest("the body is not a valid form") from error


def _nested(fields: Iterable[tuple[str, str]]) -> dict[str, Json]:
    """`metadata[seed]` is a field of an object, `images[]` and `images[0]` and a repeated `images` are items."""
    body: dict[str, Json] = {}
    for name, value in fields:
        found = _NAME.fullmatch(name)
        if not found:
            raise InvalidRequest(f"{name[:200]!r} is not the name of a field", field=name[:200])
        *way, last = [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])]
        place = body
        for step in way:
            place = place.setdefault(step or _free(place), {})
            if not isinstance(place, dict):
                raise InvalidRequest(f"{name} is both a value and an object", field=name)
        _add(place, last, value)
    return {name: _with_lists(value) for name, value in body.items()}


def _add(place: dict[str, Json], step: str, value: str) -> None:
    if step not in place:
        place[step or _free(place)] = value
    elif isinstance(place[step], dict):
        _add(place[step], "", value)
    else:
        place[step] = {"0": place[step], "1": value}


def _free(place: dict[str, Json]) -> str:
    return next(str(number) for number in count(len(place)) if str(number) not in place)


def _with_lists(value: Json) -> Json:
    """Until now a list was an object with numbers for names."""
    if not isinstance(value, dict):
        return value
    if all(re.fullmatch(r"\d{1,3}", name, re.ASCII) for name in value):
        return [_with_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _with_lists(item) for name, item in value.items()}
