"""The console, in a browser: what a person sees and does there, and what the page never does."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, Request, Route, expect, sync_playwright

from local.listener import listening
from local.stack import Stack
from tests.e2e.chromium import CHROMIUM, FLAGS
from tests.e2e.client import Client
from tests.e2e.conftest import RUN, NewClient, Prompt, admin

MADE_MS: Final = 300_000  # a video of the simulator's takes some seconds
expect.set_options(timeout=60_000)  # by itself it is 5 s, too little for a machine that is busy
MARKUP: Final = "<b>bold</b> <img src=x onerror=\"document.title='owned'\"> & <script>alert(1)</script>"

if CHROMIUM is None and os.environ.get("BROWSER") == "required":
    pytest.fail("no Chromium: apt-get install chromium", pytrace=False)
if CHROMIUM is None:  # nobody has to install a browser to work on the rest; CI fails without one, as said above
    pytest.skip("no Chromium: apt-get install chromium", allow_module_level=True)


@dataclass
class Tab:
    """A tab of its own: what it asked for, and what it complained of."""

    page: Page
    url: str
    key: str
    asked: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, fragment: str | None = None) -> Page:
        self.page.goto(f"{self.url}/#key={self.key}" if fragment is None else f"{self.url}/{fragment}")
        return self.page

    def tile(self, words: str) -> Any:
        return self.page.get_by_role("listitem").filter(has_text=words)

    def look_now(self) -> None:
        """What a tab does that comes to the front."""
        self.page.evaluate("dispatchEvent(new Event('focus'))")


Open = Callable[..., Tab]


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        context.set_default_timeout(60_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context
        browser.close()


@pytest.fixture(scope="module")
def viewer(new_client: NewClient) -> Client:
    return new_client("viewer")


class Begun(NamedTuple):
    """Ids of tasks that end while others are looked at."""

    played: str
    erased: str


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def whole(viewer: Client, begun: Begun) -> dict[str, Any]:
    """A task with its video."""
    return viewer.succeeded(begun.played)


def listed(tab: Tab, whole: dict[str, Any], **creations: dict[str, Any]) -> None:
    """The page finds such tasks: each has this name and this creation, and is otherwise like the whole one."""
    tasks = {
        f"{at:032x}": whole | {"id": f"{at:032x}", "prompt": name, "creations": [whole["creations"][0] | creation]}
        for at, (name, creation) in enumerate(creations.items(), 1)
    }
    pages = {"tasks": [*tasks.values()], "next_cursor": None}
    tab.page.route(re.compile(r"/tasks\?"), lambda route: route.fulfill(json=pages))
    tab.page.route(re.compile(r"/tasks/0"), lambda route: route.fulfill(json=tasks[route.request.url[-32:]]))


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
    page.get_by_label("Search prompts").fill("PLAYED be")
    page.keyboard.press("Enter")
    page.wait_for_url("**#/?q=PLAYED*")
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


@pytest.fixture(scope="module")
def operator_key(stack: Stack) -> str:
    made = admin(
        stack, "keys", "create", "--owner", f"operator-{RUN}", "--scope", "read", "--scope", "operate", "--json"
    )
    return str(json.loads(made)["key"])


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
