"""Tasks: listed, shown, opened, cancelled."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Annotated, Any

import typer

from cli.api import Task
from cli.errors import NothingFound
from cli.options import (
    Hidden,
    Json,
    Kinds,
    Models,
    ProfileName,
    ProviderNames,
    Resolutions,
    Search,
    Since,
    Starred,
    States,
    TagNames,
    TaskId,
    Templates,
    Until,
    connected,
    filters,
)
from cli.output import note, print_json, print_table, printable, size
from cli.users.waiting import in_words, reason
from cli.world import world_of

PANEL = "Videos"


def register(app: typer.Typer) -> None:
    app.command("list", rich_help_panel=PANEL)(list_tasks)
    app.command(rich_help_panel=PANEL)(show)
    app.command("open", rich_help_panel=PANEL)(open_task)


def list_tasks(
    ctx: typer.Context,
    state: States = None,
    model: Models = None,
    provider: ProviderNames = None,
    kind: Kinds = None,
    tag: TagNames = None,
    starred: Starred = None,
    search: Search = "",
    resolution: Resolutions = None,
    template: Templates = None,
    since: Since = "",
    until: Until = "",
    hidden: Hidden = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    profile: ProfileName = "",
    json: Json = False,
) -> None:
    """List your tasks, newest first."""
    api = connected(ctx, profile)
    chosen = filters(
        state=state,
        model=model,
        provider=provider,
        kind=kind,
        tag=tag,
        starred=starred,
        search=search,
        resolution=resolution,
        template=template,
        since=since,
        until=until,
        hidden=hidden,
    )
    found = list(islice(api.tasks(chosen, page=min(limit, 100)), limit))
    if json:
        print_json(found)
        return
    print_table(
        {
            "ID": [each["id"] for each in found],
            "STATE": [each["state"] for each in found],
            "CREATED": [created(each) for each in found],
            "MODEL": [each["model"] for each in found],
            "PROMPT": [each["prompt"] for each in found],
        }
    )


def show(ctx: typer.Context, task: TaskId, profile: ProfileName = "", json: Json = False) -> None:
    """Show all that is known of a task."""
    found = connected(ctx, profile).task(task)
    if json:
        print_json(found)
        return
    facts: dict[str, Any] = {
        "id": found["id"],
        "state": f"{in_words(found)}{reason(found)}",
        "model": " ".join(str(found[name]) for name in ("kind", "model") if found[name]),
        "provider": found["provider"],
        "prompt": found["prompt"],
        "images": "\n".join(found["images"]),
        "asked for": _asked_for(found),
        "tags": " ".join(found["tags"]),
        "created": found["created_at"],
        "finished": found["finished_at"],
        "credits": found["credits"],
        "delayed by": found["last_error"],
        "repeat of": found["possible_repeat"],
    }
    for number, creation in enumerate(found["creations"], 1):
        for file in creation["files"]:
            facts[f"{number} {file['name']}"] = f"{file['url']} ({size(file['bytes'])})"
        for file in creation["missing"]:
            facts[f"{number} {file['name']}"] = f"missing: {file['reason']}"
    shown = {name: str(value) for name, value in facts.items() if value not in (None, "")}
    width = max(map(len, shown))
    for name, value in shown.items():
        first, *more = printable(value).splitlines() or [""]
        print(f"{name:<{width}}  {first}", *(f"{'':<{width}}  {line}" for line in more), sep="\n")


def open_task(
    ctx: typer.Context,
    task: TaskId,
    console: Annotated[
        bool, typer.Option("--console", help="The console of the stack, instead of the video.")
    ] = False,
    profile: ProfileName = "",
    json: Json = False,
) -> None:
    """Play a task's video in the browser.

    Prints the link; where there is no browser, that is all.
    """
    api = connected(ctx, profile)
    link = f"{api.profile.url}/" if console else video_of(api.task(task))
    if json:
        print_json({"url": link})
    else:
        print(link)
    if not world_of(ctx).browse(link):
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
