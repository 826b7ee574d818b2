"""Webhooks and subscriptions, in memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from reelkeep.domain.errors import Conflict, LimitReached, Stale
from reelkeep.domain.notices.circuit_breaker import CircuitBreaker
from reelkeep.domain.notices.subscription import Channel, Policy, SnsState, Subscription, filter_policy
from reelkeep.domain.notices.webhooks import Delivery, WaitingDelivery, Webhook


@dataclass
class FakeWebhooks:
    recorded: dict[tuple[str, str], Webhook] = field(default_factory=dict)  # by owner and id

    def create(self, webhook: Webhook) -> Webhook:
        if (webhook.owner, webhook.id) in self.recorded:
            raise Stale(f"there is a webhook {webhook.id}")
        self.recorded[webhook.owner, webhook.id] = webhook
        return webhook

    def get(self, owner: str, webhook_id: str) -> Webhook | None:
        return self.recorded.get((owner, webhook_id))

    def of(self, owner: str) -> list[Webhook]:
        return [webhook for (whose, _), webhook in sorted(self.recorded.items()) if whose == owner]

    def save(self, webhook: Webhook) -> Webhook:
        recorded = self.get(webhook.owner, webhook.id)
        if recorded is None or recorded.version != webhook.version:
            raise Stale(f"webhook {webhook.id} was changed since it was read")
        self.recorded[webhook.owner, webhook.id] = saved = replace(webhook, version=webhook.version + 1)
        return saved

    def delete(self, owner: str, webhook_id: str) -> None:
        self.recorded.pop((owner, webhook_id), None)


@dataclass
class FakeDeliveries:
    recorded: dict[tuple[str, str, str], Delivery] = field(default_factory=dict)  # by owner, webhook and id

    def add(self, delivery: Delivery) -> Delivery:
        return self.recorded.setdefault((delivery.owner, delivery.webhook_id, delivery.id), delivery)

    def get(self, owner: str, webhook_id: str, delivery_id: str) -> Delivery | None:
        return self.recorded.get((owner, webhook_id, delivery_id))

    def save(self, delivery: Delivery) -> Delivery:
        recorded = self.get(delivery.owner, delivery.webhook_id, delivery.id)
        if recorded is None or recorded.version != delivery.version:
            raise Stale(f"delivery {delivery.id} was changed since it was read")
        saved = replace(delivery, version=delivery.version + 1)
        self.recorded[delivery.owner, delivery.webhook_id, delivery.id] = saved
        return saved

    def delete(self, delivery: Delivery) -> None:
        self.recorded.pop((delivery.owner, delivery.webhook_id, delivery.id), None)

    def page(self, owner: str, webhook_id: str, size: int, before: str = "") -> list[Delivery]:
        found = [
            delivery
            for (whose, where, which), delivery in sorted(self.recorded.items(), reverse=True)
            if (whose, where) == (owner, webhook_id) and (not before or which < before)
        ]
        return found[:size]


@dataclass
class FakeWaiting:
    recorded: dict[tuple[str, str], dict[str, WaitingDelivery]] = field(
        default_factory=dict
    )  # of receivers, by place
    places: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # sorted

    def put(self, waiting: WaitingDelivery) -> None:
        receiver = waiting.message.owner, waiting.receiver
        found, places = self.recorded.setdefault(receiver, {}), self.places.setdefault(receiver, [])
        if waiting.place not in found:
            insort(places, waiting.place)
        found[waiting.place] = waiting

    def lease(self, waiting: Sequence[WaitingDelivery], due: datetime) -> None:
        for each in waiting:
            self.put(replace(each, due=due))

    def first(self, delivery: Delivery) -> WaitingDelivery | None:
        receiver, group = (delivery.owner, delivery.receiver), f"{delivery.group}#"
        places = self.places.get(receiver, [])
        at = bisect_left(places, group)
        return self.recorded[receiver][places[at]] if at < len(places) and places[at].startswith(group) else None

    def remove(self, delivery: Delivery) -> None:
        receiver = delivery.owner, delivery.receiver
        if self.recorded.get(receiver, {}).pop(delivery.place, None):
            places = self.places[receiver]
            del places[bisect_left(places, delivery.place)]

    def page(self, owner: str, receiver: str, after: str, size: int) -> list[WaitingDelivery]:
        places = self.places.get((owner, receiver), [])
        at = bisect_right(places, after)
        return [self.recorded[owner, receiver][place] for place in places[at : at + size]]

    @property
    def all(self) -> list[WaitingDelivery]:
        return [each for found in self.recorded.values() for each in found.values()]


@dataclass
class FakeCircuitBreakers:
    recorded: dict[tuple[str, str], CircuitBreaker] = field(default_factory=dict)  # by owner and receiver

    def get(self, owner: str, receiver: str) -> CircuitBreaker | None:
        return self.recorded.get((owner, receiver))

    def save(self, breaker: CircuitBreaker, now: datetime) -> CircuitBreaker:
        recorded = self.get(breaker.owner, breaker.id)
        if breaker.version != (recorded.version if recorded else 0):
            raise Stale(f"{breaker.id} was changed since it was read")
        self.recorded[breaker.owner, breaker.id] = saved = replace(breaker, version=breaker.version + 1)
        return saved


@dataclass
class FakeSubscriptions:
    """Records of subscriptions in memory. `fault` is raised by the next save."""

    recorded: dict[tuple[str, str], Subscription] = field(default_factory=dict)
    most: int = 3
    fault: BaseException | None = None

    def add(self, subscription: Subscription) -> None:
        held = [each for each in self.recorded.values() if each.removed_at is None]
        if any((each.protocol, each.endpoint) == (subscription.protocol, subscription.endpoint) for each in held):
            raise Conflict("this endpoint is subscribed already", field="endpoint")
        if len([each for each in held if each.owner == subscription.owner]) >= self.most:
            raise LimitReached(f"there are {self.most} subscriptions")
        self.recorded[subscription.owner, subscription.id] = subscription

    def get(self, owner: str, subscription_id: str) -> Subscription | None:
        return self.recorded.get((owner, subscription_id))

    def of(self, owner: str) -> list[Subscription]:
        found = [each for (of, _), each in sorted(self.recorded.items()) if of == owner]
        return [each for each in found if each.removed_at is None]

    def save(self, subscription: Subscription) -> Subscription:
        fault, self.fault = self.fault, None
        if fault:
            raise fault
        recorded = self.recorded.get((subscription.owner, subscription.id))
        if recorded is None or recorded.version != subscription.version:
            raise Stale("it was changed")
        saved = replace(subscription, version=subscription.version + 1)
        self.recorded[saved.owner, saved.id] = saved
        return saved

    def remove(self, subscription: Subscription, now: datetime) -> None:
        self.save(replace(subscription, removed_at=now))


@dataclass
class FakeTopic:
    """SNS as it is documented: an endpoint has one subscription, whose attributes must be the same the next time."""

    held: dict[str, Subscription] = field(default_factory=dict)  # by SNS's name
    policies: dict[str, Policy] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    looks: int = 0
    fault: BaseException | None = None  # raised by the next subscribe; "after" it was done, if `late`
    late: bool = False

    def subscribe(self, subscription: Subscription) -> str:
        fault, self.fault = self.fault, None
        if fault and not self.late:
            raise fault
        arn = f"arn:aws:sns:eu-west-1:123456789012:notices:{subscription.protocol}:{subscription.endpoint}"
        wanted = filter_policy(subscription)
        if self.policies.setdefault(arn, wanted) != wanted:
            raise Conflict("SNS knows this endpoint with another filter", field="endpoint")
        if arn not in self.held and subscription.protocol in (Channel.EMAIL, Channel.HTTPS):
            self.pending.add(arn)
        self.held[arn] = subscription
        if fault:
            raise fault
        return arn

    def state(self, arn: str) -> SnsState:
        self.looks += 1
        if arn not in self.held:
            return SnsState.GONE
        return SnsState.PENDING if arn in self.pending else SnsState.CONFIRMED

    def set_filter_policy(self, arn: str, policy: Policy) -> None:
        if arn in self.held:
            self.policies[arn] = policy

    def unsubscribe(self, arn: str) -> None:
        self.held.pop(arn, None)
        self.policies.pop(arn, None)
        self.pending.discard(arn)
