from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reelkeep.domain.observation import Busy, Failed, Listed, Missing, Observation, Succeeded, Unreadable
from reelkeep.domain.task import ArchivedFile, Creation, Failure, FailureClass, State, Task
from reelkeep.ports import Source, SourceBad, SourceBusy, SourceGone, SourceNotMedia, SourceTooLarge
from tests.unit.services.stage import NOON, RUNNING, FakeProvider, Stage, creation, request


def archiving(*names: str) -> tuple[Stage, str]:
    observations: list[Observation | BaseException] = [
        Succeeded((creation("c1", *names, round=n),)) for n in range(1, 4)
    ]
    stage = Stage(provider=FakeProvider(observations=observations))
    id = stage.submit().id
    stage.poll(id)
    return stage, id


def test_every_asset_is_kept_then_the_manifest_then_success_then_the_notice() -> None:
    stage, id = archiving("video", "cover")
    assert stage.finalize(id).finished
    task = stage.task(id)
    assert task.state is State.SUCCESS
    assert [asset.archived is not None for asset in task.creations[0].assets] == [True, True]
    assert stage.archive.manifests[0].state is State.SUCCESS
    assert [told["type"] for told in stage.notices.told] == ["reelkeep.task.success"]


def test_running_it_twice_changes_nothing() -> None:
    stage, id = archiving("video", "cover")
    stage.finalize(id)
    before = stage.task(id)
    assert stage.finalize(id).finished
    assert stage.task(id) == before
    assert len(stage.archive.copies) == 2
    assert len(stage.notices.told) == 1


def test_the_providers_links_are_forgotten_once_the_assets_are_kept() -> None:
    stage, id = archiving("video")
    stage.finalize(id)
    assert "files.test" not in repr(stage.task(id))
    assert "files.test" not in repr(stage.archive.manifests)
    assert "files.test" not in repr(stage.notices.told)


def test_a_fresh_look_does_not_bring_back_the_links_of_what_is_kept() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover?round=1"] = [SourceGone("403")]
    assert stage.finalize(id).finished
    assert copied(stage) == ["c1/video?round=1", "c1/cover?round=2"]
    assert "files.test" not in repr(stage.task(id))


def test_success_is_neither_visible_nor_told_while_one_asset_is_missing() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceBusy("503", retry_after=30)]
    verdict = stage.finalize(id)
    assert (verdict.finished, verdict.wait_seconds) == (False, 30)
    assert (stage.task(id).state, stage.task(id).polling.next_poll_at) == (
        State.ARCHIVING,
        NOON + timedelta(seconds=30),
    )
    assert stage.notices.told == []
    assert len(stage.archive.copies) == 1


def test_what_is_kept_is_not_copied_again_when_the_machine_comes_back() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceBusy("503"), None]
    stage.pass_(stage.finalize(id).wait_seconds)
    assert stage.finalize(id).finished
    assert [copy.split("/")[-1].split("?")[0] for copy in stage.archive.copies] == ["video", "cover"]


def with_optional_cover() -> tuple[Stage, str]:
    made = creation("c1", "video", "cover")
    made = replace(made, assets=(made.assets[0], replace(made.assets[1], optional=True)))
    stage = Stage(provider=FakeProvider(observations=[Succeeded((made,))]))
    id = stage.submit().id
    stage.poll(id)
    return stage, id


def test_an_optional_file_is_kept_if_the_provider_has_it() -> None:
    stage, id = with_optional_cover()
    assert stage.finalize(id).finished
    assert [asset.archived is not None for asset in stage.task(id).creations[0].assets] == [True, True]


@pytest.mark.parametrize("fault", [SourceGone("404"), SourceBad("it is a page"), SourceNotMedia("a video", 2048)])
def test_an_optional_file_that_the_provider_does_not_have_is_missed_by_nobody(fault: Exception) -> None:
    stage, id = with_optional_cover()
    stage.archive.faults["cover"] = [fault]
    verdict = stage.finalize(id)
    assert (verdict.finished, verdict.lost) == (True, "")
    assert (stage.task(id).state, stage.task(id).last_error) == (State.SUCCESS, "")
    assert [asset.name for asset in stage.task(id).creations[0].assets] == ["video"]
    assert [told["type"] for told in stage.notices.told] == ["reelkeep.task.success"]


