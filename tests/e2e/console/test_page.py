"""The page by itself: what it may load, what goes wrong, who can use it."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Route, expect

from tests.e2e.client import Client
from tests.e2e.conftest import Prompt
from tests.e2e.console.tab import Tab, listed


def test_the_page_may_load_nothing_from_elsewhere_and_holds_nothing_inline(tab: Tab, anyone: httpx.Client) -> None:
    answer = anyone.get("/", headers={"accept": "text/html"})
    assert answer.headers["content-type"].startswith("text/html")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert anyone.get("/").status_code == 401

    page = tab.open()
    expect(page.get_by_role("link", name="New")).to_be_visible()
    assert tab.key not in page.url
    assert page.evaluate("sessionStorage.getItem('reelkeep.key')") == tab.key
    answers = [
        request.response() for request in tab.asked if request.resource_type in ("document", "script", "stylesheet")
    ]
    assert 1 < len(answers) <= 5
    assert sum(len(answer.body()) for answer in answers if answer) < 150_000


def test_whatever_goes_wrong_there_is_a_sentence_and_a_way_on(tab: Tab, viewer: Client, prompt: Prompt) -> None:
    page = tab.page
    page.goto(f"{tab.url}/#key=rk_dead")
    expect(page.get_by_role("alert")).to_contain_text("not known here, or it was revoked")
    page.get_by_label("API key").fill(tab.key)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("list", name="Videos, newest first")).to_be_attached()

    held: list[Route] = []
    page.route(re.compile(r"/tasks\?"), lambda route: held.append(route))
    page.reload()
    expect(page.get_by_role("status", name="Looking")).to_be_visible()
    page.route(re.compile(r"/tasks\?"), lambda route: route.fulfill(status=500, body="{}"))
    for route in held:
        route.fulfill(status=500, body="{}")
    expect(page.get_by_role("alert")).to_contain_text("problem of its own")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_have_count(0)

    # Each answer until its sentence was seen: the page looks by itself, too, however often.
    page.route(re.compile(r"/tasks\?"), lambda route: route.abort())
    tab.look_now()
    expect(page.get_by_role("status")).to_contain_text("cannot be reached")
    page.unroute_all()
    page.route(
        re.compile(r"/tasks\?"), lambda route: route.fulfill(status=429, headers={"retry-after": "1"}, body="{}")
    )
    tab.look_now()
    expect(page.get_by_role("status")).to_contain_text("too many requests", ignore_case=True)
    page.unroute_all()
    tab.look_now()
    expect(page.get_by_role("status")).to_contain_text("Connected again")

    lost: list[str] = []  # what is not to arrive
    keys: list[str | None] = []

    def submission(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        keys.append(route.request.headers.get("idempotency-key"))
        return route.abort() if lost and lost.pop() else route.continue_()

    page.route(re.compile(r"/tasks$"), submission)
    page.get_by_role("link", name="New").click()
    text = prompt("sent twice")
    page.get_by_role("textbox", name="Prompt").fill(text)
    page.get_by_label("Model optional").fill("")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("Model is required at this provider")).to_be_visible()
    page.get_by_label("Model optional").fill("viduq2")
    gates = {402: "this would pass the limit of 10 USD a day", 429: "there are 5 tasks under way, the most at once"}
    for status, detail in gates.items():
        problem = {"type": "#problem-limit", "title": "A limit", "detail": detail}
        # The lambda is called once, in this round of the loop, before its names change.
        page.route(re.compile(r"/tasks$"), lambda route: route.fulfill(status=status, json=problem), times=1)  # noqa: B023
        page.get_by_role("button", name="Make it").click()
        expect(page.get_by_role("alert").filter(has_text=detail[5:])).to_be_visible()
        expect(page.get_by_role("textbox", name="Prompt")).to_have_value(text)
    lost.append(text)
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert").filter(has_text="made only once")).to_be_visible()
    expect(page.get_by_role("textbox", name="Prompt")).to_have_value(text)
    page.reload()
    expect(page.get_by_role("textbox", name="Prompt")).to_have_value(text)
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url("**#/task/*")
    refused, unknown, again = keys
    assert refused != unknown
    assert again == unknown != ""

    page.route(re.compile(r"/tasks[/?]"), lambda route: route.fulfill(status=401, json={"title": "no"}))
    tab.look_now()
    expect(page.get_by_label("API key")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("revoked")
    assert page.evaluate("sessionStorage.getItem('reelkeep.key')") is None


def test_what_is_sent_again_has_the_same_key_although_it_is_larger_than_a_tab_keeps(tab: Tab) -> None:
    page = tab.open()
    expect(page.get_by_role("link", name="New")).to_be_visible()
    page.route(re.compile(r"/tasks$"), lambda route: route.abort())
    page.evaluate(
        """async () => {
            const parts = performance.getEntriesByType("resource").map(part => part.name);
            const { keep, submit } = await import(parts.find(name => name.endsWith("console-base.js")));
            sessionStorage.setItem("others", "x".repeat(5.1e6)); // what is left is too little for these bodies
            for (const letter of "ABA") {
                const body = { kind: "img2video", images: ["data:image/jpeg;base64," + letter.repeat(2e5)] };
                keep("reelkeep.draft", body);
                await submit(body).catch(() => {});
            }
        }""",
    )
    assert page.evaluate("sessionStorage.getItem('reelkeep.draft')") is None
    first, other, again = (each.headers["idempotency-key"] for each in tab.asked if each.method == "POST")
    assert first == again != other
    assert set(json.loads(page.evaluate("sessionStorage.getItem('reelkeep.attempts')")).values()) == {first, other}


def test_axe_finds_nothing_in_any_view(tab: Tab, whole: dict[str, Any], operator_key: str) -> None:
    page, axe, found = tab.page, Axe(""), dict[str, str]()
    film = whole["creations"][0]
    letter = {"id": "1", "sent_at": whole["created_at"], "what": "unknown", "task_id": None, "reason": "of it"}
    listed(tab, whole, dawn={}, dusk={"cover_url": None}, lost={"url": None, "video": dict.fromkeys(film["video"])})
    tab.open()
    page.evaluate(Axe().axe_script)  # once: no view is another page
    page.emulate_media(reduced_motion="reduce")

    only: dict[str, Any] = {"resultTypes": ["violations"]}
    colours = only | {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
    schemes: dict[Literal["light", "dark"], dict[str, Any]] = {"light": only, "dark": colours}

    def check(view: str, seen: Locator) -> None:
        expect(seen).to_be_visible()
        for scheme, options in schemes.items():
            page.emulate_media(color_scheme=scheme)
            report = axe.run(page, options=options)
            if report.violations_count:
                found[f"{view}, {scheme}"] = report.generate_report()

    def go(fragment: str) -> None:
        page.evaluate("fragment => { location.hash = fragment; }", fragment)

    page.get_by_text("Filters", exact=True).click()
    for name in ("dawn", "dusk"):
        page.get_by_role("checkbox", name=f"Select: {name}").click()
    check("wall", page.get_by_text("2 selected"))
    page.get_by_role("link", name="Compare").click()
    check("compare", page.get_by_role("row").first)
    for task, (name, more) in enumerate({"task": "Raw record", "lost task": "The same from a program"}.items()):
        go(f"#/task/{2 * task + 1:032x}")
        page.get_by_text(more).click()
        check(name, page.locator("pre:visible"))
    go("#/new")
    page.get_by_text("More", exact=True).click()
    check("form", page.get_by_role("textbox", name="Prompt"))
    for section, words in {
        "use": "In all",
        "webhooks": "Add",
        "subscriptions": "Subscribe",
        "keys": "the one in this tab",
    }.items():
        go(f"#/care/{section}")
        check(section, page.locator(".cards").get_by_text(words).first)
    page.get_by_role("button", name="Sign out").click()
    check("sign-in", page.get_by_label("API key"))
    go(f"#key={operator_key}")
    expect(page.get_by_role("list", name="Videos, newest first")).to_be_attached()
    go("#/care/providers")
    check("providers", page.get_by_role("region", name="Times"))
    page.route("**/dead-letters", lambda route: route.fulfill(json={"count": 1, "letters": [letter]}))
    go("#/care/owners")
    page.get_by_text("Change the limits").first.click()
    check("owners", page.get_by_label("Tasks at once").first)
    go("#/care/letters")
    check("dead letters", page.get_by_role("button", name="Replay all"))
    assert found == {}
