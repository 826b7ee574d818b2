"""A format's requests and our `Request`: both ways, from what the format's models say of their fields.

A format declares the bodies that its clients send as classes of `Body`, and the objects in them as classes of `Part`.
Each field says what it means to us:

    ratio: Name | None = means("aspect_ratio")                 one of a Request's fields, in this format's word
    service_tier: Name | None = means("off_peak", words={"default": False, "flex": True})
    duration: Seconds | None = means("duration", none=-1)      -1 says nothing
    camera_fixed: bool = only_here(False)                      no other format has a word for it; false says nothing
    settings: Settings                                         an object whose fields say what they mean themselves

What is not 1:1 (what images are for, flags in a text) a format writes by hand: it overrides `prepare`, `understood`,
`unexpressed` and `express`, and names in `by_hand` what its `express` says. `asked` makes a Request of a client's
body, `write` makes the body for a provider. `volc_ark/wire.py` is the example to follow.

The functions query, announce and deliver load no pydantic, and the others no model that they do not use: import a
format's `wire` where a submission is read or written, not at the top of its `server` or `client`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reelkeep.dialects.values import RATIO, Name, Url, read
from reelkeep.domain.errors import InvalidRequest, Missing, wrong
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

_ASKED_FOR = (  # the fields of a Request that a provider must be able to express if they are given, in this order
    "prompt", "images", "video_url", "creation_id", "template", "duration", "resolution", "aspect_ratio", "seed",
    "codec", "audio", "watermark", "last_frame", "off_peak",
)  # fmt: skip
_DELIVERED = ("duration", "resolution", "aspect_ratio", "audio")  # of these, what a file shows
_MODEL_WORDS = frozenset({"model", "model_name", "model_version"})  # of all formats
_FALSE_SAYS_NOTHING = frozenset({"watermark", "last_frame", "off_peak"})

# --- what fields mean ---


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a field means to us. It lies where pydantic has the field's `json_schema_extra`."""

    of: str = ""  # the Request's field; none if no other format has a word for it
    none: Json = None  # the value that says nothing
    reads: Callable[[Any], Any] | None = None  # our value of this format's
    words: Mapping[str, Any]  # what its words mean; others are for the provider alone. None: any value, as it is
    write: Callable[[Any], Json] | None = None  # this format's spelling of our value
    matters: bool = True  # whether it has to be expressed at another provider
    required: bool = False

    def read(self, value: Json) -> Any:
        """Our value; None if this one says nothing, or nothing to us."""
        if value in (None, self.none):
            return None
        if self.reads:
            return self.reads(value)
        return self.words.get(value) if self.words else tuple(value) if isinstance(value, list) else value

    def spell(self, value: Any) -> Json:
        """Our value in this format's words; None if there is nothing to be said. Raises InvalidRequest for a value
        without a word."""
        if value in (None, "", (), self.none) or (value is False and self.of in ("last_frame", "off_peak")):
            return None
        if self.words:
            found = next((word for word, meant in self.words.items() if _same(meant, value)), None)
            if found is None:
                raise cannot(self.of)
            return found
        return self.write(value) if self.write else list(value) if isinstance(value, tuple) else value

    def expresses(self, value: Json) -> bool:
        """Whether our Request says all that this value does."""
        if not self.matters or value in (None, self.none):
            return True
        return bool(self.of) and (not self.words or value in self.words)

    def __call__(self, schema: dict[str, Json]) -> None:
        """In the JSON schema: null is a way to leave a field out."""
        if self.required or {"type": "null"} in schema.get("anyOf", ()):
            return
        about = ("default", "description", "examples", "title")
        value = {name: schema.pop(name) for name in list(schema) if name not in about}
        schema["anyOf"] = [*value.get("anyOf", [value]), {"type": "null"}]


def _same(meant: Any, value: Any) -> bool:
    return meant == value or (isinstance(meant, str) and meant.lower() == str(value).lower())  # 4k is 4K


