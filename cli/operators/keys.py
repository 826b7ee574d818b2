"""API keys: create one for an owner, list them, revoke one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.operators.limits import changed, checked, in_words, shown
from cli.operators.stack import Place
from cli.options import Commands, Json
from cli.output import Columns, note, print_json, print_rows, say
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.domain.errors import NotFound
from reelkeep.domain.keys import ApiKey, KeySettings
from reelkeep.domain.limits import COUNTED, NO_LIMITS
from reelkeep.domain.scopes import Scope

group = Commands(help=__doc__, no_args_is_help=True)


@group.command()
def create(
    place: Place,
    owner: Annotated[
        str,
        typer.Option("--owner", metavar="OWNER", help="Whose tasks its holder sees and makes.", show_default=False),
    ],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What it is for, to recognise it by.")] = "",
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            "--scope",
            help="What it is good for; repeatable. Without it, all but operate, which is for operators.",
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
    json: Json = False,
) -> None:
    """Make a key and print it, alone, to standard output.

    It is kept as a hash only: it cannot be shown again.
    """
    limits = changed(NO_LIMITS, limit or ())
    wanted = KeySettings(name=name, scopes=frozenset(scope) if scope else None, limits=limits)
    keys = TableKeys(place.dynamodb(), place.table)
    with suppress(NotFound):  # an owner begins with its first key
        checked(limits, keys.settings.settings(owner).limits)
    checked(limits)
    key, described = keys.create(owner, wanted, _now())
    if json:
        print_json({"key": key, **_shown(described)})
        return
    print(key)
    note(
        f"It belongs to {described.owner}, and is shown only this once."
        f" To end it: reelkeep keys revoke {described.key_id}{' --local' if place.endpoint_url else ''}"
    )


@group.command("list")
def list_all(
    place: Place,
    owner: Annotated[str | None, typer.Option("--owner", metavar="OWNER", help="Only this owner's.")] = None,
    json: Json = False,
) -> None:
    """Show what is known of keys, revoked ones too."""
    found = TableKeys(place.dynamodb(), place.table).all(owner)
    columns: Columns = {
        "KEY ID": "key_id",
        "OWNER": "owner",
        "NAME": "name",
        "SCOPES": lambda key: " ".join(sorted(key.scopes)),
        "LIMITS": lambda key: in_words(key.limits, COUNTED),
        "ENDS WITH": "last_characters",
        "CREATED": "created_at",
        "LAST USED": "last_used_on",
        "REVOKED": "revoked_at",
    }
    print_rows([*map(_shown, found)] if json else found, columns, json=json)


@group.command()
def revoke(
    place: Place,
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="As `keys list` shows it.", show_default=False)],
    json: Json = False,
) -> None:
    """End a key, at once and for good."""
    key = TableKeys(place.dynamodb(), place.table).revoke(key_id, _now())
    sentence = f"The key {key.key_id} of {key.owner}, ending with {key.last_characters}, is revoked."
    say(sentence, _shown(key), json=json)


def _shown(key: ApiKey) -> dict[str, object]:
    used = key.last_used_on.isoformat() if key.last_used_on else None
    return {**asdict(key), "last_used_on": used, "scopes": sorted(key.scopes), "limits": shown(key.limits)}


def _now() -> datetime:
    return datetime.now(UTC)
