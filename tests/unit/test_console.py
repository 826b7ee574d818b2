"""The console is a page of this service: what serves it, what its policy admits, how long browsers keep its parts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from reelkeep import public
from reelkeep.api import Api
from reelkeep.domain.errors import NotFound
from tests.fakes.owners import FakeKeys
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
    code = [
        re.sub(r"/\*\*.*?\*/", "", get(part)["body"], flags=re.DOTALL) for part in found
    ]  # types stand in comments
    imports = {name for each in code for name in re.findall(r'(?:from |import\()"([^"]+)"', each)}
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


@dataclass
class Files:
    """Permanent links, of which none leads anywhere but that of the one file."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)
    stored: bool = True
    allowed_origins: tuple[str, ...] = ()

    def follow(self, token: str, task_id: str, file: str, method: str, name: str, /, *, attachment: bool) -> str:
        if token != "token":
            raise NotFound("there is no such file any more, or its link was revoked")
        self.asked.append((method, name, attachment))
        return "https://signed.test"

    def get(self, query: str = "", token: str = "token", method: str = "GET", **headers: str) -> dict[str, Any]:
        page = partial(
            public.files, follow=self.follow, exists=lambda *_: self.stored, allowed_origins=self.allowed_origins
        )
        api = Api(
            keys=FakeKeys({}),
            logger=Logger(service="test"),
            public={"GET /files/": page, "OPTIONS /files/": page},
        )
        event = http_event(method, f"/files/{token}/task/1-video.mp4") | {"rawQueryString": query, "headers": headers}
        return api.handle(event)


def test_a_permanent_link_can_be_shown_or_saved_under_a_name() -> None:
    files = Files()
    for query in ("", "download=a%20kite.mp4", "disposition=attachment", "download=kite&disposition=inline"):
        answer = files.get(query)
        assert (answer["statusCode"], answer["headers"]["location"]) == (302, "https://signed.test")
    assert [given[1:] for given in files.asked] == [("", False), ("a kite.mp4", True), ("", True), ("kite", False)]
    refused = files.get("disposition=elsewhere")
    assert (refused["statusCode"], json.loads(refused["body"])["errors"][0]["field"]) == (400, "disposition")


@pytest.mark.parametrize(("token", "stored"), [("revoked", True), ("token", False)])
def test_a_person_gets_a_page_and_a_program_an_error_if_a_link_leads_nowhere(token: str, stored: bool) -> None:
    files = Files(stored=stored)
    page = files.get(token=token, accept="text/html,*/*;q=0.8")
    assert (page["statusCode"], page["headers"]["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<h1>This file cannot be shown</h1>" in page["body"]
    assert page["headers"]["content-security-policy"] == "default-src 'none'"
    program = files.get(token=token, accept="*/*")
    assert program["statusCode"] == (404 if token == "revoked" else 302)  # S3 itself tells a program
    assert program["headers"].get("content-type") in ("application/problem+json", "application/json")


def test_no_page_of_another_address_reads_a_file_unless_its_address_is_allowed() -> None:
    ours, other = "https://example.com", "https://example.com.evil.test"
    for allowed, origin, expected in (
        ((), ours, None),
        ((ours,), ours, ours),
        ((ours,), other, None),
        ((ours,), "", None),
        (("*",), other, other),
    ):
        files = Files(allowed_origins=allowed)
        headers = {"origin": origin} if origin else {}
        answers = [files.get(**headers), files.get(method="OPTIONS", **headers)]
        assert [each["headers"].get("access-control-allow-origin") for each in answers] == [expected] * 2
        assert answers[1]["statusCode"] == (204 if expected else 405)