def means(
    of: str,
    default: Any = None,
    *,
    none: Json = None,
    words: Mapping[str, Any] | None = None,
    read: Callable[[Any], Any] | None = None,
    write: Callable[[Any], Json] | None = None,
    says: str | None = None,
    **field: Any,
) -> Any:
    """A field that is one of a Request's.

    `default` holds without it (... if it is required), `none` is the value that says nothing, `read` makes our
    value of this format's, `write` its spelling of ours, `says` is for the documents. The rest is pydantic's.
    """
    meaning = Meaning(of=of, none=none, words=words or {}, reads=read, write=write, required=default is ...)
    return Field(default, json_schema_extra=meaning, description=says, **field)


def only_here(default: Any = None, *, matters: bool = True, says: str | None = None, **field: Any) -> Any:
    """A field that no other format has a word for: anything but `default` can only go to a provider of this format,
    unless it does not matter."""
    meaning = Meaning(none=default, words={}, matters=matters, required=default is ...)
    return Field(default, json_schema_extra=meaning, description=says, **field)


class Part(BaseModel):
    """An object in a body. Other fields than the declared ones travel along; null and "" are absent."""

    model_config = ConfigDict(
        defer_build=True, extra="allow", frozen=True, hide_input_in_errors=True, protected_namespaces=(), strict=True
    )

    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The fields that `express` writes by itself, with the fields of a Request that they say. Errors in one of them
    are about the first of these."""

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, sent: Any) -> Any:
        """Clients written in languages without optional values send null or "" for what they leave out.

        Raises InvalidRequest for a field in other letters. Providers written in Go take `Duration` for `duration`,
        and would make what nobody has checked here.
        """
        if not isinstance(sent, dict):
            return sent
        if unknown := sent.keys() - cls.model_fields.keys():
            declared = {name.casefold(): name for name in cls.model_fields}
            for name in unknown:
                if name.casefold() in declared:
                    raise wrong(name[:64], f"is not a field here, {declared[name.casefold()]} is")
        return cls.prepare({name: value for name, value in sent.items() if value is not None and value != ""})

    @classmethod
    def prepare(cls, sent: dict[str, Json]) -> dict[str, Json]:
        """The fields to be validated: for formats that say one thing in several places, or numbers in text."""
        return sent

    def understood(self) -> dict[str, Any]:
        """The fields of a Request that this says something of."""
        said: dict[str, Any] = {}
        for name, meaning in _declared(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, Part):
                said |= value.understood()
            elif meaning and meaning.of and (ours := meaning.read(value)) is not None:
                said[meaning.of] = ours
        return said

    def presumed(self) -> Iterator[str]:
        """The fields of a Request that `understood` has of a default, and not of what the client said."""
        for name, meaning in _declared(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, Part):
                yield from value.presumed()
            elif meaning and meaning.of in _DELIVERED and name not in self.model_fields_set and value is not None:
                yield meaning.of

    def unexpressed(self, place: str = "") -> Iterator[str]:
        """The fields that ask for what a Request has no field for, as the client calls them."""
        for name, meaning in _declared(type(self)).items():
            value = getattr(self, name)
            if meaning and not meaning.expresses(value):
                yield place + name
            elif isinstance(value, Part):
                yield from value.unexpressed(f"{place}{name}.")
            elif isinstance(value, list):
                for number, each in enumerate(value):
                    if isinstance(each, Part):
                        yield from each.unexpressed(f"{place}{name}[{number}].")
        yield from (place + name for name, value in (self.model_extra or {}).items() if value)

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        """The fields of this object that say what a request says."""
        body: dict[str, Json] = {}
        for name, meaning in _declared(cls).items():
            if part := _part(cls, name):
                value: Json = part.express(request) or None
            else:
                wanted = meaning and meaning.of in (*_ASKED_FOR, "model")
                value = meaning.spell(getattr(request, meaning.of)) if meaning and wanted else None
            if value is not None:
                body[name] = value
        return body

    @classmethod
    def names(cls) -> dict[str, str]:
        """What this format calls a Request's fields, by our names for them."""
        names = {ours: name for name, said in cls.by_hand.items() for ours in said}
        for name, meaning in _declared(cls).items():
            if part := _part(cls, name):
                names |= {ours: f"{name}.{inner}" for ours, inner in part.names().items()}
            elif meaning and meaning.of:
                names[meaning.of] = name
        return names


