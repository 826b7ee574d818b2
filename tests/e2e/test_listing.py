"""Listing one's own tasks: filters, pages and tokens, in both sets of words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.e2e.client import Client
from tests.e2e.conftest import NewClient, Prompt
from tests.e2e.simulator import Simulator

# What there is, oldest first.
TASKS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("text2video", {"model": "vidu1.5", "resolution": "360p", "duration": 4}, ""),
    ("text2video", {"model": "viduq2", "resolution": "540p", "duration": 1}, "[fail:CreationPolicyViolation]"),
    ("img2video", {"model": "viduq2-pro", "resolution": "540p", "duration": 1}, ""),
    ("template2video", {"template": "hugging"}, "[slow:0]"),
    ("text2video", {"model": "viduq2", "resolution": "720p", "duration": 1}, ""),
    ("img2video", {"model": "viduq2-pro-fast", "resolution": "720p", "duration": 1}, "[slow:600]"),
    ("text2video", {"model": "viduq2", "resolution": "540p", "duration": 1}, ""),
)
WITH_PICTURES = ("img2video", "template2video")


@pytest.fixture(scope="module")
def erin(new_client: NewClient) -> Client:
    """Someone whose tasks are well known."""
    return new_client("erin")


@pytest.fixture(scope="module")
def ids(erin: Client, prompt: Prompt, simulator: Simulator) -> list[str]:
    """Of erin's tasks, in the order of TASKS, when all but one of them have ended."""
    found = []
    for kind, fields, directives in TASKS:
        pictures = {"images": ["https://example.com/bird.png"]} if kind in WITH_PICTURES else {}
        body = {"prompt": prompt("in a list", directives), **fields, **pictures}
        found.append(str(erin.vidu_submitted(kind, **body)["task_id"]))
    for number, task_id in enumerate(found):
        if "[slow:600]" not in TASKS[number][2]:
            erin.ended(task_id)
    return found


def chosen(ids: list[str], wanted: Callable[[dict[str, Any]], bool]) -> list[str]:
    """Newest first."""
    return [task_id for task_id, (_, fields, _) in zip(ids, TASKS, strict=True) if wanted(fields)][::-1]


def test_all_tasks_are_listed_newest_first(erin: Client, ids: list[str]) -> None:
    assert [task["id"] for task in erin.tasks()] == ids[::-1]
    listed = erin.vidu_list()
    assert [task["id"] for task in listed["tasks"]] == ids[::-1]
    assert listed["next_page_token"] == ""


def test_a_listed_task_looks_as_the_documentation_has_it(erin: Client, ids: list[str]) -> None:
    newest, *_ = erin.vidu_list()["tasks"]
    assert newest.keys() == {
        "id", "key_id", "type", "model", "prompt", "images", "duration", "resolution", "aspect_ratio", "state",
        "creations", "created_at", "credits",
    }  # fmt: skip
    assert newest["creations"] == erin.vidu_task(ids[-1])["creations"] != []
    (template,) = erin.vidu_list(("templates", "hugging"))["tasks"]
    assert (template["type"], template["template"]) == ("template", "hugging")


def test_an_owner_sees_its_own_tasks_only(bob: Client, ids: list[str]) -> None:
    assert not set(ids) & {task["id"] for task in bob.tasks()}
    assert bob.tasks(task_id=ids) == []
    assert bob.vidu_ids(*(("task_ids", each) for each in ids)) == []
    assert not set(ids) & set(bob.vidu_ids(("states", "success"), ("pager.pagesz", 100)))


