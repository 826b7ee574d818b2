"""One task: asked for, watched, played, used again, erased."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from tests.e2e.client import Client
from tests.e2e.conftest import Prompt
from tests.e2e.console.tab import MADE_MS, MARKUP, Begun, Tab, listed


def test_a_video_is_asked_for_watched_while_it_is_made_and_played(tab: Tab, viewer: Client, prompt: Prompt) -> None:
    page, text = tab.open(), prompt("for the console", MARKUP)
    page.get_by_role("link", name="New").click()
    page.get_by_role("combobox", name="Kind").select_option("text2video")
    page.get_by_role("textbox", name="Prompt").fill(text)
    page.get_by_label("Model optional").fill("viduq2")
    page.get_by_label("Duration").fill("9000")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text(re.compile("Duration .*600"))).to_be_visible()
    expect(page.get_by_role("textbox", name="Prompt")).to_have_value(text)
    page.get_by_label("Duration").fill("1")
    page.get_by_role("button", name="What would it cost?").click()
    expect(page.get_by_role("listitem").filter(has_text="simulator")).to_contain_text("takes about")
    page.get_by_role("button", name="Make it").click()

    page.wait_for_url("**#/task/*")
    task_id = page.url.rpartition("/")[2]
    page.get_by_role("link", name="All videos").click()
    expect(tab.tile("bold").locator("img")).to_be_visible(timeout=MADE_MS)
    tab.tile("bold").hover()
    expect(tab.tile("bold").locator("video.preview.on")).to_have_js_property("muted", True)
    tab.tile("bold").get_by_role("link").click()

    player = page.locator(".stage video")
    player.evaluate("video => { video.muted = true; return video.play(); }")
    assert player.evaluate("video => video.readyState") >= 2
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
    assert page.title() != "owned"
    assert page.locator("main img[src=x], main script, main b").count() == 0
    with page.expect_download() as saving:
        page.get_by_role("link", name="Download video").click()
    assert re.fullmatch(r"an-albatross-.*-\d{4}-\d\d-\d\d\.mp4", saving.value.suggested_filename)
    (creation,) = viewer.task(task_id)["creations"]
    assert saving.value.path().stat().st_size == creation["files"][0]["bytes"]

    page.get_by_role("link", name="With changes").click()
    expect(page.get_by_role("textbox", name="Prompt")).to_have_value(text)
    expect(page.get_by_label("Duration")).to_have_value("1")
    page.go_back()
    page.get_by_role("button", name="Again", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
    page.wait_for_url(lambda url: "#/task/" in url and task_id not in url)
    again = viewer.task(page.url.rpartition("/")[2])
    assert (again["prompt"], again["duration"], again["model"]) == (text, 1, "viduq2")


def test_a_video_that_cannot_be_played_is_said_to_be_so_and_one_without_a_cover_shows_its_first_frame(
    tab: Tab, whole: dict[str, Any]
) -> None:
    page = tab.page
    listed(tab, whole, coverless={"cover_url": None}, unplayable={"url": f"{tab.url}/files/broken.mp4"})
    page.route("**/broken.mp4*", lambda route: route.fulfill(body="no film", content_type="video/mp4"))
    tab.open()
    frame = tab.tile("coverless").locator("video")
    expect(frame).to_have_js_property("videoWidth", whole["creations"][0]["video"]["width"])
    expect(frame).to_have_js_property("paused", True)
    tab.tile("unplayable").get_by_role("link").click()
    expect(page.get_by_role("alert").filter(has_text="cannot play this video")).to_be_visible()
    expect(page.get_by_alt_text("Its cover")).to_be_visible()


def test_the_cover_of_one_video_is_the_first_frame_of_the_next(
    tab: Tab, viewer: Client, whole: dict[str, Any]
) -> None:
    page = tab.open()
    tab.tile("to be played").get_by_role("link").click()
    page.get_by_role("link", name="From its cover").click()
    expect(page.get_by_role("textbox", name="Images")).to_have_value(f"reelkeep:{whole['id']}/cover")
    page.get_by_label("Model optional").fill("viduq2-turbo")
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url("**#/task/*")
    made = viewer.task(page.url.rpartition("/")[2])
    assert (made["kind"], made["images"]) == ("img2video", [f"reelkeep:{whole['id']}/cover"])


def test_a_task_is_erased_once_the_word_is_typed(tab: Tab, viewer: Client, begun: Begun) -> None:
    viewer.ended(begun.erased)
    page = tab.open()
    tab.tile("to be erased").get_by_role("link").click()
    page.get_by_text("Erase", exact=True).click()
    expect(page.get_by_role("button", name="Erase for good")).to_be_disabled()
    page.get_by_label("Type the word erase").fill("erase")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_role("status").filter(has_text="Erased")).to_be_visible()
    expect(tab.tile("to be erased")).to_have_count(0)
    assert viewer.http.get(f"/tasks/{begun.erased}").status_code == 404
