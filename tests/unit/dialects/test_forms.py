from __future__ import annotations

from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.dialects.dialect import Http
from reelkeep.dialects.families.form_data import form_in, picture, plain, unpacked
from reelkeep.domain import errors
from tests.for_each import for_each
from tests.unit.dialects.videos_harness import PNG, PNG_URI, form, posted


def test_a_body_that_is_no_form_is_left_to_others() -> None:
    assert form_in(posted({"prompt": "a boat"})) is None
    assert form_in(posted(b"{}", "")) is None


def test_json_that_curl_sends_as_a_form_is_no_form() -> None:
    assert form_in(posted(b' {"prompt": "a boat"}', "application/x-www-form-urlencoded")) is None


@for_each(
    "fields, read",
    [
        ([("prompt", "a=b&c"), ("n", "1")], {"prompt": "a=b&c", "n": "1"}),
        ([("prompt", "")], {"prompt": ""}),
        ([("prompt", "纸船\r\nsecond line")], {"prompt": "纸船\r\nsecond line"}),
        ([("images[]", "a"), ("images[]", "b")], {"images": ["a", "b"]}),
        ([("images", "a"), ("images", "b"), ("images", "c")], {"images": ["a", "b", "c"]}),
        ([("images[1]", "b"), ("images[0]", "a"), ("images[]", "c")], {"images": ["a", "b", "c"]}),
        ([("images[1]", "b"), ("images[]", "c")], {"images": ["b", "c"]}),
        (
            [("metadata[resolution]", "720p"), ("metadata[tags][]", "x"), ("metadata[camera][pan]", "1")],
            {"metadata": {"resolution": "720p", "tags": ["x"], "camera": {"pan": "1"}}},
        ),
        ([("content[0][type]", "text"), ("content[0][text]", "x")], {"content": [{"type": "text", "text": "x"}]}),
        ([("input_reference", PNG)], {"input_reference": PNG_URI}),
    ],
)
def test_names_with_brackets_are_objects_and_lists(fields: Any, read: object) -> None:
    assert form_in(form(fields)) == read


def test_a_form_in_a_url_s_own_spelling_says_the_same() -> None:
    body = b"prompt=a+boat&metadata%5Bseed%5D=7&images[]=a&images[]=b&empty="
    read = {"prompt": "a boat", "metadata": {"seed": "7"}, "images": ["a", "b"], "empty": ""}
    assert form_in(posted(body, "application/x-www-form-urlencoded; charset=utf-8")) == read


@pytest.mark.parametrize(
    ("content", "said", "kind"),
    [
        (b"\x89PNG\r\n\x1a\nrest", "application/octet-stream", "image/png"),
        (b"\xff\xd8\xff\xe0rest", "application/octet-stream", "image/jpeg"),
        (b"RIFF0000WEBP", "binary/octet-stream", "image/webp"),
        (b"anything", "image/heic", "image/heic"),
        (b"anything", "video/mp4", "video/mp4"),
    ],
)
def test_a_file_is_a_data_uri_of_what_it_is(content: bytes, said: str, kind: str) -> None:
    sent = httpx.Request("POST", "https://keep.test", data={"prompt": "x"}, files={"image": ("f", content, said)})
    read = form_in(posted(sent.read(), sent.headers["content-type"]))
    assert read is not None
    assert read["image"].startswith(f"data:{kind};base64,")
    assert read["prompt"] == "x"


@for_each(
    "http, field",
    [
        (posted(b"nothing of the kind", "multipart/form-data; boundary=x"), ""),
        (posted(b"", "multipart/form-data; boundary=x"), ""),
        (posted(b"--x\r\n", "multipart/form-data"), ""),
        (posted(form([("a", "b")]).body[:-9], "multipart/form-data; boundary=x"), ""),
        (form([("", "x")]), ""),
        (form([("a[b", "x")]), "a[b"),
        (form([("[a]", "x")]), "[a]"),
        (form([("a" + "[b]" * 7, "x")]), "a" + "[b]" * 7),
        (form([("a", "x"), ("a[b]", "y")]), "a[b]"),
        (posted(form([("a", "?")]).body.replace(b"?", b"\xff"), "multipart/form-data; boundary=x"), ""),
        (form([("a", "x")] * 257), ""),
        (posted(b"a=%ff", "application/x-www-form-urlencoded"), ""),
        (posted(b"a=1&" * 300, "application/x-www-form-urlencoded"), ""),
    ],
)  # fmt: skip
def test_a_form_that_makes_no_sense_is_refused(http: Http, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        form_in(http)
    assert refused.value.field == field


def test_a_picture_of_some_megabytes_is_taken() -> None:
    read = form_in(form([("image", PNG * 200_000)]))
    assert read is not None
    assert len(read["image"]) > 3_000_000


@given(st.lists(st.tuples(st.from_regex(r"[a-z]{1,2}(\[[a-z0-9]{0,2}\]){0,3}", fullmatch=True), st.text())))
def test_whatever_a_form_says_is_read_or_refused(fields: list[tuple[str, str]]) -> None:
    with suppress(errors.InvalidRequest):
        form_in(form([(name, value.encode(errors="replace").decode()) for name, value in fields], "boundary"))


@given(st.binary(max_size=200))
def test_whatever_bytes_a_form_holds_are_read_or_refused(body: bytes) -> None:
    for kind in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        with suppress(errors.InvalidRequest):
            form_in(posted(b"--x\r\n" + body, kind))


@for_each(
    "text, meant",
    [("7", 7), ("-1", -1), ("0.5", 0.5), ("true", True), ("false", False), ("True", "True"), ("", ""), ("1e5", "1e5"),
     ("٣", "٣"), ("9" * 19, "9" * 19)],
)  # fmt: skip
def test_text_that_looks_like_a_number_is_one(text: str, meant: object) -> None:
    found = plain(text)
    assert (found, type(found)) == (meant, type(meant))


def test_bare_base64_of_a_picture_gets_its_type() -> None:
    assert picture("iVBORw0KGgo=") == "data:image/png;base64,iVBORw0KGgo="
    assert picture("/9j/4AAQ") == "data:image/jpeg;base64,/9j/4AAQ"
    assert picture("https://ex.test/a.png") == "https://ex.test/a.png"


@pytest.mark.parametrize("text", ["[]", "null", "{", "{'a': 1}", '{"a": NaN}', "720p"])
def test_only_text_that_is_an_object_is_taken_for_one(text: str) -> None:
    assert unpacked(text) == text
    assert unpacked('{"seed": 7}') == {"seed": 7}


def part(disposition: str, content: bytes = PNG) -> Http:
    body = (
        b"--x\r\nContent-Disposition: form-data; " + disposition.encode() + b"\r\n\r\n" + content + b"\r\n--x--\r\n"
    )
    return posted(body, "multipart/form-data; boundary=x")


@pytest.mark.parametrize("name", ["filename*=UTF-8''%E7%BA%B8.png", "FileName*=\"utf-8''b.png\"", 'filename=""'])
def test_a_file_is_one_however_its_name_is_written(name: str) -> None:
    assert form_in(part(f'name="image"; {name}')) == {"image": PNG_URI}


def test_a_file_that_was_not_chosen_is_absent() -> None:
    assert form_in(part('name="image"; filename=""', b"")) == {}
