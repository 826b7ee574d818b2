"""How long tasks took, in the table as in its fake."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from reelkeep.adapters.dynamodb.durations import TableDurations
from reelkeep.domain.durations import Combination, End
from reelkeep.domain.task import Kind
from tests.fakes.providers import FakeDurations
from tests.integration.example import NOON

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from reelkeep.ports.providers import Durations

USUAL = Combination(False, "viduq2", Kind.TEXT2VIDEO, None, "")


@pytest.fixture(params=["table", "fake"])
def durations(request: pytest.FixtureRequest, dynamodb: DynamoDBClient, table: str) -> Durations:
    return TableDurations(dynamodb, table) if request.param == "table" else FakeDurations()


def test_ends_are_known_by_provider_and_combination_and_replaced_in_their_places(durations: Durations) -> None:
    assert durations.known("vidu").ends == {}
    other = USUAL._replace(off_peak=True, duration=8, resolution="720p", model='of "quotes", and 视频')
    late = End(NOON + timedelta(hours=1), 75.5)
    durations.learn("vidu", USUAL, 0, End(NOON, 60.0))
    durations.learn("vidu", USUAL, 47, End(NOON, 61.2))
    durations.learn("vidu", USUAL, 0, late)
    durations.learn("vidu", other, 3, late)
    durations.learn("ark", USUAL, 0, End(NOON, 10.0))
    assert durations.known("vidu").ends == {USUAL: {0: late, 47: End(NOON, 61.2)}, other: {3: late}}
    assert list(durations.known("ark").ends) == [USUAL]


def test_what_this_release_does_not_know_and_what_has_too_long_a_name_is_left_out(
    dynamodb: DynamoDBClient, table: str
) -> None:
    durations = TableDurations(dynamodb, table)
    newer = '[false,"m","dream2video",4,"720p"]'
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "durations#vidu"}, "sk": {"S": newer}})
    durations.learn("vidu", USUAL._replace(model="long" * 300), 0, End(NOON, 10.0))
    assert durations.known("vidu").ends == {}
