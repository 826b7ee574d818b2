"""API keys: create one for an owner, list them, revoke one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.operators.limits import changed, checked, said, shown
from cli.operators.stack import Local, StackName, find
from cli.options import Commands, Json
from cli.output import note, print_json, print_table
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.domain.errors import NotFound
from reelkeep.domain.keys import ApiKey, KeyWish
from reelkeep.domain.limits import COUNTED, NO_LIMITS
from reelkeep.domain.scopes import Scope

group = Commands(help=__doc__, no_args_is_help=True)


@group.command()
def create(
    ctx: typer.Context,
    owner: Annotated[
        str,
        typer.Option("--owner", metavar="OWNER", help="Whose tasks its holder sees and makes.", show_default=False),
    ],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What it is for, to recognise it by.")] = "",
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            "--scope",
            help="What it is good for; repeatable. All but operate, an operator's, if nothing is said.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            metavar="NAME=VALUE",
            help="A limit of this key alone, such as videos_a_day=5; repeatable. See `owners limit`.",
            show_default=False,
        ),
    ] = None,
    stack: StackName = "",
    local: Local = False,
    json: Json = False,
) -> None:
    """Make a key and print it, alone, to standard output.

    It is kept as a hash only: it cannot be shown again.
    """
    limits = changed(NO_LIMITS, limit or ())
    wish = KeyWish(name=name, scopes=frozenset(scope) if scope else None, limits=limits)
    keys = _keys(ctx, stack, local=local)
    with suppress(NotFound):  # an owner begins with its first key
        checked(limits, keys.settings.settings(owner).limits)
    checked(limits)
    key, described = keys.create(owner, wish, _now())
    if json:
        print_json({"key": key, **_shown(described)})
        return
    print(key)
    note(
        f"It belongs to {described.owner}, and is shown only this once."
        f" To end it: reelkeep keys revoke {described.key_id}{' --local' if local else ''}"
    )


@group.command("list")
def list_all(
    ctx: typer.Context,
    owner: Annotated[str | None, typer.Option("--owner", metavar="OWNER", help="Only this owner's.")] = None,
    stack: StackName = "",
    local: Local = False,
    json: Json = False,
) -> None:
    """Show what is known of keys, revoked ones too."""
    found = _keys(ctx, stack, local=local).all(owner)
    if json:
        print_json([_shown(each) for each in found])
        return
    print_table(
        {
            "KEY ID": [each.key_id for each in found],
            "OWNER": [each.owner for each in found],
            "NAME": [each.name for each in found],
            "SCOPES": [" ".join(sorted(each.scopes)) for each in found],
            "LIMITS": [
                " ".join(f"{name}={value}" for name in COUNTED if (value := said(each.limits, name))) or None
                for each in found
            ],
            "ENDS WITH": [each.last_characters for each in found],
            "CREATED": [each.created_at for each in found],
            "REVOKED": [each.revoked_at for each in found],
        }
    )


@group.command()
def revoke(
    ctx: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="As `keys list` shows it.", show_default=False)],
    stack: StackName = "",
    local: Local = False,
    json: Json = False,
) -> None:
    """End a key, at once and for good."""
    revoked = _keys(ctx, stack, local=local).revoke(key_id, _now())
    if json:
        print_json(_shown(revoked))
        return
    print(f"The key {revoked.key_id} of {revoked.owner}, ending with {revoked.last_characters}, is revoked.")


def _shown(key: ApiKey) -> dict[str, object]:
    return {**asdict(key), "scopes": sorted(key.scopes), "limits": shown(key.limits)}


def _keys(ctx: typer.Context, name: str, *, local: bool) -> TableKeys:
    stack = find(ctx, name, local=local)
    return TableKeys(stack.dynamodb(), stack.table)


def _now() -> datetime:
    return datetime.now(UTC)
