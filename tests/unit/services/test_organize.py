"""Owners label their tasks, hide them, and bring them back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from reelkeep.domain.errors import Conflict, NotFound
from reelkeep.domain.links import path_of
from reelkeep.domain.tags import Labels
from reelkeep.domain.task import ArchivedFile, State, Task
from reelkeep.services.organize import Organize
from reelkeep.services.query import FollowLink, show
from tests.unit.services.harness import ALICE, MALLORY, Harness
from tests.unit.services.test_query import SECRET, FixedSecret


def organize(harness: Harness) -> Organize:
    return Organize(harness.tasks, harness.archive, harness.clock)


def finished() -> tuple[Harness, str]:
    harness = Harness()
    task_id = harness.submit().id
    harness.see_through(task_id)
    return harness, task_id


def test_a_change_of_labels_changes_nothing_else() -> None:
    harness, task_id = finished()
    before, notices = harness.task(task_id), list(harness.notices.told)
    starred = organize(harness).change(Labels(task_id, starred=True), ALICE)
    tagged = organize(harness).change(Labels(task_id, tags=("final",)), ALICE)
    assert (starred.starred, starred.request.tags) == (True, before.request.tags)
    assert (tagged.starred, tagged.request.tags) == (True, ("final",))
    assert (tagged.updated_at, tagged.executions, tagged.polling) == (before.updated_at, 0, before.polling)
    assert harness.notices.told == notices
    assert harness.archive.manifests[-1] == harness.task(task_id) == tagged


def test_the_manifest_of_a_task_under_way_is_written_at_its_end_with_its_labels() -> None:
    harness = Harness()
    task_id = harness.submit().id
    organize(harness).change(Labels(task_id, tags=("final",), starred=True), ALICE)
    assert harness.archive.manifests == []
    harness.see_through(task_id)
    written = harness.archive.manifests[-1]
    assert (written.request.tags, written.starred, written.state) == (("final",), True, State.SUCCESS)


def test_a_change_is_made_although_another_one_came_first() -> None:
    harness, task_id = finished()
    organized, save = organize(harness), harness.tasks.save

    def late(task: Task) -> Task:
        harness.tasks.save = save
        organized.change(Labels(task_id, starred=True), ALICE)
        return save(task)

    harness.tasks.save = late
    task = organized.change(Labels(task_id, tags=("final",)), ALICE)
    assert (task.starred, task.request.tags) == (True, ("final",))
    assert harness.archive.manifests[-1] == harness.task(task_id)


def test_what_is_hidden_can_be_brought_back_for_thirty_days_whoever_hid_it() -> None:
    harness, task_id = finished()
    organized = organize(harness)
    assert organized.hide(task_id, ALICE).removed_at == organized.hide(task_id, ALICE).removed_at
    with pytest.raises(NotFound):
        show(task_id, ALICE, tasks=harness.tasks)
    with pytest.raises(NotFound):
        organized.change(Labels(task_id, starred=True), ALICE)
    harness.now += timedelta(days=30)
    assert organized.restore(task_id, ALICE) == organized.restore(task_id, ALICE)
    assert show(task_id, ALICE, tasks=harness.tasks).removed_at is None
    assert harness.archive.manifests[-1] == harness.task(task_id)
    organized.hide(task_id, ALICE)
    harness.now += timedelta(days=31)
    with pytest.raises(Conflict, match="30 days"):
        organized.restore(task_id, ALICE)


@pytest.mark.parametrize("hidden", [False, True])
def test_other_links_take_the_place_of_those_that_are_revoked(hidden: bool) -> None:
    harness, task_id = finished()
    follow = FollowLink(harness.tasks, lambda *_, **__: "signed", FixedSecret())

    def followed(kept: ArchivedFile | None) -> str:
        assert kept
        _, _, token, _, file = path_of(kept.key, SECRET.encode(), kept.link_epoch).split("/")
        return follow(token, task_id, file, "GET")

    first = harness.task(task_id).assets[0].archived
    assert followed(first) == "signed"
    if hidden:
        organize(harness).hide(task_id, ALICE)
    organize(harness).revoke_links(task_id, ALICE)
    with pytest.raises(NotFound):
        followed(first)
    assert followed(harness.task(task_id).assets[0].archived) == "signed"
    assert harness.archive.manifests[-1] == harness.task(task_id)


@pytest.mark.parametrize("task_id", ["", "0" * 32, "../keys", "hers"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda organized, task_id: organized.change(Labels(task_id, starred=True), MALLORY),
        lambda organized, task_id: organized.hide(task_id, MALLORY),
        lambda organized, task_id: organized.restore(task_id, MALLORY),
        lambda organized, task_id: organized.revoke_links(task_id, MALLORY),
    ],
    ids=("change", "hide", "restore", "revoke"),
)
def test_another_owner_s_task_is_as_unknown_as_any(task_id: str, ask: Callable[[Organize, str], Any]) -> None:
    harness, known = finished()
    before = harness.task(known)
    with pytest.raises(NotFound) as refused:
        ask(organize(harness), known if task_id == "hers" else task_id)
    assert refused.value.message == f"there is no task {known if task_id == 'hers' else task_id}"
    assert harness.task(known) == before
