"""Dead letters: executions and sweeps that failed for good. See what waits, give it another chance, or none."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from admin import stack
from admin.dead_letters import DeadLetters, Letter, Meaning, understood
from admin.output import confirmed, counted, print_json, print_table
from admin.replay import Replay, Replayed
from admin.stack import NotFound, Stack
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.domain.redaction import redact

if TYPE_CHECKING:
    Groups = argparse._SubParsersAction[argparse.ArgumentParser]

_READING_SECONDS = 60  # for which nobody else sees a message that is read here
_REPLAYING_SECONDS = 900


def register(groups: Groups) -> None:
    group = groups.add_parser("letters", help="the dead-letter queue", description=__doc__)
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    common = stack.options()

    list_ = commands.add_parser(
        "list", parents=[common], help="show what waits", description="Shows every message, and leaves it there."
    )
    list_.set_defaults(run=list_all)

    show_ = commands.add_parser(
        "show", parents=[common], help="show one message whole", description="Shows one message, and leaves it there."
    )
    show_.add_argument("ids", metavar="ID", nargs=1, help="as `letters list` shows it; its beginning is enough")
    show_.set_defaults(run=show, all=False)

    replay_ = commands.add_parser(
        "replay",
        parents=[common],
        help="do again what failed",
        description="Gives an unfinished task another execution, or sweeps again, and then deletes the message. What"
        " cannot be replayed stays, and makes the exit code 1.",
    )
    _which(replay_)
    replay_.set_defaults(run=replay)

    delete_ = commands.add_parser(
        "delete",
        parents=[common],
        help="give up what failed",
        description="Deletes messages that nobody wants replayed, after it has shown them and asked. A task that one"
        " is about stays as it is: the sweep goes on trying an unfinished one.",
    )
    _which(delete_)
    delete_.add_argument("--yes", action="store_true", help="do not ask")
    delete_.set_defaults(run=delete)


def _which(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "ids", metavar="ID", nargs="*", default=[], help="as `letters list` shows it, or its beginning"
    )
    which.add_argument("--all", action="store_true", help="every message")


def list_all(options: argparse.Namespace, stack: Stack) -> None:
    letters = _all(stack)
    meanings = [_understood(letter, stack) for letter in letters]
    if options.json:
        print_json([_described(*each) for each in zip(letters, meanings, strict=True)])
        return
    print_table(_columns(letters, meanings))


def show(options: argparse.Namespace, stack: Stack) -> None:
    (letter,) = _chosen(_all(stack), options)
    described = _described(letter, _understood(letter, stack))
    attributes = {name: redact(value) for name, value in letter.attributes.items()}
    print_json({**described, "attributes": attributes, "body": _body(letter)})


def replay(options: argparse.Namespace, stack: Stack) -> int:
    again = Replay(
        tasks=TableTasks(stack.dynamodb(), stack.table),
        executions=StepFunctionsExecutions(stack.stepfunctions(), stack.needed("state_machine_arn")),
        sweep=lambda everything: _sweep(stack, everything=everything),
        clock=lambda: datetime.now(UTC),
    )
    queue = _queue(stack)
    letters = queue.all(hidden_seconds=_REPLAYING_SECONDS)
    left = {letter.id: letter for letter in letters}
    replayed: list[Replayed] = []
    try:
        for letter in _chosen(letters, options):
            replayed.append(again(letter, _understood(letter, stack)))
            if replayed[-1].done:
                queue.delete(letter)
                del left[letter.id]
    finally:
        queue.put_back(list(left.values()))
    if options.json:
        print_json([{**_described(e.letter, e.meaning), "deleted": e.done, "result": e.result} for e in replayed])
    else:
        print_table(
            {
                "ID": [each.letter.id for each in replayed],
                "WHAT": [each.meaning.what for each in replayed],
                "TASK": [each.meaning.task_id or None for each in replayed],
                "RESULT": [each.result for each in replayed],
            }
        )
    return int(not all(each.done for each in replayed))


def delete(options: argparse.Namespace, stack: Stack) -> int:
    """What is asked about is hidden from nobody meanwhile: it may be replayed instead."""
    chosen = _chosen(_all(stack), options)
    meanings = [_understood(letter, stack) for letter in chosen]
    if chosen and not options.yes:
        print_table(_columns(chosen, meanings), file=sys.stderr)
        if not confirmed(f"Delete {counted(len(chosen), 'message')} for good?"):
            print("nothing was deleted; --yes does not ask", file=sys.stderr)
            return 1
    queue = _queue(stack)
    left = {letter.id: letter for letter in queue.all(hidden_seconds=_READING_SECONDS)}
    deleted: list[bool] = []
    try:
        for letter in chosen:
            deleted.append(letter.id in left)
            if letter.id in left:
                queue.delete(left[letter.id])
                del left[letter.id]
    finally:
        queue.put_back(list(left.values()))
    if options.json:
        found = zip(chosen, meanings, deleted, strict=True)
        print_json([{**_described(letter, meaning), "deleted": done} for letter, meaning, done in found])
    else:
        print(f"deleted {counted(sum(deleted), 'message')}")
        for letter, done in zip(chosen, deleted, strict=True):
            if not done:
                print(f"{letter.id} is gone, or somebody else reads it just now")
    return int(not all(deleted))


def _queue(stack: Stack) -> DeadLetters:
    return DeadLetters(stack.sqs(), stack.needed("dead_letter_queue_url"))


def _all(stack: Stack) -> list[Letter]:
    """What waits, and goes on waiting."""
    queue = _queue(stack)
    letters = queue.all(hidden_seconds=_READING_SECONDS)
    queue.put_back(letters)
    return letters


def _chosen(letters: Sequence[Letter], options: argparse.Namespace) -> list[Letter]:
    """Raises NotFound for an id that is not there, or is the beginning of several."""
    if options.all:
        return list(letters)
    found: dict[str, Letter] = {}
    for wanted in options.ids:
        fitting = [letter for letter in letters if letter.id.startswith(wanted)]
        if len(fitting) != 1:
            raise NotFound(f"{len(fitting) or 'no'} messages in the queue have an id that begins with {wanted}")
        found[fitting[0].id] = fitting[0]
    return list(found.values())


def _sweep(stack: Stack, *, everything: bool) -> str:
    payload = json.dumps({"everything": everything}).encode()
    answer = stack.functions().invoke(FunctionName=stack.needed("sweep_function"), Payload=payload)
    if not answer.get("FunctionError"):
        return ""
    return redact(answer["Payload"].read().decode(errors="replace"))[:300]


def _understood(letter: Letter, stack: Stack) -> Meaning:
    return understood(
        letter, state_machine_arn=stack.needed("state_machine_arn"), sweep_function=stack.needed("sweep_function")
    )


def _columns(letters: Sequence[Letter], meanings: Sequence[Meaning]) -> dict[str, Sequence[object]]:
    return {
        "ID": [letter.id for letter in letters],
        "SENT": [letter.sent_at for letter in letters],
        "WHAT": [meaning.what for meaning in meanings],
        "TASK": [meaning.task_id or None for meaning in meanings],
        "WHY": [meaning.reason for meaning in meanings],
    }


def _described(letter: Letter, meaning: Meaning) -> dict[str, Any]:
    return {"id": letter.id, "sent_at": letter.sent_at, **asdict(meaning)}


def _body(letter: Letter) -> Any:
    text = redact(letter.body)
    try:
        return json.loads(text)
    except ValueError:
        return text
