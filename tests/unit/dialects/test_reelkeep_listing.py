"""The native API: what a listing is narrowed by, and how labels change."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reelkeep.dialects.dialect import Http
from reelkeep.domain.errors import (
    InvalidRequest,
)
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.tags import Labels
from reelkeep.domain.task import FailureClass, Kind, State
from tests.for_each import for_each
from tests.unit.dialects.reelkeep_harness import LIST, NOON, ROUTES, TASK_ID, listing, wrong_fields

OTHER_ID = "019aa6f1b2c8ffffffffffffffffffff"


def changed(said: Any) -> Labels:
    change = next(route for route in ROUTES if route.operation == "changeTask")
    http = Http(
        method="PATCH", path=f"/tasks/{TASK_ID}", body=json.dumps(said).encode(), variables={"task_id": TASK_ID}
    )
    read: Labels = change.parse(http)
    return read


def test_a_listing_without_parameters_is_the_newest_twenty_of_all_time() -> None:
    assert (listing(), LIST.window) == (Listing(size=20), None)


def test_every_filter_is_understood() -> None:
    assert listing(
        ("created_from", "2026-11-20T12:00:00Z"),
        ("created_to", "2026-11-21T13:30:00+01:30"),
        ("task_id", TASK_ID),
        ("task_id", OTHER_ID),
        ("state", "success"),
        ("state", "failed"),
        ("model", "viduq3-pro"),
        ("resolution", "720p"),
        ("template", "hugging"),
        ("provider", "vidu"),
        ("kind", "text2video"),
        ("tag", "campaign-7"),
        ("starred", "false"),
        ("q", "Paper  BOAT Straße"),
        ("hidden", "true"),
        ("unfinished", "false"),
        ("failure", "lost"),
        ("owner", "*"),
        ("order", "oldest"),
        ("limit", "100"),
    ) == Listing(
        owner="*",
        filter=Filter(
            created_from=NOON - timedelta(days=1),
            created_to=NOON,
            task_ids=(TASK_ID, OTHER_ID),
            states=(State.SUCCESS, State.FAILED),
            models=("viduq3-pro",),
            resolutions=("720p",),
            templates=("hugging",),
            providers=("vidu",),
            kinds=(Kind.TEXT2VIDEO,),
            tags=("campaign-7",),
            starred=False,
            words=("paper", "boat", "strasse"),
            hidden=True,
            unfinished=False,
            failures=(FailureClass.LOST,),
        ),
        size=100,
        oldest_first=True,
    )


@pytest.mark.parametrize("name", ["state", "state[]", "state[0]", "states", "states[]"])
def test_an_array_may_have_brackets_or_a_plural_or_commas(name: str) -> None:
    chosen = Filter(states=(State.SUCCESS, State.FAILED))
    assert listing((name, "success"), (name, "failed")).filter == chosen
    assert listing((name, "success,failed")).filter == chosen


def test_a_listing_may_end_in_the_far_future() -> None:
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert listing(("created_to", "9999-12-31T23:59:59Z")).filter == Filter(created_to=end)


@for_each(
    "query, field",
    [
        ([("status", "success")], "status"),
        ([("limits", "10")], "limits"),
        ([("limit", "10"), ("limit[]", "20")], "limit"),
        ([("created_from", "yesterday")], "created_from"),
        ([("created_to", "9999-12-31T23:59:59-23:00")], "created_to"),
        ([("task_id", "42")], "task_id"),
        ([("task_id", f"{number:032x}") for number in range(101)], "task_id"),
        ([("state", "done")], "state"),
        ([("model", "x" * 257)], "model"),
        ([("template", "")], "template"),
        ([("kind", "film")], "kind"),
        ([("starred", "yes")], "starred"),
        ([("hidden", "1")], "hidden"),
        ([("q", "x" * 257)], "q"),
        ([("q", "a"), ("q", "b")], "q"),
        ([("unfinished", "no")], "unfinished"),
        ([("failure", "luck")], "failure"),
        ([("owner", "all#")], "owner"),
        ([("order", "best")], "order"),
        ([("limit", "0")], "limit"),
        ([("limit", "101")], "limit"),
        ([("limit", "ten")], "limit"),
        ([("limit", "10"), ("limit", "20")], "limit"),
        ([("cursor", "x")], "cursor"),
        ([("cursor", "§" * 22)], "cursor"),
        ([("cursor", "A" * 21 + "B")], "cursor"),
        ([("cursor", TASK_ID)], "cursor"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(query: list[tuple[str, str]], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        listing(*query)
    assert wrong_fields(refused.value) == [field]


@pytest.mark.parametrize(
    ("said", "labels"),
    [
        ({}, Labels(TASK_ID)),
        ({"tags": []}, Labels(TASK_ID, tags=())),
        ({"tags": ["b", "a", "b"], "starred": False}, Labels(TASK_ID, tags=("b", "a"), starred=False)),
    ],
)
def test_a_change_of_labels_leaves_what_it_does_not_name(said: dict[str, Any], labels: Labels) -> None:
    assert changed(said) == labels


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"tags": ["two words"], "starred": "yes"}, ["tags[0]", "starred"]),
        ({"tags": [str(number) for number in range(11)]}, ["tags"]),
        ({"tags": None, "star": True}, ["tags", "star"]),
    ],
)
def test_a_wrong_change_of_labels_is_refused_with_every_wrong_field(said: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        changed(said)
    assert wrong_fields(refused.value) == fields
