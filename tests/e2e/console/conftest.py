"""The console, in a browser: what a person sees and does there, and what the page never does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Request, sync_playwright

from local.stack import Stack
from tests.e2e.chromium import CHROMIUM, FLAGS
from tests.e2e.client import Client
from tests.e2e.conftest import RUN, NewClient, Prompt, admin
from tests.e2e.console.tab import Begun, Tab


@pytest.fixture(scope="package")
def context() -> Iterator[BrowserContext]:
    if CHROMIUM is None and os.environ.get("BROWSER") == "required":
        pytest.fail("no Chromium: apt-get install chromium", pytrace=False)
    if CHROMIUM is None:  # nobody has to install a browser to work on the rest; CI fails without one
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        context.set_default_timeout(60_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context
        browser.close()


@pytest.fixture(scope="package")
def viewer(new_client: NewClient) -> Client:
    return new_client("viewer")


@pytest.fixture(scope="package")
def begun(viewer: Client, prompt: Prompt) -> Begun:
    erased = viewer.submitted(prompt("to be erased", "[fail:CreationPolicyViolation] [slow:0]"))
    return Begun(played=viewer.submitted(prompt("to be played")), erased=erased)


@pytest.fixture
def tab(context: BrowserContext, stack: Stack, viewer: Client, begun: Begun) -> Iterator[Tab]:
    """At its end: nothing was asked of others, the key was in no address, no script failed."""
    tab = Tab(context.new_page(), stack.api_url, viewer.key)

    def listen(request: Request) -> None:
        tab.asked.append(request)

    def complain(words: object) -> None:
        tab.complaints.append(str(words))

    tab.page.on("request", listen)
    tab.page.on("pageerror", complain)
    tab.page.on("console", lambda said: complain(said.text) if "Content Security" in said.text else None)
    yield tab
    tab.page.close()
    assert tab.complaints == []
    assert [request.url for request in tab.asked if viewer.key in request.url] == []
    ours = {urlsplit(url).netloc for url in (stack.api_url, stack.aws_endpoint_url) if url}
    hosts = {urlsplit(request.url).netloc for request in tab.asked if request.url.startswith("http")}
    if stack.aws_endpoint_url:  # elsewhere the archive has an address of its own
        assert hosts <= ours


@pytest.fixture(scope="package")
def whole(viewer: Client, begun: Begun) -> dict[str, Any]:
    """A task with its video."""
    return viewer.succeeded(begun.played)


@pytest.fixture(scope="package")
def operator_key(stack: Stack) -> str:
    made = admin(
        stack, "keys", "create", "--owner", f"operator-{RUN}", "--scope", "read", "--scope", "operate", "--json"
    )
    return str(json.loads(made)["key"])
