"""Claims: what a repeated submission is known by, from before its task is recorded until no client repeats it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from reelkeep.domain import ids
from reelkeep.domain.errors import InvalidRequest, KeyReused
from reelkeep.domain.task import Request, Task

HEADER = "Idempotency-Key"
IDEMPOTENCY_TTL = timedelta(days=7)  # of a claim by a key: longer than any task takes
LONGEST_WINDOW = IDEMPOTENCY_TTL
LONGEST_KEY = 255

KEY_PATTERN = "[!-~]([ -~]*[!-~])?"  # printable ASCII; HTTP drops spaces around it

_KEY = re.compile(KEY_PATTERN)


# Some SDKs say how often they have sent a request before: 0 the first time. Source: openai-python, openai-node.
ATTEMPT_HEADER = "X-Stainless-Retry-Count"
REPEATED_WITHIN = timedelta(minutes=45)  # by an SDK itself: OpenAI's make three attempts of ten minutes by default

# By a client's key; by the request itself, in its owner's window or from an SDK that counts its attempts; as no
# more than likely; and of a task at a provider whose answer was lost.
Sort = Literal["key", "request", "likely", "provider-task"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    sort: Sort
    owner: str  # of what is claimed: who submits, or the provider of a provider's task
    name: str  # among the owner's claims of this sort
    fingerprint: str = ""  # of the request that it was made for
    task_id: str
    expires_at: datetime
    awaits_first: bool = False  # an SDK's repetition made it, and may have overtaken the first attempt


def check_key(key: str | None) -> None:
    """Raises InvalidRequest for a key that cannot be one."""
    if key is not None and (len(key) > LONGEST_KEY or not _KEY.fullmatch(key)):
        raise InvalidRequest(f"{HEADER} must be 1 to {LONGEST_KEY} printable ASCII characters", field=HEADER)


def key_reused() -> KeyReused:
    return KeyReused(f"this {HEADER} was sent before, with another request", field=HEADER)


def claim_of(
    request: Request,
    *,
    owner: str,
    key: str | None,
    window: timedelta,
    attempt: int | None,
    task_id: str,
    now: datetime,
) -> Claim | None:
    """By the client's key, or else by the request itself, if its owner has a window for that or its SDK counts its
    attempts. None if nothing shows whether it is a repeat."""
    asked = fingerprint(request)
    sort: Sort
    if key is not None:
        sort, name, life = "key", _hash(key), IDEMPOTENCY_TTL
    elif window or attempt is not None:
        sort, name, life = "request", asked, max(window, REPEATED_WITHIN)
    else:
        return None
    return Claim(
        sort=sort,
        owner=owner,
        name=name,
        fingerprint=asked,
        task_id=task_id,
        expires_at=now + life,
        awaits_first=bool(attempt),
    )


def repeats(claim: Claim, standing: Claim, window: timedelta, attempt: int | None, now: datetime) -> bool:
    """Whether a submission with this claim repeats the one that the standing claim was made for.

    Without a key, that is how long ago it was: an SDK's second attempt may come later than its owner's window allows
    for identical requests, and its first one may come after the second.
    """
    within = max(window, REPEATED_WITHIN) if attempt or is_overtaken(standing, attempt) else window
    return claim.sort == "key" or now - ids.created_at(standing.task_id) < within


def is_overtaken(standing: Claim, attempt: int | None) -> bool:
    """Whether it is the first attempt, which was on its way for longer than the second."""
    return attempt == 0 and standing.awaits_first


def claim_of_likely_repeat(request: Request, *, owner: str, task_id: str, now: datetime) -> Claim:
    """Stands for the first of several identical requests that are likely to be one."""
    asked, expires_at = fingerprint(request), now + REPEATED_WITHIN
    return Claim(sort="likely", owner=owner, name=asked, fingerprint=asked, task_id=task_id, expires_at=expires_at)


def claim_of_provider_task(task: Task, account: str, provider_task_id: str, now: datetime) -> Claim:
    """So that no two tasks whose answers were lost take the same one at the provider for theirs."""
    return Claim(
        sort="provider-task",
        owner=account,
        name=_hash(provider_task_id),
        task_id=task.id,
        expires_at=now + IDEMPOTENCY_TTL,
    )


def fingerprint(request: Request) -> str:
    """The same for the same request, however its body is laid out.

    Only of what the client sent: another release may understand more of the same body.
    """
    asked = [request.dialect, request.kind, request.provider, request.body]
    return _hash(json.dumps(asked, sort_keys=True, separators=(",", ":")))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
