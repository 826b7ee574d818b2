"""Submitting: a new task, or an earlier one again."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.api import Api, Task
from cli.options import Connected, Here, Json, TaskId
from cli.output import Columns, note, print_json, print_rows
from cli.users import requests
from cli.users.pull import pulled
from cli.users.waiting import require_success, wait_for
from cli.world import World
from reelkeep.domain.task import Kind, Priority

Prompt = Annotated[
    str, typer.Argument(metavar="PROMPT", help="What to show; `-` reads it from standard input.", show_default=False)
]
Images = Annotated[
    list[str] | None,
    typer.Option("--image", "-i", metavar="IMAGE", help="A file, a link or a `reelkeep:` id; repeatable, in order."),
]
Model = Annotated[
    str, typer.Option("--model", "-m", metavar="MODEL", help="The model; it decides which provider serves.")
]
Seed = Annotated[int | None, typer.Option("--seed", help="The same seed gives a similar video.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="To find it by; repeatable.")]
IdempotencyKey = Annotated[
    str, typer.Option("--idempotency-key", metavar="KEY", help="The same key within seven days gives the same task.")
]
Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait until the task has ended.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FOLDER", help="Wait, and save the video in this folder.", file_okay=False),
]


def submit(
    world: Here,
    api: Connected,
    prompt: Prompt = "",
    kind: Annotated[
        Kind | None,
        typer.Option(
            "--kind", "-k", metavar="KIND", help=f"One of {', '.join(Kind)}. Without it, the images decide."
        ),
    ] = None,
    model: Model = "",
    image: Images = None,
    video: Annotated[
        str, typer.Option("--video", metavar="LINK", help="The video to extend, upscale or lip-sync.")
    ] = "",
    creation: Annotated[
        str, typer.Option("--creation", metavar="ID", help="An earlier creation, instead of --video.")
    ] = "",
    template: Annotated[str, typer.Option("--template", metavar="NAME", help="For template2video.")] = "",
    duration: Annotated[
        int | None, typer.Option("--duration", "-d", metavar="SECONDS", help="How long it is to be.")
    ] = None,
    resolution: Annotated[str, typer.Option("--resolution", "-r", metavar="WORD", help="Such as 720p.")] = "",
    aspect_ratio: Annotated[str, typer.Option("--aspect-ratio", metavar="W:H", help="Such as 16:9.")] = "",
    seed: Seed = None,
    audio: Annotated[bool | None, typer.Option("--audio/--no-audio", help="With sound, or without.")] = None,
    off_peak: Annotated[bool, typer.Option("--off-peak", help="Cheaper; done within 48 hours.")] = False,
    provider: Annotated[str, typer.Option("--provider", metavar="NAME", help="The provider to use.")] = "",
    priority: Annotated[
        Priority | None, typer.Option("--priority", metavar="WORD", help="Among your own tasks: high, normal, low.")
    ] = None,
    payload: Annotated[str, typer.Option("--payload", metavar="TEXT", help="Comes back with the task.")] = "",
    tag: Tags = None,
    callback_url: Annotated[
        str, typer.Option("--callback-url", metavar="URL", help="Gets a signed message at each change.")
    ] = "",
    idempotency_key: IdempotencyKey = "",
    quote: Annotated[bool, typer.Option("--quote", help="Show what it would cost and take; submit nothing.")] = False,
    wait: Wait = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """Have a video made, and print the task's id.

    If the stack's answer is lost, the request is repeated under the same key: it is paid for once.
    """
    images = [requests.image(each) for each in image or ()]
    body = {
        "kind": kind or requests.guessed_kind(images, video or creation, template),
        "prompt": sys.stdin.read().strip() if prompt == "-" else prompt,
        "model": model,
        "images": images,
        "video_url": video,
        "creation_id": creation,
        "template": template,
        "duration": duration,
        "resolution": resolution,
        "aspect_ratio": aspect_ratio,
        "seed": seed,
        "audio": audio,
        "off_peak": off_peak or None,
        "provider": provider,
        "priority": priority,
        "payload": payload,
        "tags": tag,
        "callback_url": callback_url,
    }
    given = requests.checked(body)
    if quote:
        _quote(api, given, json=json)
    else:
        _submit(world, api, given, idempotency_key, wait=wait, out=out, json=json)


def again(
    world: Here,
    api: Connected,
    task: TaskId,
    prompt: Annotated[str, typer.Option("--prompt", metavar="TEXT", help="Another prompt.")] = "",
    model: Model = "",
    image: Images = None,
    seed: Seed = None,
    provider: Annotated[str, typer.Option("--provider", metavar="NAME", help="Another provider.")] = "",
    tag: Tags = None,
    idempotency_key: IdempotencyKey = "",
    wait: Wait = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """Submit a task once more, as it was or with changes.

    The seed is a new one unless you give one.
    """
    changes = requests.checked(
        {
            "prompt": prompt,
            "model": model,
            "images": [requests.image(each) for each in image or ()],
            "seed": seed,
            "provider": provider,
            "tags": tag,
        }
    )
    before = api.task(task)
    if "images" in changes:
        before |= {"images": []}
    body = requests.same_again(before)
    if "model" in changes and "provider" not in changes:  # the model decides
        body.pop("provider", None)
    _submit(world, api, {**body, **changes}, idempotency_key, wait=wait, out=out, json=json)


def _quote(api: Api, body: Mapping[str, Any], *, json: bool) -> None:
    """What each provider that could do it asks for, the cheapest first."""
    columns: Columns = {
        "PROVIDER": "provider",
        "POSSIBLE": lambda each: "yes" if each["possible"] else each["reason"],
        "UNITS": lambda each: f"{each['units']} {each['unit']}" if each["units"] else None,
        "PRICE": lambda each: f"{each['amount']} {each['currency']}" if each["amount"] else None,
        "SECONDS": "seconds",
    }
    print_rows(api.post("/quote", body)["quotes"], columns, json=json)


def _submit(
    world: World, api: Api, body: Mapping[str, Any], key: str, *, wait: bool, out: Path | None, json: bool
) -> None:
    task: Task = api.post("/tasks", body, idempotency_key=key or str(uuid.uuid4()))
    waits = wait or out is not None
    if waits:
        if not json and sys.stderr.isatty():
            note(task["id"])
        (task,) = wait_for(api, [task["id"]], world.sleep)
    saved = []
    if out is not None and task["state"] == "success":
        saved = [str(path) for path in pulled(world, api, [task], out)]
    if json:
        print_json({**task, "saved": saved} if out is not None else task)
    elif not waits:
        print(task["id"])
        if sys.stderr.isatty():
            note(f"{task['state']}: follow it with `reelkeep watch {task['id']}`")
    else:
        links = [each["url"] for each in task["creations"] if each["url"]]
        print("\n".join(saved or links or [task["id"]]))
    if waits:
        require_success([task])
