from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reelkeep.dialects.dialect import Http
from reelkeep.domain import errors
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import State
from reelkeep.domain.wire import Json
from tests.for_each import for_each
from tests.unit.dialects.harness import BOAT, TASK_ID, TINY, task_of
from tests.unit.dialects.vidu_ent_v2_harness import (
    IMAGE_BODY,
    finished,
    golden,
    list_route,
    listed,
    listing,
    refusal,
    submit,
)


def test_a_listing_shows_what_the_seed_page_shows() -> None:
    image = finished(submit("img2video", IMAGE_BODY))
    template = task_of(submit("template2video", {"template": "hugging", "images": [TINY]}))
    assert listed(image, template, next_cursor=TASK_ID) == golden("served-list")


def test_a_listing_has_exactly_the_fields_of_the_seed_page() -> None:
    def shape(value: Json) -> Json:
        if isinstance(value, dict):
            return {name: shape(item) for name, item in value.items()}
        return [shape(value[0])] if isinstance(value, list) else type(value).__name__.replace("float", "int")

    body = {"template": "hugging", "images": [BOAT]}
    ours = listed(finished(submit("template2video", body)), next_cursor=TASK_ID)
    assert shape(ours) == shape(golden("seed-list"))


def test_an_empty_listing_is_empty() -> None:
    assert listed() == {"next_page_token": "", "tasks": []}


def test_without_parameters_it_is_the_first_ten_of_the_last_seven_days() -> None:
    assert listing() == Listing(size=10)
    assert list_route().window == timedelta(days=7)


def test_every_filter_of_the_seed_page_is_understood() -> None:
    asked = listing(
        ("created_at.from", "2026-01-01T00:00:00Z"),
        ("created_at.to", "2026-01-06T09:00:00+01:00"),
        ("task_ids", TASK_ID),
        ("templates", "hugging"),
        ("templates", "kissing"),
        ("model_versions", "2.0,q1,q2-pro,viduq3-pro,doubao-seedance"),
        ("resolutions[]", "720p"),
        ("states", "processing"),
        ("states", "failed"),
        ("pager.page", "3"),
        ("pager.pagesz", "100"),
        ("something_else", "1"),
    )
    assert asked == Listing(
        filter=Filter(
            created_from=datetime(2026, 1, 1, tzinfo=UTC),
            created_to=datetime(2026, 1, 6, 8, tzinfo=UTC),
            task_ids=(TASK_ID,),
            templates=("hugging", "kissing"),
            models=("vidu2.0", "viduq1", "viduq2-pro", "viduq3-pro", "doubao-seedance"),
            resolutions=("720p",),
            states=(State.PROCESSING, State.ARCHIVING, State.FAILED, State.CANCELLED, State.EXPIRED),
        ),
        size=100,
        skip=300,
    )


def test_pager_may_be_spelled_as_on_the_seed_page() -> None:
    assert listing(("paper.page", "2"), ("paper.pagesz", "5")) == Listing(size=5, skip=10)


def test_a_page_token_leads_on_from_where_the_page_ended_and_wins_over_a_number() -> None:
    token = listed(next_cursor=TASK_ID)["next_page_token"]
    assert listing(("pager.page_token", token), ("pager.page", "7")) == Listing(size=10, cursor=TASK_ID)


@for_each(
    "query, field, reason",
    [
        (("pager.pagesz", "101"), "pager.pagesz", "PageSizeOutOfRange"),
        (("paper.pagesz", "0"), "pager.pagesz", "PageSizeOutOfRange"),
        (("pager.pagesz", "-3"), "pager.pagesz", "PageSizeOutOfRange"),
        (("pager.pagesz", "ten"), "pager.pagesz", "FieldInvalid"),
        (("pager.page", "-1"), "pager.page", "FieldInvalid"),
        (("pager.page", "1.5"), "pager.page", "FieldInvalid"),
        (("pager.page_token", "string"), "pager.page_token", "FieldInvalid"),
        (("pager.page_token", TASK_ID), "pager.page_token", "FieldInvalid"),
        (("pager.page_token", "AQGbkfjU-wARIjNEVWZ3iJ_"), "pager.page_token", "FieldInvalid"),
        (("pager.page_token", "AQGbkfjU+wARIjNEVWZ3iJk"), "pager.page_token", "FieldInvalid"),
        (("pager.page_token", "ŝtring"), "pager.page_token", "FieldInvalid"),
        (("states", "done"), "states", "FieldInvalid"),
        (("states", "archiving"), "states", "FieldInvalid"),
        (("created_at.from", "yesterday"), "created_at.from", "FieldInvalid"),
        (("created_at.to", "2026-02-30"), "created_at.to", "FieldInvalid"),
        (("model_versions", "q" * 300), "model_versions", "FieldInvalid"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(query: tuple[str, str], field: str, reason: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        listing(query)
    _, body = refusal(refused.value, Http(method="GET", path="/ent/v2/tasks"))
    assert (refused.value.field, body["reason"]) == (field, reason)


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(errors.InvalidRequest, match=r"created_at\.to"):
        listing(("created_at.from", "2026-01-02"), ("created_at.to", "2026-01-01"))