def test_an_optional_file_is_waited_for_a_moment_only() -> None:
    stage, id = with_optional_cover()
    stage.archive.faults["cover"] = [SourceBusy("503")]
    assert until(stage, id, State.SUCCESS) < timedelta(minutes=2)
    assert [asset.name for asset in stage.task(id).creations[0].assets] == ["video"]


def test_a_dead_link_leads_to_a_fresh_one() -> None:
    stage, id = archiving("video")
    stage.archive.faults["round=1"] = [SourceGone("403")]
    assert stage.finalize(id).finished
    assert stage.archive.copies == ["https://files.test/c1/video?round=2"]


def test_nothing_is_given_up_while_the_provider_is_gone_from_the_configuration() -> None:
    stage, id = archiving("video")
    stage.provider.unknown = True
    for _ in range(20):
        verdict = stage.finalize(id)
        assert not verdict.finished
        stage.pass_(verdict.wait_seconds)
    assert stage.archive.copies == []
    stage.provider.unknown = False
    assert stage.finalize(id).finished
    assert stage.task(id).state is State.SUCCESS


def test_an_error_page_served_as_a_video_is_never_called_success() -> None:
    stage, id = archiving("video")
    stage.archive.faults["video"] = [SourceBad("an HTML page where a video was expected")]
    stage.see_through(id)
    task = stage.task(id)
    assert task.state is State.FAILED
    assert task.failure is not None
    assert task.failure.reason is FailureClass.LOST
    assert "HTML page" in task.failure.message
    assert [told["type"] for told in stage.notices.told] == ["reelkeep.task.failed"]


def test_one_lost_video_of_two_is_no_success_and_the_other_is_kept() -> None:
    stage, id = seen(Succeeded((creation("c1"), creation("c2"))))
    stage.archive.faults["c2"] = [SourceGone("404")]
    stage.see_through(id)
    task = stage.task(id)
    assert task.state is State.FAILED
    assert [each.assets[0].archived is not None for each in task.creations] == [True, False]


def until(stage: Stage, id: str, state: State) -> timedelta:
    """Lets the state machine run until the task is in this state; how long it took."""
    began = stage.now
    while (wait := stage.finalize(id).wait_seconds) and stage.task(id).state is not state:
        stage.pass_(wait)
    return stage.now - began


def test_a_cover_that_is_refused_for_half_an_hour_does_not_hold_up_the_video() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceGone("404")]
    assert until(stage, id, State.SUCCESS) == timedelta(minutes=30)
    [told] = stage.notices.told
    [made] = told["data"]["creations"]
    assert (list(made["files"]), made["lost"]) == (["video"], {})
    assert "404" in made["pending"]["cover"]


def test_a_cover_that_comes_hours_after_success_is_archived_and_announced() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceGone("404")]
    until(stage, id, State.SUCCESS)
    stage.pass_(6 * 3600)
    stage.archive.faults.clear()
    assert stage.task(id).announcements.announced_at is not None
    assert stage.task(id).unfinished  # the sweep still gives it executions
    stage.notices.faults = [RuntimeError("SNS refuses"), None]
    with pytest.raises(RuntimeError):
        stage.finalize(id)
    assert stage.task(id).unfinished  # until it is announced
    assert stage.finalize(id).finished
    assert stage.finalize(id).finished
    task = stage.task(id)
    assert all(asset.archived for asset in task.assets)
    assert (task.unfinished, task.last_error) == (False, "")
    assert stage.archive.manifests[-1] == task
    success, updated = stage.notices.told
    assert [(told["id"], list(told["data"]["creations"][0]["files"])) for told in (success, updated)] == [
        (f"{id}.success", ["video"]),
        (f"{id}.updated-2", ["video", "cover"]),
    ]
    assert (updated["type"], updated["data"]["creations"][0]["pending"]) == ("reelkeep.task.updated", {})
    assert [each["owner_state"] for each in stage.notices.attributes] == ["alice#success"] * 2


def test_a_cover_is_tried_once_more_before_success_goes_on_without_it() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceBusy("503")]
    while stage.now < NOON + timedelta(minutes=29, seconds=30):
        stage.pass_(min(stage.finalize(id).wait_seconds, (NOON + timedelta(minutes=30) - stage.now).total_seconds()))
    stage.archive.faults.clear()
    assert stage.finalize(id).finished
    assert [asset.archived is not None for asset in stage.task(id).assets] == [True, True]
    assert len(stage.notices.told) == 1


