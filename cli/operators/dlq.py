"""Dead letters: executions and sweeps that failed for good. See what waits, give it another chance, or none."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from cli.errors import Misused, NothingFound
from cli.operators.stack import Place, Stack
from cli.options import Commands, Json, Options
from cli.output import confirmed, counted, note, print_json, print_rows
from reelkeep.adapters.dead_letters import DeadLetterQueue
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.domain.dead_letters import DeadLetter, Meaning, Replayed, understood
from reelkeep.domain.redaction import redact
from reelkeep.services.dead_letters import Replay

_READING_SECONDS = 60  # for which nobody else sees a message that is read here
_REPLAYING_SECONDS = 900


group = Commands(help=__doc__, no_args_is_help=True)


def _choice(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="As `dlq list` shows it, or its beginning.", show_default=False),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every message.")] = False,
) -> Sequence[str] | None:
    """None for all of them. Raises Misused."""
    if every is bool(ids):
        raise Misused("give ids of messages, or --all" if not ids else "give ids of messages or --all, and not both")
    return ids or None


Choice = Annotated[Sequence[str] | None, Options(_choice)]


_COLUMNS: Final = {"ID": "id", "SENT": "sent_at", "WHAT": "what", "TASK": "task_id", "WHY": "reason"}


@group.command("list")
def list_all(found: Place, json: Json = False) -> None:
    """Show every message, and leave it there."""
    print_rows([_described(message, _understood(message, found)) for message in _all(found)], _COLUMNS, json=json)


@group.command()
def show(
    found: Place,
    id: Annotated[
        str, typer.Argument(metavar="ID", help="As `dlq list` shows it, or its beginning.", show_default=False)
    ],
    json: Json = False,
) -> None:
    """Show one message whole, and leave it there. It is JSON anyway."""
    del json
    (message,) = _chosen(_all(found), [id])
    described = _described(message, _understood(message, found))
    attributes = {name: redact(value) for name, value in message.attributes.items()}
    print_json({**described, "attributes": attributes, "body": _body(message)})


@group.command()
def replay(
    wanted: Choice,
    found: Place,
    json: Json = False,
) -> int:
    """Do again what failed: give an unfinished task another execution, or sweep again, and delete the message.

    What cannot be replayed stays, and makes the exit code 1.
    """
    again = Replay(
        tasks=TableTasks(found.dynamodb(), found.table),
        executions=StepFunctionsExecutions(found.client("stepfunctions"), found.needed("state_machine_arn")),
        sweep=lambda everything: _sweep(found, everything=everything),
        clock=lambda: datetime.now(UTC),
    )
    queue = _queue(found)
    messages = queue.all(hidden_seconds=_REPLAYING_SECONDS)
    left = {message.id: message for message in messages}
    replayed: list[Replayed] = []
    try:
        for message in _chosen(messages, wanted):
            replayed.append(again(message, _understood(message, found)))
            if replayed[-1].done:
                queue.delete(message)
                del left[message.id]
    finally:
        queue.put_back(list(left.values()))
    rows = [{**_described(e.message, e.meaning), "deleted": e.done, "result": e.result} for e in replayed]
    print_rows(rows, {"ID": "id", "WHAT": "what", "TASK": "task_id", "RESULT": "result"}, json=json)
    return int(not all(each.done for each in replayed))


@group.command()
def delete(
    wanted: Choice,
    found: Place,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> int:
    """Give up what failed: delete messages that nobody wants replayed, after they were shown and you said yes.

    A task that one is about stays as it is: the sweep goes on trying an unfinished one. What is asked about is hidden
    from nobody meanwhile: it may be replayed instead.
    """
    chosen = _chosen(_all(found), wanted)
    meanings = [_understood(message, found) for message in chosen]
    if chosen and not yes:
        print_rows([*map(_described, chosen, meanings)], _COLUMNS, json=False, file=sys.stderr)
        if not confirmed(f"Delete {counted(len(chosen), 'message')} for good?"):
            note("nothing was deleted; --yes does not ask")
            return 1
    queue = _queue(found)
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
    if json:
        results = zip(chosen, meanings, deleted, strict=True)
        print_json([{**_described(message, meaning), "deleted": done} for message, meaning, done in results])
    else:
        print(f"deleted {counted(sum(deleted), 'message')}")
        for message, done in zip(chosen, deleted, strict=True):
            if not done:
                print(f"{message.id} is gone, or somebody else reads it just now")
    return int(not all(deleted))


def _queue(stack: Stack) -> DeadLetterQueue:
    return DeadLetterQueue(stack.client("sqs"), stack.needed("dead_letter_queue_url"))


def _all(stack: Stack) -> list[DeadLetter]:
    """What waits, and goes on waiting."""
    queue = _queue(stack)
    messages = queue.all(hidden_seconds=_READING_SECONDS)
    queue.put_back(messages)
    return messages


def _chosen(messages: Sequence[DeadLetter], ids: Sequence[str] | None) -> list[DeadLetter]:
    """All without ids. Raises NothingFound for an id that is not there, or is the beginning of several."""
    if ids is None:
        return list(messages)
    found: dict[str, DeadLetter] = {}
    for wanted in ids:
        fitting = [message for message in messages if message.id.startswith(wanted)]
        if len(fitting) != 1:
            raise NothingFound(f"{len(fitting) or 'no'} messages in the queue have an id that begins with {wanted}")
        found[fitting[0].id] = fitting[0]
    return list(found.values())


def _sweep(stack: Stack, *, everything: bool) -> str:
    payload = json.dumps({"everything": everything}).encode()
    # A little longer than the function may run, and one call: a second one would run it twice.
    lambda_ = stack.client("lambda", read_timeout=310, retries={"total_max_attempts": 1})
    answer = lambda_.invoke(FunctionName=stack.needed("sweep_function"), Payload=payload)
    if not answer.get("FunctionError"):
        return ""
    return redact(answer["Payload"].read().decode(errors="replace"))[:300]


def _understood(message: DeadLetter, stack: Stack) -> Meaning:
    return understood(
        message, state_machine_arn=stack.needed("state_machine_arn"), sweep_function=stack.needed("sweep_function")
    )


def _described(message: DeadLetter, meaning: Meaning) -> dict[str, Any]:
    return {"id": message.id, "sent_at": message.sent_at, **asdict(meaning)}


def _body(message: DeadLetter) -> Any:
    text = redact(message.body)
    try:
        return json.loads(text)
    except ValueError:
        return text
