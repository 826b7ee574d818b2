"""Pictures of every view of the console, on a phone and on a wide screen, light and dark.

make up                                   # with some tasks in it
make screenshots                          # in another terminal; into .local/screenshots
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from local.stack import Stack
from tests.e2e.chromium import CHROMIUM, FLAGS
from tests.e2e.conftest import admin

SECTIONS = ("use", "webhooks", "subscriptions", "keys", "providers")
OPERATORS = {
    "operators-wall": "#/?owner=*",
    "operators-providers": "#/care/providers",
    "operators-owners": "#/care/owners",
    "operators-letters": "#/care/letters",
}
VIEWS = ("sign-in", "wall", "filters", "selection", "task", "failed", "compare", "new", *SECTIONS, *OPERATORS)
WIDTHS = (390, 1400)


def main(stack_file: str, folder: str) -> None:
    stack = Stack.read(Path(stack_file))
    if stack is None or CHROMIUM is None:
        sys.exit("error: it needs a stack of `make up` and Chromium (apt-get install chromium)")
    made = json.loads(
        admin(stack, "keys", "create", "--owner", "operator", "--scope", "read", "--scope", "operate", "--json")
    )
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                for view in VIEWS:
                    if go(page, stack, view, made["key"]):
                        page.screenshot(
                            path=f"{folder}/{view}-{width}-{scheme}.png",
                            full_page=view not in ("wall", "filters", "selection", "operators-wall"),
                        )
                page.close()
        browser.close()
    admin(stack, "keys", "revoke", made["key_id"])


def go(page: Page, stack: Stack, view: str, operator_key: str) -> bool:
    """False if this stack has nothing to show there."""
    if view == "sign-in":
        page.goto(f"{stack.api_url}/")
        return True
    page.goto("about:blank")
    page.goto(f"{stack.api_url}/#key={operator_key}" if view in OPERATORS else stack.console_url)
    page.wait_for_selector(".tile, .note h2")
    if view in ("task", "failed"):
        state = "success" if view == "task" else "failed"
        page.evaluate("state => { location.hash = `#/?state=${state}`; }", state)
        page.wait_for_selector(f".tile[data-state={state}], .note h2")
        tile = page.locator(".tile a").first
        if not tile.count():
            return False
        tile.click()
    if view == "filters":
        page.get_by_text("Filters", exact=True).click()
    if view in ("selection", "compare"):
        videos = page.locator(".tile[data-state=success]")
        if videos.count() < 2:
            return False
        for tile in (videos.nth(0), videos.nth(1)):
            tile.hover()
            tile.get_by_role("checkbox").click()
        page.wait_for_selector(".selection")
    if view == "compare":
        page.get_by_role("link", name="Compare").click()
        page.wait_for_selector(".differences")
    if view in SECTIONS:
        page.evaluate("view => { location.hash = `#/care/${view}`; }", view)
        page.wait_for_selector(".cards > :not(.quiet-text)")
    if view in OPERATORS:
        page.evaluate("fragment => { location.hash = fragment; }", OPERATORS[view])
        page.wait_for_selector(".sums, .tile, .care .files, .cards article, .care .quiet-text:only-child")
    if view == "new":
        page.get_by_role("link", name="New", exact=False).first.click()
        page.wait_for_selector(".new form")
    page.wait_for_load_state("networkidle")
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