def test_every_success_names_exactly_what_is_archived_and_why_the_rest_is_not() -> None:
    stage, id = archiving("video", "cover", "last-frame")
    stage.archive.faults["cover"] = [SourceGone("404")]
    until(stage, id, State.SUCCESS)
    [made] = stage.notices.told[0]["data"]["creations"]
    assert list(made["files"]) == ["video", "last-frame"]
    assert list(made["pending"]) == ["cover"]


def test_a_cover_that_is_given_up_after_success_is_told_to_operators() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceGone("404")]
    stage.see_through(id)
    assert stage.task(id).state is State.SUCCESS
    assert stage.now - NOON >= timedelta(hours=24)
    delayed, lost = stage.notices.alerts
    assert (delayed["type"], delayed["time"] < lost["time"]) == ("reelkeep.task.delayed", True)
    assert (lost["type"], lost["data"]["files"][0]["file"]) == ("reelkeep.task.lost", "cover")
    assert len(stage.notices.told) == 1
    assert stage.archive.manifests[-1] == stage.task(id)


def test_a_file_that_is_too_large_is_settled_at_once_with_its_reason() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceTooLarge("it is larger than 256 MiB")]
    assert stage.finalize(id).finished
    cover = stage.task(id).creations[0].asset("cover")
    assert cover is not None
    assert cover.lost == "cover: it is larger than 256 MiB"
    assert (stage.task(id).state, [alert["type"] for alert in stage.notices.alerts]) == (
        State.SUCCESS,
        ["reelkeep.task.lost"],
    )
    stage, id = archiving("video")
    stage.archive.faults["video"] = [SourceTooLarge("it is larger than 10 GiB")]
    assert stage.finalize(id).finished
    failure = stage.task(id).failure
    assert (failure and failure.reason, stage.provider.looks) == (FailureClass.LOST, 1)  # no other link helps
    seen = Succeeded((creation("c1", "video"),))
    stage.provider.listed = [
        Listed(provider_task_id="p-1", created_at=NOON - timedelta(hours=1), request=request(), seen=seen)
    ]
    assert stage.adopt().adopted == 0


def test_a_provider_that_is_down_for_hours_costs_nothing_but_time() -> None:
    stage, id = archiving("video")
    stage.archive.faults["video"] = [SourceBusy("503")] * 30 + [None]
    stage.see_through(id)
    assert stage.task(id).state is State.SUCCESS


def test_a_failed_task_gets_a_manifest_and_a_notice_with_its_reason() -> None:
    failure = Failure(reason=FailureClass.POLICY, code="CreationPolicyViolation")
    stage = Stage(provider=FakeProvider(observations=[RUNNING, Failed(failure)]))
    id = stage.submit().id
    stage.see_through(id)
    assert [(task.failure, task.announcements.announced_at is None) for task in stage.archive.manifests] == [
        (failure, True),
        (failure, False),
    ]
    assert stage.notices.told[0]["data"]["failure"]["code"] == "CreationPolicyViolation"


def test_a_notice_that_could_not_be_handed_over_is_handed_over_later_under_the_same_id() -> None:
    stage, id = archiving("video")
    stage.notices.faults = [RuntimeError("SNS refuses"), None]
    with pytest.raises(RuntimeError):
        stage.finalize(id)
    assert stage.task(id).state is State.SUCCESS
    assert stage.finalize(id).finished
    assert [told["id"] for told in stage.notices.told] == [f"{id}.success"]


def test_the_manifest_says_success_before_the_task_does_and_told_only_once_it_was() -> None:
    stage, id = archiving("video")
    stage.notices.faults = [RuntimeError("SNS refuses"), None]
    with pytest.raises(RuntimeError):
        stage.finalize(id)
    assert {(task.state, task.announcements.announced_at) for task in stage.archive.manifests} == {
        (State.SUCCESS, None)
    }
    stage.finalize(id)
    assert stage.archive.manifests[-1] == stage.task(id)


def test_the_manifest_says_that_success_was_announced_while_a_file_beside_the_video_is_still_to_be_fetched() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults = {"cover": [SourceBusy("busy")]}
    while not stage.notices.told:
        stage.pass_(stage.finalize(id).wait_seconds)
    assert stage.task(id).unfinished
    assert stage.archive.manifests[-1].announcements == stage.task(id).announcements


