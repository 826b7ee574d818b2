"""Owners make, list and revoke keys of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from reelkeep.domain.errors import Forbidden, InvalidRequest, LimitReached, NotFound
from reelkeep.domain.keys import MAX_KEPT_KEYS, MAX_KEYS, ApiKey, KeySettings, describe, new_key
from reelkeep.domain.limits import Limits
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.scopes import USUAL, Scope
from reelkeep.services.keys import ManageKeys
from tests.unit.services.harness import ALICE, MALLORY, NOON


@dataclass
class FakeOwnersKeys:
    made: list[ApiKey] = field(default_factory=list)

    def create(self, owner: str, wanted: KeySettings, now: datetime) -> tuple[str, ApiKey]:
        key = new_key()
        self.made.append(describe(key, owner, wanted, now))
        return key, self.made[-1]

    def all(self, owner: str) -> list[ApiKey]:
        return [each for each in self.made if each.owner == owner]

    def revoke(self, key_id: str, now: datetime, owner: str) -> ApiKey:
        found = next((each for each in self.all(owner) if each.key_id == key_id), None)
        if found is None:
            raise NotFound(f"there is no key {key_id}", field="key_id")
        revoked = replace(found, revoked_at=found.revoked_at or now)
        self.made[self.made.index(found)] = revoked
        return revoked


def test_an_owner_sees_and_revokes_its_own_keys_only() -> None:
    keys = ManageKeys(FakeOwnersKeys(), lambda: NOON)
    made = keys.create(KeySettings(name="editing", ends_at=NOON + timedelta(days=1)), ALICE).described
    assert (list(keys.list(None, ALICE)), list(keys.list(None, MALLORY))) == ([made], [])
    with pytest.raises(NotFound):
        keys.revoke(made.key_id, MALLORY)
    assert made.is_good(NOON + timedelta(hours=23))
    assert not made.is_good(NOON + timedelta(days=1))
    assert not keys.revoke(made.key_id, ALICE).is_good(NOON)
    with pytest.raises(InvalidRequest, match="ends_at must be in the future"):
        keys.create(KeySettings(ends_at=NOON), ALICE)


@pytest.mark.parametrize("wished", [None, NOON + timedelta(days=1, seconds=1)])
def test_a_key_with_an_end_makes_none_that_ends_later(wished: datetime | None) -> None:
    keys = ManageKeys(FakeOwnersKeys(), lambda: NOON)
    end = NOON + timedelta(days=1)
    maker = replace(ALICE, ends_at=end)
    with pytest.raises(InvalidRequest, match=f"^ends_at must be at most {re.escape(end.isoformat())}") as refused:
        keys.create(KeySettings(ends_at=wished), maker)
    assert refused.value.field == "ends_at"
    assert keys.create(KeySettings(ends_at=end), maker).described.ends_at == end


def test_a_key_s_limits_are_below_its_owner_s_and_it_makes_no_other_key() -> None:
    keys = ManageKeys(FakeOwnersKeys(), lambda: NOON)
    alice = replace(ALICE, settings=OwnerSettings(limits=Limits(videos_a_day=5)))
    made = keys.create(KeySettings(limits=Limits(videos_a_day=3)), alice).described
    assert made.limits == Limits(videos_a_day=3)
    with pytest.raises(InvalidRequest, match=r"limits\.videos_a_day must be at most 5, which is the owner's"):
        keys.create(KeySettings(limits=Limits(videos_a_day=6)), alice)
    with pytest.raises(Forbidden):
        keys.create(KeySettings(limits=made.limits), replace(alice, limits=made.limits))


def test_no_key_makes_one_with_more_scopes_than_it_has() -> None:
    keys = ManageKeys(FakeOwnersKeys(), lambda: NOON)

    def made(maker: Iterable[Scope], *wished: Scope) -> frozenset[Scope]:
        wanted = KeySettings(scopes=frozenset(wished) if wished else None)
        return keys.create(wanted, replace(ALICE, scopes=frozenset(maker))).described.scopes

    assert made(Scope) == made(USUAL) == USUAL
    assert made(Scope, Scope.OPERATE) == {Scope.OPERATE}
    assert made({Scope.MANAGE, Scope.READ}) == {Scope.MANAGE, Scope.READ}
    for maker, wished in ((USUAL, Scope.OPERATE), ({Scope.MANAGE, Scope.OPERATE}, Scope.SUBMIT)):
        with pytest.raises(InvalidRequest, match="scopes must be among those of the key that makes this one") as no:
            made(maker, wished)
        assert no.value.field == "scopes"
    with pytest.raises(InvalidRequest, match="scopes must have some of"):
        made({Scope.OPERATE})


def test_an_owner_can_have_a_limited_number_of_valid_keys() -> None:
    keys = ManageKeys(FakeOwnersKeys(), lambda: NOON)
    for _ in range(MAX_KEYS):
        last = keys.create(KeySettings(), ALICE).described
    with pytest.raises(LimitReached):
        keys.create(KeySettings(), ALICE)
    keys.create(KeySettings(), MALLORY)
    keys.revoke(last.key_id, ALICE)
    assert keys.create(KeySettings(), ALICE)


def test_keys_that_have_ended_count_until_they_are_forgotten() -> None:
    table = FakeOwnersKeys()
    keys = ManageKeys(table, lambda: NOON)
    for _ in range(MAX_KEPT_KEYS):
        keys.revoke(keys.create(KeySettings(), ALICE).described.key_id, ALICE)
    with pytest.raises(LimitReached, match=f"{MAX_KEPT_KEYS} keys already"):
        keys.create(KeySettings(), ALICE)
    assert keys.create(KeySettings(), MALLORY)
    del table.made[0]
    assert keys.create(KeySettings(), ALICE)
