"""Reads the command line, runs one command, and turns whatever goes wrong into a sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.exceptions import TyperException

from cli.errors import Code, CommandError, in_options
from cli.options import Commands
from cli.output import note
from cli.world import World
from reelkeep.domain.errors import InvalidRequest, NotFound, ReelkeepError

_EPILOG: Final = (
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 a task ended without a video, 4 the key is refused, "
    "5 not found, 6 the stack does not answer, 130 interrupted."
)

_YOURS, _VIDEOS, _STACK, _OPERATE = "Your stacks", "Videos", "The stack", "Operate a stack"
MODULES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {  # where in the help, and what, in its order
    "users.profiles": (_YOURS, ("login", "logout", "profiles", "env")),
    "users.submit": (_VIDEOS, ("submit", "again")),
    "users.tasks": (_VIDEOS, ("list", "show", "open")),
    "users.watch": (_VIDEOS, ("watch",)),
    "users.pull": (_VIDEOS, ("pull",)),
    "users.changes": (_VIDEOS, ("cancel", "tag", "star", "hide", "restore", "erase", "revoke-links")),
    "users.export": (_VIDEOS, ("export",)),
    "users.usage": (_VIDEOS, ("usage",)),
    "users.webhooks": (_VIDEOS, ("webhooks",)),
    "users.mcp_server": (_VIDEOS, ("mcp",)),
    "local_cloud": (_STACK, ("up", "demo")),
    "operators.deploy": (_STACK, ("deploy",)),
    "operators.logs": (_STACK, ("logs",)),
    "operators.status": (_OPERATE, ("status",)),
    "operators.tasks": (_OPERATE, ("tasks",)),
    "operators.imports": (_OPERATE, ("import", "adopt")),
    "operators.keys": (_OPERATE, ("keys",)),
    "operators.owners": (_OPERATE, ("owners",)),
    "operators.providers": (_OPERATE, ("providers",)),
    "operators.costs": (_OPERATE, ("costs",)),
    "operators.archive": (_OPERATE, ("archive",)),
    "operators.dlq": (_OPERATE, ("dlq",)),
    "operators.subscriptions": (_OPERATE, ("subscriptions",)),
}


def _version(asked: bool) -> None:
    if asked:
        print(f"reelkeep {_installed_version()}")
        raise typer.Exit


def _installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("reelkeep")
    except PackageNotFoundError:  # run from a checkout
        return "of this checkout"


def build(first: str = "") -> typer.Typer:
    """With every command, or with that of this name alone: what the others need takes a second to load."""
    app = Commands(
        name="reelkeep",
        help="Have videos made, find them again, keep them for good.",
        epilog=_EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def top(
        version: Annotated[
            bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
        ] = False,
    ) -> None:
        """Have videos made, find them again, keep them for good."""

    for name in [name for name, (_, words) in MODULES.items() if first in words] or MODULES:
        module, (panel, words) = import_module(f"cli.{name}"), MODULES[name]
        if hasattr(module, "group"):
            app.add_typer(module.group, name=words[0], rich_help_panel=panel)
            continue
        for word in words:
            function = getattr(module, f"{word}_", None) or getattr(module, word.replace("-", "_"))
            app.command(word, rich_help_panel=panel, context_settings=getattr(module, "SETTINGS", None))(function)
    return app


def main(arguments: Sequence[str] | None = None, world: World | None = None) -> int:
    """The exit code."""
    chosen = sys.argv[1:] if arguments is None else list(arguments)
    try:
        found = build(chosen[0] if chosen else "")(
            chosen, prog_name="reelkeep", standalone_mode=False, obj=world or World()
        )
        return found if isinstance(found, int) else Code.DONE
    except CommandError as error:
        return _failed(str(error), error.code)
    except typer.Exit as error:
        return error.exit_code
    except TyperException as error:
        return _misused(error)
    except (KeyboardInterrupt, typer.Abort):
        return Code.INTERRUPTED
    except BrokenPipeError:  # whoever read our output has enough
        sys.stderr.close()
        return Code.FAILED
    except OSError as error:  # no permission, no space, a file where a folder should be
        return _failed(f"{error.filename}: {error.strerror}" if error.filename else str(error), Code.FAILED)
    except NotFound as error:
        return _failed(str(error), Code.NOT_FOUND)
    except InvalidRequest as error:
        return _failed(in_options(str(error), error.field or ""), Code.MISUSED)
    except ReelkeepError as error:
        return _failed(str(error), Code.FAILED)
    except Exception as error:  # nobody who types a command can use a traceback
        if (world or World()).environ.get("REELKEEP_DEBUG"):
            raise
        if sentence := _of_aws(error, local="--local" in chosen):
            return _failed(sentence, Code.FAILED)
        return _failed(
            f"this is a fault of `reelkeep` itself, {type(error).__name__}: {error}; REELKEEP_DEBUG=1 shows where",
            Code.FAILED,
        )


def _of_aws(error: Exception, *, local: bool) -> str:
    """What boto3 raised, as a sentence; empty for another error. Loads nothing that is not loaded."""
    if "botocore" not in sys.modules:
        return ""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        EndpointConnectionError,
        NoCredentialsError,
        NoRegionError,
    )

    match error:
        case ClientError():
            return f"AWS refused: {error}"
        case NoRegionError():
            return "no region is set: say in AWS_REGION where the stack is, or use --local for that of `reelkeep up`"
        case NoCredentialsError():
            return "there are no AWS credentials: set AWS_PROFILE or others, or use --local for that of `reelkeep up`"
        case EndpointConnectionError():
            return f"{error}{': is `reelkeep up` running?' if local else ''}"
        case BotoCoreError():
            return str(error)
    return ""


def _failed(reason: str, code: Code) -> int:
    note(f"error: {reason}")
    return code


def _misused(error: Any) -> int:
    """One sentence, which names the word that is wrong and the one that was meant."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(str(error.message).strip())
        return Code.MISUSED
    if error.exit_code != Code.MISUSED:
        return _failed(str(error.format_message()), Code.FAILED)
    message, context = _sentence(error), getattr(error, "ctx", None)
    if not message.endswith("?"):
        message = f"{message} (see `{context.command_path if context else 'reelkeep'} --help`)"
    return _failed(message, Code.MISUSED)