def test_a_manifest_that_could_not_be_written_at_the_end_is_written_when_the_machine_comes_back() -> None:
    stage, id = archiving("video")
    stage.finalize(id)
    stage.archive.manifests.clear()
    stage.finalize(id)
    assert stage.archive.manifests == [stage.task(id)]
    assert len(stage.notices.told) == 1


def test_no_copy_is_begun_when_the_functions_time_runs_out() -> None:
    stage, id = archiving("video")
    stage.seconds_left = 30
    assert stage.finalize(id).answer == {"task_id": id, "run": 0, "finished": False, "wait_seconds": 1}
    assert stage.archive.copies == []
    assert stage.task(id).polling.consecutive_errors == 0


def test_a_copy_that_takes_long_ends_before_the_function_does() -> None:
    stage, id = archiving("video", "cover")
    keep, given = stage.archive.archive, []

    def slow(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        given.append(seconds)
        stage.seconds_left -= min(seconds, 500)
        if seconds < 500:
            raise SourceBusy("there was no time left to read it all")
        return keep(task, number, name, source, seconds)

    stage.archive.archive = slow
    for _ in range(2):
        verdict = stage.finalize(id)
        assert stage.seconds_left > 30  # for the record, the manifest and the notice
        stage.seconds_left = 900
        stage.pass_(60)
    assert verdict.finished
    assert given == [780, 340, 840]


def test_a_file_that_hangs_leaves_time_to_the_others() -> None:
    stage, id = archiving("video", "cover", "watermarked")
    archive = stage.archive.archive

    def hanging(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        if name == "video":
            stage.seconds_left -= seconds
            raise SourceBusy("there was no time left to read it all")
        stage.seconds_left -= 10
        return archive(task, number, name, source, seconds)

    stage.archive.archive = hanging
    stage.finalize(id)
    assert [asset.name for asset in stage.task(id).assets if asset.archived] == ["cover", "watermarked"]


def test_a_task_that_is_not_through_is_not_finalized() -> None:
    stage = Stage(provider=FakeProvider(observations=[RUNNING]))
    with pytest.raises(ValueError, match="nothing to finalize"):
        stage.finalize(stage.submit().id)


def test_a_provider_that_forgot_the_task_has_no_fresh_links_and_the_loss_is_known() -> None:
    stage = Stage(provider=FakeProvider(observations=[Succeeded((creation(),)), Missing()]))
    stage.archive.faults["video"] = [SourceGone("403")]
    id = stage.submit().id
    stage.see_through(id)
    failure = stage.task(id).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST


def test_the_notice_can_be_filtered_by_what_the_task_is() -> None:
    stage, id = archiving("video")
    stage.finalize(id)
    assert stage.notices.attributes == [
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


def with_deaths(id: str = "c1", round: int = 1, **hours: float) -> Creation:
    made = creation(id, *hours, round=round)
    assets = (
        replace(asset, expires_at=NOON + timedelta(hours=after))
        for asset, after in zip(made.assets, hours.values(), strict=True)
    )
    return replace(made, assets=tuple(assets))


def seen(*observations: Observation) -> tuple[Stage, str]:
    stage = Stage(provider=FakeProvider(observations=list(observations)))
    id = stage.submit().id
    stage.poll(id)
    return stage, id


def copied(stage: Stage) -> list[str]:
    return [copy.removeprefix("https://files.test/") for copy in stage.archive.copies]


def test_what_dies_first_is_copied_first() -> None:
    first, second = with_deaths("c1", video=24, cover=1), with_deaths("c2", video=24, cover=0.5)
    stage, id = seen(Succeeded((first, second)))
    stage.finalize(id)
    assert [copy.split("?")[0] for copy in copied(stage)] == ["c2/cover", "c1/cover", "c1/video", "c2/video"]
    assert stage.provider.looks == 1  # there is no need of fresh links


def test_what_does_not_say_when_it_dies_is_copied_last() -> None:
    stage, id = seen(Succeeded((creation("c1"), with_deaths("c2", video=24))))
    assert stage.finalize(id).finished
    assert [copy.split("?")[0] for copy in copied(stage)] == ["c2/video", "c1/video"]


def test_a_link_that_is_dead_by_its_own_words_is_not_even_tried() -> None:
    """A cover's may live for an hour, the video's for a day."""
    stage, id = seen(
        Succeeded((with_deaths(video=24, cover=1),)), Succeeded((with_deaths(round=2, video=48, cover=25),))
    )
    stage.pass_(2 * 3600)
    assert stage.finalize(id).finished
    assert copied(stage) == ["c1/cover?round=2", "c1/video?round=2"]
    assert stage.provider.looks == 2


def test_a_fresh_link_is_believed_as_long_as_it_says() -> None:
    stage, id = seen(Succeeded((with_deaths(video=1),)), Succeeded((with_deaths(round=2, video=24),)))
    stage.archive.faults["video"] = [SourceBusy("503"), None]
    stage.pass_(2 * 3600)
    stage.pass_(stage.finalize(id).wait_seconds)
    assert stage.finalize(id).finished
    assert stage.provider.looks == 2


def test_a_provider_that_has_no_fresh_links_is_asked_once_a_run_for_all_of_them() -> None:
    stage, id = seen(Succeeded((with_deaths(video=1, cover=1, watermarked=1),)), Busy("503"))
    stage.archive.faults["files.test"] = [SourceGone("403")]
    stage.pass_(2 * 3600)
    assert not stage.finalize(id).finished
    assert stage.provider.looks == 2


def test_one_fresh_look_renews_every_link() -> None:
    stage, id = archiving("video", "cover", "watermarked")
    stage.archive.faults["round=1"] = [SourceGone("403")]
    assert stage.finalize(id).finished
    assert copied(stage) == [f"c1/{name}?round=2" for name in ("video", "cover", "watermarked")]
    assert stage.provider.looks == 2


@pytest.mark.parametrize("answer", [Busy("503"), Unreadable("no link"), RUNNING])
def test_links_that_are_dead_while_their_provider_cannot_say_better_cost_nothing_but_time(
    answer: Observation,
) -> None:
    """Also when it goes back to a state that it had left, or says success without links."""
    fresh = Succeeded((creation("c1", "video", round=2),))
    stage, id = seen(Succeeded((creation("c1", "video"),)), *[answer] * 20, fresh)
    stage.archive.faults["round=1"] = [SourceGone("403")]
    stage.see_through(id)
    assert stage.task(id).state is State.SUCCESS
    assert copied(stage) == ["c1/video?round=2"]


@pytest.mark.parametrize("answer", [Missing(), Failed(Failure(reason=FailureClass.PROVIDER)), Succeeded(())])
def test_a_file_is_given_up_only_once_its_link_is_dead_and_the_provider_has_no_other(answer: Observation) -> None:
    stage, id = seen(Succeeded((with_deaths(video=5),)), answer)
    stage.archive.faults["video"] = [SourceGone("403")]
    waits = stage.see_through(id)
    assert 5 * 3600 <= sum(waits) < 8 * 3600
    failure = stage.task(id).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST


def test_a_link_that_does_not_say_when_it_dies_is_given_a_day() -> None:
    stage, id = seen(Succeeded((creation(),)), Missing())
    stage.archive.faults["video"] = [SourceGone("403")]
    assert timedelta(hours=24) <= until(stage, id, State.FAILED) < timedelta(hours=27)


@pytest.mark.parametrize("fault", [SourceGone("404"), SourceBad("an HTML page"), SourceBusy("cut")])
@pytest.mark.parametrize("late", [timedelta(minutes=12), timedelta(hours=23)])
def test_a_file_that_is_late_is_archived(fault: Exception, late: timedelta) -> None:
    stage, id = archiving("video")
    stage.archive.faults["video"] = [fault]
    while stage.now < NOON + late:
        stage.pass_(stage.finalize(id).wait_seconds)
    stage.archive.faults.clear()
    assert until(stage, id, State.SUCCESS) <= timedelta(minutes=30)


def test_a_server_that_is_busy_has_no_dead_link() -> None:
    """Though the provider has no other, and a link that does not say is taken to live for a day."""
    stage, id = archiving("video")
    stage.archive.faults["video"] = [SourceBusy("503")]
    while stage.now < NOON + timedelta(hours=71):
        verdict = stage.finalize(id)
        assert not verdict.finished
        stage.pass_(verdict.wait_seconds)
    stage.archive.faults.clear()
    assert until(stage, id, State.SUCCESS) <= timedelta(minutes=31)


def test_what_is_given_up_after_three_days_is_adopted_when_it_is_there() -> None:
    stage, id = archiving("video")
    stage.archive.faults["video"] = [SourceBusy("503")]
    until(stage, id, State.FAILED)
    stage.archive.faults.clear()
    made = Listed(provider_task_id="p-1", created_at=NOON, request=request(), seen=Succeeded((creation("c1"),)))
    stage.provider.listed = [made]
    assert stage.adopt().adopted == 1


def test_a_provider_that_signs_fresh_links_to_nothing_is_given_three_days() -> None:
    stage, id = archiving("video")
    stage.provider.observations = [Succeeded((creation("c1", round=n),)) for n in range(2, 2000)]
    stage.archive.faults["video"] = [SourceGone("404")]
    assert timedelta(hours=72) <= until(stage, id, State.FAILED) < timedelta(hours=74)


@pytest.mark.parametrize("fault", [SourceBusy("the connection was cut"), SourceBad("an HTML page")])
def test_a_link_that_fails_three_times_in_a_row_is_renewed(fault: Exception) -> None:
    stage, id = archiving("video")
    stage.archive.faults["round=1"] = [fault]
    assert until(stage, id, State.SUCCESS) < timedelta(minutes=1)
    assert copied(stage) == ["c1/video?round=2"]
    assert stage.provider.looks == 2


def test_a_provider_that_is_busy_when_a_link_is_to_be_renewed_is_asked_at_the_next_try() -> None:
    stage, id = archiving("video")
    stage.provider.observations = [Busy("503"), Succeeded((creation("c1", round=2),))]
    stage.archive.faults["round=1"] = [SourceBusy("the connection was cut")]
    assert until(stage, id, State.SUCCESS) < timedelta(minutes=2)
    assert (copied(stage), stage.provider.looks) == (["c1/video?round=2"], 3)


def test_the_waits_grow_and_differ_from_task_to_task() -> None:
    first, second = archiving("video"), archiving("video")
    waits: list[list[int]] = []
    for stage, id in (first, second):
        stage.archive.faults["video"] = [SourceBusy("503")]
        waits.append([])
        for _ in range(40):
            waits[-1].append(stage.finalize(id).wait_seconds)
            stage.pass_(waits[-1][-1])
    assert waits[0] != waits[1]
    assert all(wait <= 2 ** (number + 2) for number, wait in enumerate(waits[0]))
    assert 900 < max(waits[0]) <= 1800


def test_a_server_that_asks_to_be_left_alone_for_an_hour_holds_up_its_own_file_only() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults = {"cover": [SourceBusy("429", retry_after=3600)], "video": [SourceBusy("503"), None]}
    verdict = stage.finalize(id)
    assert verdict.wait_seconds <= 4
    stage.pass_(verdict.wait_seconds)
    stage.finalize(id)
    assert copied(stage) == ["c1/video?round=1"]


def test_the_owner_sees_what_is_wrong_and_operators_are_told_within_the_hour() -> None:
    stage, id = archiving("video")
    stage.archive.faults["video"] = [SourceGone("404: the link is dead")]
    while stage.now < NOON + timedelta(hours=1, minutes=30):
        stage.pass_(stage.finalize(id).wait_seconds)
        assert stage.task(id).last_error == "video: 404: the link is dead"
    [alert] = stage.notices.alerts
    assert (alert["type"], alert["id"]) == ("reelkeep.task.delayed", f"{id}.delayed")
    [file] = alert["data"]["files"]
    assert (file["file"], file["last_error"]) == ("video", "video: 404: the link is dead")
    stage.archive.faults.clear()
    until(stage, id, State.SUCCESS)
    assert (stage.task(id).last_error, len(stage.notices.alerts)) == ("", 1)


def test_a_cover_that_is_not_to_be_had_does_not_cost_a_video_that_is_only_late() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceGone("404")]
    stage.archive.faults["video"] = [SourceBusy("503")] * 12 + [None]
    stage.see_through(id)
    task = stage.task(id)
    assert task.state is State.SUCCESS
    assert [bool(asset.archived) for asset in task.creations[0].assets] == [True, False]


def test_what_could_not_be_had_does_not_hold_up_the_rest() -> None:
    stage, id = seen(Succeeded((with_deaths(cover=1, video=24),)))
    stage.archive.faults["cover"] = [SourceBusy("no time was left"), None]
    stage.finalize(id)
    assert copied(stage) == ["c1/video?round=1"]
    assert [asset.consecutive_errors for asset in stage.task(id).assets] == [1, 0]


def test_creations_are_known_by_their_ids_in_whatever_order_and_number_they_come() -> None:
    again = [creation(id, round=2) for id in ("c2", "c1", "c2", "c3")]
    stage, id = seen(Succeeded((creation("c1"), creation("c2"))), Succeeded(tuple(again)))
    stage.archive.faults["round=1"] = [SourceGone("403")]
    assert stage.finalize(id).finished
    assert copied(stage) == ["c1/video?round=2", "c2/video?round=2"]
    assert [each.id for each in stage.task(id).creations] == [f"{id}-1", f"{id}-2"]


def test_a_creation_that_is_listed_no_more_is_not_given_the_links_of_another() -> None:
    fresh = Succeeded((creation("c2", round=2), creation("c3", round=2)))
    stage, id = seen(Succeeded((creation("c1"), creation("c2"))), fresh)
    stage.archive.faults["round=1"] = [SourceGone("403")]
    assert not stage.finalize(id).finished
    assert copied(stage) == ["c2/video?round=2"]


def test_creations_whose_ids_are_new_at_every_look_are_known_by_their_places() -> None:
    stage, id = seen(
        Succeeded((creation("a"), creation("b"))), Succeeded((creation("x", round=2), creation("y", round=2)))
    )
    stage.archive.faults["round=1"] = [SourceGone("403")]
    assert stage.finalize(id).finished
    assert copied(stage) == ["x/video?round=2", "y/video?round=2"]


def see_losses(stage: Stage, id: str) -> list[str]:
    """What the verdicts say was lost, until the state machine ends."""
    losses = []
    while not (verdict := stage.finalize(id)).finished:
        losses += [verdict.lost] if verdict.lost else []
        stage.pass_(verdict.wait_seconds)
    return losses + ([verdict.lost] if verdict.lost else [])


def test_what_was_lost_is_said_once_with_its_reason() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceGone("404: the link is dead")]
    assert see_losses(stage, id) == ["cover: 404: the link is dead"]
    assert stage.finalize(id).lost == ""


def test_a_lost_video_is_said_to_be_lost_and_a_refusal_is_not() -> None:
    stage, id = archiving("video")
    stage.archive.faults["video"] = [SourceGone("404")]
    assert see_losses(stage, id) == ["generated, but its file cannot be fetched: video: 404"]
    stage, id = seen(Failed(Failure(reason=FailureClass.POLICY, message="not this one")))
    assert stage.finalize(id).lost == ""


@pytest.mark.parametrize("fault", [SourceGone, SourceBusy])
def test_an_asset_that_another_run_kept_meanwhile_is_neither_copied_again_nor_blamed(
    fault: type[SourceGone | SourceBusy],
) -> None:
    stage, id = archiving("video")
    kept = ArchivedFile(key="k", bytes=1, sha256="ab", content_type="video/mp4")

    class OtherRun(fault):  # type: ignore[misc, valid-type]  # one of two classes
        def __str__(self) -> str:  # while this one is at work
            task = stage.task(id)
            [made] = task.creations
            if not made.assets[0].archived:
                assets = (replace(made.assets[0], archived=kept, source=""),)
                stage.tasks.save(replace(task, creations=(replace(made, assets=assets),)))
            return "404"

    stage.archive.faults["video"] = [OtherRun("404")]
    stage.finalize(id)
    [asset] = stage.task(id).creations[0].assets
    assert (asset.archived, asset.lost, asset.consecutive_errors) == (kept, "", 0)
    assert stage.archive.copies == []


def test_a_task_whose_video_is_lost_is_told_to_operators_with_the_reason() -> None:
    stage, id = archiving("video")
    stage.archive.faults["video"] = [SourceBad("an HTML page where a video was expected")]
    stage.see_through(id)
    _, alert = stage.notices.alerts
    assert (alert["type"], alert["id"]) == ("reelkeep.task.lost", f"{id}.lost")
    assert (alert["data"]["owner"], alert["data"]["provider_task_id"]) == ("alice", "p-1")
    assert "HTML page" in alert["data"]["reason"]
    stage.finalize(id)
    assert len(stage.notices.alerts) == 2


def test_operators_hear_nothing_of_what_went_well() -> None:
    stage, id = archiving("video")
    stage.finalize(id)
    assert stage.notices.alerts == []