class Body(Part):
    """The body of a submission, with what every format has of ours."""

    kind: ClassVar[Kind]  # what it asks for, if that is always the same

    callback_url: Url | None = means("callback_url")
    provider: Name | None = means(
        "provider", says="Reelkeep's own: the provider to use, by name. It does not travel."
    )

    def understood(self) -> dict[str, Any]:
        kind = getattr(type(self), "kind", None)
        return super().understood() | ({"kind": kind} if kind else {})


@cache
def _declared(model: type[Part]) -> dict[str, Meaning | None]:
    extras = {name: field.json_schema_extra for name, field in model.model_fields.items()}
    return {name: extra if isinstance(extra, Meaning) else None for name, extra in extras.items()}


@cache
def _part(model: type[Part], name: str) -> type[Part] | None:
    """The class of a field that holds one object."""
    annotation = model.model_fields[name].annotation
    kinds = (annotation, *get_args(annotation)) if get_args(annotation)[1:] else (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Part)), None)


# --- from a client, to a provider ---


def asked(model: type[Body], dialect: str, sent: Mapping[str, Json]) -> Request:
    """The request that a client's body stands for. Raises InvalidRequest, with every field that is wrong."""
    body = read(model, sent)
    understood = body.understood()
    _check_models(body, understood.get("model", ""))
    presumed, unexpressed = tuple(dict.fromkeys(body.presumed())), tuple(body.unexpressed())
    return Request(dialect=dialect, body=sent, presumed=presumed, unexpressed=unexpressed, **understood)


def _check_models(part: Part, model: str, place: str = "") -> None:
    """Providers differ in the word that they read, and gateways merge metadata over the body. Raises InvalidRequest
    for another model, for which neither limits nor prices would hold."""
    for name in _MODEL_WORDS & (part.model_extra or {}).keys():
        if (part.model_extra or {})[name] not in (None, "", model):
            raise wrong(place + name, "names another model than the task is for")
    for name in _declared(type(part)):
        if isinstance(inner := getattr(part, name), Part):
            _check_models(inner, model, f"{place}{name}.")


def write(request: Request, bodies: Mapping[Kind, type[Body]]) -> dict[str, Json]:
    """The body for a request that another format brought; `bodies` are those that this format has.

    Raises InvalidRequest for what cannot be expressed, naming the client's own field, or else the Request's.
    """
    if request.unexpressed:
        raise cannot(request.unexpressed[0])
    model = bodies.get(request.kind)
    if model is None:
        raise InvalidRequest(f"{request.kind} cannot be expressed at this provider", field="kind")
    plain = _plain(request)
    names = model.names()
    for name in _ASKED_FOR:
        if name not in names and _is_asked_for(name, getattr(plain, name)):
            raise cannot(name)
    body = model.express(plain)
    try:
        says = read(model, body).understood()
    except InvalidRequest as error:
        ours = {name: said[0] for name, said in model.by_hand.items()} | {
            name: of for of, name in reversed(names.items())
        }
        field = next((of for name, of in ours.items() if name and re.match(rf"{name}\b", error.field)), error.field)
        message = f"{error.message.replace(error.field, field)} at this provider"
        raise (Missing if isinstance(error, Missing) else InvalidRequest)(message, field=field) from error
    if (says.get("kind", plain.kind), says.get("images", ())) != (plain.kind, plain.images):
        message = f"images: {plain.kind} with {len(plain.images)} cannot be expressed at this provider"
        raise InvalidRequest(message, field="images")
    return body


def cannot(name: str) -> InvalidRequest:
    return InvalidRequest(f"{name} cannot be expressed at this provider", field=name)


def _plain(request: Request) -> Request:
    """Without the ways to say nothing: a seed at random, and the shape of the images, which holds anyway."""
    ratio = request.aspect_ratio
    if request.images and ratio in ("adaptive", "auto"):
        ratio = ""
    if ratio and not re.match(RATIO, ratio):
        raise cannot("aspect_ratio")
    seed = request.seed if request.seed is None or request.seed >= 0 else None
    return replace(request, aspect_ratio=ratio, seed=seed)


def _is_asked_for(name: str, value: Any) -> bool:
    return bool(value) if name in _FALSE_SAYS_NOTHING else value not in (None, "", ())
