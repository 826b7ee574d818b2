"""An owner sees its own tasks, as it gave them, and a permanent link leads to one file without a key."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reelkeep.domain import links
from reelkeep.domain.errors import Forbidden, InvalidRequest, NotFound
from reelkeep.domain.listing import MOST_OWNERS, Filter, Listing
from reelkeep.domain.scopes import USUAL, Scope
from reelkeep.services import query
from tests.unit.services.harness import ALICE, MALLORY, NOON, Harness, request

SECRET = "s" * 32


class FixedSecret:
    def value(self) -> str:
        return SECRET


def listed(harness: Harness, wanted: Filter, window: timedelta | None = None) -> list[str]:
    page = query.ListTasks(harness.tasks, harness.clock)(Listing(filter=wanted), ALICE, window)
    return [task.id for task in page]


def test_only_its_owner_sees_a_task() -> None:
    harness = Harness()
    task = harness.submit()
    assert query.show(task.id, ALICE, tasks=harness.tasks).id == task.id
    with pytest.raises(NotFound) as others:
        query.show(task.id, MALLORY, tasks=harness.tasks)
    missing = task.id[::-1]
    with pytest.raises(NotFound) as nobodys:
        query.show(missing, ALICE, tasks=harness.tasks)
    assert str(others.value) == str(nobodys.value).replace(missing, task.id)
    page = query.ListTasks(harness.tasks, harness.clock)(Listing(), MALLORY)
    assert page.tasks == ()


OPERATOR = replace(MALLORY, scopes=USUAL | {Scope.OPERATE})


def test_operators_see_the_tasks_of_every_owner_and_nobody_else_sees_another_s() -> None:
    harness = Harness()
    hers, his = harness.submit(), harness.submit(caller=MALLORY)
    list_tasks = query.ListTasks(harness.tasks, harness.clock, lambda: ["alice"])
    every, of_alice = Listing(owner="*"), Listing(owner="alice")
    unfinished = Listing(owner="*", filter=Filter(unfinished=True))

    def ids(listing: Listing) -> set[str]:
        return {task.id for task in list_tasks(listing, OPERATOR)}

    assert (ids(every), ids(of_alice), ids(Listing())) == ({hers.id, his.id}, {hers.id}, {his.id})
    harness.see_through(hers.id)
    assert (ids(every), ids(unfinished)) == ({hers.id, his.id}, {his.id})
    assert query.ShowWhole(harness.tasks, harness.archive)(hers.id, OPERATOR).id == hers.id
    with pytest.raises(NotFound):  # to look is not to touch
        query.show(hers.id, OPERATOR, tasks=harness.tasks)
    for listing in (every, of_alice, unfinished):
        with pytest.raises(Forbidden, match="lacks the scope operate"):
            list_tasks(listing, MALLORY)


def test_finished_tasks_are_listed_together_of_a_bounded_number_of_owners() -> None:
    harness = Harness()
    list_tasks = query.ListTasks(harness.tasks, harness.clock, lambda: [f"owner-{n}" for n in range(MOST_OWNERS)])
    with pytest.raises(InvalidRequest, match=f"must name one: there are {MOST_OWNERS + 1} owners") as refused:
        list_tasks(Listing(owner="*"), OPERATOR)
    assert refused.value.field == "owner"
    assert list_tasks(Listing(owner="*", filter=Filter(unfinished=True)), OPERATOR).tasks == ()


def test_a_name_that_is_none_is_not_repeated_at_length() -> None:
    with pytest.raises(NotFound) as refused:
        query.show("x" * 5000, ALICE, tasks=Harness().tasks)
    assert len(str(refused.value)) < 100


def test_a_payload_too_big_for_the_table_is_shown_as_the_client_gave_it() -> None:
    harness = Harness()
    small, big = harness.submit(request(payload="order 17")), harness.submit(request(payload="x" * 200_000))
    for task, payload in ((small, "order 17"), (big, "x" * 200_000)):
        show_whole = query.ShowWhole(harness.tasks, harness.archive)
        assert show_whole(task.id, ALICE).request.payload == payload
        with pytest.raises(NotFound):
            show_whole(task.id, MALLORY)


def test_a_task_whose_stored_request_has_expired_is_shown_without_its_payload() -> None:
    harness = Harness()
    task = harness.submit(request(payload="x" * 200_000))
    harness.archive.requests.clear()
    assert query.ShowWhole(harness.tasks, harness.archive)(task.id, ALICE) == harness.task(task.id)


def test_a_window_holds_for_a_listing_that_does_not_say_how_far_back_it_reaches() -> None:
    harness, day = Harness(), timedelta(days=1)
    old = harness.submit().id
    harness.pass_(25 * 3600)
    new = harness.submit().id
    assert listed(harness, Filter(), day) == [new]
    assert listed(harness, Filter()) == [new, old]
    assert listed(harness, Filter(created_from=NOON), day) == [new, old]
    assert listed(harness, Filter(task_ids=(old,)), day) == [old]
    assert listed(harness, Filter(created_to=NOON + day * 0.5), day) == [old], "it reaches back from its end"
    assert listed(harness, Filter(created_to=NOON + 365 * day), day) == [new], "which is not later than now"
    assert listed(harness, Filter(created_to=datetime.min.replace(tzinfo=UTC)), day) == []


def test_a_permanent_link_leads_to_a_link_that_is_signed_now() -> None:
    harness = Harness()
    task_id = harness.submit().id
    harness.see_through(task_id)
    kept = harness.task(task_id).assets[0].archived
    assert kept
    _, _, token, _, file = links.path_of(kept.key, SECRET.encode()).split("/")
    follow = query.FollowLink(harness.tasks, lambda *given, **_: " ".join(given), FixedSecret())
    assert follow(token, task_id, file, "HEAD", "kite.mp4") == f"{task_id} {file} HEAD kite.mp4"
    spoofed = follow(token, task_id, file, "GET", "../kite\u202e4pm.exe")
    assert spoofed == f"{task_id} {file} GET ..-kite-4pm.exe", "whoever has a link may choose the name"
    assert (
        follow(token, task_id, file, "GET") == f"{task_id} {file} GET {links.file_name(harness.task(task_id), file)}"
    )
    harness.tasks.recorded.clear()  # a lost table that is not rebuilt yet
    assert follow(token, task_id, file, "GET") == f"{task_id} {file} GET {file}"


def test_a_permanent_link_that_is_not_ours_is_not_found_and_nothing_is_signed() -> None:
    def sign(task_id: str, file: str, method: str, name: str = "", /, *, attachment: bool = False) -> str:
        raise AssertionError(f"{file} was signed")

    harness = Harness()
    known = harness.submit().id
    for task_id in ("0" * 32, known, "../keys"):
        with pytest.raises(NotFound):
            query.FollowLink(harness.tasks, sign, FixedSecret())("guessed", task_id, "1-video.mp4", "GET")
