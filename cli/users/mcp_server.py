"""Serving an assistant."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

import typer

from cli.errors import CommandError, Misused
from cli.options import Connected, Json


def mcp(
    api: Connected,
    ask_after: Annotated[
        int, typer.Option("--ask-after", metavar="VIDEOS", min=0, help="Ask you before each one beyond so many.")
    ] = 3,
    limit: Annotated[
        str,
        typer.Option("--limit", metavar="SUM", help="Ask you before more is spent, as 200, '5 USD' or '60 seconds'."),
    ] = "",
    json: Json = False,
) -> None:
    """Serve an assistant: it can submit, find, watch and link your videos (Model Context Protocol).

    Before it spends more than you allowed it asks you, by the prices that the stack knows.
    The assistant starts this command itself: name `reelkeep mcp` in its configuration. It needs the extra `mcp`
    (uv tool install '.[mcp]').
    """
    del json  # the protocol is JSON anyway
    try:
        from cli.assistant import Budget, build
    except ModuleNotFoundError as error:
        raise CommandError("this command needs the extra `mcp`: uv tool install '.[mcp]'") from error
    build(api, Budget(ask_after, *_sum(limit))).run("stdio")


def _sum(text: str) -> tuple[Decimal | None, str]:
    """A number of credits, unless it says of what. Raises Misused."""
    number, _, unit = text.strip().partition(" ")
    if not text:
        return None, "credits"
    if not re.fullmatch(r"\d+(\.\d+)?", number) or not re.fullmatch(r"([A-Z]{3}|[a-z]+)?", unit):
        raise Misused(f"--limit {text!r} is no sum, such as 200 for credits, '5 USD' or '60 seconds'")
    return Decimal(number), unit or "credits"
