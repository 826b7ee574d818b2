"""Subscriptions: made once, shown as they are, changed, ended; whatever breaks in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from reelkeep.domain.errors import ClientError, Conflict, InvalidRequest, LimitReached, NotFound, Stale
from reelkeep.domain.notices.subscription import (
    MATCH_NOTHING,
    Channel,
    EndpointRules,
    Filter,
    SnsState,
    Status,
    Subscription,
    SubscriptionRequest,
    SubscriptionUpdate,
    SubscriptionView,
)
from reelkeep.domain.task import State
from reelkeep.ports.owners import Caller
from reelkeep.services.subscriptions import ManageSubscriptions
from tests.fakes.notices import FakeSubscriptions, FakeTopic
from tests.unit.services.harness import ALICE, MALLORY, NOON

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:films"
FAILED = Filter(states=(State.FAILED,))


@dataclass
class Desk:
    records: FakeSubscriptions = field(default_factory=FakeSubscriptions)
    topic: FakeTopic = field(default_factory=FakeTopic)
    addresses: tuple[str, ...] = ("93.184.216.34",)
    private: bool = False
    now: datetime = NOON

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    @property
    def manage(self) -> ManageSubscriptions:
        return ManageSubscriptions(
            subscriptions=self.records,
            topic=self.topic,
            rules=EndpointRules(("https", "sqs", "email"), "aws", "eu-west-1", self.private),
            resolve=lambda host: self.addresses,
            clock=self.clock,
        )

    def subscribe(
        self,
        endpoint: str = QUEUE,
        protocol: str = "sqs",
        wanted: Filter | None = None,
        caller: Caller = ALICE,
    ) -> SubscriptionView:
        request = SubscriptionRequest(Channel(protocol), endpoint, wanted or Filter())
        return self.manage.subscribe(request, caller)

    def show(self, id: str, caller: Caller = ALICE) -> SubscriptionView:
        return self.manage.show(id, caller)

    def every(self, caller: Caller = ALICE) -> Sequence[SubscriptionView]:
        return self.manage.list(None, caller)

    def change(self, id: str, caller: Caller = ALICE, **changes: Any) -> SubscriptionView:
        return self.manage.change(SubscriptionUpdate(id, **changes), caller)

    def end(self, id: str, caller: Caller = ALICE) -> None:
        self.manage.unsubscribe(id, caller)

    @property
    def policies(self) -> list[Any]:
        return list(self.topic.policies.values())


def test_a_queue_is_subscribed_at_once() -> None:
    desk = Desk()
    made = desk.subscribe(wanted=FAILED)
    assert made.status is Status.ACTIVE
    assert desk.policies == [{"owner_state": ["alice#failed"]}]
    assert desk.every() == [made] == [desk.show(made.subscription.id)]


def test_an_address_is_pending_until_it_is_confirmed_and_then_seen_so() -> None:
    desk = Desk()
    made = desk.subscribe("alice@example.com", "email")
    assert made.status is Status.PENDING
    assert [each.status for each in desk.every()] == [Status.PENDING]
    desk.topic.pending.clear()
    assert [each.status for each in desk.every()] == [Status.ACTIVE]


def test_a_listing_asks_sns_only_for_what_was_not_seen_confirmed() -> None:
    desk = Desk()
    desk.subscribe()
    desk.subscribe("alice@example.com", "email")
    desk.topic.looks = 0
    desk.every()
    assert desk.topic.looks == 1


def test_one_that_sns_forgot_is_shown_as_gone_and_can_only_be_deleted() -> None:
    desk = Desk()
    id = desk.subscribe().subscription.id
    desk.topic.held.clear()
    assert desk.show(id).status is Status.GONE
    with pytest.raises(Conflict, match="delete it"):
        desk.change(id, active=False)
    desk.end(id)
    assert desk.every() == []


def test_a_paused_subscription_keeps_its_filter_and_gets_nothing_until_it_is_resumed() -> None:
    desk = Desk()
    id = desk.subscribe(wanted=FAILED).subscription.id
    paused = desk.change(id, active=False)
    assert (paused.status, paused.subscription.filter) == (Status.PAUSED, FAILED)
    assert desk.policies == [MATCH_NOTHING]
    changed = desk.change(id, filter=Filter(tags=("a",)))
    assert (changed.status, desk.policies) == (Status.PAUSED, [MATCH_NOTHING])
    assert desk.change(id, active=True).status is Status.ACTIVE
    assert desk.policies == [{"owner": ["alice"], "tags": ["a"]}]


def test_one_that_is_ended_can_be_ended_again_and_its_endpoint_is_free() -> None:
    desk = Desk()
    id = desk.subscribe().subscription.id
    desk.end(id)
    desk.end(id)
    assert desk.topic.held == {}
    assert desk.every() == []
    assert desk.subscribe(caller=MALLORY).status is Status.ACTIVE


@pytest.mark.parametrize(
    "touch",
    [
        lambda desk, id: desk.show(id, MALLORY),
        lambda desk, id: desk.change(id, MALLORY, active=False),
        lambda desk, id: desk.end(id, MALLORY),
    ],
)
def test_another_owner_s_subscription_is_not_found_and_not_touched(touch: Callable[[Desk, str], Any]) -> None:
    desk = Desk()
    id = desk.subscribe().subscription.id
    with pytest.raises(NotFound):
        touch(desk, id)
    assert desk.every(MALLORY) == []
    assert desk.show(id).status is Status.ACTIVE


def test_what_was_ended_is_not_found_any_more() -> None:
    desk = Desk()
    id = desk.subscribe().subscription.id
    desk.end(id)
    with pytest.raises(NotFound):
        desk.show(id)
    with pytest.raises(NotFound):
        desk.change(id, active=True)


@pytest.mark.parametrize("name", ["x" * 1025, "#", "../keys", ""])
def test_what_cannot_be_an_id_is_not_found_and_the_table_is_not_asked(name: str) -> None:
    desk = Desk()

    def refuse(owner: str, subscription_id: str) -> Subscription:
        raise ValueError("the size of a sort key exceeds 1024 bytes")

    desk.records.get = refuse
    for touch in (desk.show, desk.change, desk.end):
        with pytest.raises(NotFound):
            touch(name)


def test_an_endpoint_is_subscribed_once_also_among_owners() -> None:
    desk = Desk()
    desk.subscribe(wanted=FAILED)
    for caller in (ALICE, MALLORY):
        with pytest.raises(Conflict) as refused:
            desk.subscribe(caller=caller)
        assert refused.value.field == "endpoint"
    assert desk.policies == [{"owner_state": ["alice#failed"]}]
    assert len(desk.topic.held) == len(desk.records.recorded) == 1


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        ((), "can be found"),
        (("10.0.0.1",), "public"),
        (("93.184.216.34", "169.254.169.254"), "public"),
        (("::1",), "public"),
    ],
)
def test_a_url_that_leads_nowhere_or_inside_is_refused_before_anything_is_made(
    addresses: tuple[str, ...], message: str
) -> None:
    desk = Desk(addresses=addresses)
    with pytest.raises(InvalidRequest, match=message) as refused:
        desk.subscribe("https://example.com/x", "https")
    assert refused.value.field == "endpoint"
    assert (desk.records.recorded, desk.topic.held) == ({}, {})


def test_a_queue_needs_no_address() -> None:
    assert Desk(addresses=()).subscribe().status is Status.ACTIVE


def test_a_url_may_lead_inside_where_that_is_allowed() -> None:
    desk = Desk(addresses=("127.0.0.1",), private=True)
    assert desk.subscribe("http://localhost:1234/", "https").status is Status.PENDING


@pytest.mark.parametrize(
    "wish", [{"protocol": "lambda"}, {"endpoint": "films"}, {"wanted": Filter(models=("*",))}], ids=str
)
def test_what_is_wrong_is_refused_before_anything_is_made(wish: dict[str, Any]) -> None:
    desk = Desk()
    with pytest.raises(InvalidRequest):
        desk.subscribe(**wish)
    assert (desk.records.recorded, desk.topic.held) == ({}, {})


def test_a_filter_that_is_wrong_changes_nothing() -> None:
    desk = Desk()
    made = desk.subscribe(wanted=FAILED)
    with pytest.raises(InvalidRequest):
        desk.change(made.subscription.id, filter=Filter(models=("*",)))
    assert desk.show(made.subscription.id) == made


@pytest.mark.parametrize("refusal", [InvalidRequest("no"), LimitReached("full"), Conflict("other filter")])
def test_what_sns_refuses_leaves_no_record(refusal: ClientError) -> None:
    desk = Desk()
    desk.topic.fault = refusal
    with pytest.raises(type(refusal)):
        desk.subscribe()
    assert desk.every() == []
    assert desk.subscribe().status is Status.ACTIVE


def test_if_the_record_cannot_be_written_nothing_stays_behind_at_sns() -> None:
    desk = Desk()
    desk.records.fault = RuntimeError("the table is down")
    with pytest.raises(RuntimeError):
        desk.subscribe()
    assert desk.topic.held == {}
    assert desk.every() == []


@pytest.mark.parametrize("done", [True, False])
def test_when_sns_does_not_answer_the_record_stays_and_the_next_reading_finds_out(done: bool) -> None:
    desk = Desk()
    desk.topic.fault, desk.topic.late = TimeoutError("no answer"), done
    with pytest.raises(TimeoutError):
        desk.subscribe(wanted=FAILED)
    (left,) = desk.every()
    assert left.status is Status.PENDING
    assert desk.show(left.subscription.id).status is Status.ACTIVE
    assert desk.policies == [{"owner_state": ["alice#failed"]}]
    assert [each.status for each in desk.every()] == [Status.ACTIVE]


@pytest.mark.parametrize("done", [True, False])
def test_what_sns_did_not_answer_for_can_be_ended(done: bool) -> None:
    desk = Desk()
    desk.topic.fault, desk.topic.late = TimeoutError("no answer"), done
    with pytest.raises(TimeoutError):
        desk.subscribe()
    (left,) = desk.every()
    desk.end(left.subscription.id)
    assert desk.topic.held == {}
    assert desk.every() == []


def test_of_two_changes_at_once_sns_ends_up_with_what_is_recorded() -> None:
    desk = Desk()
    id = desk.subscribe().subscription.id
    set_filter_policy, interfered = desk.topic.set_filter_policy, list[bool]()

    def set_late(arn: str, policy: Any) -> None:
        if not interfered:
            interfered.append(True)
            desk.change(id, filter=Filter(tags=("second",)))
        set_filter_policy(arn, policy)

    desk.topic.set_filter_policy = set_late
    desk.change(id, filter=Filter(tags=("first",)))
    assert desk.show(id).subscription.filter.tags == ("second",)
    assert desk.policies == [{"owner": ["alice"], "tags": ["second"]}]


TOUCHES = pytest.mark.parametrize(
    "touch", [lambda desk, id: desk.change(id, active=False), lambda desk, id: desk.end(id)]
)


@TOUCHES
def test_what_somebody_else_changes_at_the_same_moment_is_changed_all_the_same(
    touch: Callable[[Desk, str], Any],
) -> None:
    desk = Desk()
    id = desk.subscribe().subscription.id
    desk.records.fault = Stale("somebody else")
    touch(desk, id)
    assert Status.ACTIVE not in [each.status for each in desk.every()]


@TOUCHES
def test_what_somebody_else_changes_every_time_may_be_tried_later(touch: Callable[[Desk, str], Any]) -> None:
    desk = Desk()
    id = desk.subscribe().subscription.id
    desk.records.save = always_stale
    with pytest.raises(Stale, match="changes too often"):
        touch(desk, id)


def always_stale(subscription: Subscription) -> Subscription:
    raise Stale("somebody else")


def test_one_that_is_ended_while_it_is_read_is_not_found_and_not_left_at_sns() -> None:
    desk = Desk()
    desk.topic.fault, desk.topic.late = TimeoutError("no answer"), True
    with pytest.raises(TimeoutError):
        desk.subscribe()
    [left] = desk.every()
    subscribe = desk.topic.subscribe

    def late(subscription: Subscription) -> str:
        desk.topic.subscribe = subscribe
        desk.end(subscription.id)
        return subscribe(subscription)

    desk.topic.subscribe = late
    with pytest.raises(NotFound):
        desk.show(left.subscription.id)
    assert desk.topic.held == {}


def test_one_that_is_changed_while_it_is_read_is_shown_as_changed() -> None:
    desk = Desk()
    id = desk.subscribe("alice@example.com", "email").subscription.id
    desk.topic.pending.clear()
    state = desk.topic.state

    def late(arn: str) -> SnsState:
        desk.topic.state = state
        desk.change(id, filter=FAILED)
        return state(arn)

    desk.topic.state = late
    shown = desk.show(id)
    assert (shown.status, shown.subscription.filter) == (Status.ACTIVE, FAILED)
