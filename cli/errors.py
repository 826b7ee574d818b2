"""What can go wrong: a sentence for a person, an exit code for a script."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

_OPTIONS: Final = {  # that do not have the name of the field
    "prompt": "PROMPT",
    "images": "--image",
    "video_url": "--video",
    "creation_id": "--creation",
    "tags": "--tag",
    "q": "--search",
    "created_from": "--since",
    "created_to": "--until",
    "from": "--since",
    "to": "--until",
    "events": "--event",
    "body_format": "--body",
}


class Code(IntEnum):
    """The exit codes, as docs/command.md states them."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    UNSUCCESSFUL = 3
    KEY_REFUSED = 4
    NOT_FOUND = 5
    UNREACHABLE = 6
    INTERRUPTED = 130  # as shells have it


class CommandError(Exception):
    """The message is a sentence for whoever typed the command."""

    code = Code.FAILED


class Misused(CommandError):
    """The command line is wrong, or the API says that a field is."""

    code = Code.MISUSED


class WrongFields(Misused):
    """The API refuses these fields of a request: pairs of a field's name and what is wrong with it."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{_option(field)} {said.removeprefix(field).strip()}" for field, said in fields))


class Unsuccessful(CommandError):
    """A task ended without a video."""

    code = Code.UNSUCCESSFUL


class KeyRefused(CommandError):
    code = Code.KEY_REFUSED


class NothingFound(CommandError):
    code = Code.NOT_FOUND


class Unreachable(CommandError):
    """The stack does not answer; the same command may work later."""

    code = Code.UNREACHABLE


def _option(field: str) -> str:
    """What somebody typed for a field of the API."""
    root = field.partition(".")[0].partition("[")[0]
    return _OPTIONS.get(root) or f"--{root.replace('_', '-')}"
