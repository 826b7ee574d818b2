"""Owners: whom keys belong to, and what holds for all keys of one: limits, and whether they may submit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from cli.errors import Misused
from cli.operators.erasure import erase
from cli.operators.limits import NAMES, changed, checked, in_words, plain, said, shown
from cli.operators.stack import Place, Stack
from cli.options import Commands, Json, Options
from cli.output import Columns, print_json, print_rows, print_table
from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.counts import use
from reelkeep.domain.keys import Owner
from reelkeep.domain.limits import COUNTED, Limits
from reelkeep.domain.owner_settings import NEW_OWNERS, OwnerSettings
from reelkeep.services.counts import CountUnderWay
from reelkeep.services.owners import ChangeOwner

group = Commands(help=__doc__, no_args_is_help=True)
group.command()(erase)
WhenFull = Literal["refuse", "queue"]
_COUNTED_AND_NAMED = [name for name in NAMES if name not in ("currency", "unpriced")]


OwnerName = Annotated[
    str,
    typer.Argument(
        metavar="OWNER", help=f"The owner's name; '{NEW_OWNERS}' is what new owners begin with.", show_default=False
    ),
]


@group.command("list")
def list_all(place: Place, json: Json = False) -> None:
    """Show everybody who has a key, or had one."""
    found = TableKeys(place.dynamodb(), place.table).owners()
    columns: Columns = {
        "OWNER": "name",
        "KEYS": "keys",
        "REPEAT WINDOW": _window,
        "LIMITS": lambda owner: in_words(owner.settings.limits, _COUNTED_AND_NAMED),
        "STOPPED": lambda owner: owner.settings.stopped,
    }
    print_rows([*map(_shown, found)] if json else found, columns, json=json)


@group.command()
def show(place: Place, owner: OwnerName, json: Json = False) -> None:
    """Show one owner, its limits, and what counts against them now."""
    _say(place, owner, json=json)


def _window_of(
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
) -> int:
    if not re.fullmatch("-?[0-9]{1,9}", repeat_window):
        raise Misused(f"--repeat-window: {repeat_window!r} is not a number of seconds")
    return int(repeat_window)


@group.command("set")
def change(window: Annotated[int, Options(_window_of)], place: Place, owner: OwnerName, json: Json = False) -> None:
    """Change what holds for all keys of an owner, also for those made later.

    It takes effect at once.
    """
    _change(place, owner, lambda settings: replace(settings, repeat_window=window), json=json)


def _pairs(
    limits: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE", help=f"One of {', '.join(NAMES)}.", show_default=False),
    ] = None,
) -> list[str]:
    limits = limits or []
    changed(Limits(), limits)  # complains before anything is looked for
    return limits


@group.command()
def limit(
    limits: Annotated[list[str], Options(_pairs)],
    place: Place,
    owner: OwnerName,
    when_full: Annotated[
        WhenFull | None,
        typer.Option(
            "--when-full",
            help="What becomes of a submission beyond tasks_at_once: it is refused, which is how owners begin, or it"
            " is accepted and waits in line.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Change an owner's limits, such as `videos_a_day=20 money_a_month=900 currency=USD models=vidu*,kling*`.

    They hold at once. `none` removes one; what is not named stays as it is. Days and months are those of UTC. Money
    is what is reserved and charged; `unpriced=yes` allows models without a price in spite of a limit of money.
    """
    if not limits and not when_full:
        raise Misused("name a limit, or --when-full")
    _change(
        place,
        owner,
        lambda settings: replace(
            settings,
            limits=checked(changed(settings.limits, limits)),
            when_full=when_full or settings.when_full,
        ),
        json=json,
    )


@group.command()
def stop(
    place: Place,
    owner: OwnerName,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="What its clients are told.")
    ] = "ask whoever runs this service",
    json: Json = False,
) -> None:
    """Refuse an owner's submissions, at once. Tasks that are under way are seen through."""
    _change(place, owner, lambda settings: replace(settings, stopped=reason), json=json)


@group.command()
def start(place: Place, owner: OwnerName, json: Json = False) -> None:
    """Take an owner's submissions again."""
    _change(place, owner, lambda settings: replace(settings, stopped=""), json=json)


def _change(stack: Stack, name: str, edit: Callable[[OwnerSettings], OwnerSettings], *, json: bool) -> None:
    client = stack.dynamodb()
    owners = TableKeys(client, stack.table).settings
    ledger = TableLedger(client, stack.table)
    under_way = CountUnderWay(TableTasks(client, stack.table), ledger, _now)
    ChangeOwner(owners, TableCounters(client, stack.table), ledger, under_way, _now)(name, edit)
    _say(stack, name, json=json)


def _say(stack: Stack, name: str, *, json: bool) -> None:
    client = stack.dynamodb()
    keys = TableKeys(client, stack.table)
    settings = keys.settings.settings(name)
    owner = Owner(name=name, keys=sum(key.is_good(_now()) for key in keys.all(name)), settings=settings)
    limits = settings.limits
    now = use(TableCounters(client, stack.table).counts(name), "", limits.currency, _now())
    used = {each: plain(getattr(now, each)) for each in COUNTED if getattr(limits, each) is not None}
    if json:
        print_json({**_shown(owner), "use": used})
        return
    print_table(
        {
            "WHAT": ["keys", "repeat_window", "stopped", "when_full", *NAMES],
            "LIMIT": [
                owner.keys,
                _window(owner),
                settings.stopped or "no",
                settings.when_full,
                *(said(limits, each) for each in NAMES),
            ],
            "NOW": [None] * 4 + [used.get(each) for each in NAMES],
        }
    )


def _window(owner: Owner) -> str:
    return f"{owner.settings.repeat_window} s" if owner.settings.repeat_window else "off"


def _shown(owner: Owner) -> dict[str, object]:
    return {
        "owner": owner.name,
        "keys": owner.keys,
        "repeat_window_seconds": owner.settings.repeat_window,
        "stopped": owner.settings.stopped or None,
        "when_full": owner.settings.when_full,
        "limits": shown(owner.settings.limits),
    }


def _now() -> datetime:
    return datetime.now(UTC)
