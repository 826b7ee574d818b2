"""Webhooks: the addresses that get messages about your tasks, and what they were sent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from cli.api import Api, quoted
from cli.errors import Misused
from cli.options import Commands, Connected, Json
from cli.output import Columns, note, print_facts, print_json, print_rows, say

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id, or `callbacks`.", show_default=False)]
DeliveryId = Annotated[str, typer.Argument(metavar="DELIVERY", help="Its id.", show_default=False)]
Events = Annotated[
    list[str] | None, typer.Option("--event", metavar="STATE", help="A state that is announced; repeatable.")
]
BodyFormat = Annotated[
    str, typer.Option("--body", metavar="FORMAT", help="What a message holds: event, task or a format.")
]
Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="Yours, for yourself.")]

group = Commands(help=__doc__, no_args_is_help=True)


@group.command("list")
def list_webhooks(api: Connected, json: Json = False) -> None:
    """Show your webhooks."""
    columns: Columns = {
        "ID": "id",
        "URL": "url",
        "EVENTS": lambda each: ", ".join(each["events"]),
        "STATE": lambda each: "active" if each["active"] else f"paused: {each['paused_because']}",
    }
    print_rows(api.get("/webhooks")["webhooks"], columns, json=json)


@group.command()
def create(
    api: Connected,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to send messages.", show_default=False)],
    event: Events = None,
    body: BodyFormat = "",
    description: Description = None,
    json: Json = False,
) -> None:
    """Register an address, and print the secret that signs the messages, this once."""
    sent = {"url": url, **_settings(event, body, description)}
    made = api.post("/webhooks", sent)
    _print_secret(made, json=json)


@group.command()
def show(api: Connected, webhook: WebhookId, json: Json = False) -> None:
    """Show one webhook."""
    _shown(api.get(_path(webhook)), json=json)


@group.command()
def change(
    api: Connected,
    webhook: WebhookId,
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Another address.")] = "",
    event: Events = None,
    body: BodyFormat = "",
    description: Description = None,
    active: Annotated[bool | None, typer.Option("--active/--paused", help="Send messages, or hold them.")] = None,
    json: Json = False,
) -> None:
    """Change a webhook, pause it, or let it go on."""
    sent = {**({"url": url} if url else {}), **_settings(event, body, description)}
    if active is not None:
        sent["active"] = active
    if not sent:
        raise Misused("nothing is to be changed: give --url, --event, --body, --description, --active or --paused")
    _shown(api.patch(_path(webhook), sent), json=json)


@group.command()
def delete(api: Connected, webhook: WebhookId, json: Json = False) -> None:
    """Delete a webhook, with what it was to be sent."""
    api.delete(_path(webhook))
    say(f"The webhook {webhook} is deleted.", {"deleted": webhook}, json=json)


@group.command()
def rotate(api: Connected, webhook: WebhookId, json: Json = False) -> None:
    """Give it another secret, and print that, this once. The old one signs, too, for a day."""
    _print_secret(api.post(f"{_path(webhook)}/rotate"), json=json)


@group.command("test")
def send_test(api: Connected, webhook: WebhookId, json: Json = False) -> None:
    """Send it a test event."""
    _delivered(api.post(f"{_path(webhook)}/test"), webhook, json=json)


@group.command()
def deliveries(
    api: Connected,
    webhook: WebhookId,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    json: Json = False,
) -> None:
    """List what it was sent, newest first."""
    found = list(islice(_all(api, webhook), limit))
    columns: Columns = {
        "ID": "id",
        "EVENT": "event",
        "TASK": "task_id",
        "OUTCOME": "outcome",
        "ATTEMPTS": lambda each: len(each["attempts"]),
        "LAST": _last,
    }
    print_rows(found, columns, json=json)


@group.command()
def delivery(api: Connected, webhook: WebhookId, delivery: DeliveryId, json: Json = False) -> None:
    """Show one message, with its body and every attempt."""
    _shown(api.get(f"{_path(webhook)}/deliveries/{quoted(delivery)}"), json=json)


@group.command()
def replay(api: Connected, webhook: WebhookId, delivery: DeliveryId, json: Json = False) -> None:
    """Send one message again."""
    sent = api.post(f"{_path(webhook)}/deliveries/{quoted(delivery)}/replay")
    _delivered(sent, webhook, json=json)


def _all(api: Api, webhook: str) -> Any:
    cursor: str | None = ""
    while cursor is not None:
        found = api.get(f"{_path(webhook)}/deliveries", [("limit", "100"), *([("cursor", cursor)] if cursor else [])])
        yield from found["deliveries"]
        cursor = found["next_cursor"]


def _settings(events: Sequence[str] | None, body: str, description: str | None) -> dict[str, Any]:
    given = {"events": list(events) if events else None, "body": body or None, "description": description}
    return {name: value for name, value in given.items() if value is not None}


def _path(webhook: str) -> str:
    return f"/webhooks/{quoted(webhook)}"


def _last(delivery: dict[str, Any]) -> str | None:
    if not delivery["attempts"]:
        return None
    last = delivery["attempts"][-1]
    return str(last["status"] or last["error"])


def _print_secret(made: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(made)
    else:
        print(made["secret"])
        note(f"It signs the messages of the webhook {made['id']}, and is shown only this once.")


def _delivered(sent: dict[str, Any], webhook: str, *, json: bool) -> None:
    follow = f"reelkeep webhooks delivery {webhook} {sent['id']}"
    say(f"{sent['id']} is {sent['outcome']}: see `{follow}`", sent, json=json)


def _shown(found: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(found)
    else:
        print_facts(found)
