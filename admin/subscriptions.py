"""Operators' subscriptions to events, across owners: add one, list them, remove one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from admin import stack
from admin.output import print_json, print_table
from admin.stack import Stack
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
from reelkeep.ports import Caller
from reelkeep.services.subscriptions import ManageSubscriptions

if TYPE_CHECKING:
    Groups = argparse._SubParsersAction[argparse.ArgumentParser]

_OPERATOR = Caller(OPERATOR, "")
_WORDS = {each.rpartition(".")[2]: each for each in EVENT_TYPES}


def register(groups: Groups) -> None:
    group = groups.add_parser("subscriptions", help="who is told of what, across owners", description=__doc__)
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    common = stack.options()

    add_ = commands.add_parser(
        "add",
        parents=[common],
        help="subscribe somebody",
        description="Has events sent to an address, whosever task they are about.",
    )
    add_.add_argument("--protocol", required=True, choices=[each.value for each in Channel])
    add_.add_argument("--endpoint", required=True, help="an e-mail address, an https URL, or an ARN")
    add_.add_argument(
        "--type",
        dest="types",
        action="append",
        choices=sorted(_WORDS),
        default=[],
        help="only these events; may be repeated (default: all of them)",
    )
    add_.set_defaults(run=add)

    list_ = commands.add_parser("list", parents=[common], help="show operators' subscriptions")
    list_.set_defaults(run=list_all)

    remove_ = commands.add_parser("remove", parents=[common], help="end a subscription")
    remove_.add_argument("subscription_id", metavar="ID", help="as `subscriptions list` shows it")
    remove_.set_defaults(run=remove)


def add(options: argparse.Namespace, stack: Stack) -> None:
    """An operator may use every protocol, and send to private addresses: it is its own account."""
    wanted = Filter(types=tuple(_WORDS[each] for each in options.types))
    request = SubscriptionRequest(Channel(options.protocol), options.endpoint, wanted)
    made = _manage(stack).subscribe(request, _OPERATOR)
    _print([made], json=options.json)


def list_all(options: argparse.Namespace, stack: Stack) -> None:
    _print(_manage(stack).list(None, _OPERATOR), json=options.json)


def remove(options: argparse.Namespace, stack: Stack) -> None:
    _manage(stack).unsubscribe(options.subscription_id, _OPERATOR)
    if not options.json:
        print(f"The subscription {options.subscription_id} is ended.")


def _manage(stack: Stack) -> ManageSubscriptions:
    topic = stack.needed("topic_arn")
    return ManageSubscriptions(
        subscriptions=TableSubscriptions(stack.dynamodb(), stack.table),
        topic=SnsTopic(stack.sns(), topic),
        rules=endpoint_rules(topic, protocols=tuple(Channel), allow_private=True),
        resolve=resolve,
        clock=_now,
    )


def _print(found: Sequence[SubscriptionView], *, json: bool) -> None:
    columns: dict[str, Sequence[object]] = {
        "ID": [each.subscription.id for each in found],
        "PROTOCOL": [each.subscription.protocol.value for each in found],
        "ENDPOINT": [redact(each.subscription.endpoint) for each in found],
        "EVENTS": [", ".join(each.subscription.filter.types) or "all" for each in found],
        "STATUS": [each.status.value for each in found],
        "CREATED": [each.subscription.created_at for each in found],
    }
    if json:
        names = [name.lower() for name in columns]
        print_json([dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)])
        return
    print_table(columns)


def _now() -> datetime:
    return datetime.now(UTC)
