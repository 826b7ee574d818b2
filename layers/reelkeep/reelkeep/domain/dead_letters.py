"""Dead letters: executions and invocations that failed for good, and what each of them was about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reelkeep.domain import ids
from reelkeep.domain.redaction import redact

_SHOWN = 300  # characters of a reason


@dataclass(frozen=True, slots=True)
class DeadLetter:
    id: str
    receipt: str  # by which whoever has received it deletes it, or puts it back
    sent_at: datetime
    body: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One that did not succeed. Source: EventBridge, "Step Functions Execution Status Change"."""

    task_id: str
    name: str
    status: str
    reason: str
    what: str = "execution"

    @property
    def run(self) -> int:
        """Its number, which the name of all but the first one ends in."""
        number = self.name.partition("-")[2]
        return int(number) if number.isdecimal() else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One that failed (Lambda's record of an asynchronous invocation), or was never begun (what EventBridge Scheduler
    could not deliver)."""

    reason: str
    everything: bool = False
    task_id: str = ""
    what: str = "sweep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It is nobody's, or does not say enough to repeat it."""

    reason: str
    task_id: str = ""
    what: str = "unknown"


Meaning = Execution | Sweep | Unknown


@dataclass(frozen=True, slots=True)
class Replayed:
    message: DeadLetter
    meaning: Meaning
    done: bool  # the message is of no further use
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterPage:
    count: int  # of all that wait, about
    letters: tuple[tuple[DeadLetter, Meaning], ...]


def understood(message: DeadLetter, *, state_machine_arn: str, sweep_function: str) -> Meaning:
    if target := message.attributes.get("TARGET_ARN"):
        # Source: docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
        reason = f"{message.attributes.get('ERROR_CODE', '')}: {message.attributes.get('ERROR_MESSAGE', '')}"
        if _is(target, sweep_function):
            return Sweep(reason=_shown(f"never begun: {reason}"))
        return Unknown(reason=_shown(f"not delivered to {target}: {reason}"))
    try:
        body = json.loads(message.body)
    except ValueError:
        return Unknown(reason="it is not JSON")
    match body:
        case {"source": "aws.states", "detail": {"stateMachineArn": arn} as detail} if arn == state_machine_arn:
            return _execution(detail)
        case {"requestContext": {"functionArn": arn}, **rest} if _is(arn, sweep_function):
            payload = rest.get("requestPayload")
            everything = isinstance(payload, dict) and bool(payload.get("everything"))
            return Sweep(reason=_shown(_error(rest.get("responsePayload"))), everything=everything)
        case {"DDBStreamBatchInfo": _}:  # whose changes they are is in the stream, for a day
            return Unknown(reason="changes that no webhook was told of: the announce function's log says why")
        case {"owner": owner, "webhook_id": webhook_id, "delivery_id": delivery_id}:
            what = f"{webhook_id}/deliveries/{delivery_id} of {owner}"
            return Unknown(reason=f"{what}: the deliver function's log says why it failed; its owner can replay it")
        case {"owner": owner, "receiver": _}:  # the next message that has to wait makes up for it
            return Unknown(
                reason=f"what waits for a webhook of {owner}: the deliver function's log says why it failed"
            )
    return Unknown(reason="it is not of this stack's machine or sweep")


def _is(arn: Any, function: str) -> bool:
    """Whether it is this function's, with a version behind it or without."""
    return isinstance(arn, str) and arn.partition(":function:")[2].partition(":")[0] == function


def _execution(detail: Mapping[str, Any]) -> Execution | Unknown:
    name, status = str(detail.get("name", "")), str(detail.get("status", ""))
    error, cause = str(detail.get("error") or ""), _cause(detail.get("cause"))
    reason = _shown(cause if cause.startswith(error) else f"{error}: {cause}")
    task_id = _task_in(detail.get("input")) or name.partition("-")[0]
    if not ids.is_task_id(task_id):
        return Unknown(reason=_shown(f"the execution {name} ({status}) names no task: {reason}"))
    return Execution(task_id=task_id, name=name, status=status, reason=reason)


def _task_in(text: Any) -> str:
    """The task that an execution's input names, if it names one."""
    match _json(text):
        case {"task_id": str(task_id)} if ids.is_task_id(task_id):
            return task_id
    return ""


def _cause(text: Any) -> str:
    """Of a function's error, the sentence without the stack trace."""
    return _error(_json(text)) or (text if isinstance(text, str) else "")


def _error(answer: Any) -> str:
    match answer:
        case {"errorType": kind, "errorMessage": message}:
            return f"{kind}: {message}"
        case {"errorMessage": message}:
            return str(message)
    return ""


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def _shown(reason: str) -> str:
    return redact(" ".join(reason.split()))[:_SHOWN]
