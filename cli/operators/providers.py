"""Providers: check their configuration, the deployed one or one in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.operators.stack import Local, NotFound, StackName, find
from cli.options import Json
from cli.output import print_json, print_table

group = typer.Typer(help=__doc__, no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="providers", rich_help_panel="Operate a stack")


@group.callback()
def providers() -> None:
    """Providers: check their configuration, the deployed one or one in a file."""


@group.command()
def check(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A file to check, instead of the secret.", show_default=False),
    ] = None,
    stack: StackName = "",
    local: Local = False,
    json: Json = False,
) -> None:
    """Say what is wrong with the configuration, or which providers there are, in their order."""
    from reelkeep.adapters.providers.configuration import parse_providers
    from reelkeep.dialects import upstream
    from reelkeep.domain.errors import Misconfigured

    text = _text(file) if file is not None else find(ctx, stack, local=local).providers()
    found = [(name, settings) for name, (settings, _) in parse_providers(text, upstream).items()]
    if not found:
        raise Misconfigured("the providers' configuration is wrong: there is no provider in it")
    if json:
        print_json({name: settings.model_dump(exclude={"api_key"}) for name, settings in found})
        return
    print_table(
        {
            "PROVIDER": [name for name, _ in found],
            "DIALECT": [settings.dialect for _, settings in found],
            "BASE URL": [settings.base_url for _, settings in found],
            "MODELS": [" ".join(settings.models) or None for _, settings in found],
            "DEFAULT": ["yes" if settings.default else None for _, settings in found],
        }
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NotFound(f"{file} is not UTF-8") from error
