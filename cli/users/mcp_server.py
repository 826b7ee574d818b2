"""Serving an assistant."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.errors import CommandError
from cli.options import Connected, Json


def mcp(
    api: Connected,
    ask_after: Annotated[
        int, typer.Option("--ask-after", metavar="VIDEOS", min=0, help="Ask you before each one beyond so many.")
    ] = 3,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="CREDITS", min=0, help="Ask you once so many credits are spent.")
    ] = None,
    json: Json = False,
) -> None:
    """Serve an assistant: it can submit, find, watch and link your videos (Model Context Protocol).

    The assistant starts this command itself: name `reelkeep mcp` in its configuration. It needs the extra `mcp`
    (uv tool install '.[mcp]').
    """
    del json  # the protocol is JSON anyway
    try:
        from cli.assistant import Budget, build
    except ModuleNotFoundError as error:
        raise CommandError("this command needs the extra `mcp`: uv tool install '.[mcp]'") from error
    build(api, Budget(ask_after, limit)).run("stdio")
