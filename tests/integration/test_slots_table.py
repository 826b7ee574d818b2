"""Providers' slots in the table as in its fake."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from reelkeep.adapters.dynamodb.slots import TableSlots
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.errors import TryLater
from reelkeep.domain.listing import Listing
from reelkeep.domain.room import InLine, Lease, Limit
from tests.fakes.providers import FakeSlots
from tests.integration.example import NOON
from tests.integration.faults import LosesAnswers

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from reelkeep.ports.providers import Slots

SOON = NOON + timedelta(minutes=5)
HELD = Lease("00001", "a" * 32, SOON)


@pytest.fixture(params=["table", "fake"])
def slots(request: pytest.FixtureRequest, dynamodb: DynamoDBClient, table: str) -> Slots:
    return TableSlots(dynamodb, table) if request.param == "table" else FakeSlots()


def waiting(owner: str, urgency: int, number: int) -> InLine:
    return InLine("vidu", owner, urgency, f"{number:032}")


def test_a_slot_is_held_by_one_task_until_that_one_gives_it_back(slots: Slots) -> None:
    assert slots.lease("vidu", HELD)
    assert slots.lease("vidu", HELD)
    assert not slots.lease("vidu", Lease("00001", "b" * 32, SOON))
    assert slots.lease("vidu", Lease("00002", "b" * 32, SOON))
    assert slots.lease("ark", Lease("00001", "b" * 32, SOON))
    slots.give_back("vidu", "00001", "b" * 32)
    assert HELD in slots.leases("vidu")[1]
    slots.give_back("vidu", "00001", "a" * 32)
    slots.give_back("vidu", "00001", "a" * 32)
    assert slots.leases("vidu") == (None, [Lease("00002", "b" * 32, SOON)])


def test_what_was_learned_stands_beside_the_leases(slots: Slots) -> None:
    limit = Limit(5, SOON, timedelta(minutes=20))
    assert slots.learned("vidu") is None
    slots.learn("vidu", limit)
    slots.lease("vidu", HELD)
    assert slots.learned("vidu") == limit
    assert slots.leases("vidu") == (limit, [HELD])
    assert slots.learned("ark") is None


def test_what_reports_ends_is_recorded_there_too_and_is_no_lease(slots: Slots) -> None:
    assert slots.end_reports("vidu") == ({}, 0)
    slots.record_end_report("vidu", "callbacks", NOON)
    slots.record_end_report("vidu", "callbacks", SOON)
    slots.record_end_report("vidu", "missed", NOON)
    slots.lease("vidu", HELD)
    assert slots.end_reports("vidu") == ({"callbacks": SOON, "missed": NOON}, 0)
    assert slots.end_reports("ark") == ({}, 0)
    assert slots.leases("vidu") == (None, [HELD])


def test_one_watch_is_alive_until_its_lease_runs_out(slots: Slots) -> None:
    later = SOON + timedelta(seconds=1)
    assert slots.hold_watch("vidu", "first", SOON, NOON)
    assert not slots.hold_watch("vidu", "second", later, NOON)
    assert slots.end_reports("vidu", 8) == ({"watch": SOON}, 0)
    assert slots.hold_watch("vidu", "second", later, SOON)
    assert not slots.hold_watch("vidu", "first", later, SOON)
    assert slots.hold_watch("ark", "first", SOON, NOON)


def test_the_slots_that_are_held_are_counted_with_what_reports_ends(slots: Slots) -> None:
    slots.learn("vidu", Limit(5, SOON))
    for name in ("callbacks", "missed", "useless_list", "watch"):
        slots.record_end_report("vidu", name, NOON)
    for number in range(3):
        slots.lease("vidu", replace(HELD, slot=str(number)))
    assert [slots.end_reports("vidu", most)[1] for most in (0, 1, 2, 3, 4)] == [0, 1, 2, 3, 3]


def test_the_more_urgent_of_an_owners_tasks_comes_first_and_then_the_older(slots: Slots) -> None:
    line = [waiting("bob", 0, 1), waiting("alice", 1, 2), waiting("alice", 0, 4), waiting("alice", 0, 3)]
    for each in line:
        slots.join(each, NOON)
        slots.join(each, NOON)
    assert slots.line("vidu", "bob", 2) == line[:1]
    assert slots.line("vidu", "alice", 2) == [waiting("alice", 0, 3), waiting("alice", 0, 4)]
    for expected in (waiting("alice", 0, 3), waiting("alice", 0, 4), waiting("alice", 1, 2)):
        assert slots.first("vidu", "alice") == expected
        assert slots.withdraw(expected)
        assert not slots.withdraw(expected)
    assert slots.first("vidu", "alice") is None
    assert slots.first("vidu", "bob") == line[0]
    assert slots.first("ark", "bob") is None


def test_an_owner_keeps_its_turn_until_it_had_it_and_leaves_the_round_unless_it_joined_again(slots: Slots) -> None:
    slots.join(waiting("alice", 1, 1), NOON)
    [joined] = slots.turns("vidu")
    assert (slots.is_waited_for("vidu"), slots.is_waited_for("ark")) == (True, False)
    slots.join(waiting("alice", 1, 2), SOON)
    [turn] = slots.turns("vidu")
    assert turn.number == joined.number
    slots.end_turns("vidu", joined)
    assert slots.turns("vidu") == [turn]
    slots.advance("vidu", "alice", turn.number + 7)
    assert [each.number for each in slots.turns("vidu")] == [turn.number + 7]
    slots.end_turns("vidu", turn)
    slots.advance("vidu", "alice", 1)
    assert (slots.turns("vidu"), slots.is_waited_for("vidu")) == ([], False)


def test_what_is_forgotten_is_deleted_by_the_table_itself_and_nothing_is_in_a_listing(
    dynamodb: DynamoDBClient, table: str
) -> None:
    slots, tasks = TableSlots(dynamodb, table), TableTasks(dynamodb, table)
    slots.lease("vidu", HELD)
    slots.join(waiting("alice", 1, 1), NOON)
    items = dynamodb.scan(TableName=table)["Items"]
    assert len(items) == 3
    assert all(int(item["expires_at"]["N"]) > (NOON + timedelta(days=7)).timestamp() for item in items)
    assert tasks.page("alice", Listing()).tasks == ()
    assert list(tasks.unfinished()) == []


def test_a_lease_whose_answer_got_lost_is_no_conflict_with_itself(new_dynamodb: DynamoDBClient, table: str) -> None:
    LosesAnswers().between(new_dynamodb)
    assert TableSlots(new_dynamodb, table).lease("vidu", HELD)


def test_a_table_that_is_not_there_is_a_fault_for_later(dynamodb: DynamoDBClient) -> None:
    slots = TableSlots(dynamodb, "no-such-table")
    for call in (
        lambda: slots.learned("vidu"),
        lambda: slots.lease("vidu", HELD),
        lambda: slots.leases("vidu"),
        lambda: slots.give_back("vidu", "1", "a"),
        lambda: slots.join(waiting("alice", 1, 1), NOON),
        lambda: slots.advance("vidu", "alice", 1),
    ):
        with pytest.raises(TryLater):
            call()
