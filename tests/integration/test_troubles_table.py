"""Troubles with providers in the table: noted during an invocation, written after it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from reelkeep.adapters.dynamodb.troubles import TableTroubles
from reelkeep.domain.upstream import Health, Trouble
from tests.integration.example import NOON

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

GONE = Health.UNREACHABLE


def seen(since: float, last: float, message: str = "it answers 503") -> Trouble:
    """Minutes after noon."""
    begin, end = (NOON + timedelta(minutes=minutes) for minutes in (since, last))
    return Trouble(kind=GONE, message=message, since=begin, last_at=end)


def test_a_trouble_lasts_from_the_first_fault_to_the_last_with_no_long_pause_between_and_is_written_once_a_minute(
    dynamodb: DynamoDBClient, table: str
) -> None:
    now = NOON

    def clock() -> datetime:
        return now

    first, other = (TableTroubles(dynamodb, table, clock) for _ in range(2))
    first.note("vidu", GONE, "it answers 503")
    assert first.all("vidu") == []
    first.flush()
    assert other.all("vidu") == [seen(0, 0)]
    for minutes, function, known in (
        (0.5, first, seen(0, 0)),  # written a moment ago
        (0.5, other, seen(0, 0.5)),
        (9, first, seen(0, 9)),
        (20, other, seen(20, 20)),  # it was over meanwhile
    ):
        now = NOON + timedelta(minutes=minutes)
        function.note("vidu", GONE, "it answers 503")
        function.flush()
        function.flush()
        assert first.all("vidu") == [known]
    other.note("vidu", Health.KEY_REFUSED, "it is vda_1234567890abcdef, " + "x " * 300)
    other.flush()
    refused = next(each for each in first.all("vidu") if each.kind is Health.KEY_REFUSED)
    assert ("vda_" in refused.message, len(refused.message)) == (False, 300)
    assert first.all("ark") == []


def test_what_cannot_be_written_disturbs_nobody(dynamodb: DynamoDBClient) -> None:
    troubles = TableTroubles(dynamodb, "no-such-table", lambda: NOON)
    troubles.note("vidu", GONE, "it answers 503")
    troubles.flush()
