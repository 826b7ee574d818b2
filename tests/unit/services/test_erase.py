"""Erasing: nothing of a task stays but that there was one, however often the call is killed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from reelkeep.adapters import documents
from reelkeep.domain.errors import Conflict, NotFound, TryLater
from reelkeep.domain.links import path_of
from reelkeep.domain.listing import Filter
from reelkeep.domain.notices.webhooks import CALLBACKS, Delivery, Webhook, delivery_id, new_webhook_id
from reelkeep.domain.observation import Listed, Succeeded, Unreadable
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.task import Request, Task
from reelkeep.services.erase import Erase
from reelkeep.services.organize import Organize
from reelkeep.services.query import FollowLink, show
from tests.fakes.notices import FakeDeliveries, FakeWaiting, FakeWebhooks
from tests.unit.services.harness import ALICE, MALLORY, Harness, creation, request
from tests.unit.services.test_query import SECRET, FixedSecret

SECRETS = ("a secret boat", "https://example.com/payload", "campaign-7")


@dataclass
class FakeErasure:
    erased: list[str] = field(default_factory=list)
    fault: BaseException | None = None

    def erase_files(self, task_id: str) -> None:
        if self.fault:
            raise self.fault
        self.erased.append(task_id)


@dataclass
class WatchedDeliveries(FakeDeliveries):
    read: set[str] = field(default_factory=set)  # whose

    def page(self, owner: str, webhook_id: str, size: int, before: str = "") -> list[Delivery]:
        found = super().page(owner, webhook_id, size, before)
        self.read |= {each.task_id for each in found}
        return found


@dataclass
class Scene:
    """One task that has ended, and one whose messages must stay."""

    harness: Harness = field(default_factory=Harness)
    files: FakeErasure = field(default_factory=FakeErasure)
    webhooks: FakeWebhooks = field(default_factory=FakeWebhooks)
    deliveries: WatchedDeliveries = field(default_factory=WatchedDeliveries)
    waiting: FakeWaiting = field(default_factory=FakeWaiting)

    def __post_init__(self) -> None:
        asked = request(prompt=SECRETS[0], payload=SECRETS[1], tags=(SECRETS[2],))
        self.task_id = self.harness.submit(asked).id
        self.harness.see_through(self.task_id)
        self.other = replace(self.task, id="f" * 32, created_at=self.task.updated_at)
        webhook = Webhook(id=new_webhook_id(self.task.created_at), owner="alice", created_at=self.task.created_at)
        self.webhooks.create(webhook)
        for webhook_id in (webhook.id, CALLBACKS):
            for task in (self.task, self.other):
                for _ in range(120):  # more than a page holds
                    self.send(webhook_id, task)

    def send(self, webhook_id: str, task: Task) -> None:
        number = len(self.deliveries.recorded)
        delivery = Delivery(
            id=delivery_id(webhook_id, task.id, str(number), task.created_at + timedelta(milliseconds=number)),
            owner="alice",
            webhook_id=webhook_id,
            event="success",
            task_id=task.id,
            url="https://example.com",
            body=SECRETS[0],
            created_at=task.created_at,
        )
        self.deliveries.add(delivery)
        self.waiting.put(delivery.waiting)

    @property
    def task(self) -> Task:
        return self.harness.task(self.task_id)

    @property
    def erase(self) -> Erase:
        return Erase(
            tasks=self.harness.tasks,
            manifests=self.harness.archive,
            files=self.files,
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            waiting=self.waiting,
            clock=self.harness.clock,
        )


def test_an_erased_task_leaves_a_record_without_content_and_is_not_adopted_again() -> None:
    scene = Scene()
    before = scene.task
    scene.harness.tasks.store_raw_response(before.id, "odd", SECRETS[0].encode(), before.created_at)
    tombstone = scene.erase(before.id, ALICE)
    assert scene.task == tombstone
    document = documents.write(tombstone)
    assert not [secret for secret in SECRETS if secret in document]
    assert not tombstone.creations
    assert not tombstone.unfinished
    kept = ("id", "owner", "provider", "provider_task_id", "created_at", "finished_at", "state")
    assert [getattr(tombstone, name) for name in kept] == [getattr(before, name) for name in kept]
    assert scene.harness.archive.manifests[-1] == tombstone
    assert scene.files.erased == [before.id]
    assert {each.task_id for each in scene.deliveries.recorded.values()} == {scene.other.id}
    assert len(scene.deliveries.recorded) == sum(map(len, scene.waiting.recorded.values())) == 240
    assert scene.harness.tasks.raw_responses == []


def test_what_a_provider_made_of_an_erased_task_is_not_adopted_even_if_it_was_lost() -> None:
    scene, made = Scene(), Succeeded((creation(),))
    scene.harness.provider.observations = [Unreadable("?")]
    lost = scene.harness.submit(request(prompt="another one"))
    scene.harness.see_through(lost.id)
    scene.erase(lost.id, ALICE)
    listed = Listed(
        provider_task_id=lost.provider_task_id, created_at=lost.created_at, request=lost.request, seen=made
    )
    scene.harness.provider.listed = [listed, replace(listed, provider_task_id="p-9", request=_named(lost))]
    scene.harness.pass_(3600)
    assert scene.harness.adopt().adopted == 0


def _named(task: Task) -> Request:
    return replace(task.request, payload=task.id)


def test_the_same_request_after_an_erasure_is_a_new_one() -> None:
    scene, caller = Scene(), replace(ALICE, settings=OwnerSettings(repeat_window=86_400))
    first = scene.harness.submit(request(prompt="once more"), caller)
    assert scene.harness.submit(request(prompt="once more"), caller).id == first.id
    scene.harness.see_through(first.id)
    scene.erase(first.id, ALICE)
    assert scene.harness.submit(request(prompt="once more"), caller).id != first.id


def test_an_old_task_is_erased_without_reading_all_that_its_owner_was_sent_since() -> None:
    scene = Scene()
    webhook_id = scene.webhooks.of("alice")[0].id
    late = replace(scene.task, id="e" * 32, created_at=scene.task.created_at + timedelta(days=20))
    for _ in range(120):
        scene.send(webhook_id, late)
    scene.harness.pass_(30 * 86_400)
    Organize(scene.harness.tasks, scene.harness.archive, scene.harness.clock).hide(scene.task_id, ALICE)
    scene.erase(scene.task_id, ALICE)
    assert scene.deliveries.read == {scene.task_id, scene.other.id}


def test_an_erased_task_is_neither_shown_nor_listed_nor_brought_back_and_its_links_are_dead_at_once() -> None:
    scene = Scene()
    kept = scene.task.assets[0].archived
    assert kept
    scene.files.fault = TryLater("before a file is deleted")
    with pytest.raises(TryLater):
        scene.erase(scene.task_id, ALICE)
    with pytest.raises(NotFound):
        show(scene.task_id, ALICE, tasks=scene.harness.tasks)
    follow = FollowLink(scene.harness.tasks, lambda *_, **__: "signed", FixedSecret())
    _, _, token, _, file = path_of(kept.key, SECRET.encode()).split("/")
    with pytest.raises(NotFound):
        follow(token, scene.task_id, file, "GET")
    assert not [hidden for hidden in (True, False) if Filter(hidden=hidden).admits(scene.task)]
    organize = Organize(scene.harness.tasks, scene.harness.archive, scene.harness.clock)
    for ask in (organize.restore, organize.hide, organize.revoke_links):
        with pytest.raises(NotFound):
            ask(scene.task_id, ALICE)


def test_a_repetition_finishes_what_a_crash_left_undone() -> None:
    scene = Scene()
    scene.files.fault = TryLater("in the middle")
    with pytest.raises(TryLater):
        scene.erase(scene.task_id, ALICE)
    scene.files.fault = None
    scene.harness.pass_(3600)
    assert scene.erase(scene.task_id, ALICE) == scene.erase(scene.task_id, ALICE) == scene.task
    assert scene.files.erased == [scene.task_id] * 2
    assert {each.task_id for each in scene.deliveries.recorded.values()} == {scene.other.id}


def test_what_is_under_way_is_not_erased_and_neither_is_what_a_function_is_copying() -> None:
    scene = Scene()
    running = scene.harness.submit().id
    copying = replace(scene.task, copying_until=scene.harness.now + timedelta(minutes=15))
    scene.harness.tasks.save(copying)
    for task_id in (running, scene.task_id):
        with pytest.raises(Conflict, match="wait for its end"):
            scene.erase(task_id, ALICE)
    scene.harness.pass_(15 * 60)
    assert scene.erase(scene.task_id, ALICE).erased_at


@pytest.mark.parametrize("task_id", ["hers", "0" * 32, "../keys"])
def test_nobody_erases_another_owner_s_task(task_id: str) -> None:
    scene = Scene()
    before = scene.task
    with pytest.raises(NotFound):
        scene.erase(scene.task_id if task_id == "hers" else task_id, MALLORY)
    assert (scene.task, scene.files.erased, len(scene.deliveries.recorded)) == (before, [], 480)
