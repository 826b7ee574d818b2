"""Owners: whom keys belong to, and what holds for all keys of one."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from cli.errors import Misused, NothingFound
from cli.operators.erasure import erase
from cli.operators.stack import Local, StackName, find
from cli.options import Commands, Json
from cli.output import print_json, print_table
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.domain.keys import Owner

group = Commands(help=__doc__, no_args_is_help=True)
group.command()(erase)


OwnerName = Annotated[str, typer.Argument(metavar="OWNER", help="The owner's name.", show_default=False)]


@group.command("list")
def list_all(ctx: typer.Context, stack: StackName = "", local: Local = False, json: Json = False) -> None:
    """Show everybody who has a key, or had one."""
    found = _keys(ctx, stack, local=local).owners()
    if json:
        print_json([_shown(each) for each in found])
        return
    _print(*found)


@group.command()
def show(
    ctx: typer.Context, owner: OwnerName, stack: StackName = "", local: Local = False, json: Json = False
) -> None:
    """Show one owner."""
    found = next((each for each in _keys(ctx, stack, local=local).owners() if each.name == owner), None)
    if found is None:
        raise NothingFound(f"there is no owner {owner}")
    _say(found, json=json)


@group.command("set")
def change(
    ctx: typer.Context,
    owner: OwnerName,
    repeat_window: Annotated[
        str,
        typer.Option(
            "--repeat-window",
            metavar="SECONDS",
            help="How long a submission with the same body, and without an Idempotency-Key, is taken as a repeat of"
            " the first; 0 turns that off, which is how owners begin.",
            show_default=False,
        ),
    ],
    stack: StackName = "",
    local: Local = False,
    json: Json = False,
) -> None:
    """Change what holds for all keys of an owner, also for those made later.

    It takes effect at once.
    """
    window = _window(repeat_window)
    _say(_keys(ctx, stack, local=local).set_repeat_window(owner, window), json=json)


def _window(text: str) -> timedelta:
    try:
        return timedelta(seconds=int(text))
    except (ValueError, OverflowError):
        raise Misused(f"--repeat-window: {text!r} is not a number of seconds") from None


def _say(owner: Owner, *, json: bool) -> None:
    if json:
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


def _keys(ctx: typer.Context, name: str, *, local: bool) -> TableKeys:
    stack = find(ctx, name, local=local)
    return TableKeys(stack.dynamodb(), stack.table)
