"""The API's page is Swagger UI, and every part of it comes from this service."""

from __future__ import annotations

import base64
import gzip
import json
import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from reelkeep import public
from reelkeep.api import Api
from reelkeep.dialects.reelkeep import PROBLEMS, problem_type
from tests.fakes.owners import FakeKeys
from tests.lambda_context import http_event

MOST_BYTES = 6_291_556  # of what a function answers
ASSETS = ["/docs/swagger-ui.js", "/docs/swagger-ui.css", "/docs/page.js"]
PAGES = [*ASSETS, "/docs", "/openapi.json", "/asyncapi.json"]


def api(public_url: str = "https://keep.test") -> Api:
    return Api(
        keys=FakeKeys({}),
        logger=Logger(service="test"),
        public={
            "GET /docs": partial(public.docs_page, public_url=public_url),
            "GET /docs/": public.docs_asset,
            "GET /openapi.json": partial(public.openapi_document, public_url=public_url),
            "GET /asyncapi.json": partial(public.asyncapi_document, public_url=public_url),
        },
    )


def get(path: str, public_url: str = "https://keep.test", **headers: str) -> dict[str, Any]:
    return api(public_url).handle(http_event("GET", path, **headers))


class Loads(HTMLParser):
    """What a page loads, and whether it holds a script or a style of its own."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.inline: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.urls += [found[name] or "" for name in ("src", "href") if name in found and tag != "a"]
        if tag == "style" or (tag == "script" and "src" not in found) or any(name.startswith("on") for name in found):
            self.inline.append(tag)


def test_the_page_loads_only_what_this_service_serves_and_holds_no_script_of_its_own() -> None:
    loads = Loads(get("/docs")["body"])
    assert loads.inline == []
    assert sorted(loads.urls) == sorted([*ASSETS, "data:,"])
    assert {get(path)["statusCode"] for path in ASSETS} == {200}


def test_the_policy_admits_nothing_from_elsewhere_and_nothing_inline() -> None:
    headers = get("/docs")["headers"]
    policy = dict(each.strip().split(" ", 1) for each in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert {policy[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}
    assert "unsafe" not in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_is_found_below_the_path_of_a_stack_s_address() -> None:
    loads = Loads(get("/docs", "https://example.com/video")["body"])
    assert sorted(loads.urls) == sorted([*(f"/video{path}" for path in ASSETS), "data:,"])


@pytest.mark.parametrize("path", PAGES)
def test_every_part_is_within_what_a_function_may_answer_and_is_the_same_compressed(path: str) -> None:
    plain, packed = get(path), get(path, accept_encoding="br, gzip")
    for answer in (plain, packed):
        assert len(json.dumps(answer)) < MOST_BYTES
    if path != "/docs":
        assert packed["headers"]["content-encoding"] == "gzip"
        assert gzip.decompress(base64.b64decode(packed["body"])).decode() == plain["body"]
        assert {each["headers"]["vary"] for each in (plain, packed)} == {"accept-encoding"}


@pytest.mark.parametrize("path", ["/docs/anything", "/docs/../api.py", "/docs/html.py", "/docs/docs.html"])
def test_there_is_nothing_else_below_the_page(path: str) -> None:
    assert get(path)["statusCode"] == 404


def test_browsers_keep_the_parts_and_ask_for_the_page_again() -> None:
    assert {get(path)["headers"]["cache-control"] for path in ASSETS} == {"public, max-age=86400"}
    assert get("/docs")["headers"]["cache-control"] == "no-store"


def test_the_page_explains_every_type_of_problem() -> None:
    problem = json.loads(get("/openapi.json")["body"])["components"]["schemas"]["Problem"]
    explained = problem["properties"]["type"]["x-enumDescriptions"]
    assert explained.keys() == {problem_type(name) for name in PROBLEMS}
    script = Path(public.__file__).with_name("console") / "docs.js"
    assert re.search(r"Problem\.properties\.type\[.x-enumDescriptions.\]", script.read_text())
