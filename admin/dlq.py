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
from admin.dead_letters import DeadLetter, DeadLetterQueue, Meaning, understood
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
    group = groups.add_parser("dlq", help="the dead-letter queue", description=__doc__)
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    common = stack.options()

    list_ = commands.add_parser(
        "list", parents=[common], help="show what waits", description="Shows every message, and leaves it there."
    )
    list_.set_defaults(run=list_all)

    show_ = commands.add_parser(
        "show", parents=[common], help="show one message whole", description="Shows one message, and leaves it there."
    )
    show_.add_argument("ids", metavar="ID", nargs=1, help="as `dlq list` shows it; its beginning is enough")
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
    which.add_argument("ids", metavar="ID", nargs="*", default=[], help="as `dlq list` shows it, or its beginning")
    which.add_argument("--all", action="store_true", help="every message")


def list_all(options: argparse.Namespace, stack: Stack) -> None:
    messages = _all(stack)
    meanings = [_understood(message, stack) for message in messages]
    if options.json:
        print_json([_described(*each) for each in zip(messages, meanings, strict=True)])
        return
    print_table(_columns(messages, meanings))


def show(options: argparse.Namespace, stack: Stack) -> None:
    (message,) = _chosen(_all(stack), options)
    described = _described(message, _understood(message, stack))
    attributes = {name: redact(value) for name, value in message.attributes.items()}
    print_json({**described, "attributes": attributes, "body": _body(message)})


def replay(options: argparse.Namespace, stack: Stack) -> int:
    again = Replay(
        tasks=TableTasks(stack.dynamodb(), stack.table),
        executions=StepFunctionsExecutions(stack.stepfunctions(), stack.needed("state_machine_arn")),
        sweep=lambda everything: _sweep(stack, everything=everything),
        clock=lambda: datetime.now(UTC),
    )
    queue = _queue(stack)
    messages = queue.all(hidden_seconds=_REPLAYING_SECONDS)
    left = {message.id: message for message in messages}
    replayed: list[Replayed] = []
    try:
        for message in _chosen(messages, options):
            replayed.append(again(message, _understood(message, stack)))
            if replayed[-1].done:
                queue.delete(message)
                del left[message.id]
    finally:
        queue.put_back(list(left.values()))
    if options.json:
        print_json([{**_described(e.message, e.meaning), "deleted": e.done, "result": e.result} for e in replayed])
    else:
        print_table(
            {
                "ID": [each.message.id for each in replayed],
                "WHAT": [each.meaning.what for each in replayed],
                "TASK": [each.meaning.task_id or None for each in replayed],
                "RESULT": [each.result for each in replayed],
            }
        )
    return int(not all(each.done for each in replayed))


def delete(options: argparse.Namespace, stack: Stack) -> int:
    """What is asked about is hidden from nobody meanwhile: it may be replayed instead."""
    chosen = _chosen(_all(stack), options)
    meanings = [_understood(message, stack) for message in chosen]
    if chosen and not options.yes:
        print_table(_columns(chosen, meanings), file=sys.stderr)
        if not confirmed(f"Delete {counted(len(chosen), 'message')} for good?"):
            print("nothing was deleted; --yes does not ask", file=sys.stderr)
            return 1
    queue = _queue(stack)
    left = {message.id: message for message in queue.all(hidden_seconds=_READING_SECONDS)}
    deleted: list[bool] = []
    try:
        for message in chosen:
            deleted.append(message.id in left)
            if message.id in left:
                queue.delete(left[message.id])
                del left[message.id]
    finally:
        queue.put_back(list(left.values()))
    if options.json:
        found = zip(chosen, meanings, deleted, strict=True)
        print_json([{**_described(message, meaning), "deleted": done} for message, meaning, done in found])
    else:
        print(f"deleted {counted(sum(deleted), 'message')}")
        for message, done in zip(chosen, deleted, strict=True):
            if not done:
                print(f"{message.id} is gone, or somebody else reads it just now")
    return int(not all(deleted))


def _queue(stack: Stack) -> DeadLetterQueue:
    return DeadLetterQueue(stack.sqs(), stack.needed("dead_letter_queue_url"))


def _all(stack: Stack) -> list[DeadLetter]:
    """What waits, and goes on waiting."""
    queue = _queue(stack)
    messages = queue.all(hidden_seconds=_READING_SECONDS)
    queue.put_back(messages)
    return messages


def _chosen(messages: Sequence[DeadLetter], options: argparse.Namespace) -> list[DeadLetter]:
    """Raises NotFound for an id that is not there, or is the beginning of several."""
    if options.all:
        return list(messages)
    found: dict[str, DeadLetter] = {}
    for wanted in options.ids:
        fitting = [message for message in messages if message.id.startswith(wanted)]
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


def _understood(message: DeadLetter, stack: Stack) -> Meaning:
    return understood(
        message, state_machine_arn=stack.needed("state_machine_arn"), sweep_function=stack.needed("sweep_function")
    )


def _columns(messages: Sequence[DeadLetter], meanings: Sequence[Meaning]) -> dict[str, Sequence[object]]:
    return {
        "ID": [message.id for message in messages],
        "SENT": [message.sent_at for message in messages],
        "WHAT": [meaning.what for meaning in meanings],
        "TASK": [meaning.task_id or None for meaning in meanings],
        "WHY": [meaning.reason for meaning in meanings],
    }


def _described(message: DeadLetter, meaning: Meaning) -> dict[str, Any]:
    return {"id": message.id, "sent_at": message.sent_at, **asdict(meaning)}


def _body(message: DeadLetter) -> Any:
    text = redact(message.body)
    try:
        return json.loads(text)
    except ValueError:
        return text
