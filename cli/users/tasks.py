"""Tasks: listed, shown, opened, cancelled."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Final

import typer

from cli.api import Task
from cli.errors import NothingFound
from cli.options import Connected, Filters, Here, Json, TaskId
from cli.output import Columns, note, print_facts, print_json, print_rows, say, size
from cli.users.waiting import in_words, reason

COLUMNS: Final[Columns] = {
    "ID": "id",
    "STATE": "state",
    "CREATED": lambda task: created(task),
    "MODEL": "model",
    "PROMPT": "prompt",
}


def list_(
    filters: Filters,
    api: Connected,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    json: Json = False,
) -> None:
    """List your tasks, newest first."""
    found = list(islice(api.tasks(filters, page=min(limit, 100)), limit))
    print_rows(found, COLUMNS, json=json)


def show(api: Connected, task: TaskId, json: Json = False) -> None:
    """Show all that is known of a task."""
    found = api.task(task)
    if json:
        print_json(found)
        return
    facts: dict[str, Any] = {
        "id": found["id"],
        "state": f"{in_words(found)}{reason(found)}",
        "model": " ".join(str(found[name]) for name in ("kind", "model") if found[name]),
        "provider": found["provider"],
        "prompt": found["prompt"],
        "images": found["images"],
        "asked for": _asked_for(found),
        "tags": " ".join(found["tags"]),
        "created": found["created_at"],
        "started": found["started_at"],
        "ready": found["ready_at"],
        "kept" if found["state"] == "success" else "finished": found["finished_at"],
        "credits": found["credits"],
        "delayed by": found["last_error"],
        "repeat of": found["possible_repeat"],
    }
    for number, creation in enumerate(found["creations"], 1):
        for file in creation["files"]:
            facts[f"{number} {file['name']}"] = f"{file['url']} ({size(file['bytes'])})"
        for file in creation["missing"]:
            facts[f"{number} {file['name']}"] = f"missing: {file['reason']}"
    print_facts(facts)


def open_(
    world: Here,
    api: Connected,
    task: TaskId,
    console: Annotated[
        bool, typer.Option("--console", help="The console of the stack, instead of the video.")
    ] = False,
    json: Json = False,
) -> None:
    """Play a task's video in the browser.

    Prints the link; where there is no browser, that is all.
    """
    link = f"{api.profile.url}/" if console else video_of(api.task(task))
    say(link, {"url": link}, json=json)
    if not world.browse(link):
        note("There is no browser here.")


def video_of(task: Task) -> str:
    """The link of its first video. Raises NothingFound."""
    for creation in task["creations"]:
        if creation["url"]:
            return str(creation["url"])
    raise NothingFound(f"{task['id']} has no video: it is {in_words(task)}{reason(task)}")


def created(task: Task) -> datetime:
    return datetime.fromisoformat(task["created_at"])


def _asked_for(task: Task) -> str:
    words = [
        f"{task['duration']} s" if task["duration"] else "",
        task["resolution"] or "",
        task["aspect_ratio"] or "",
    ]
    words += ["off-peak" if task["off_peak"] else "", f"template {task['template']}" if task["template"] else ""]
    return ", ".join(word for word in words if word)
