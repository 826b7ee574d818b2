"""A format's fields and a Request's, both ways, by what the format's models declare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from reelkeep.dialects.kling.wire import Picture, bare
from reelkeep.dialects.translate import Body, Part, asked, means, only_here, write
from reelkeep.dialects.values import Image, Name, Prompt, Ratio, TextSeconds, Url, Whole, read
from reelkeep.domain.errors import InvalidRequest, ItemCountOutOfRange, Missing
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json
from tests.for_each import for_each
from tests.unit.dialects.harness import BOAT, TINY


class Settings(Part):
    seconds: Annotated[int, Whole(-1, 60)] | None = means("duration", none=-1)
    size: Name | None = means("resolution", write=str.upper)
    grain: bool = only_here(False)


class Effect(Part):
    name: Name


class Film(Body):
    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {"frames": ("images",)}

    model: Name = means("model", ...)
    words: Prompt | None = means("prompt")
    frames: list[Image] = Field([], max_length=2)
    shape: Ratio | None = means("aspect_ratio")
    tier: Name | None = means("off_peak", words={"slow": True, "fast": False})
    mood: Literal["calm", "wild"] = only_here("calm")
    volume: Annotated[float, Field(ge=0)] = only_here(1.0)
    stamp: Url | None = only_here(matters=False)
    settings: Settings | None = None
    effects: list[Effect] = Field([], max_length=2)

    def understood(self) -> dict[str, Any]:
        return super().understood() | {"kind": Kind.IMG2VIDEO, "images": tuple(self.frames)}

    def unexpressed(self, place: str = "") -> Iterator[str]:
        yield from super().unexpressed(place)
        yield from (f"effects[{number}]" for number, _ in enumerate(self.effects))

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        return {**super().express(request), "frames": list(request.images)}


def film(**said: Json) -> Request:
    return asked(Film, "film", {"model": "m", **said})


def foreign(**said: Any) -> Request:
    return Request(dialect="other", **{"kind": Kind.IMG2VIDEO, "model": "m", "images": (BOAT,)} | said)


def written(**said: Any) -> dict[str, Json]:
    return write(foreign(**said), {Kind.IMG2VIDEO: Film})


def test_fields_are_those_of_a_request_at_any_depth() -> None:
    body = {
        "model": "m",
        "words": "a boat",
        "frames": [BOAT],
        "shape": "16:9",
        "tier": "slow",
        "settings": {"seconds": 5, "size": "720p"},
        "callback_url": "https://me.test",
        "provider": "p",
    }
    assert asked(Film, "film", body) == Request(
        dialect="film",
        kind=Kind.IMG2VIDEO,
        model="m",
        prompt="a boat",
        images=(BOAT,),
        aspect_ratio="16:9",
        off_peak=True,
        duration=5,
        resolution="720p",
        callback_url="https://me.test",
        provider="p",
        body=body,
    )


@pytest.mark.parametrize("blank", [None, ""])
def test_what_is_blank_is_absent_at_any_depth(blank: Json) -> None:
    request = film(words=blank, frames=blank, mood=blank, settings={"seconds": blank}, provider=blank)
    assert (request.prompt, request.duration, request.unexpressed) == ("", None, ())
    with pytest.raises(InvalidRequest, match=r"^model is required$"):
        film(model=blank)


def test_what_says_nothing_is_not_asked_for() -> None:
    request = film(settings={"seconds": -1, "grain": False}, mood="calm", volume=1, hologram=False)
    assert (request.duration, request.unexpressed) == (None, ())


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({"mood": "wild", "volume": 2}, ("mood", "volume")),
        ({"tier": "tomorrow"}, ("tier",)),
        ({"stamp": "https://me.test/logo.png"}, ()),
        ({"hologram": {"depth": 3}}, ("hologram",)),
        ({"settings": {"grain": True, "dust": 1}}, ("settings.grain", "settings.dust")),
        ({"effects": [{"name": "snow", "more": 1}]}, ("effects[0].more", "effects[0]")),
    ],
)
def test_what_no_other_format_has_a_word_for_is_named(said: dict[str, Json], names: tuple[str, ...]) -> None:
    assert film(**said).unexpressed == names


def test_a_request_of_another_format_is_said_in_this_one_s_words() -> None:
    assert written(prompt="a boat", duration=5, resolution="720p", off_peak=True, seed=-1, aspect_ratio="16:9") == {
        "model": "m",
        "words": "a boat",
        "frames": [BOAT],
        "shape": "16:9",
        "tier": "slow",
        "settings": {"seconds": 5, "size": "720P"},
    }
    ours = {"callback_url": "https://me.test", "provider": "p", "tags": ("t",), "payload": "p"}
    assert written(aspect_ratio="adaptive", **ours) == {"model": "m", "frames": [BOAT]}


@pytest.mark.parametrize(
    ("said", "field", "message"),
    [
        ({"unexpressed": ("bgm", "x")}, "bgm", "bgm cannot be expressed at this provider"),
        ({"kind": Kind.LIP_SYNC}, "kind", "lip-sync cannot be expressed at this provider"),
        ({"template": "hug"}, "template", "template cannot be expressed at this provider"),
        ({"watermark": True}, "watermark", "watermark cannot be expressed at this provider"),
        ({"aspect_ratio": "wide"}, "aspect_ratio", "aspect_ratio cannot be expressed at this provider"),
        ({"model": ""}, "model", "model is required at this provider"),
        ({"duration": 61}, "duration", "duration must be a whole number from -1 to 60 at this provider"),
        ({"images": (BOAT,) * 3}, "images", "images must have at most 2 items at this provider"),
    ],
)
def test_what_cannot_be_said_is_refused_by_the_name_that_the_client_knows(
    said: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        written(**said)
    assert (refused.value.field, refused.value.message) == (field, message)


class Clip(Body):
    still: Picture | None = None
    length: TextSeconds | None = means("duration", write=str)

    def understood(self) -> dict[str, Any]:
        return super().understood() | {"kind": Kind.IMG2VIDEO, "images": (self.still,) if self.still else ()}


@pytest.mark.parametrize(
    ("sent", "image"), [(BOAT, BOAT), (TINY, TINY), (TINY.partition("base64,")[2], TINY), (bare(TINY), TINY)]
)
def test_a_picture_may_come_in_base64_alone_and_leave_so(sent: str, image: str) -> None:
    assert asked(Clip, "clip", {"still": sent}).images == (image,)
    assert (bare(BOAT), bare(TINY)) == (BOAT, "iVBORw0KGgo=")


@pytest.mark.parametrize("length", ["5", 5])
def test_seconds_may_be_written_in_text(length: Json) -> None:
    assert asked(Clip, "clip", {"length": length}).duration == 5
    assert write(foreign(images=(), model="", duration=5), {Kind.IMG2VIDEO: Clip}) == {"length": "5"}


@pytest.mark.parametrize("wrong", [{"length": "5s"}, {"length": "0"}, {"length": True}, {"still": "soon"}])
def test_neither_is_guessed(wrong: dict[str, Json]) -> None:
    with pytest.raises(InvalidRequest):
        asked(Clip, "clip", wrong)


class Still(Clip):
    """What drops all images but the first."""

    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {"still": ("images",)}

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        return {"still": request.images[0]}


def test_no_image_is_left_out_unnoticed() -> None:
    assert write(foreign(model=""), {Kind.IMG2VIDEO: Still}) == {"still": BOAT}
    with pytest.raises(InvalidRequest) as refused:
        write(foreign(model="", images=(BOAT, TINY)), {Kind.IMG2VIDEO: Still})
    assert refused.value.field == "images"


class Grade(Body):
    grade: Name | None = means("resolution", words={"coarse": "720p", "fine": "4K"})


@pytest.mark.parametrize(("resolution", "grade"), [("720p", "coarse"), ("4k", "fine"), ("4K", "fine")])
def test_a_value_is_said_in_the_word_that_the_format_has_for_it(resolution: str, grade: str) -> None:
    assert write(foreign(images=(), resolution=resolution), {Kind.IMG2VIDEO: Grade}) == {"grade": grade}


def test_a_value_that_the_format_has_no_word_for_is_refused_rather_than_left_out() -> None:
    with pytest.raises(InvalidRequest, match=r"^resolution cannot be expressed at this provider$"):
        write(foreign(images=(), resolution="540p"), {Kind.IMG2VIDEO: Grade})


def test_false_says_nothing_where_it_is_what_is_done_anyway() -> None:
    assert written(watermark=False, off_peak=False, last_frame=False) == {"model": "m", "frames": [BOAT]}


@for_each(
    "said, sentence",
    [
        ({"words": 7}, "words must be a string"),
        ({"words": "w" * 5001}, "words must have at most 5000 characters"),
        ({"settings": {"seconds": "5"}}, "settings.seconds must be a whole number from -1 to 60"),
        ({"settings": {"seconds": True}}, "settings.seconds must be a whole number from -1 to 60"),
        ({"settings": {"seconds": 61}}, "settings.seconds must be a whole number from -1 to 60"),
        ({"settings": {"grain": 1}}, "settings.grain must be true or false"),
        ({"settings": [1]}, "settings must be an object"),
        ({"frames": BOAT}, "frames must be an array"),
        ({"frames": [BOAT] * 3}, "frames must have at most 2 items"),
        ({"effects": [{}]}, "effects[0].name is required"),
        ({"effects": [1]}, "effects[0] must be an object"),
        ({"mood": "sad"}, "mood must be one of calm, wild"),
        ({"volume": "loud"}, "volume must be a number"),
        ({"volume": -1}, "volume must be 0.0 or more"),
        ({"shape": "wide"}, "shape must be two whole numbers, as in 16:9"),
        ({"callback_url": "mailto:me"}, "callback_url must be an http(s) URL"),
        (
            {"frames": ["data:text/html,x"]},
            "frames[0] must be an http(s) URL, or a data: URI that begins with data:image/…;base64,",
        ),
    ],
)
def test_what_is_wrong_is_said_in_our_words(said: dict[str, Json], sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        film(**said)
    assert refused.value.message == sentence
    assert refused.value.field == sentence.partition(" ")[0]
    assert isinstance(refused.value, ItemCountOutOfRange) is ("frames must have" in sentence)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked(Film, "film", {"words": 7, "settings": {"seconds": 99}})
    assert refused.value.wrong == (
        ("model", "is required"),
        ("words", "must be a string"),
        ("settings.seconds", "must be a whole number from -1 to 60"),
    )
    assert (refused.value.field, type(refused.value)) == ("model", Missing)
    assert refused.value.message == "; ".join(" ".join(each) for each in refused.value.wrong)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*Film.model_fields, "name"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(list(Film.model_fields)), ANYTHING))
def test_no_word_of_pydantic_s_reaches_a_client(sent: dict[str, Json]) -> None:
    said = ""
    try:
        read(Film, sent)
    except InvalidRequest as error:
        said = error.message
    assert "nput" not in said
    assert "not valid" not in said, "an error of a type that has no sentence"


@pytest.mark.parametrize("image", ["HTTPS://ex.test/a.png", BOAT, TINY])
def test_pictures_are_links_or_data(image: str) -> None:
    assert film(frames=[image]).images == (image,)


def test_line_breaks_in_base64_are_none_of_the_picture() -> None:
    assert film(frames=["data:image/png;base64,iVBO\r\nRw0K\n Ggo="]).images == (TINY,)
