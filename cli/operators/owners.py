"""Owners: whom keys belong to, and what holds for all keys of one: limits, and whether they may submit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from cli.errors import Misused
from cli.operators.erasure import erase
from cli.operators.stack import Local, Stack, StackName, find
from cli.options import Commands, Json
from cli.output import print_json, print_table
from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.domain.keys import Owner
from reelkeep.domain.limits import COUNTED, NEW_OWNERS, Limits, OwnerSettings, use
from reelkeep.domain.money import amount
from reelkeep.services.owners import ChangeOwner

group = Commands(help=__doc__, no_args_is_help=True)
group.command()(erase)


OwnerName = Annotated[
    str,
    typer.Argument(
        metavar="OWNER", help=f"The owner's name; '{NEW_OWNERS}' is what new owners begin with.", show_default=False
    ),
]


@group.command("list")
def list_all(ctx: typer.Context, stack: StackName = "", local: Local = False, json: Json = False) -> None:
    """Show everybody who has a key, or had one."""
    place = find(ctx, stack, local=local)
    found = TableKeys(place.dynamodb(), place.table).owners()
    if json:
        print_json([_shown(each) for each in found])
        return
    print_table(
        {
            "OWNER": [each.name for each in found],
            "KEYS": [each.keys for each in found],
            "REPEAT WINDOW": [_window(each) for each in found],
            "LIMITS": [_limits(each.settings.limits) for each in found],
            "STOPPED": [each.settings.stopped or None for each in found],
        }
    )


@group.command()
def show(
    ctx: typer.Context, owner: OwnerName, stack: StackName = "", local: Local = False, json: Json = False
) -> None:
    """Show one owner, its limits, and what counts against them now."""
    _say(find(ctx, stack, local=local), owner, json=json)


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
    if not re.fullmatch("-?[0-9]{1,9}", repeat_window):
        raise Misused(f"--repeat-window: {repeat_window!r} is not a number of seconds")
    window = int(repeat_window)
    _change(find(ctx, stack, local=local), owner, lambda settings: replace(settings, repeat_window=window), json=json)


def _option(name: str, help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar="N", help=help, show_default=False)
    return option


_NO_LIMIT = "none"


@group.command()
def limit(
    ctx: typer.Context,
    owner: OwnerName,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A pattern of models that it may use; repeatable.")
    ] = None,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", help="A provider that it may use; repeatable.")
    ] = None,
    tasks_at_once: Annotated[str, _option("--tasks-at-once", "Until their provider is done.")] = "",
    submissions_a_minute: Annotated[str, _option("--submissions-a-minute", "From :00 to :59.")] = "",
    videos_a_day: Annotated[str, _option("--videos-a-day", "By UTC.")] = "",
    money_a_day: Annotated[str, _option("--money-a-day", "Reserved and charged.")] = "",
    money_a_month: Annotated[str, _option("--money-a-month", "Reserved and charged.")] = "",
    currency: Annotated[str, typer.Option("--currency", metavar="CODE", help="Of the money, such as USD.")] = "",
    unpriced: Annotated[
        bool | None,
        typer.Option(
            "--unpriced/--no-unpriced",
            help="Whether it may use models without a price in spite of a limit of money.",
            show_default=False,
        ),
    ] = None,
    stack: StackName = "",
    local: Local = False,
    json: Json = False,
) -> None:
    """Change an owner's limits. They hold at once; `none` removes one.

    What is not named stays as it is.
    """
    counts = {
        "tasks_at_once": _whole(tasks_at_once),
        "submissions_a_minute": _whole(submissions_a_minute),
        "videos_a_day": _whole(videos_a_day),
        "money_a_day": _money(money_a_day),
        "money_a_month": _money(money_a_month),
    }
    said = (tasks_at_once, submissions_a_minute, videos_a_day, money_a_day, money_a_month)
    changes: dict[str, object] = {
        name: value for (name, value), text in zip(counts.items(), said, strict=True) if text
    }
    if model is not None:
        changes["models"] = tuple(each for each in model if each != _NO_LIMIT)
    if provider is not None:
        changes["providers"] = tuple(each for each in provider if each != _NO_LIMIT)
    if currency:
        changes["currency"] = currency
    if unpriced is not None:
        changes["unpriced"] = unpriced
    if not changes:
        raise Misused("name at least one limit")
    edited: Callable[[Limits], Limits] = lambda limits: replace(limits, **changes)  # type: ignore[arg-type]  # noqa: E731
    _change(
        find(ctx, stack, local=local),
        owner,
        lambda settings: replace(settings, limits=edited(settings.limits)),
        json=json,
    )


@group.command()
def stop(
    ctx: typer.Context,
    owner: OwnerName,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="What its clients are told.")
    ] = "ask whoever runs this service",
    stack: StackName = "",
    local: Local = False,
    json: Json = False,
) -> None:
    """Refuse an owner's submissions, at once. Tasks that are under way are seen through."""
    _change(find(ctx, stack, local=local), owner, lambda settings: replace(settings, stopped=reason), json=json)


