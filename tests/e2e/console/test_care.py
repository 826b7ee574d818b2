"""What is looked after: webhooks, keys, and by operators owners and providers."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from local.listener import listening
from tests.e2e.conftest import RUN
from tests.e2e.console.tab import Tab


def test_a_webhook_is_made_tested_and_deleted_and_its_secret_is_shown_once(tab: Tab) -> None:
    page = tab.open("")
    page.get_by_label("API key").fill(tab.key)
    page.get_by_role("button", name="Open").click()
    page.get_by_role("link", name="Manage").click()
    page.get_by_role("link", name="Webhooks").click()
    with listening() as listener:
        page.get_by_label("Address").fill("nowhere")
        page.get_by_role("button", name="Add a webhook").click()
        expect(page.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Address").fill(f"{listener.url}/hooks")
        page.get_by_label("Ready", exact=True).check()
        page.get_by_role("button", name="Add a webhook").click()
        expect(page.get_by_role("alert")).to_contain_text("whsec_")
        page.get_by_role("button", name="I have kept it").click()
        expect(page.get_by_text("whsec_")).to_have_count(0)

        page.get_by_role("button", name="Send a test").click()
        assert listener.next(300) is not None
        log = page.get_by_role("listitem")
        for _ in range(20):
            page.get_by_role("button", name="Look again").click()
            if log.filter(has_text="arrived").count():
                break
            page.wait_for_timeout(250)
        expect(log).to_contain_text("answered 204")
        log.get_by_role("button", name="Replay").click()
        assert listener.next(300) is not None
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Delete it, with its log?").click()
        expect(page.get_by_text(listener.url)).to_have_count(0)


def test_a_key_is_made_signs_in_and_is_revoked(tab: Tab) -> None:
    page = tab.open()
    page.get_by_role("link", name="Manage").click()
    page.get_by_role("link", name="Keys").click()
    page.get_by_text("Make a key").first.click()
    page.get_by_label("Name").fill("of a program")
    page.get_by_label("Ends").fill("2099-01-01T12:00")
    page.get_by_role("button", name="Make a key").click()
    key = page.get_by_role("alert").locator("code").inner_text()
    page.goto(f"{tab.url}/#key={key}")
    expect(page.get_by_role("list", name="Videos, newest first")).to_be_attached()
    page.goto(f"{tab.url}/#/care/keys")
    card = page.get_by_role("article").filter(has_text="the one in this tab")
    expect(card).to_contain_text("good until 1 Jan")
    card.get_by_role("button", name="Revoke").click()
    card.get_by_role("button", name="Revoke this tab's own key?").click()
    expect(page.get_by_label("API key")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("revoked")


def test_an_operator_sees_how_providers_do_and_everybodys_tasks_but_touches_none(
    tab: Tab, whole: dict[str, Any], operator_key: str
) -> None:
    page = tab.page
    page.goto(f"{tab.url}/#key={operator_key}")
    expect(page.get_by_role("heading", name="Make your first video")).to_be_visible()
    page.get_by_role("link", name="Manage").click()
    page.get_by_role("link", name="Providers").click()
    expect(page.get_by_role("article").filter(has_text="simulator")).to_contain_text(re.compile("under way|slots"))
    expect(page.get_by_role("region", name="Times")).to_contain_text("viduq2")
    page.get_by_role("link", name="Dead letters").click()
    expect(page.get_by_text("nothing has failed for good")).to_be_visible()
    letter = {
        "id": "1",
        "sent_at": whole["created_at"],
        "what": "execution",
        "task_id": whole["id"],
        "reason": "no slot",
    }
    page.route("**/dead-letters", lambda route: route.fulfill(json={"count": 1, "letters": [letter]}))
    replayed = [letter | {"done": True, "result": "an execution was started"}]
    page.route("**/dead-letters/replay", lambda route: route.fulfill(json={"replayed": replayed}))
    page.get_by_role("link", name="Keys").click()
    page.get_by_role("link", name="Dead letters").click()
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="an execution was started")).to_be_visible()
    page.get_by_role("link", name="Providers").click()
    page.get_by_role("link", name="All unfinished tasks").click()
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Owner (* for all)").fill(whole["owner"])
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Ready").click()
    page.wait_for_url(lambda url: "unfinished" not in url and whole["owner"] in url)
    expect(tab.tile("to be played")).to_contain_text(whole["owner"])
    expect(tab.tile("to be played").get_by_role("button")).to_have_count(0)
    tab.tile("to be played").get_by_role("link").click()
    expect(page.get_by_role("definition").filter(has_text=whole["owner"])).to_be_visible()
    expect(page.get_by_role("button", name="Hide")).to_have_count(0)


def test_an_operator_limits_and_stops_an_owner_who_sees_what_is_left(tab: Tab, operator_key: str) -> None:
    page, owner = tab.page, f"operator-{RUN}"
    page.goto(f"{tab.url}/#key={operator_key}")
    page.get_by_role("link", name="Manage").click()
    page.get_by_role("link", name="Owners").click()
    card = page.get_by_role("article").filter(has=page.get_by_role("heading", name=owner))
    card.get_by_text("Change the limits").first.click()
    card.get_by_label("Tasks at once").fill("0")
    card.get_by_role("button", name="Change the limits").click()
    expect(card.get_by_label("Tasks at once")).to_have_attribute("aria-invalid", "true")
    card.get_by_label("Tasks at once").fill("2")
    card.get_by_label("When full").select_option("queue")
    card.get_by_role("button", name="Change the limits").click()
    expect(card).to_contain_text("2 of 2 left")
    expect(card).to_contain_text("A task beyond those at once waits in line")
    card.get_by_role("button", name="Stop").click()
    card.get_by_role("button", name="Let it submit nothing?").click()
    expect(card).to_contain_text("an operator stopped it")
    page.get_by_role("link", name="Use", exact=True).click()
    expect(page.locator(".card").filter(has_text="Nothing can be submitted")).to_contain_text("2 of 2 left")
    page.get_by_role("link", name="Owners").click()
    card.get_by_role("button", name="Let it submit again").click()
    expect(card.get_by_role("button", name="Stop")).to_be_visible()
