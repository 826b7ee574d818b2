"""Owners: whom keys belong to, and what holds for all keys of one."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING

from admin import stack
from admin.output import print_json, print_table
from admin.stack import Stack
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.domain.errors import NotFound
from reelkeep.domain.keys import Owner

if TYPE_CHECKING:
    from admin.keys import Groups


def register(groups: Groups) -> None:
    group = groups.add_parser("owners", help="owners of keys", description=__doc__)
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    common = stack.options()

    list_ = commands.add_parser(
        "list", parents=[common], help="show owners", description="Shows everybody who has a key, or had one."
    )
    list_.set_defaults(run=list_all)

    show_ = commands.add_parser("show", parents=[common], help="show one owner", description="Shows one owner.")
    show_.add_argument("owner", metavar="OWNER")
    show_.set_defaults(run=show)

    set_ = commands.add_parser(
        "set",
        parents=[common],
        help="change what holds for an owner's keys",
        description="Changes what holds for all keys of an owner, also for those made later. It takes effect at"
        " once.",
    )
    set_.add_argument("owner", metavar="OWNER")
    set_.add_argument(
        "--repeat-window",
        metavar="SECONDS",
        type=_window,
        required=True,
        help="how long a submission with the same body, and without an Idempotency-Key, is taken as a repeat of the"
        " first; 0 turns that off, which is how owners begin",
    )
    set_.set_defaults(run=change)


def list_all(options: argparse.Namespace, stack: Stack) -> None:
    found = _keys(stack).owners()
    if options.json:
        print_json([_shown(each) for each in found])
        return
    _print(*found)


def show(options: argparse.Namespace, stack: Stack) -> None:
    found = next((each for each in _keys(stack).owners() if each.name == options.owner), None)
    if found is None:
        raise NotFound(f"there is no owner {options.owner}", field="owner")
    _say(found, options)


def change(options: argparse.Namespace, stack: Stack) -> None:
    _say(_keys(stack).set_repeat_window(options.owner, options.repeat_window), options)


def _window(text: str) -> timedelta:
    try:
        return timedelta(seconds=int(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None


def _say(owner: Owner, options: argparse.Namespace) -> None:
    if options.json:
        print_json(_shown(owner))
        return
    _print(owner)


def _print(*owners: Owner) -> None:
    print_table(
        {
            "OWNER": [each.name for each in owners],
            "KEYS": [each.keys for each in owners],
            "REPEAT WINDOW": [f"{_seconds(each)} s" if each.repeat_window else "off" for each in owners],
        }
    )


def _shown(owner: Owner) -> dict[str, object]:
    return {"owner": owner.name, "keys": owner.keys, "repeat_window_seconds": _seconds(owner)}


def _seconds(owner: Owner) -> int:
    return int(owner.repeat_window.total_seconds())


def _keys(stack: Stack) -> TableKeys:
    return TableKeys(stack.dynamodb(), stack.table)
