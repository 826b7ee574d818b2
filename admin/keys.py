"""API keys: create one for an owner, list them, revoke one."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from admin import stack
from admin.output import print_json, print_table
from admin.stack import Stack
from reelkeep.adapters.dynamodb.keys import TableKeys

if TYPE_CHECKING:
    Groups = argparse._SubParsersAction[argparse.ArgumentParser]


def register(groups: Groups) -> None:
    group = groups.add_parser("keys", help="API keys", description=__doc__)
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    common = stack.options()

    create_ = commands.add_parser(
        "create",
        parents=[common],
        help="make a key",
        description="Makes a key and prints it, alone, to standard output. It is kept as a hash only:"
        " it cannot be shown again.",
    )
    create_.add_argument("--owner", required=True, help="whose tasks the key's holder sees and makes")
    create_.add_argument("--name", default="", help="what the key is for, to recognise it by")
    create_.set_defaults(run=create)

    list_ = commands.add_parser(
        "list", parents=[common], help="show keys", description="Shows what is known of keys, revoked ones too."
    )
    list_.add_argument("--owner", help="only this owner's")
    list_.set_defaults(run=list_all)

    revoke_ = commands.add_parser(
        "revoke", parents=[common], help="end a key", description="Ends a key, at once and for good."
    )
    revoke_.add_argument("key_id", metavar="KEY_ID", help="as `keys list` shows it")
    revoke_.set_defaults(run=revoke)


def create(options: argparse.Namespace, stack: Stack) -> None:
    key, described = _keys(stack).create(options.owner, options.name, _now())
    if options.json:
        print_json({"key": key, **asdict(described)})
        return
    print(key)
    print(
        f"It belongs to {described.owner}, and is shown only this once."
        f" To end it: python -m admin keys revoke {described.key_id}{' --local' if options.local else ''}",
        file=sys.stderr,
    )


def list_all(options: argparse.Namespace, stack: Stack) -> None:
    found = _keys(stack).all(options.owner)
    if options.json:
        print_json([asdict(each) for each in found])
        return
    print_table(
        {
            "KEY ID": [each.key_id for each in found],
            "OWNER": [each.owner for each in found],
            "NAME": [each.name for each in found],
            "ENDS WITH": [each.last_characters for each in found],
            "CREATED": [each.created_at for each in found],
            "REVOKED": [each.revoked_at for each in found],
        }
    )


def revoke(options: argparse.Namespace, stack: Stack) -> None:
    revoked = _keys(stack).revoke(options.key_id, _now())
    if options.json:
        print_json(asdict(revoked))
        return
    print(f"The key {revoked.key_id} of {revoked.owner}, ending with {revoked.last_characters}, is revoked.")


def _keys(stack: Stack) -> TableKeys:
    return TableKeys(stack.dynamodb(), stack.table)


def _now() -> datetime:
    return datetime.now(UTC)
