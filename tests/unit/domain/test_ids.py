from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain import ids

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(0, 200_000_000_000_000_000).map(lambda at: EPOCH + timedelta(microseconds=at))


@given(st.lists(moments, min_size=2))
def test_ids_sort_by_the_milliseconds_they_were_made_at(made_at: list[datetime]) -> None:
    made = [(moment, ids.new_task_id(moment)) for moment in made_at]
    for moment, task_id in made:
        assert ids.is_task_id(task_id)
        assert timedelta() <= moment - ids.created_at(task_id) < timedelta(milliseconds=1)
        assert ids.first_id_at(moment) <= task_id
    for one, first in made:
        for other, second in made:
            assert first < second or other - one < timedelta(milliseconds=1)


@given(st.text(max_size=20), st.text(max_size=20), moments)
def test_an_adopted_task_has_one_id_whoever_finds_it(provider: str, provider_task: str, made_at: datetime) -> None:
    provider, provider_task = (text.encode(errors="replace").decode() for text in (provider, provider_task))
    task_id = ids.adopted_task_id(provider, provider_task, made_at)
    assert ids.is_task_id(task_id)
    assert ids.adopted_task_id(provider, provider_task, made_at) == task_id
    assert ids.created_at(task_id) == EPOCH + (made_at - EPOCH) // timedelta(milliseconds=1) * timedelta(
        milliseconds=1
    )
    assert ids.adopted_task_id(provider, f"{provider_task}x", made_at) != task_id


@given(moments, st.integers(1, 9999))
def test_the_id_of_a_creation_holds_its_task_and_its_number(moment: datetime, number: int) -> None:
    task_id = ids.new_task_id(moment)
    assert ids.task_of_creation(ids.creation_id(task_id, number)) == (task_id, number)


@pytest.mark.parametrize("text", ["885000000000000777-1", "0" * 32, "0" * 32 + "-0", "0" * 32 + "-01", "-1"])
def test_what_a_provider_may_call_its_creations_is_none_of_ours(text: str) -> None:
    assert ids.task_of_creation(text) is None


@given(st.text() | st.from_regex(r"[0-9a-f]{31,33}-?[0-9]{0,6}"))
def test_only_what_could_be_a_creations_id_is_read_as_one(text: str) -> None:
    found = ids.task_of_creation(text)
    assert found is None or ids.creation_id(*found) == text
