from __future__ import annotations

import random
from datetime import timedelta

import pytest

from reelkeep.domain import room
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.room import InLine, Lease, Limit, Turn
from reelkeep.domain.task import Priority
from tests.unit.services.harness import NOON

SOON = NOON + timedelta(minutes=10)


def leases(*slots: str) -> list[Lease]:
    return [Lease(slot, f"task {slot}", SOON) for slot in slots]


@pytest.mark.parametrize(
    ("declared", "learned", "most"),
    [
        (None, None, None),
        (5, None, 5),
        (None, Limit(3, SOON), 3),
        (None, Limit(3, NOON), 4),  # it is time to try one more
        (5, Limit(3, SOON), 3),
        (3, Limit(3, NOON), 3),  # but never more than is declared
    ],
)
def test_a_provider_takes_what_is_declared_or_what_it_was_seen_to_take(
    declared: int | None, learned: Limit | None, most: int | None
) -> None:
    assert room.capacity(declared, learned, NOON) == most


def test_refusals_show_the_limit_and_each_further_one_is_provoked_later_than_the_one_before() -> None:
    first = room.refused(5, None, NOON)
    assert (first.slots, room.capacity(None, first, NOON)) == (5, 5)
    again, pauses = first, [first.pause]
    for _ in range(5):
        again = room.refused(5, again, again.try_more_at)
        pauses.append(again.pause)
    assert pauses == [timedelta(seconds=15), *(timedelta(minutes=minutes) for minutes in (10, 20, 40, 60, 60))]


def test_several_refusals_at_once_count_as_one_and_the_last_one_saw_the_fewest() -> None:
    limit = room.refused(9, None, NOON)
    for others in (8, 7, 6, 5):
        limit = room.refused(others, limit, NOON)
    assert limit == room.refused(5, None, NOON)


def test_a_limit_that_was_learned_from_a_passing_shortage_grows_as_fast_as_the_provider_takes_more() -> None:
    limit = room.refused(2, None, NOON)
    for taken in range(3, 10):
        now = max(NOON, limit.try_more_at)
        assert room.capacity(None, limit, now) == taken
        limit = room.accepted_more(taken, limit, now)


def test_what_refusals_taught_holds_until_more_is_tried_although_the_provider_says_more() -> None:
    told = room.told(20, None, NOON)
    assert told.slots == 20
    refused = room.refused(5, told, NOON)
    assert room.told(20, refused, NOON + refused.pause / 2) == refused
    assert room.told(20, refused, refused.try_more_at).slots == 20
    assert room.told(3, refused, NOON).slots == 3
    assert room.told(30, told, NOON + timedelta(hours=1)).slots == 30  # it takes more than it used to


def test_no_provider_is_given_more_than_can_be_counted() -> None:
    assert room.told(10**18, None, NOON).slots == room.MOST_SLOTS
    assert room.accepted_more(room.MOST_SLOTS + 1, Limit(room.MOST_SLOTS, NOON), NOON).slots == room.MOST_SLOTS


def test_a_provider_that_refuses_everything_is_given_one_task_all_the_same() -> None:
    assert room.capacity(5, room.refused(0, None, NOON), NOON) == 1


def test_a_free_slot_is_one_that_nobody_holds_and_tells_whether_it_is_tried() -> None:
    assert room.free_slot(leases("00001", "00003"), 3, None, "x") == "00002"
    assert room.free_slot(leases("00001", "00002", "00003"), 3, None, "x") is None
    assert room.free_slot([], None, None, "x") == "x"
    slot = room.free_slot(leases("00001"), 2, Limit(1, NOON), "x")
    assert slot == "00002+"
    assert room.is_tried(slot)
    assert room.free_slot(leases("00002+"), 2, Limit(2, SOON), "x") == "00001"


def test_the_position_is_which_one_it_is_that_starts() -> None:
    for seed in range(50):
        dice = random.Random(seed)
        turns = [Turn(owner, dice.randrange(4)) for owner in "abc"]
        line = [InLine("p", dice.choice("abc"), dice.randrange(3), f"{number:03}") for number in range(20)]
        expected = {each.task_id: room.position(each, line, turns) for each in line}
        left, started = list(line), []
        while left:
            turn = room.next_turn(turns)
            assert turn is not None
            own = [each for each in left if each.owner == turn.owner]
            turns.remove(turn)
            if own:
                first = min(own, key=lambda each: (each.urgency, each.task_id))
                left.remove(first)
                started.append(first.task_id)
                number = max(each.number for each in [*turns, turn]) + 1
                turns.append(Turn(turn.owner, number))
        assert expected == {task_id: number for number, task_id in enumerate(started, 1)}, f"seed {seed}"


def test_a_priority_is_one_of_three_words() -> None:
    assert [room.priority_of(text) for text in ("high", " Normal ", "LOW")] == list(Priority)
    with pytest.raises(InvalidRequest, match="Reelkeep-Priority must be one of high, normal, low") as refused:
        room.priority_of("urgent")
    assert refused.value.field == "Reelkeep-Priority"
