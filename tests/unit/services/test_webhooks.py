"""An owner manages its own webhooks, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from reelkeep.domain.errors import InvalidRequest, NotAllowed, NotFound, Stale
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    MAX_WEBHOOKS,
    BodyFormat,
    DeliveryQuery,
    DeliveryRef,
    PauseReason,
    Webhook,
    WebhookSettings,
)
from reelkeep.domain.task import State
from tests.unit.services.stage import ALICE, MALLORY
from tests.unit.services.webhook_stage import WebhookStage, task

URL, INSIDE = "https://one.test/h", "https://inside.test/h"


def test_an_address_that_cannot_be_told_anything_is_refused_and_nothing_recorded() -> None:
    stage = WebhookStage()
    stage.destinations.unreachable.add(INSIDE)
    with pytest.raises(InvalidRequest) as refused:
        stage.manage("create", WebhookSettings(url=INSIDE))
    assert refused.value.field == "url"
    webhook = stage.webhook(URL)
    with pytest.raises(InvalidRequest):
        stage.manage("change", WebhookSettings(webhook_id=webhook.id, url=INSIDE))
    assert stage.manage("list") == [webhook]


def test_there_is_a_limit_for_each_owner() -> None:
    stage = WebhookStage()
    stage.manage("rotate", CALLBACKS)  # is none of them
    for _ in range(MAX_WEBHOOKS):
        stage.webhook(URL)
    with pytest.raises(InvalidRequest, match="20 webhooks already"):
        stage.webhook(URL)
    stage.webhook(URL, caller=MALLORY)
    assert len(stage.manage("list")) == MAX_WEBHOOKS


def test_the_limit_holds_for_those_that_are_made_at_the_same_moment() -> None:
    stage = WebhookStage()
    for _ in range(MAX_WEBHOOKS - 1):
        stage.webhook(URL)
    create = stage.webhooks.create

    def contested(webhook: Webhook) -> Webhook:
        stage.webhooks.create = create
        stage.webhook("https://quicker.test/h")
        return create(webhook)

    stage.webhooks.create = contested
    with pytest.raises(InvalidRequest, match="20 webhooks already"):
        stage.webhook(URL)
    assert [each.url for each in stage.manage("list")].count("https://quicker.test/h") == 1
    assert len(stage.manage("list")) == MAX_WEBHOOKS


def test_a_change_leaves_what_it_does_not_name() -> None:
    stage = WebhookStage()
    webhook = stage.webhook(URL, description="orders", states=(State.FAILED,))
    changed = stage.manage("change", WebhookSettings(webhook_id=webhook.id, url="https://two.test"))
    assert changed == replace(webhook, url="https://two.test", version=1)
    paused = stage.manage("change", WebhookSettings(webhook_id=webhook.id, active=False))
    assert paused.paused is PauseReason.OWNER
    assert stage.manage("change", WebhookSettings(webhook_id=webhook.id, active=True)).paused is None
    changed = stage.manage(
        "change", WebhookSettings(webhook_id=webhook.id, description="films", body_format=BodyFormat.DIALECT)
    )
    assert (changed.description, changed.body_format) == ("films", BodyFormat.DIALECT)


def test_a_webhook_is_made_as_it_is_wished_for() -> None:
    webhook = WebhookStage().webhook(URL, description="orders", active=False)
    assert (webhook.description, webhook.paused) == ("orders", PauseReason.OWNER)


def test_why_a_webhook_was_paused_stays_known_when_its_owner_pauses_it_too() -> None:
    stage = WebhookStage()
    webhook = stage.webhook(URL, lambda _: (410, 0.1))
    stage.change(task(), State.SUCCESS)
    stage.pass_(timedelta(hours=1))
    assert stage.manage("change", WebhookSettings(webhook_id=webhook.id, active=False)).paused is PauseReason.GONE


def test_a_change_is_made_whoever_else_changes_it_at_the_same_moment() -> None:
    stage = WebhookStage()
    webhook = stage.webhook(URL)
    save, turns = stage.webhooks.save, iter([True, True, False])

    def contested(webhook: Webhook) -> Webhook:
        if next(turns):
            save(replace(stage.manage("show", webhook.id), generation=webhook.generation + 1))
        return save(webhook)

    stage.webhooks.save = contested
    assert stage.manage("change", WebhookSettings(webhook_id=webhook.id, description="x")).generation == 3
    stage.webhooks.save = always_stale
    with pytest.raises(Stale):
        stage.manage("change", WebhookSettings(webhook_id=webhook.id, description="y"))


def always_stale(webhook: Webhook) -> Webhook:
    raise Stale("somebody else")


OPERATIONS: list[Callable[[WebhookStage, str, str], object]] = [
    lambda stage, webhook, _: stage.manage("show", webhook, MALLORY),
    lambda stage, webhook, _: stage.manage("change", WebhookSettings(webhook_id=webhook, active=False), MALLORY),
    lambda stage, webhook, _: stage.manage("delete", webhook, MALLORY),
    lambda stage, webhook, _: stage.manage("rotate", webhook, MALLORY),
    lambda stage, webhook, _: stage.manage("test", webhook, MALLORY),
    lambda stage, webhook, _: stage.manage("list_deliveries", DeliveryQuery(webhook, 20), MALLORY),
    lambda stage, webhook, delivery: stage.manage("show_delivery", DeliveryRef(webhook, delivery), MALLORY),
    lambda stage, webhook, delivery: stage.manage("replay", DeliveryRef(webhook, delivery), MALLORY),
    lambda stage, _, delivery: stage.manage("show_delivery", DeliveryRef(CALLBACKS, delivery), MALLORY),
    lambda stage, _, delivery: stage.manage("replay", DeliveryRef(CALLBACKS, delivery), MALLORY),
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_anothers_webhook_is_not_found_by_any_operation(
    operation: Callable[[WebhookStage, str, str], object],
) -> None:
    stage = WebhookStage()
    webhook = stage.webhook(URL)
    stage.change(task(), State.SUCCESS)
    (delivery,) = stage.deliveries.recorded.values()
    with pytest.raises(NotFound):
        operation(stage, webhook.id, delivery.id)
    assert stage.manage("list") == [webhook]
    assert stage.manage("list", caller=MALLORY) == []


def test_the_webhook_of_the_callbacks_is_everybodys_own() -> None:
    stage = WebhookStage()
    stage.receivers[URL] = lambda _: (200, 0.1)
    assert stage.manage("show", CALLBACKS).id == CALLBACKS
    secrets = {stage.manage("rotate", CALLBACKS, caller).secret for caller in (ALICE, MALLORY)}
    assert len(secrets) == 2
    assert stage.manage("rotate", CALLBACKS).secret not in secrets
    stage.change(task(callback_url=URL), State.SUCCESS)
    assert len(stage.manage("list_deliveries", DeliveryQuery(CALLBACKS, 20)).deliveries) == 1
    assert stage.manage("list_deliveries", DeliveryQuery(CALLBACKS, 20), MALLORY).deliveries == ()


def test_the_first_secret_of_the_callbacks_signs_alone() -> None:
    """The one before was never shown to anybody."""
    stage = WebhookStage()
    assert stage.manage("rotate", CALLBACKS).webhook.generations(stage.now) == (1,)
    assert stage.manage("rotate", CALLBACKS).webhook.generations(stage.now) == (2, 1)


def test_where_callbacks_go_is_not_managed_here() -> None:
    stage = WebhookStage()
    for verb, wish in (
        ("change", WebhookSettings(webhook_id=CALLBACKS, active=False)),
        ("delete", CALLBACKS),
        ("test", CALLBACKS),
    ):
        with pytest.raises(NotAllowed):
            stage.manage(verb, wish)


def test_deliveries_are_listed_newest_first_page_by_page() -> None:
    stage = WebhookStage()
    webhook = stage.webhook(URL)
    made = []
    for _ in range(5):
        made.append(stage.manage("test", webhook.id).id)
        stage.pass_(timedelta(seconds=1))
    found, cursor = [], ""
    for size in (2, 2, 1):
        page = stage.manage("list_deliveries", DeliveryQuery(webhook.id, 2, cursor))
        assert len(page.deliveries) == size
        found += [delivery.id for delivery in page.deliveries]
        cursor = page.next_cursor
    assert (found, cursor) == (made[::-1], "")


def test_nothing_is_sent_again_or_tested_while_it_is_paused() -> None:
    stage = WebhookStage()
    webhook = stage.webhook(URL)
    delivery = stage.manage("test", webhook.id)
    stage.manage("change", WebhookSettings(webhook_id=webhook.id, active=False))
    for verb, wish in (("test", webhook.id), ("replay", DeliveryRef(webhook.id, delivery.id))):
        with pytest.raises(InvalidRequest, match="paused"):
            stage.manage(verb, wish)
