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
from tests.unit.services.harness import ALICE, MALLORY
from tests.unit.services.webhook_harness import WebhookHarness, task

URL, INSIDE = "https://one.test/h", "https://inside.test/h"


def test_an_address_that_cannot_receive_callbacks_is_refused_and_nothing_is_recorded() -> None:
    harness = WebhookHarness()
    harness.destinations.unreachable.add(INSIDE)
    with pytest.raises(InvalidRequest) as refused:
        harness.manage("create", WebhookSettings(url=INSIDE))
    assert refused.value.field == "url"
    webhook = harness.webhook(URL)
    with pytest.raises(InvalidRequest):
        harness.manage("change", WebhookSettings(webhook_id=webhook.id, url=INSIDE))
    assert harness.manage("list") == [webhook]


def test_there_is_a_limit_for_each_owner() -> None:
    harness = WebhookHarness()
    harness.manage("rotate", CALLBACKS)  # is none of them
    for _ in range(MAX_WEBHOOKS):
        harness.webhook(URL)
    with pytest.raises(InvalidRequest, match="20 webhooks already"):
        harness.webhook(URL)
    harness.webhook(URL, caller=MALLORY)
    assert len(harness.manage("list")) == MAX_WEBHOOKS


def test_the_limit_holds_for_those_that_are_made_at_the_same_moment() -> None:
    harness = WebhookHarness()
    for _ in range(MAX_WEBHOOKS - 1):
        harness.webhook(URL)
    create = harness.webhooks.create

    def contested(webhook: Webhook) -> Webhook:
        harness.webhooks.create = create
        harness.webhook("https://quicker.test/h")
        return create(webhook)

    harness.webhooks.create = contested
    with pytest.raises(InvalidRequest, match="20 webhooks already"):
        harness.webhook(URL)
    assert [each.url for each in harness.manage("list")].count("https://quicker.test/h") == 1
    assert len(harness.manage("list")) == MAX_WEBHOOKS


def test_a_change_leaves_what_it_does_not_name() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(URL, description="orders", states=(State.FAILED,))
    changed = harness.manage("change", WebhookSettings(webhook_id=webhook.id, url="https://two.test"))
    assert changed == replace(webhook, url="https://two.test", version=1)
    paused = harness.manage("change", WebhookSettings(webhook_id=webhook.id, active=False))
    assert paused.paused is PauseReason.OWNER
    assert harness.manage("change", WebhookSettings(webhook_id=webhook.id, active=True)).paused is None
    changed = harness.manage(
        "change", WebhookSettings(webhook_id=webhook.id, description="films", body_format=BodyFormat.DIALECT)
    )
    assert (changed.description, changed.body_format) == ("films", BodyFormat.DIALECT)


def test_a_webhook_is_made_with_the_settings_that_were_asked_for() -> None:
    webhook = WebhookHarness().webhook(URL, description="orders", active=False)
    assert (webhook.description, webhook.paused) == ("orders", PauseReason.OWNER)


def test_why_a_webhook_was_paused_stays_known_when_its_owner_pauses_it_too() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(URL, lambda _: (410, 0.1))
    harness.change(task(), State.SUCCESS)
    harness.pass_(timedelta(hours=1))
    assert harness.manage("change", WebhookSettings(webhook_id=webhook.id, active=False)).paused is PauseReason.GONE


def test_a_change_is_made_whoever_else_changes_it_at_the_same_moment() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(URL)
    save, turns = harness.webhooks.save, iter([True, True, False])

    def contested(webhook: Webhook) -> Webhook:
        if next(turns):
            save(replace(harness.manage("show", webhook.id), generation=webhook.generation + 1))
        return save(webhook)

    harness.webhooks.save = contested
    assert harness.manage("change", WebhookSettings(webhook_id=webhook.id, description="x")).generation == 3
    harness.webhooks.save = always_stale
    with pytest.raises(Stale):
        harness.manage("change", WebhookSettings(webhook_id=webhook.id, description="y"))


def always_stale(webhook: Webhook) -> Webhook:
    raise Stale("somebody else")