def _sentence(error: Any) -> str:
    message = str(error.format_message()).strip().rstrip(".")
    message = f"{message[:1].lower()}{message[1:]}"
    if "unexpected extra argument" in message:
        return f"there is no place for {message.rpartition('(')[2].rstrip(')')!r}"
    if type(error).__name__ == "NoSuchOption":
        return _with_meant(f"there is no option {error.option_name}", error.option_name, error.possibilities or ())
    if (parameter := getattr(error, "param", None)) is None:
        return message.replace(". Did you mean", ": did you mean")
    is_option, kind = parameter.param_type_name == "option", parameter.type
    name = max(parameter.opts, key=len) if is_option else (parameter.metavar or parameter.name).strip("[].")
    choices = [*map(str, getattr(kind, "choices", ()))]
    one_of = f"one of {', '.join(choices)}"
    if type(error).__name__ == "MissingParameter":
        return f"{name} is missing{f': it is {one_of}' if choices else ''}"
    if choices and "' is not one of '" in message:
        wrong = message.partition(": '")[2].partition("' is not one of")[0]
        said = f"{name} cannot be {wrong!r}"
        meant = _with_meant(said, wrong, choices)
        return f"{said}; it is {one_of}" if meant == said else meant
    if "integer" in kind.name or "int" in kind.name:
        least, most = getattr(kind, "min", None), getattr(kind, "max", None)
        limits = f" from {least} to {most}" if most is not None else f", {least} or more" if least is not None else ""
        return f"{name} must be a whole number{limits}"
    detail = str(error.message).strip().rstrip(".")
    return f"{name}: {detail[:1].lower()}{detail[1:]}"


def _with_meant(message: str, wrong: str, words: Sequence[str]) -> str:
    meant = get_close_matches(wrong, words, 1)
    return f"{message}: did you mean {meant[0]}?" if meant else message
