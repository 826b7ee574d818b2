"""The wall: every video, newest first."""

from __future__ import annotations

import json
import re
import zipfile
from typing import Any, Final

import httpx
from playwright.sync_api import expect

from tests.e2e.client import Client
from tests.e2e.conftest import Prompt
from tests.e2e.console.tab import MADE_MS, Tab, listed


def test_the_wall_follows_its_tasks_without_a_reload(tab: Tab, viewer: Client, prompt: Prompt) -> None:
    page = tab.open()
    expect(page.get_by_role("button", name="Under way")).to_be_visible()
    viewer.submitted(prompt("that takes long"), off_peak=True)  # which gives time to cancel it
    viewer.submitted(prompt("that is refused", "[fail:CreationPolicyViolation] [slow:0]"))
    tab.look_now()
    expect(tab.tile("takes long")).to_contain_text(re.compile("Accepted|Waiting|Being made"))
    page.get_by_role("button", name="Under way").click()
    page.wait_for_url("**#/?state=created*")
    tab.tile("takes long").get_by_role("button", name="Cancel").click()
    expect(tab.tile("takes long")).to_have_count(0)
    page.get_by_role("button", name="Cancelled").click()
    expect(tab.tile("takes long")).to_contain_text("It was cancelled")
    assert viewer.tasks(state="cancelled")
    page.go_back()
    expect(tab.tile("is refused")).to_have_count(0, timeout=MADE_MS)
    page.go_back()
    expect(tab.tile("is refused")).to_contain_text("content rules do not allow it")
    expect(tab.tile("is refused")).to_contain_text("change it first")

    page.get_by_role("listitem").first.get_by_role("link").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="All videos")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("list", name="Videos, newest first")).to_be_visible()


WALL: Final = """shape => {
    const real = fetch;
    window.asked = [];
    window.fetch = async (url, options) => {
        const query = new URL(url).searchParams, at = Number(query.get("cursor") ?? 0), tasks = [];
        if (!query.has("limit")) return real(url, options);
        if (query.get("limit") === "20") return Response.json({ tasks, next_cursor: null }); // what is new
        asked.push(at);
        for (let each = 20_000 - at * 5_000; each > 15_000 - at * 5_000; each--)
            tasks.push({ ...shape, id: each.toString(16).padStart(32, "0"), prompt: `number ${each}` });
        return Response.json({ tasks, next_cursor: at < 3 ? String(at + 1) : null });
    };
}"""


def test_a_wall_of_twenty_thousand_stays_small_in_the_document(tab: Tab, viewer: Client, prompt: Prompt) -> None:
    shape = viewer.task(viewer.submitted(prompt("first of a wall"), off_peak=True))
    tab.page.add_init_script(f"({WALL})({json.dumps(shape | {'state': 'cancelled'})})")
    page = tab.open()
    expect(tab.tile("number 20000")).to_be_visible()
    seen: list[int] = []
    while page.get_by_text("number 1", exact=True).is_hidden():
        page.evaluate("() => new Promise(done => { scrollTo(0, document.body.scrollHeight); setTimeout(done); })")
        seen.append(page.locator(".tile").count())
    assert page.evaluate("asked") == [0, 1, 2, 3]
    assert max(seen) < 100
    assert page.evaluate("document.querySelectorAll('*').length") < 1500
    page.evaluate("scrollTo(0, 0)")
    expect(tab.tile("number 20000")).to_be_visible()


def test_what_is_selected_is_saved_as_one_zip_or_as_links_and_two_are_compared(
    tab: Tab, whole: dict[str, Any], anyone: httpx.Client
) -> None:
    page = tab.page
    listed(tab, whole, dawn={}, dusk={}, noon={})
    tab.open()
    page.get_by_role("listitem").first.get_by_role("link").focus()
    page.keyboard.press("x")
    page.get_by_role("checkbox", name="Select: dawn").click(modifiers=["Shift"])
    expect(page.get_by_role("status").filter(has_text="3 selected")).to_be_visible()
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download as zip").click()
    video = anyone.get(whole["creations"][0]["url"]).content
    with zipfile.ZipFile(saving.value.path()) as saved:
        assert saved.testzip() is None
        assert sorted(name[:4] for name in saved.namelist()) == ["dawn", "dusk", "noon"]
        assert {saved.read(name) for name in saved.namelist()} == {video}

    page.get_by_role("button", name="Copy links").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").split() == [whole["creations"][0]["url"]] * 3
    page.get_by_role("checkbox", name="Select: noon").click()
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("button", name="Play both").click()
    expect(page.get_by_role("button", name="Pause both")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Task id")).to_have_class("different")
    page.keyboard.press("Escape")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)


def test_what_is_starred_tagged_or_hidden_is_found_again(tab: Tab, viewer: Client, whole: dict[str, Any]) -> None:
    page = tab.open()
    before = page.evaluate("history.length")
    page.get_by_label("Search prompts").press_sequentially("PLAYED be")  # and no Enter
    page.wait_for_url("**#/?q=PLAYED+be")
    assert page.evaluate("history.length") == before
    tile = page.get_by_role("listitem").and_(tab.tile("to be played"))
    expect(tile).to_have_count(1)
    tile.get_by_role("link").focus()
    page.keyboard.press("s")
    expect(tile.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    page.get_by_label("Add a tag").fill("two words")
    page.keyboard.press("Enter")
    expect(page.get_by_text("A tag must be 1 to 64 letters")).to_be_visible()
    page.get_by_label("Add a tag").fill("keeper")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="keeper", exact=True).click()
    page.wait_for_url("**#/?tag=keeper")
    page.get_by_role("button", name="Starred").click()
    expect(tile).to_have_count(1)
    shown = viewer.task(whole["id"])
    assert (shown["starred"], shown["tags"]) == (True, ["keeper"])

    tile.get_by_role("link").focus()
    page.keyboard.press("x")
    page.get_by_role("button", name="Hide").click()
    expect(tile).to_have_count(0)
    page.get_by_role("button", name="Hidden").click()
    tile.get_by_role("link").click()
    expect(page.get_by_role("status").filter(has_text="Hidden since")).to_be_visible()
    waiting = shown | {"state": "queueing", "hidden_at": shown["created_at"], "finished_at": None, "creations": []}
    page.route("**/tasks?hidden=true&task_id=*", lambda route: route.fulfill(json={"tasks": [waiting]}))
    page.reload()
    expect(page.get_by_role("status").filter(has_text="Waiting for its turn")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)
    page.unroute("**/tasks?hidden=true&task_id=*")
    page.reload()
    page.get_by_role("button", name="Bring back").click()
    expect(page.get_by_role("button", name="Hide")).to_be_visible()
    assert viewer.task(whole["id"])["hidden_at"] is None
