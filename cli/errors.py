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
    "url": "URL",
    "q": "--search",
    "created_from": "--since",
    "created_to": "--until",
    "from": "--since",
    "to": "--until",
    "events": "--event",
    "body_format": "--body",
}
_VERBS: Final = ("must ", "is ", "are ", "cannot ", "has ", "may ", "or ")  # a message begins with, after the field


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
        super().__init__("; ".join(in_options(said, field) for field, said in fields))


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


def in_options(sentence: str, field: str) -> str:
    """What the API says of a field, in the words of the command line."""
    root = field.partition(".")[0].partition("[")[0]
    option = _OPTIONS.get(root) or f"--{root.replace('_', '-')}"
    said = sentence.removeprefix(field).strip()
    for name in (each for each in _OPTIONS if "_" in each):  # no other word is one
        said = said.replace(name, _OPTIONS[name])
    if not field:
        return said
    return f"{option} {said}" if said.startswith(_VERBS) else f"{option}: {said}"
