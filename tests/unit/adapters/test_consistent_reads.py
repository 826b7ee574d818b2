"""What a decision hangs on is read as it is now: a key that was revoked, a task that somebody else has moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.seen_callbacks import TableSeenCallbacks
from reelkeep.adapters.dynamodb.subscriptions import TableSubscriptions
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.dynamodb.webhooks import TableCircuitBreakers, TableDeliveries, TableWebhooks
from reelkeep.domain.keys import new_key


class Empty:
    """A client whose table holds nothing."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def get_item(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked["ConsistentRead"])
        return {}


READS: list[Callable[[Any], object]] = [
    lambda client: TableTasks(client, "t").get("0" * 32),
    lambda client: TableKeys(client, "t").caller(new_key()),
    lambda client: TableSeenCallbacks(client, "t").contains("vidu", "call"),
    lambda client: TableSubscriptions(client, "t").get("alice", "0" * 32),
    lambda client: TableWebhooks(client, "t").get("alice", "wh_1"),
    lambda client: TableDeliveries(client, "t").get("alice", "wh_1", "dl_1"),
    lambda client: TableCircuitBreakers(client, "t").get("alice", "r_1"),
]


@pytest.mark.parametrize("read", READS)
def test_what_is_read_is_not_what_was_there_a_moment_ago(read: Callable[[Any], object]) -> None:
    client = Empty()
    assert not read(client)
    assert client.asked == [True]
