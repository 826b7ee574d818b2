"""What goes wrong between us and AWS, in the words of the domain."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from reelkeep.domain.errors import TryLater

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_ATTEMPTS = 6  # at a transaction that met another one
_PAUSE = 0.02  # seconds; doubles, with jitter


@contextmanager
def table_faults(what: str) -> Iterator[None]:
    """Raises TryLater for every fault of the table but a condition that was not met, which is an answer."""
    try:
        yield
    except BotoCoreError as error:
        raise TryLater(what) from error
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            raise
        raise TryLater(what) from error


def transact(
    client: DynamoDBClient, writes: list[TransactWriteItemTypeDef], what: str, pause: Callable[[float], None]
) -> list[str]:
    """All of these writes, and returns nothing; or none of them, and a word for each: `ConditionalCheckFailed` for
    one whose condition was not met. Raises TryLater."""
    for attempt in range(_ATTEMPTS):
        try:
            with table_faults(what):
                client.transact_write_items(TransactItems=writes)
        except TryLater as error:
            cancelled = reasons(error.__cause__)
            if "ConditionalCheckFailed" in cancelled:
                return cancelled
            if "TransactionConflict" not in cancelled or attempt == _ATTEMPTS - 1:
                raise
            pause(_PAUSE * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - no secret
        else:
            break
    return []


def reasons(error: BaseException | None) -> list[str]:
    """Why a transaction was cancelled; nothing if it failed otherwise."""
    response: Any = error.response if isinstance(error, ClientError) else {}
    return [reason.get("Code", "") for reason in response.get("CancellationReasons", ())]
