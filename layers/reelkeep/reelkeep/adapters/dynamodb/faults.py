"""What goes wrong between us and AWS, in the words of the domain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from reelkeep.domain.errors import TryLater


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


def reasons(error: BaseException | None) -> list[str]:
    """Why a transaction was cancelled; nothing if it failed otherwise."""
    response: Any = error.response if isinstance(error, ClientError) else {}
    return [reason.get("Code", "") for reason in response.get("CancellationReasons", ())]
