"""Links die, hang and lead nowhere: files are had all the same, or given up for a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reelkeep.domain.observation import Busy, Failed, Listed, Missing, Observation, Succeeded, Unreadable
from reelkeep.domain.task import Creation, Failure, FailureClass, State
from reelkeep.ports.archive import SourceBad, SourceBusy, SourceGone
from tests.unit.services.finalize_harness import archiving, copied, seen, until
from tests.unit.services.harness import NOON, RUNNING, creation, request


def test_a_dead_link_leads_to_a_fresh_one() -> None:
    harness, id = archiving("video")
    harness.archive.faults["round=1"] = [SourceGone("403")]
    assert harness.finalize(id).finished
    assert harness.archive.copies == ["https://files.test/c1/video?round=2"]


def with_deaths(id: str = "c1", round: int = 1, **hours: float) -> Creation:
    made = creation(id, *hours, round=round)
    assets = (
        replace(asset, expires_at=NOON + timedelta(hours=after))
        for asset, after in zip(made.assets, hours.values(), strict=True)
    )
    return replace(made, assets=tuple(assets))


def test_what_dies_first_is_copied_first() -> None:
    first, second = with_deaths("c1", video=24, cover=1), with_deaths("c2", video=24, cover=0.5)
    harness, id = seen(Succeeded((first, second)))
    harness.finalize(id)
    assert [copy.split("?")[0] for copy in copied(harness)] == ["c2/cover", "c1/cover", "c1/video", "c2/video"]
    assert harness.provider.looks == 1  # there is no need of fresh links


def test_what_does_not_say_when_it_dies_is_copied_last() -> None:
    harness, id = seen(Succeeded((creation("c1"), with_deaths("c2", video=24))))
    assert harness.finalize(id).finished
    assert [copy.split("?")[0] for copy in copied(harness)] == ["c2/video", "c1/video"]


def test_a_link_that_is_dead_by_its_own_words_is_not_even_tried() -> None:
    """A cover's may live for an hour, the video's for a day."""
    harness, id = seen(
        Succeeded((with_deaths(video=24, cover=1),)), Succeeded((with_deaths(round=2, video=48, cover=25),))
    )
    harness.pass_(2 * 3600)
    assert harness.finalize(id).finished
    assert copied(harness) == ["c1/cover?round=2", "c1/video?round=2"]
    assert harness.provider.looks == 2


def test_a_fresh_link_is_trusted_until_the_time_that_it_says() -> None:
    harness, id = seen(Succeeded((with_deaths(video=1),)), Succeeded((with_deaths(round=2, video=24),)))
    harness.archive.faults["video"] = [SourceBusy("503"), None]
    harness.pass_(2 * 3600)
    harness.pass_(harness.finalize(id).wait_seconds)
    assert harness.finalize(id).finished
    assert harness.provider.looks == 2


def test_a_provider_without_fresh_links_is_polled_once_a_run_for_all_files() -> None:
    harness, id = seen(Succeeded((with_deaths(video=1, cover=1, watermarked=1),)), Busy("503"))
    harness.archive.faults["files.test"] = [SourceGone("403")]
    harness.pass_(2 * 3600)
    assert not harness.finalize(id).finished
    assert harness.provider.looks == 2


def test_one_fresh_poll_renews_every_link() -> None:
    harness, id = archiving("video", "cover", "watermarked")
    harness.archive.faults["round=1"] = [SourceGone("403")]
    assert harness.finalize(id).finished
    assert copied(harness) == [f"c1/{name}?round=2" for name in ("video", "cover", "watermarked")]
    assert harness.provider.looks == 2


@pytest.mark.parametrize("answer", [Busy("503"), Unreadable("no link"), RUNNING])
def test_dead_links_cost_only_time_while_their_provider_cannot_be_polled(
    answer: Observation,
) -> None:
    """Also when it goes back to a state that it had left, or says success without links."""
    fresh = Succeeded((creation("c1", "video", round=2),))
    harness, id = seen(Succeeded((creation("c1", "video"),)), *[answer] * 20, fresh)
    harness.archive.faults["round=1"] = [SourceGone("403")]
    harness.see_through(id)
    assert harness.task(id).state is State.SUCCESS
    assert copied(harness) == ["c1/video?round=2"]


@pytest.mark.parametrize("answer", [Missing(), Failed(Failure(reason=FailureClass.PROVIDER)), Succeeded(())])
def test_a_file_is_given_up_only_once_its_link_is_dead_and_the_provider_has_no_other(answer: Observation) -> None:
    harness, id = seen(Succeeded((with_deaths(video=5),)), answer)
    harness.archive.faults["video"] = [SourceGone("403")]
    waits = harness.see_through(id)
    assert 5 * 3600 <= sum(waits) < 8 * 3600
    failure = harness.task(id).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST


def test_a_link_that_does_not_say_when_it_dies_is_given_a_day() -> None:
    harness, id = seen(Succeeded((creation(),)), Missing())
    harness.archive.faults["video"] = [SourceGone("403")]
    assert timedelta(hours=24) <= until(harness, id, State.FAILED) < timedelta(hours=27)


@pytest.mark.parametrize("fault", [SourceGone("404"), SourceBad("an HTML page"), SourceBusy("cut")])
@pytest.mark.parametrize("late", [timedelta(minutes=12), timedelta(hours=23)])
def test_a_file_that_is_late_is_archived(fault: Exception, late: timedelta) -> None:
    harness, id = archiving("video")
    harness.archive.faults["video"] = [fault]
    while harness.now < NOON + late:
        harness.pass_(harness.finalize(id).wait_seconds)
    harness.archive.faults.clear()
    assert until(harness, id, State.SUCCESS) <= timedelta(minutes=30)


def test_a_server_that_is_busy_has_no_dead_link() -> None:
    """Though the provider has no other, and a link that does not say is taken to live for a day."""
    harness, id = archiving("video")
    harness.archive.faults["video"] = [SourceBusy("503")]
    while harness.now < NOON + timedelta(hours=71):
        verdict = harness.finalize(id)
        assert not verdict.finished
        harness.pass_(verdict.wait_seconds)
    harness.archive.faults.clear()
    assert until(harness, id, State.SUCCESS) <= timedelta(minutes=31)


def test_what_is_given_up_after_three_days_is_adopted_when_it_is_there() -> None:
    harness, id = archiving("video")
    harness.archive.faults["video"] = [SourceBusy("503")]
    until(harness, id, State.FAILED)
    harness.archive.faults.clear()
    made = Listed(provider_task_id="p-1", created_at=NOON, request=request(), seen=Succeeded((creation("c1"),)))
    harness.provider.listed = [made]
    assert harness.adopt().adopted == 1


def test_a_provider_that_signs_fresh_links_to_nothing_is_given_three_days() -> None:
    harness, id = archiving("video")
    harness.provider.observations = [Succeeded((creation("c1", round=n),)) for n in range(2, 2000)]
    harness.archive.faults["video"] = [SourceGone("404")]
    assert timedelta(hours=72) <= until(harness, id, State.FAILED) < timedelta(hours=74)


@pytest.mark.parametrize("fault", [SourceBusy("the connection was cut"), SourceBad("an HTML page")])
def test_a_link_that_fails_three_times_in_a_row_is_renewed(fault: Exception) -> None:
    harness, id = archiving("video")
    harness.archive.faults["round=1"] = [fault]
    assert until(harness, id, State.SUCCESS) < timedelta(minutes=1)
    assert copied(harness) == ["c1/video?round=2"]
    assert harness.provider.looks == 2


def test_a_provider_that_is_busy_when_a_link_is_to_be_renewed_is_asked_at_the_next_try() -> None:
    harness, id = archiving("video")
    harness.provider.observations = [Busy("503"), Succeeded((creation("c1", round=2),))]
    harness.archive.faults["round=1"] = [SourceBusy("the connection was cut")]
    assert until(harness, id, State.SUCCESS) < timedelta(minutes=2)
    assert (copied(harness), harness.provider.looks) == (["c1/video?round=2"], 3)


def test_the_waits_grow_and_differ_from_task_to_task() -> None:
    first, second = archiving("video"), archiving("video", task=2)
    waits: list[list[int]] = []
    for harness, id in (first, second):
        harness.archive.faults["video"] = [SourceBusy("503")]
        waits.append([])
        for _ in range(40):
            waits[-1].append(harness.finalize(id).wait_seconds)
            harness.pass_(waits[-1][-1])
    assert waits[0] != waits[1]
    assert all(wait <= 2 ** (number + 2) for number, wait in enumerate(waits[0]))
    assert 900 < max(waits[0]) <= 1800


def test_a_server_that_asks_to_be_left_alone_for_an_hour_holds_up_its_own_file_only() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults = {"cover": [SourceBusy("429", retry_after=3600)], "video": [SourceBusy("503"), None]}
    verdict = harness.finalize(id)
    assert verdict.wait_seconds <= 4
    harness.pass_(verdict.wait_seconds)
    harness.finalize(id)
    assert copied(harness) == ["c1/video?round=1"]


def test_the_owner_sees_what_is_wrong_and_operators_get_an_event_within_the_hour() -> None:
    harness, id = archiving("video")
    harness.archive.faults["video"] = [SourceGone("404: the link is dead")]
    while harness.now < NOON + timedelta(hours=1, minutes=30):
        harness.pass_(harness.finalize(id).wait_seconds)
        assert harness.task(id).last_error == "video: 404: the link is dead"
    [alert] = harness.notices.alerts
    assert (alert["type"], alert["id"]) == ("reelkeep.task.delayed", f"{id}.delayed")
    [file] = alert["data"]["files"]
    assert (file["file"], file["last_error"]) == ("video", "video: 404: the link is dead")
    harness.archive.faults.clear()
    until(harness, id, State.SUCCESS)
    assert (harness.task(id).last_error, len(harness.notices.alerts)) == ("", 1)


def test_a_cover_that_cannot_be_fetched_does_not_cost_a_video_that_is_only_late() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults["cover"] = [SourceGone("404")]
    harness.archive.faults["video"] = [SourceBusy("503")] * 12 + [None]
    harness.see_through(id)
    task = harness.task(id)
    assert task.state is State.SUCCESS
    assert [bool(asset.archived) for asset in task.creations[0].assets] == [True, False]


def test_a_file_that_cannot_be_fetched_does_not_hold_up_the_rest() -> None:
    harness, id = seen(Succeeded((with_deaths(cover=1, video=24),)))
    harness.archive.faults["cover"] = [SourceBusy("no time was left"), None]
    harness.finalize(id)
    assert copied(harness) == ["c1/video?round=1"]
    assert [asset.consecutive_errors for asset in harness.task(id).assets] == [1, 0]


def test_creations_are_known_by_their_ids_in_whatever_order_and_number_they_come() -> None:
    again = [creation(id, round=2) for id in ("c2", "c1", "c2", "c3")]
    harness, id = seen(Succeeded((creation("c1"), creation("c2"))), Succeeded(tuple(again)))
    harness.archive.faults["round=1"] = [SourceGone("403")]
    assert harness.finalize(id).finished
    assert copied(harness) == ["c1/video?round=2", "c2/video?round=2"]
    assert [each.id for each in harness.task(id).creations] == [f"{id}-1", f"{id}-2"]


def test_a_creation_that_is_listed_no_more_is_not_given_the_links_of_another() -> None:
    fresh = Succeeded((creation("c2", round=2), creation("c3", round=2)))
    harness, id = seen(Succeeded((creation("c1"), creation("c2"))), fresh)
    harness.archive.faults["round=1"] = [SourceGone("403")]
    assert not harness.finalize(id).finished
    assert copied(harness) == ["c2/video?round=2"]


def test_creations_whose_ids_are_new_at_every_poll_are_known_by_their_places() -> None:
    harness, id = seen(
        Succeeded((creation("a"), creation("b"))), Succeeded((creation("x", round=2), creation("y", round=2)))
    )
    harness.archive.faults["round=1"] = [SourceGone("403")]
    assert harness.finalize(id).finished
    assert copied(harness) == ["x/video?round=2", "y/video?round=2"]