@pytest.mark.parametrize(
    ("vidu", "ours", "wanted"),
    [
        ([("model_versions", "q2")], {"model": "viduq2"}, lambda task: task.get("model") == "viduq2"),
        (
            [("model_versions", "q2-pro"), ("model_versions", "1.5")],
            {"model": ["viduq2-pro", "vidu1.5"]},
            lambda task: task.get("model") in ("viduq2-pro", "vidu1.5"),
        ),
        ([("resolutions", "540p")], {"resolution": "540p"}, lambda task: task.get("resolution") == "540p"),
        (
            [("resolutions", "540p,360p")],
            {"resolution": "540p,360p"},
            lambda task: task.get("resolution") in ("540p", "360p"),
        ),
        ([("templates", "hugging")], {"template": "hugging"}, lambda task: task.get("template") == "hugging"),
        (
            [("model_versions", "q2"), ("resolutions", "540p")],
            {"model": "viduq2", "resolution": "540p"},
            lambda task: (task.get("model"), task.get("resolution")) == ("viduq2", "540p"),
        ),
        ([("model_versions", "q1")], {"model": "viduq1"}, lambda task: False),
    ],
    ids=["model", "models", "resolution", "resolutions", "template", "model and resolution", "nothing"],
)
def test_tasks_are_filtered_by_what_was_asked_for(
    vidu: list[tuple[str, str]],
    ours: dict[str, Any],
    wanted: Callable[[dict[str, Any]], bool],
    erin: Client,
    ids: list[str],
) -> None:
    assert erin.vidu_ids(*vidu) == chosen(ids, wanted)
    assert [task["id"] for task in erin.tasks(**ours)] == chosen(ids, wanted)


def test_tasks_are_filtered_by_state(erin: Client, ids: list[str]) -> None:
    failed, under_way = ids[1], ids[5]
    assert erin.vidu_ids(("states", "failed")) == [failed]
    assert erin.vidu_ids(("states", "success")) == [each for each in ids[::-1] if each not in (failed, under_way)]
    assert erin.vidu_ids(("states", "queueing"), ("states", "processing")) == [under_way]
    assert erin.vidu_ids(("states", "failed"), ("model_versions", "q2-pro")) == []
    assert [task["id"] for task in erin.tasks(state=["failed", "success"])] == [
        each for each in ids[::-1] if each != under_way
    ]


def test_tasks_are_filtered_by_id(erin: Client, ids: list[str]) -> None:
    assert erin.vidu_ids(("task_ids", ids[4]), ("task_ids", ids[2])) == [ids[4], ids[2]]
    assert [task["id"] for task in erin.tasks(task_id=[ids[0], ids[6]])] == [ids[6], ids[0]]


def test_tasks_are_filtered_by_time(erin: Client, ids: list[str]) -> None:
    created = [datetime.fromisoformat(erin.task(each)["created_at"]) for each in ids]
    since, until = created[2].isoformat(), created[4].isoformat()
    assert erin.vidu_ids(("created_at.from", since), ("created_at.to", until)) == ids[4:1:-1]
    assert [task["id"] for task in erin.tasks(created_from=since, created_to=until)] == ids[4:1:-1]
    long_ago = (created[0] - timedelta(days=30)).isoformat()
    before = (created[0] - timedelta(milliseconds=1)).isoformat()
    assert erin.vidu_ids(("created_at.from", long_ago), ("created_at.to", before)) == []


@pytest.mark.parametrize("pager", ["pager", "paper"])
def test_pages_are_numbered_from_zero(pager: str, erin: Client, ids: list[str]) -> None:
    pages = [erin.vidu_list((f"{pager}.pagesz", 3), (f"{pager}.page", number)) for number in range(4)]
    assert [[task["id"] for task in page["tasks"]] for page in pages] == [ids[:3:-1], ids[3:0:-1], ids[:1], []]
    assert [bool(page["next_page_token"]) for page in pages] == [True, True, False, False]


def test_tokens_and_cursors_stay_where_they_are_while_new_tasks_arrive(
    erin: Client, ids: list[str], prompt: Prompt
) -> None:
    """The last test here: it changes what there is."""
    first = erin.vidu_list(("pager.pagesz", 3))
    ours = erin.pages(limit=3)
    seen = [task["id"] for task in next(ours)]
    new = [erin.submitted(prompt("that came later", "[slow:0]")) for _ in range(2)]
    second = erin.vidu_list(("pager.pagesz", 3), ("pager.page_token", first["next_page_token"]))
    third = erin.vidu_list(("pager.pagesz", 3), ("pager.page_token", second["next_page_token"]))
    listed = [task["id"] for page in (first, second, third) for task in page["tasks"]]
    assert listed == ids[::-1]
    assert third["next_page_token"] == ""
    assert [*seen, *(task["id"] for page in ours for task in page)] == ids[::-1]
    assert erin.vidu_ids() == [*new[::-1], *ids[::-1]]
