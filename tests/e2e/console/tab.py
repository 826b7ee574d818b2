"""A tab of the browser, and what the tests of the console share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from playwright.sync_api import Page, Request, expect

expect.set_options(timeout=60_000)  # by itself it is 5 s, too little for a machine that is busy


MADE_MS: Final = 300_000  # a video of the simulator's takes some seconds


MARKUP: Final = "<b>bold</b> <img src=x onerror=\"document.title='owned'\"> & <script>alert(1)</script>"


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


class Begun(NamedTuple):
    """Ids of tasks that end while others are looked at."""

    played: str
    erased: str


def listed(tab: Tab, whole: dict[str, Any], **creations: dict[str, Any]) -> None:
    """The page finds such tasks: each has this name and this creation, and is otherwise like the whole one."""
    tasks = {
        f"{at:032x}": whole | {"id": f"{at:032x}", "prompt": name, "creations": [whole["creations"][0] | creation]}
        for at, (name, creation) in enumerate(creations.items(), 1)
    }
    pages = {"tasks": [*tasks.values()], "next_cursor": None}
    tab.page.route(re.compile(r"/tasks\?"), lambda route: route.fulfill(json=pages))
    tab.page.route(re.compile(r"/tasks/0"), lambda route: route.fulfill(json=tasks[route.request.url[-32:]]))