OPERATIONS: list[Callable[[WebhookHarness, str, str], object]] = [
    lambda harness, webhook, _: harness.manage("show", webhook, MALLORY),
    lambda harness, webhook, _: harness.manage("change", WebhookSettings(webhook_id=webhook, active=False), MALLORY),
    lambda harness, webhook, _: harness.manage("delete", webhook, MALLORY),
    lambda harness, webhook, _: harness.manage("rotate", webhook, MALLORY),
    lambda harness, webhook, _: harness.manage("test", webhook, MALLORY),
    lambda harness, webhook, _: harness.manage("list_deliveries", DeliveryQuery(webhook, 20), MALLORY),
    lambda harness, webhook, delivery: harness.manage("show_delivery", DeliveryRef(webhook, delivery), MALLORY),
    lambda harness, webhook, delivery: harness.manage("replay", DeliveryRef(webhook, delivery), MALLORY),
    lambda harness, _, delivery: harness.manage("show_delivery", DeliveryRef(CALLBACKS, delivery), MALLORY),
    lambda harness, _, delivery: harness.manage("replay", DeliveryRef(CALLBACKS, delivery), MALLORY),
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_anothers_webhook_is_not_found_by_any_operation(
    operation: Callable[[WebhookHarness, str, str], object],
) -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(URL)
    harness.change(task(), State.SUCCESS)
    (delivery,) = harness.deliveries.recorded.values()
    with pytest.raises(NotFound):
        operation(harness, webhook.id, delivery.id)
    assert harness.manage("list") == [webhook]
    assert harness.manage("list", caller=MALLORY) == []


def test_the_webhook_of_the_callbacks_is_everybodys_own() -> None:
    harness = WebhookHarness()
    harness.receivers[URL] = lambda _: (200, 0.1)
    assert harness.manage("show", CALLBACKS).id == CALLBACKS
    secrets = {harness.manage("rotate", CALLBACKS, caller).secret for caller in (ALICE, MALLORY)}
    assert len(secrets) == 2
    assert harness.manage("rotate", CALLBACKS).secret not in secrets
    harness.change(task(callback_url=URL), State.SUCCESS)
    assert len(harness.manage("list_deliveries", DeliveryQuery(CALLBACKS, 20)).deliveries) == 1
    assert harness.manage("list_deliveries", DeliveryQuery(CALLBACKS, 20), MALLORY).deliveries == ()


def test_the_first_secret_of_the_callbacks_signs_alone() -> None:
    """The one before was never shown to anybody."""
    harness = WebhookHarness()
    assert harness.manage("rotate", CALLBACKS).webhook.generations(harness.now) == (1,)
    assert harness.manage("rotate", CALLBACKS).webhook.generations(harness.now) == (2, 1)


def test_where_callbacks_go_is_not_managed_here() -> None:
    harness = WebhookHarness()
    for verb, wish in (
        ("change", WebhookSettings(webhook_id=CALLBACKS, active=False)),
        ("delete", CALLBACKS),
        ("test", CALLBACKS),
    ):
        with pytest.raises(NotAllowed):
            harness.manage(verb, wish)


def test_deliveries_are_listed_newest_first_page_by_page() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(URL)
    made = []
    for _ in range(5):
        made.append(harness.manage("test", webhook.id).id)
        harness.pass_(timedelta(seconds=1))
    found, cursor = [], ""
    for size in (2, 2, 1):
        page = harness.manage("list_deliveries", DeliveryQuery(webhook.id, 2, cursor))
        assert len(page.deliveries) == size
        found += [delivery.id for delivery in page.deliveries]
        cursor = page.next_cursor
    assert (found, cursor) == (made[::-1], "")


def test_nothing_is_sent_again_or_tested_while_it_is_paused() -> None:
    harness = WebhookHarness()
    webhook = harness.webhook(URL)
    delivery = harness.manage("test", webhook.id)
    harness.manage("change", WebhookSettings(webhook_id=webhook.id, active=False))
    for verb, wish in (("test", webhook.id), ("replay", DeliveryRef(webhook.id, delivery.id))):
        with pytest.raises(InvalidRequest, match="paused"):
            harness.manage(verb, wish)
