from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reelkeep.adapters.remembered_keys import RememberedKeys
from reelkeep.ports import Caller

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALICE = Caller("alice", "key-1")


class Counting:
    def __init__(self) -> None:
        self.known = {"good": ALICE}
        self.asked = 0

    def caller(self, key: str) -> Caller | None:
        self.asked += 1
        return self.known.get(key)


class Stage:
    def __init__(self) -> None:
        self.now = NOON
        self.table = Counting()
        self.keys = RememberedKeys(self.table, lambda: self.now)


def test_a_good_key_is_looked_up_once_in_ten_seconds() -> None:
    stage = Stage()
    assert [stage.keys.caller("good") for _ in range(5)] == [ALICE] * 5
    assert stage.table.asked == 1


def test_a_revoked_key_is_refused_ten_seconds_later() -> None:
    stage = Stage()
    stage.keys.caller("good")
    stage.table.known.clear()
    stage.now += timedelta(seconds=10)
    assert stage.keys.caller("good") is None


def test_a_key_that_was_refused_is_good_as_soon_as_it_is_made() -> None:
    stage = Stage()
    assert stage.keys.caller("new") is None
    stage.table.known["new"] = ALICE
    assert stage.keys.caller("new") == ALICE


def test_no_more_keys_are_remembered_than_fit() -> None:
    stage = Stage()
    stage.table.known = {str(number): ALICE for number in range(5000)}
    for number in range(5000):
        stage.keys.caller(str(number))
    assert len(stage.keys._known) <= 1000