@group.command()
def start(
    ctx: typer.Context, owner: OwnerName, stack: StackName = "", local: Local = False, json: Json = False
) -> None:
    """Take an owner's submissions again."""
    _change(find(ctx, stack, local=local), owner, lambda settings: replace(settings, stopped=""), json=json)


def _whole(text: str) -> int | None:
    try:
        return None if text in ("", _NO_LIMIT) else int(text)
    except ValueError:
        raise Misused(f"{text!r} is not a whole number") from None


def _money(text: str) -> Decimal | None:
    try:
        return None if text in ("", _NO_LIMIT) else Decimal(text)
    except InvalidOperation:
        raise Misused(f"{text!r} is not an amount of money") from None


def _change(stack: Stack, name: str, edit: Callable[[OwnerSettings], OwnerSettings], *, json: bool) -> None:
    client = stack.dynamodb()
    owners = TableKeys(client, stack.table).settings
    ledger = TableLedger(client, stack.table)
    ChangeOwner(owners, TableCounters(client, stack.table), ledger, _now)(name, edit)
    _say(stack, name, json=json)


def _say(stack: Stack, name: str, *, json: bool) -> None:
    client = stack.dynamodb()
    keys = TableKeys(client, stack.table)
    settings = keys.settings.settings(name)
    owner = Owner(name=name, keys=sum(key.is_good(_now()) for key in keys.all(name)), settings=settings)
    limits = settings.limits
    now = use(TableCounters(client, stack.table).counts(name), "", limits.currency, _now())
    used = {each: getattr(now, each) for each in COUNTED if getattr(limits, each) is not None}
    if json:
        print_json({**_shown(owner), "use": {each: _plain(there) for each, there in used.items()}})
        return
    print_table(
        {
            "WHAT": ["keys", "repeat window", "stopped", "models", "providers", *COUNTED, "unpriced models"],
            "LIMIT": [
                owner.keys,
                _window(owner),
                settings.stopped or "no",
                " ".join(limits.models) or "all",
                " ".join(limits.providers) or "all",
                *(_said(limits, each) for each in COUNTED),
                "allowed" if limits.unpriced or not limits.of_money else "refused",
            ],
            "NOW": [None] * 5 + [_plain(used[each]) if each in used else None for each in COUNTED] + [None],
        }
    )


def _said(limits: Limits, name: str) -> str:
    value = getattr(limits, name)
    if value is None:
        return _NO_LIMIT
    return f"{amount(value)} {limits.currency}" if isinstance(value, Decimal) else str(value)


def _limits(limits: Limits) -> str | None:
    names = [*(name for name in ("models", "providers") if getattr(limits, name))]
    found = [f"{name}={' '.join(getattr(limits, name))}" for name in names]
    found += [f"{name}={_said(limits, name)}" for name in COUNTED if getattr(limits, name) is not None]
    return ", ".join(found) or None


def _window(owner: Owner) -> str:
    return f"{owner.settings.repeat_window} s" if owner.settings.repeat_window else "off"


def _shown(owner: Owner) -> dict[str, object]:
    limits = owner.settings.limits
    return {
        "owner": owner.name,
        "keys": owner.keys,
        "repeat_window_seconds": owner.settings.repeat_window,
        "stopped": owner.settings.stopped or None,
        "limits": {
            "models": list(limits.models),
            "providers": list(limits.providers),
            **{name: _plain(getattr(limits, name)) for name in COUNTED},
            "currency": limits.currency or None,
            "unpriced": limits.unpriced,
        },
    }


def _plain(value: object) -> object:
    return amount(value) if isinstance(value, Decimal) else value


def _now() -> datetime:
    return datetime.now(UTC)
