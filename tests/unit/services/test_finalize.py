from __future__ import annotations

import pytest

from reelkeep.domain.observation import Failed, Missing, Succeeded
from reelkeep.domain.task import Failure, FailureClass, State
from reelkeep.ports import SourceBad, SourceBusy, SourceGone
from tests.unit.services.stage import RUNNING, FakeProvider, Stage, creation


def archiving(*names: str) -> tuple[Stage, str]:
    observations = [Succeeded((creation("c1", *names, round=n),)) for n in range(1, 4)]
    stage = Stage(provider=FakeProvider(observations=observations))
    id = stage.submit().id
    stage.poll(id)
    return stage, id


def test_every_asset_is_kept_then_the_manifest_then_success_then_the_notice() -> None:
    stage, id = archiving("video", "cover")
    assert stage.finalize(id).finished
    task = stage.task(id)
    assert task.state is State.SUCCESS
    assert [asset.kept is not None for asset in task.creations[0].assets] == [True, True]
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


def test_success_is_neither_visible_nor_told_while_one_asset_is_missing() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceBusy("503", retry_after=30)]
    verdict = stage.finalize(id)
    assert (verdict.finished, verdict.wait_seconds) == (False, 30)
    assert stage.task(id).state is State.ARCHIVING
    assert stage.notices.told == []
    assert len(stage.archive.copies) == 1


def test_what_is_kept_is_not_copied_again_when_the_machine_comes_back() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceBusy("503"), None]
    stage.finalize(id)
    assert stage.finalize(id).finished
    assert [copy.split("/")[-1].split("?")[0] for copy in stage.archive.copies] == ["video", "cover"]


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


def test_a_cover_that_cannot_be_had_does_not_cost_the_video_and_the_loss_is_told() -> None:
    stage, id = archiving("video", "cover")
    stage.archive.faults["cover"] = [SourceGone("404")]
    stage.see_through(id)
    assert stage.task(id).state is State.SUCCESS
    [told] = stage.notices.told
    assert list(told["data"]["creations"][0]["files"]) == ["video"]
    assert "404" in told["data"]["creations"][0]["lost"]["cover"]


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
    assert [(task.failure, task.told_at is None) for task in stage.archive.manifests] == [
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
    assert {(task.state, task.told_at) for task in stage.archive.manifests} == {(State.SUCCESS, None)}
    stage.finalize(id)
    assert stage.archive.manifests[-1] == stage.task(id)


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
    assert stage.finalize(id).answer == {"task_id": id, "finished": False, "wait_seconds": 1}
    assert stage.archive.copies == []
    assert stage.task(id).setbacks == 0


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
            "provider": "vidu",
            "model": "viduq2",
            "kind": "text2video",
            "state": "success",
        }
    ]
