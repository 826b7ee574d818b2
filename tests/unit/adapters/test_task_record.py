from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.adapters import documents
from reelkeep.adapters.dynamodb.task_record import due_from_item, from_item, is_certain, to_item
from reelkeep.domain.task import (
    ArchivedFile,
    Asset,
    Backward,
    Creation,
    DispatchStatus,
    Failure,
    FailureClass,
    Kind,
    Request,
    State,
    Task,
)
from reelkeep.ports.tasks import Due

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ID = "01a1fdfa49e8187d19a8ef119dff6dda"
TASK = Task(
    id=ID,
    owner="alice",
    key_id="key-1",
    provider="vidu",
    request=Request(dialect="vidu_ent_v2", kind=Kind.START_END2VIDEO, model="viduq2", body={"seed": 0}),
    created_at=NOON,
    updated_at=NOON,
    deadline=NOON + timedelta(hours=2),
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
requests = st.builds(Request, body=st.dictionaries(st.text(), json_values, max_size=4))
tasks = st.builds(
    Task,
    id=st.uuids().map(lambda each: each.hex),
    request=requests,
    creations=st.lists(st.builds(Creation, assets=st.lists(st.builds(Asset)).map(tuple))).map(tuple),
    failure=st.none() | st.builds(Failure),
)
ANNOUNCED = replace(TASK, state=State.SUCCESS).with_announcements(announced_at=NOON)


@given(tasks)
def test_every_task_is_read_as_it_was_written(task: Task) -> None:
    assert from_item(to_item(task, "w")) == task


@given(st.builds(Asset, archived=st.builds(ArchivedFile)))
def test_every_part_can_be_a_document_of_its_own(asset: Asset) -> None:
    assert documents.read(Asset, documents.write(asset)) == asset


def test_an_item_carries_beside_the_document_what_conditions_and_indexes_need() -> None:
    item = to_item(replace(TASK, version=7), "w-1")
    document = json.loads(item.pop("document")["S"])
    assert item == {
        "pk": {"S": f"task#{ID}"},
        "sk": {"S": "task"},
        "version": {"N": "7"},
        "task_id": {"S": ID},
        "state": {"S": "created"},
        "write_id": {"S": "w-1"},
        "owner": {"S": "alice"},
        "owner_state": {"S": "alice#created"},
        "owner_model": {"S": "alice#viduq2"},
        "owner_tier": {"S": "alice#ordinary"},
        "unfinished": {"S": "a"},
        "overdue_at": {"S": "2026-11-21T12:10:00+00:00"},
        "links_die_at": {"S": "2026-11-22T12:00:00+00:00"},
    }
    asked = replace(TASK.request, resolution="720p", template="hug", off_peak=True)
    item = to_item(replace(ANNOUNCED, request=asked, provider_task_id="885"), "w-1")
    assert {name: item[name]["S"] for name in item if name.startswith(("owner_", "provider_", "unfinished"))} == {
        "owner_state": "alice#success",
        "owner_model": "alice#viduq2",
        "owner_resolution": "alice#720p",
        "owner_template": "alice#hug",
        "owner_tier": "alice#off-peak",
        "provider_task": "vidu#885",
    }
    assert document == {
        "id": ID,
        "owner": "alice",
        "key_id": "key-1",
        "provider": "vidu",
        "request": {
            "dialect": "vidu_ent_v2",
            "kind": "start-end2video",
            "model": "viduq2",
            "body": {"seed": 0},
        },
        "created_at": "2026-11-21T12:00:00+00:00",
        "updated_at": "2026-11-21T12:00:00+00:00",
        "deadline": "2026-11-21T14:00:00+00:00",
        "version": 7,
    }


@pytest.mark.parametrize(
    ("task", "unfinished"),
    [
        (TASK, True),
        (replace(TASK, state=State.SUCCESS), True),
        (ANNOUNCED, False),
        (TASK.failed(Failure(reason=FailureClass.POLICY), NOON), True),
    ],
)
def test_a_task_is_unfinished_until_it_has_been_announced(task: Task, unfinished: bool) -> None:
    assert ("unfinished" in to_item(task, "w")) is unfinished


def test_a_record_of_an_older_release_gets_the_defaults_of_what_it_lacks() -> None:
    record = json.loads(documents.write(replace(TASK, version=7)))
    del record["version"], record["request"]["model"]
    expected = replace(TASK, version=0, request=replace(TASK.request, model=""))
    assert documents.read(Task, json.dumps(record)) == expected


def written_by_a_newer_release() -> dict[str, Any]:
    """In a state that this one does not know, for a reason that it does not know either."""
    assets = (Asset(name="video", source="https://files.test/1", retry_at=NOON),)
    failure = Failure(reason=FailureClass.POLICY, message="held for review")
    task = replace(TASK, creations=(Creation(id="1", assets=assets),), failure=failure, provider_task_id="885")
    record: dict[str, Any] = json.loads(documents.write(task.with_polling(polls=3)))
    record |= {"state": "reviewing", "colour": "blue"}
    record["request"] |= {"camera": {"move": "left"}, "kind": "video2video"}
    record["polling"] |= {"reviewers": ["ann"]}
    record["dispatch"] = {"status": "reserved", "attempts": 2}
    record["creations"][0]["assets"][0] |= {"hologram": {"depth": 3}}
    record["failure"] |= {"reason": "taste"}
    return record


def test_what_a_newer_release_added_is_kept_by_an_older_one_that_writes_the_record_again() -> None:
    record = written_by_a_newer_release()
    task = documents.read(Task, json.dumps(record))
    assert json.loads(documents.write(task)) == record
    changed = replace(task.with_polling(polls=4), last_error="503", version=8)
    record["polling"]["polls"] = 4
    assert json.loads(documents.write(changed)) == record | {"last_error": "503", "version": 8}
    item = to_item(changed, "w")
    assert (item["state"], item["owner_state"]) == ({"S": "reviewing"}, {"S": "alice#reviewing"})


def test_words_of_a_newer_release_are_read_as_what_is_nearest_and_such_a_task_is_left_where_it_is() -> None:
    task = documents.read(Task, json.dumps(written_by_a_newer_release()))
    assert task.failure is not None
    words = (task.state, task.dispatch.status, task.request.kind, task.failure.reason)
    assert words == (State.PROCESSING, DispatchStatus.UNKNOWN, Kind.TEXT2VIDEO, FailureClass.PROVIDER)
    assert task.is_of_newer_release
    with pytest.raises(Backward):
        task.failed(task.failure, NOON)


def test_a_word_of_a_newer_release_gives_way_to_one_that_this_release_writes_in_its_place() -> None:
    record = json.loads(documents.write(TASK)) | {"failure": {"reason": "taste", "because": "of the hat"}}
    task = documents.read(Task, json.dumps(record))
    failure = replace(task.failure or Failure(reason=FailureClass.LOST), reason=FailureClass.POLICY)
    again = json.loads(documents.write(replace(task, failure=failure)))
    assert again["failure"] == {"reason": "policy", "because": "of the hat"}


def test_what_is_unknown_inside_the_clients_body_is_kept() -> None:
    body = {"camera": {"move": "left"}, "n": 10**30, "x": 0.1, "null": None, "型": ["\x00", "\ud800"]}
    task = replace(TASK, request=replace(TASK.request, body=body))
    assert from_item(to_item(task, "w")) == task


@pytest.mark.parametrize(
    ("owner", "value", "certain"),
    [
        ("alice", "viduq2", True),
        ("alice", "720p#viduq2", False),  # which is what the owner "alice#720p" has
        ("alice", "x" * 2000, False),
        ("alice", "half a \udfff pair", False),
    ],
)
def test_an_index_is_trusted_only_where_nothing_else_has_the_same_name_in_it(
    owner: str, value: str, certain: bool
) -> None:
    assert is_certain(owner, value) is certain


def test_an_item_can_be_sent_whatever_the_client_wrote() -> None:
    request = replace(TASK.request, model="\ud800", prompt="half a \udfff pair", template="長" * 5000)
    item = to_item(replace(TASK, request=request), "w")
    texts = [value["S"].encode() for value in item.values() if "S" in value]
    assert max(map(len, texts)) < 400_000
    assert len(item["owner_template"]["S"].encode()) <= 2048


def test_chinese_takes_the_space_it_needs_and_no_more() -> None:
    assert "一只猫" in documents.write(replace(TASK, provider="一只猫"))


def test_the_words_that_records_hold_stay_as_they_are() -> None:
    """Words may be added, but those of older releases must still be read."""
    assert {kind.__name__: " ".join(kind) for kind in (State, DispatchStatus, FailureClass, Kind)} == {
        "State": "created queueing processing archiving success failed cancelled expired",
        "DispatchStatus": "started waiting unknown accepted refused",
        "FailureClass": "policy input credit throttled provider expired lost cancelled deadline",
        "Kind": "text2video img2video reference2video start-end2video template2video extend upscale lip-sync"
        " multiframe",
    }


def test_times_keep_their_zone() -> None:
    beijing = datetime(2026, 11, 21, 20, tzinfo=timezone(timedelta(hours=8)))
    assert (
        documents.read(
            Task, documents.write(TASK.with_announcements(announced_at=beijing))
        ).announcements.announced_at
        == beijing
    )


@pytest.mark.parametrize("text", ['{"id": "x"}', "null", "[]", "7"])
def test_what_lacks_what_every_task_has_is_no_task(text: str) -> None:
    with pytest.raises(TypeError):
        documents.read(Task, text)


def test_a_type_that_json_has_no_way_to_say_is_found_at_once() -> None:
    with pytest.raises(TypeError, match="bytes"):
        documents.read(Odd, '{"raw": "x"}')


@dataclass(frozen=True)
class Odd:
    raw: bytes


def test_a_removed_task_is_in_no_listing_but_that_of_hidden_ones() -> None:
    item = to_item(replace(TASK, removed_at=TASK.created_at, provider_task_id="885"), "w")
    assert item["provider_task"] == {"S": "vidu#885"}  # or it would be adopted
    assert [item[name] for name in item if name.startswith("owner")] == [{"S": "alice#hidden"}]
    assert from_item(item).owner == "alice"


def test_what_the_sweep_reads_stands_beside_the_document_as_long_as_there_is_something_to_do() -> None:
    polled = TASK.with_polling(next_poll_at=NOON + timedelta(minutes=3))
    assert due_from_item(to_item(polled, "w")) == Due(ID, NOON + timedelta(minutes=13), NOON + timedelta(hours=24))
    assert not {"unfinished", "overdue_at", "links_die_at"} & set(to_item(ANNOUNCED, "w"))


def test_a_record_of_the_release_before_is_always_overdue() -> None:
    item = {name: value for name, value in to_item(TASK, "w").items() if name not in ("overdue_at", "links_die_at")}
    assert due_from_item(item).overdue_at < TASK.created_at
