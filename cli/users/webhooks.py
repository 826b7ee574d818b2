"""Webhooks: the addresses that get messages about your tasks, and what they were sent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from cli.api import Api, quoted
from cli.errors import Misused, WrongFields
from cli.options import Json, ProfileName, connected
from cli.output import note, print_json, print_table
from cli.users.requests import in_options

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id, or `callbacks`.", show_default=False)]
DeliveryId = Annotated[str, typer.Argument(metavar="DELIVERY", help="Its id.", show_default=False)]
Events = Annotated[
    list[str] | None, typer.Option("--event", metavar="STATE", help="A state that is announced; repeatable.")
]
BodyFormat = Annotated[
    str, typer.Option("--body", metavar="FORMAT", help="What a message holds: event, task or a format.")
]
Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="Yours, for yourself.")]

group = typer.Typer(help=__doc__, no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="webhooks", rich_help_panel="Videos")


@group.command("list")
def list_webhooks(ctx: typer.Context, profile: ProfileName = "", json: Json = False) -> None:
    """Show your webhooks."""
    found = connected(ctx, profile).get("/webhooks")["webhooks"]
    if json:
        print_json(found)
    else:
        _print(found)


@group.command()
def create(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to send messages.", show_default=False)],
    event: Events = None,
    body: BodyFormat = "",
    description: Description = None,
    profile: ProfileName = "",
    json: Json = False,
) -> None:
    """Register an address, and print the secret that signs the messages, this once."""
    sent = {"url": url, **_settings(event, body, description)}
    made = _asked(lambda: connected(ctx, profile).post("/webhooks", sent))
    _print_secret(made, json=json)


@group.command()
def show(ctx: typer.Context, webhook: WebhookId, profile: ProfileName = "", json: Json = False) -> None:
    """Show one webhook."""
    _shown(connected(ctx, profile).get(_path(webhook)), json=json)


@group.command()
def change(
    ctx: typer.Context,
    webhook: WebhookId,
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Another address.")] = "",
    event: Events = None,
    body: BodyFormat = "",
    description: Description = None,
    active: Annotated[bool | None, typer.Option("--active/--paused", help="Send messages, or hold them.")] = None,
    profile: ProfileName = "",
    json: Json = False,
) -> None:
    """Change a webhook, pause it, or let it go on."""
    sent = {**({"url": url} if url else {}), **_settings(event, body, description)}
    if active is not None:
        sent["active"] = active
    if not sent:
        raise Misused("nothing is to be changed: give --url, --event, --body, --description, --active or --paused")
    _shown(_asked(lambda: connected(ctx, profile).patch(_path(webhook), sent)), json=json)


@group.command()
def delete(ctx: typer.Context, webhook: WebhookId, profile: ProfileName = "", json: Json = False) -> None:
    """Delete a webhook, with what it was to be sent."""
    connected(ctx, profile).delete(_path(webhook))
    if json:
        print_json({"deleted": webhook})
    else:
        print(f"The webhook {webhook} is deleted.")


@group.command()
def rotate(ctx: typer.Context, webhook: WebhookId, profile: ProfileName = "", json: Json = False) -> None:
    """Give it another secret, and print that, this once. The old one signs, too, for a day."""
    _print_secret(connected(ctx, profile).post(f"{_path(webhook)}/rotate"), json=json)


@group.command("test")
def send_test(ctx: typer.Context, webhook: WebhookId, profile: ProfileName = "", json: Json = False) -> None:
    """Send it a test event."""
    _delivered(connected(ctx, profile).post(f"{_path(webhook)}/test"), webhook, json=json)


@group.command()
def deliveries(
    ctx: typer.Context,
    webhook: WebhookId,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    profile: ProfileName = "",
    json: Json = False,
) -> None:
    """List what it was sent, newest first."""
    found = list(islice(_all(connected(ctx, profile), webhook), limit))
    if json:
        print_json(found)
        return
    print_table(
        {
            "ID": [each["id"] for each in found],
            "EVENT": [each["event"] for each in found],
            "TASK": [each["task_id"] for each in found],
            "OUTCOME": [each["outcome"] for each in found],
            "ATTEMPTS": [len(each["attempts"]) for each in found],
            "LAST": [_last(each) for each in found],
        }
    )


@group.command()
def delivery(
    ctx: typer.Context, webhook: WebhookId, delivery: DeliveryId, profile: ProfileName = "", json: Json = False
) -> None:
    """Show one message, with its body and every attempt."""
    _shown(connected(ctx, profile).get(f"{_path(webhook)}/deliveries/{quoted(delivery)}"), json=json)


@group.command()
def replay(
    ctx: typer.Context, webhook: WebhookId, delivery: DeliveryId, profile: ProfileName = "", json: Json = False
) -> None:
    """Send one message again."""
    sent = connected(ctx, profile).post(f"{_path(webhook)}/deliveries/{quoted(delivery)}/replay")
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


def _asked(call: Any) -> Any:
    try:
        return call()
    except WrongFields as error:
        raise in_options(error) from error


def _path(webhook: str) -> str:
    return f"/webhooks/{quoted(webhook)}"


def _last(delivery: dict[str, Any]) -> str | None:
    if not delivery["attempts"]:
        return None
    last = delivery["attempts"][-1]
    return str(last["status"] or last["error"])


def _print(found: Sequence[dict[str, Any]]) -> None:
    print_table(
        {
            "ID": [each["id"] for each in found],
            "URL": [each["url"] for each in found],
            "EVENTS": [", ".join(each["events"]) for each in found],
            "STATE": ["active" if each["active"] else f"paused: {each['paused_because']}" for each in found],
        }
    )


def _print_secret(made: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(made)
    else:
        print(made["secret"])
        note(f"It signs the messages of the webhook {made['id']}, and is shown only this once.")


def _delivered(sent: dict[str, Any], webhook: str, *, json: bool) -> None:
    if json:
        print_json(sent)
    else:
        print(f"{sent['id']} is {sent['outcome']}: see `reelkeep webhooks delivery {webhook} {sent['id']}`")


def _shown(found: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(found)
        return
    width = max(map(len, found))
    for name, value in found.items():
        texts = [str(each) for each in value] if isinstance(value, list) else [str(value)]
        if value not in (None, [], ""):
            print(f"{name:<{width}}  " + f"\n{'':<{width}}  ".join(texts))
