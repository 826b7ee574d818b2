"""Providers: check their configuration, the deployed one or one in a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from admin import stack
from admin.output import print_json, print_table
from reelkeep.adapters.providers.configuration import parse_providers
from reelkeep.dialects import upstream
from reelkeep.domain.errors import Misconfigured

if TYPE_CHECKING:
    Groups = argparse._SubParsersAction[argparse.ArgumentParser]


def register(groups: Groups) -> None:
    group = groups.add_parser("providers", help="providers' configuration", description=__doc__)
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    check_ = commands.add_parser(
        "check",
        parents=[stack.options()],
        help="find mistakes",
        description="Says what is wrong with the configuration, or which providers there are, in their order.",
    )
    check_.add_argument("file", metavar="FILE", nargs="?", type=Path, help="a file to check, instead of the secret")
    check_.set_defaults(find=configuration, run=check)


def configuration(options: argparse.Namespace, root: Path) -> str:
    """The file's text, or the secret's. Raises what looking for the stack raises, too."""
    if options.file is None:
        return stack.find(options, root).providers()
    try:
        return str(options.file.read_text(encoding="utf-8"))
    except OSError as error:
        raise stack.NotFound(f"{options.file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise stack.NotFound(f"{options.file} is not UTF-8") from error


def check(options: argparse.Namespace, text: str) -> None:
    """Raises Misconfigured."""
    providers = [(name, settings) for name, (settings, _) in parse_providers(text, upstream).items()]
    if not providers:
        raise Misconfigured("the providers' configuration is wrong: there is no provider in it")
    if options.json:
        print_json({name: settings.model_dump(exclude={"api_key"}) for name, settings in providers})
        return
    print_table(
        {
            "PROVIDER": [name for name, _ in providers],
            "DIALECT": [settings.dialect for _, settings in providers],
            "BASE URL": [settings.base_url for _, settings in providers],
            "MODELS": [" ".join(settings.models) or None for _, settings in providers],
            "DEFAULT": ["yes" if settings.default else None for _, settings in providers],
        }
    )
