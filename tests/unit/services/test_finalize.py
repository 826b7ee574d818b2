"""A task's end: its files are archived, then the manifest, then success, then the announcement."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reelkeep.domain.observation import Failed, Listed, Missing, Succeeded
from reelkeep.domain.task import ArchivedFile, Failure, FailureClass, State, Task
from reelkeep.ports.archive import SourceBad, SourceBusy, SourceGone, SourceNotMedia, SourceTooLarge
from reelkeep.ports.providers import Source
from tests.unit.services.finalize_harness import archiving, copied, seen, until
from tests.unit.services.harness import NOON, RUNNING, FakeProvider, Harness, creation, request


def test_every_asset_is_archived_then_the_manifest_then_success_then_the_notice() -> None:
    harness, id = archiving("video", "cover")
    assert harness.finalize(id).finished
    task = harness.task(id)
    assert task.state is State.SUCCESS
    assert [asset.archived is not None for asset in task.creations[0].assets] == [True, True]
    assert harness.archive.manifests[0].state is State.SUCCESS
    assert [told["type"] for told in harness.notices.told] == ["reelkeep.task.success"]


def test_a_video_that_is_not_what_was_ordered_is_a_success_and_news() -> None:
    harness, id = archiving("video", duration=10)
    assert harness.finalize(id).finished
    assert [told["type"] for told in harness.notices.told] == ["reelkeep.task.success", "reelkeep.task.differs"]
    differs = {"what": "duration", "ordered": "10", "claimed": None, "delivered": "4"}
    [named] = [told["data"]["differs"] for told in harness.notices.told if told["id"] == f"{id}.differs"]
    assert named == harness.notices.told[0]["data"]["differs"] == [differs | {"creation": f"{id}-1"}]
    harness.finalize(id)
    assert len(harness.notices.told) == 2


def test_running_it_twice_changes_nothing() -> None:
    harness, id = archiving("video", "cover")
    harness.finalize(id)
    before = harness.task(id)
    assert harness.finalize(id).finished
    assert harness.task(id) == before
    assert len(harness.archive.copies) == 2
    assert len(harness.notices.told) == 1


def test_the_providers_links_are_forgotten_once_the_assets_are_archived() -> None:
    harness, id = archiving("video")
    harness.finalize(id)
    assert "files.test" not in repr(harness.task(id))
    assert "files.test" not in repr(harness.archive.manifests)
    assert "files.test" not in repr(harness.notices.told)


def test_a_fresh_poll_does_not_bring_back_the_links_of_what_is_archived() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults["cover?round=1"] = [SourceGone("403")]
    assert harness.finalize(id).finished
    assert copied(harness) == ["c1/video?round=1", "c1/cover?round=2"]
    assert "files.test" not in repr(harness.task(id))


def test_success_is_neither_visible_nor_announced_while_one_asset_is_missing() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults["cover"] = [SourceBusy("503", retry_after=30)]
    verdict = harness.finalize(id)
    assert (verdict.finished, verdict.wait_seconds) == (False, 30)
    assert (harness.task(id).state, harness.task(id).polling.next_poll_at) == (
        State.ARCHIVING,
        NOON + timedelta(seconds=30),
    )
    assert harness.notices.told == []
    assert len(harness.archive.copies) == 1


def test_what_is_archived_is_not_copied_again_when_the_machine_comes_back() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults["cover"] = [SourceBusy("503"), None]
    harness.pass_(harness.finalize(id).wait_seconds)
    assert harness.finalize(id).finished
    assert [copy.split("/")[-1].split("?")[0] for copy in harness.archive.copies] == ["video", "cover"]


def with_optional_cover() -> tuple[Harness, str]:
    made = creation("c1", "video", "cover")
    made = replace(made, assets=(made.assets[0], replace(made.assets[1], optional=True)))
    harness = Harness(provider=FakeProvider(observations=[Succeeded((made,))]))
    id = harness.submit().id
    harness.poll(id)
    return harness, id


def test_an_optional_file_is_archived_if_the_provider_has_it() -> None:
    harness, id = with_optional_cover()
    assert harness.finalize(id).finished
    assert [asset.archived is not None for asset in harness.task(id).creations[0].assets] == [True, True]


@pytest.mark.parametrize("fault", [SourceGone("404"), SourceBad("it is a page"), SourceNotMedia("a video", 2048)])
def test_an_optional_file_that_the_provider_does_not_have_is_left_out(fault: Exception) -> None:
    harness, id = with_optional_cover()
    harness.archive.faults["cover"] = [fault]
    verdict = harness.finalize(id)
    assert (verdict.finished, verdict.lost) == (True, "")
    assert (harness.task(id).state, harness.task(id).last_error) == (State.SUCCESS, "")
    assert [asset.name for asset in harness.task(id).creations[0].assets] == ["video"]
    assert [told["type"] for told in harness.notices.told] == ["reelkeep.task.success"]


def test_success_waits_for_an_optional_file_for_a_moment_only() -> None:
    harness, id = with_optional_cover()
    harness.archive.faults["cover"] = [SourceBusy("503")]
    assert until(harness, id, State.SUCCESS) < timedelta(minutes=2)
    assert [asset.name for asset in harness.task(id).creations[0].assets] == ["video"]


def test_nothing_is_given_up_while_the_provider_is_gone_from_the_configuration() -> None:
    harness, id = archiving("video")
    harness.provider.unknown = True
    for _ in range(20):
        verdict = harness.finalize(id)
        assert not verdict.finished
        harness.pass_(verdict.wait_seconds)
    assert harness.archive.copies == []
    harness.provider.unknown = False
    assert harness.finalize(id).finished
    assert harness.task(id).state is State.SUCCESS


def test_an_error_page_served_as_a_video_is_never_called_success() -> None:
    harness, id = archiving("video")
    harness.archive.faults["video"] = [SourceBad("an HTML page where a video was expected")]
    harness.see_through(id)
    task = harness.task(id)
    assert task.state is State.FAILED
    assert task.failure is not None
    assert task.failure.reason is FailureClass.LOST
    assert "HTML page" in task.failure.message
    assert [told["type"] for told in harness.notices.told] == ["reelkeep.task.failed"]


def test_one_lost_video_of_two_is_no_success_and_the_other_is_archived() -> None:
    harness, id = seen(Succeeded((creation("c1"), creation("c2"))))
    harness.archive.faults["c2"] = [SourceGone("404")]
    harness.see_through(id)
    task = harness.task(id)
    assert task.state is State.FAILED
    assert [each.assets[0].archived is not None for each in task.creations] == [True, False]


def test_a_cover_that_is_refused_for_half_an_hour_does_not_hold_up_the_video() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults["cover"] = [SourceGone("404")]
    assert until(harness, id, State.SUCCESS) == timedelta(minutes=30)
    [told] = harness.notices.told
    [made] = told["data"]["creations"]
    assert (list(made["files"]), made["lost"]) == (["video"], {})
    assert "404" in made["pending"]["cover"]


def test_a_cover_that_comes_hours_after_success_is_archived_and_announced() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults["cover"] = [SourceGone("404")]
    until(harness, id, State.SUCCESS)
    harness.pass_(6 * 3600)
    harness.archive.faults.clear()
    assert harness.task(id).announcements.announced_at is not None
    assert harness.task(id).unfinished  # the sweep still gives it executions
    harness.notices.faults = [RuntimeError("SNS refuses"), None]
    with pytest.raises(RuntimeError):
        harness.finalize(id)
    assert harness.task(id).unfinished  # until it is announced
    assert harness.finalize(id).finished
    assert harness.finalize(id).finished
    task = harness.task(id)
    assert all(asset.archived for asset in task.assets)
    assert (task.unfinished, task.last_error) == (False, "")
    assert harness.archive.manifests[-1] == task
    success, updated = harness.notices.told
    assert [(told["id"], list(told["data"]["creations"][0]["files"])) for told in (success, updated)] == [
        (f"{id}.success", ["video"]),
        (f"{id}.updated-2", ["video", "cover"]),
    ]
    assert (updated["type"], updated["data"]["creations"][0]["pending"]) == ("reelkeep.task.updated", {})
    assert [each["owner_state"] for each in harness.notices.attributes] == ["alice#success"] * 2


def test_a_cover_is_tried_once_more_before_success_goes_on_without_it() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults["cover"] = [SourceBusy("503")]
    while harness.now < NOON + timedelta(minutes=29, seconds=30):
        harness.pass_(
            min(harness.finalize(id).wait_seconds, (NOON + timedelta(minutes=30) - harness.now).total_seconds())
        )
    harness.archive.faults.clear()
    assert harness.finalize(id).finished
    assert [asset.archived is not None for asset in harness.task(id).assets] == [True, True]
    assert len(harness.notices.told) == 1


def test_every_success_names_exactly_what_is_archived_and_why_the_rest_is_not() -> None:
    harness, id = archiving("video", "cover", "last-frame")
    harness.archive.faults["cover"] = [SourceGone("404")]
    until(harness, id, State.SUCCESS)
    [made] = harness.notices.told[0]["data"]["creations"]
    assert list(made["files"]) == ["video", "last-frame"]
    assert list(made["pending"]) == ["cover"]


def test_a_cover_that_is_given_up_after_success_is_reported_to_operators() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults["cover"] = [SourceGone("404")]
    harness.see_through(id)
    assert harness.task(id).state is State.SUCCESS
    assert harness.now - NOON >= timedelta(hours=24)
    delayed, lost = harness.notices.alerts
    assert (delayed["type"], delayed["time"] < lost["time"]) == ("reelkeep.task.delayed", True)
    assert (lost["type"], lost["data"]["files"][0]["file"]) == ("reelkeep.task.lost", "cover")
    assert len(harness.notices.told) == 1
    assert harness.archive.manifests[-1] == harness.task(id)


def test_a_file_that_is_too_large_is_settled_at_once_with_its_reason() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults["cover"] = [SourceTooLarge("it is larger than 256 MiB")]
    assert harness.finalize(id).finished
    cover = harness.task(id).creations[0].asset("cover")
    assert cover is not None
    assert cover.lost == "cover: it is larger than 256 MiB"
    assert (harness.task(id).state, [alert["type"] for alert in harness.notices.alerts]) == (
        State.SUCCESS,
        ["reelkeep.task.lost"],
    )
    harness, id = archiving("video")
    harness.archive.faults["video"] = [SourceTooLarge("it is larger than 10 GiB")]
    assert harness.finalize(id).finished
    failure = harness.task(id).failure
    assert (failure and failure.reason, harness.provider.looks) == (FailureClass.LOST, 1)  # no other link helps
    seen = Succeeded((creation("c1", "video"),))
    harness.provider.listed = [
        Listed(provider_task_id="p-1", created_at=NOON - timedelta(hours=1), request=request(), seen=seen)
    ]
    assert harness.adopt().adopted == 0


def test_a_provider_that_is_down_for_hours_costs_nothing_but_time() -> None:
    harness, id = archiving("video")
    harness.archive.faults["video"] = [SourceBusy("503")] * 30 + [None]
    harness.see_through(id)
    assert harness.task(id).state is State.SUCCESS


def test_a_failed_task_gets_a_manifest_and_a_notice_with_its_reason() -> None:
    failure = Failure(reason=FailureClass.POLICY, code="CreationPolicyViolation")
    harness = Harness(provider=FakeProvider(observations=[RUNNING, Failed(failure)]))
    id = harness.submit().id
    harness.see_through(id)
    assert [(task.failure, task.announcements.announced_at is None) for task in harness.archive.manifests] == [
        (failure, True),
        (failure, False),
    ]
    assert harness.notices.told[0]["data"]["failure"]["code"] == "CreationPolicyViolation"


def test_a_notice_that_could_not_be_handed_over_is_handed_over_later_under_the_same_id() -> None:
    harness, id = archiving("video")
    harness.notices.faults = [RuntimeError("SNS refuses"), None]
    with pytest.raises(RuntimeError):
        harness.finalize(id)
    assert harness.task(id).state is State.SUCCESS
    assert harness.finalize(id).finished
    assert [told["id"] for told in harness.notices.told] == [f"{id}.success"]


def test_the_manifest_says_success_before_the_task_does_and_announced_only_once_it_was() -> None:
    harness, id = archiving("video")
    harness.notices.faults = [RuntimeError("SNS refuses"), None]
    with pytest.raises(RuntimeError):
        harness.finalize(id)
    assert {(task.state, task.announcements.announced_at) for task in harness.archive.manifests} == {
        (State.SUCCESS, None)
    }
    harness.finalize(id)
    assert harness.archive.manifests[-1] == harness.task(id)


def test_the_manifest_says_that_success_was_announced_while_a_file_beside_the_video_is_still_to_be_fetched() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults = {"cover": [SourceBusy("busy")]}
    while not harness.notices.told:
        harness.pass_(harness.finalize(id).wait_seconds)
    assert harness.task(id).unfinished
    assert harness.archive.manifests[-1].announcements == harness.task(id).announcements


def test_a_manifest_that_could_not_be_written_at_the_end_is_written_when_the_machine_comes_back() -> None:
    harness, id = archiving("video")
    harness.finalize(id)
    harness.archive.manifests.clear()
    harness.finalize(id)
    assert harness.archive.manifests == [harness.task(id)]
    assert len(harness.notices.told) == 1


def test_no_copy_is_begun_when_the_functions_time_runs_out() -> None:
    harness, id = archiving("video")
    harness.seconds_left = 30
    assert harness.finalize(id).answer == {"task_id": id, "run": 0, "finished": False, "wait_seconds": 1}
    assert harness.archive.copies == []
    assert harness.task(id).polling.consecutive_errors == 0


def test_a_copy_that_takes_long_ends_before_the_function_does() -> None:
    harness, id = archiving("video", "cover")
    keep, given = harness.archive.archive, []

    def slow(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        given.append(seconds)
        harness.seconds_left -= min(seconds, 500)
        if seconds < 500:
            raise SourceBusy("there was no time left to read it all")
        return keep(task, number, name, source, seconds)

    harness.archive.archive = slow
    for _ in range(2):
        verdict = harness.finalize(id)
        assert harness.seconds_left > 30  # for the record, the manifest and the notice
        harness.seconds_left = 900
        harness.pass_(60)
    assert verdict.finished
    assert given == [780, 340, 840]


def test_a_file_that_hangs_leaves_time_to_the_others() -> None:
    harness, id = archiving("video", "cover", "watermarked")
    archive = harness.archive.archive

    def hanging(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        if name == "video":
            harness.seconds_left -= seconds
            raise SourceBusy("there was no time left to read it all")
        harness.seconds_left -= 10
        return archive(task, number, name, source, seconds)

    harness.archive.archive = hanging
    harness.finalize(id)
    assert [asset.name for asset in harness.task(id).assets if asset.archived] == ["cover", "watermarked"]


def test_a_task_whose_provider_is_not_done_is_not_finalized() -> None:
    harness = Harness(provider=FakeProvider(observations=[RUNNING]))
    with pytest.raises(ValueError, match="nothing to finalize"):
        harness.finalize(harness.submit().id)


def test_a_provider_that_forgot_the_task_has_no_fresh_links_and_the_loss_is_known() -> None:
    harness = Harness(provider=FakeProvider(observations=[Succeeded((creation(),)), Missing()]))
    harness.archive.faults["video"] = [SourceGone("403")]
    id = harness.submit().id
    harness.see_through(id)
    failure = harness.task(id).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST


def test_the_notice_can_be_filtered_by_what_the_task_is() -> None:
    harness, id = archiving("video")
    harness.finalize(id)
    assert harness.notices.attributes == [
        {
            "type": "reelkeep.task.success",
            "owner": "alice",
            "owner_state": "alice#success",
            "provider": "vidu",
            "model": "viduq2",
            "kind": "text2video",
            "state": "success",
        }
    ]


def see_losses(harness: Harness, id: str) -> list[str]:
    """What the verdicts say was lost, until the state machine ends."""
    losses = []
    while not (verdict := harness.finalize(id)).finished:
        losses += [verdict.lost] if verdict.lost else []
        harness.pass_(verdict.wait_seconds)
    return losses + ([verdict.lost] if verdict.lost else [])


def test_what_was_lost_is_reported_once_with_its_reason() -> None:
    harness, id = archiving("video", "cover")
    harness.archive.faults["cover"] = [SourceGone("404: the link is dead")]
    assert see_losses(harness, id) == ["cover: 404: the link is dead"]
    assert harness.finalize(id).lost == ""


def test_a_lost_video_is_reported_as_lost_and_a_refusal_is_not() -> None:
    harness, id = archiving("video")
    harness.archive.faults["video"] = [SourceGone("404")]
    assert see_losses(harness, id) == ["generated, but its file cannot be fetched: video: 404"]
    harness, id = seen(Failed(Failure(reason=FailureClass.POLICY, message="not this one")))
    assert harness.finalize(id).lost == ""


@pytest.mark.parametrize("fault", [SourceGone, SourceBusy])
def test_an_asset_that_another_run_archived_meanwhile_is_not_copied_again_and_counts_no_error(
    fault: type[SourceGone | SourceBusy],
) -> None:
    harness, id = archiving("video")
    kept = ArchivedFile(key="k", bytes=1, sha256="ab", content_type="video/mp4")

    class OtherRun(fault):  # type: ignore[misc, valid-type]  # one of two classes
        def __str__(self) -> str:  # while this one is at work
            task = harness.task(id)
            [made] = task.creations
            if not made.assets[0].archived:
                assets = (replace(made.assets[0], archived=kept, source=""),)
                harness.tasks.save(replace(task, creations=(replace(made, assets=assets),)))
            return "404"

    harness.archive.faults["video"] = [OtherRun("404")]
    harness.finalize(id)
    [asset] = harness.task(id).creations[0].assets
    assert (asset.archived, asset.lost, asset.consecutive_errors) == (kept, "", 0)
    assert harness.archive.copies == []


def test_a_task_whose_video_is_lost_is_reported_to_operators_with_the_reason() -> None:
    harness, id = archiving("video")
    harness.archive.faults["video"] = [SourceBad("an HTML page where a video was expected")]
    harness.see_through(id)
    _, alert = harness.notices.alerts
    assert (alert["type"], alert["id"]) == ("reelkeep.task.lost", f"{id}.lost")
    assert (alert["data"]["owner"], alert["data"]["provider_task_id"]) == ("alice", "p-1")
    assert "HTML page" in alert["data"]["reason"]
    harness.finalize(id)
    assert len(harness.notices.alerts) == 2


def test_operators_get_no_event_about_what_went_well() -> None:
    harness, id = archiving("video")
    harness.finalize(id)
    assert harness.notices.alerts == []
