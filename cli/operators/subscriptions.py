"""Operators' subscriptions to events, across owners: add one, list them, remove one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from cli.operators.stack import Place, Stack
from cli.options import Commands, Json
from cli.output import print_rows
from reelkeep.adapters.dynamodb.subscriptions import TableSubscriptions
from reelkeep.adapters.http.guard import resolve
from reelkeep.adapters.topic import SnsTopic, endpoint_rules
from reelkeep.domain.notices.subscription import (
    EVENT_TYPES,
    OPERATOR,
    Channel,
    Filter,
    SubscriptionRequest,
    SubscriptionView,
)
from reelkeep.domain.redaction import redact
from reelkeep.ports.owners import Caller
from reelkeep.services.subscriptions import ManageSubscriptions

_OPERATOR = Caller(OPERATOR, "")
_WORDS = {each.rpartition(".")[2]: each for each in EVENT_TYPES}
EventType = StrEnum("EventType", sorted(_WORDS))  # type: ignore[misc]  # the words are elsewhere


group = Commands(help=__doc__, no_args_is_help=True)


@group.command()
def add(
    place: Place,
    protocol: Annotated[
        Channel,
        typer.Option("--protocol", metavar="WORD", help=f"One of {', '.join(Channel)}.", show_default=False),
    ],
    endpoint: Annotated[
        str,
        typer.Option(
            "--endpoint", metavar="ADDRESS", help="An e-mail address, an https URL, or an ARN.", show_default=False
        ),
    ],
    types: Annotated[
        list[EventType] | None,
        typer.Option(
            "--type", metavar="EVENT", help=f"Only these events, of {', '.join(sorted(_WORDS))}; repeatable."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Have events sent to an address, whosever task they are about.

    An operator may use every protocol, and send to private addresses: it is its own account.
    """
    wanted = Filter(types=tuple(_WORDS[each] for each in types or ()))
    request = SubscriptionRequest(protocol, endpoint, wanted)
    made = manage(place).subscribe(request, _OPERATOR)
    _print([made], json=json)


@group.command("list")
def list_all(place: Place, json: Json = False) -> None:
    """Show operators' subscriptions."""
    _print(manage(place).list(None, _OPERATOR), json=json)


@group.command()
def remove(
    place: Place,
    subscription: Annotated[
        str, typer.Argument(metavar="ID", help="As `subscriptions list` shows it.", show_default=False)
    ],
    json: Json = False,
) -> None:
    """End a subscription."""
    manage(place).unsubscribe(subscription, _OPERATOR)
    if not json:
        print(f"The subscription {subscription} is ended.")


def manage(stack: Stack) -> ManageSubscriptions:
    topic = stack.needed("topic_arn")
    return ManageSubscriptions(
        subscriptions=TableSubscriptions(stack.dynamodb(), stack.table),
        topic=SnsTopic(stack.client("sns"), topic),
        rules=endpoint_rules(topic, protocols=tuple(Channel), allow_private=True),
        resolve=resolve,
        clock=_now,
    )


def _print(found: Sequence[SubscriptionView], *, json: bool) -> None:
    rows = [
        {
            "id": each.subscription.id,
            "protocol": each.subscription.protocol,
            "endpoint": redact(each.subscription.endpoint),
            "events": ", ".join(each.subscription.filter.types) or "all",
            "status": each.status,
            "created": each.subscription.created_at,
        }
        for each in found
    ]
    columns = ("id", "protocol", "endpoint", "events", "status", "created")
    print_rows(rows, {each.upper(): each for each in columns}, json=json)


def _now() -> datetime:
    return datetime.now(UTC)
