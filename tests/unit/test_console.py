"""The console is a page of this service: what serves it, what its policy admits, how long browsers keep its parts."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from reelkeep import public
from reelkeep.api import Api
from tests.fakes import FakeKeys
from tests.lambda_context import http_event
from tests.unit.test_docs_page import Loads

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
ARCHIVE = "https://videos.s3.eu-central-1.amazonaws.com"


def get(path: str, public_url: str = "https://keep.test", **headers: str) -> dict[str, Any]:
    console = partial(public.console, public_url=public_url, archive=lambda: ARCHIVE)
    paths = ("/", "/console", "/console/")
    api = Api(keys=FakeKeys({}), logger=Logger(service="test"), public={f"GET {each}": console for each in paths})
    return api.handle(http_event("GET", path, **headers))


def parts(page: dict[str, Any]) -> list[str]:
    return [url for url in Loads(page["body"]).urls if not url.startswith("data:")]


def policy(page: dict[str, Any]) -> dict[str, str]:
    directives = page["headers"]["content-security-policy"].split(";")
    return dict(each.strip().split(" ", 1) for each in directives)


@pytest.mark.parametrize("path", ["/", "/console", "/console/"])
def test_a_browser_gets_a_page_that_loads_only_what_this_service_serves(path: str) -> None:
    page = get(path, accept=BROWSER)
    assert (page["statusCode"], page["headers"]["content-type"]) == (200, "text/html; charset=utf-8")
    assert Loads(page["body"]).inline == []
    loaded = [get(part) for part in parts(page)]
    assert len(loaded) >= 4
    assert {part["statusCode"] for part in loaded} == {200}


def test_a_program_at_the_root_is_still_asked_for_its_key() -> None:
    for headers in ({}, {"accept": "application/json"}, {"accept": "*/*"}):
        answer = get("/", **headers)
        assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (401, 401)


def test_modules_name_each_other_relatively_and_so_keep_to_one_release() -> None:
    found = [part for part in parts(get("/", accept=BROWSER)) if part.endswith(".js")]
    imports = {name for part in found for name in re.findall(r'(?:from |import\()"([^"]+)"', get(part)["body"])}
    assert imports
    for name in imports:
        assert re.fullmatch(r"\./console-[a-z]+\.js", name)
        assert get(f"{found[0].rpartition('/')[0]}/{name[2:]}")["statusCode"] == 200


def test_the_policy_admits_pictures_and_videos_of_the_archive_and_nothing_else_from_elsewhere() -> None:
    found = policy(get("/", "https://keep.test/video", accept=BROWSER))
    files = "'self' https://keep.test https://videos.s3.eu-central-1.amazonaws.com data:"
    assert (found["img-src"], found["media-src"]) == (files, files)
    assert found["default-src"] == "'none'"
    assert found["connect-src"] == "'self' https://videos.s3.eu-central-1.amazonaws.com"
    assert (found["script-src"], found["style-src"]) == ("'self'", "'self'")
    assert {found[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}
    assert not [each for each in found.values() if "unsafe" in each or "*" in each]


def test_nothing_of_the_address_goes_to_another_site() -> None:
    headers = get("/", accept=BROWSER)["headers"]
    assert (headers["referrer-policy"], headers["x-content-type-options"]) == ("no-referrer", "nosniff")


def test_browsers_keep_this_releases_parts_and_not_what_an_older_page_asks_for() -> None:
    page = get("/", accept=BROWSER)
    assert (page["headers"]["cache-control"], page["headers"]["vary"]) == ("no-store", "accept")
    part = parts(page)[0]
    older = re.sub(r"/[0-9a-f]{12}/", f"/{'0' * 12}/", part)
    assert get(part)["headers"]["cache-control"] == "public, max-age=31536000, immutable"
    assert get(older)["headers"]["cache-control"] == "no-store"
    assert get(older)["body"] == get(part)["body"]


def test_the_page_is_found_below_the_path_of_a_stack_s_address() -> None:
    found = parts(get("/", "https://example.com/video", accept=BROWSER))
    assert [part for part in found if not part.startswith("/video/console/")] == []


@pytest.mark.parametrize("name", ["console.html", "openapi.json", "docs.js", "console-none.js", "../../api.py"])
def test_there_is_nothing_else_below_the_console(name: str) -> None:
    for path in (f"/console/{name}", f"/console/{'0' * 12}/{name}"):
        assert get(path)["statusCode"] == 404


def test_a_permanent_link_can_be_saved_under_a_name() -> None:
    asked: list[tuple[str, ...]] = []

    def follow(*given: str) -> str:
        asked.append(given)
        return "https://signed.test"

    api = Api(
        keys=FakeKeys({}),
        logger=Logger(service="test"),
        public={"GET /files/": partial(public.files, follow=follow)},
    )
    for query in ("", "download=a%20kite.mp4"):
        answer = api.handle(http_event("GET", "/files/token/task/1-video.mp4") | {"rawQueryString": query})
        assert answer["headers"]["location"] == "https://signed.test"
    assert [given[-1] for given in asked] == ["", "a kite.mp4"]
