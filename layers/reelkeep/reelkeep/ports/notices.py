"""Who hears of tasks: the topic, subscriptions, webhooks, the dead-letter queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from reelkeep.domain.notices.subscription import Policy, SnsState, Subscription
from reelkeep.domain.task import Task

if TYPE_CHECKING:  # most functions do without them
    from reelkeep.domain.dead_letters import DeadLetter
    from reelkeep.domain.links import Links
    from reelkeep.domain.notices.circuit_breaker import CircuitBreaker
    from reelkeep.domain.notices.webhooks import Delivery, DeliveryMessage, ReleaseMessage, WaitingDelivery, Webhook


class Notices(Protocol):
    def publish(self, notice: Mapping[str, Any], attributes: Mapping[str, str | Sequence[str]]) -> None: ...


class Subscriptions(Protocol):
    """The records of subscriptions."""

    def add(self, subscription: Subscription) -> None:
        """Raises Conflict if its endpoint is subscribed already, LimitReached."""

    def get(self, owner: str, subscription_id: str) -> Subscription | None:
        """Also a removed one, for 30 days."""

    def of(self, owner: str) -> list[Subscription]:
        """Without removed ones; oldest first."""

    def save(self, subscription: Subscription) -> Subscription:
        """Raises Stale if somebody else changed it since it was read."""

    def remove(self, subscription: Subscription, now: datetime) -> None:
        """Its endpoint is free again. Raises Stale as `save` does."""


class Topic(Protocol):
    """The SNS topic that notifications are published to."""

    def subscribe(self, subscription: Subscription) -> str:
        """The ARN, the same at every repetition; "" if SNS does not say it yet.

        Raises InvalidRequest for an endpoint that SNS refuses, Conflict if SNS has another subscription of it,
        LimitReached.
        """

    def state(self, arn: str) -> SnsState: ...

    def set_filter_policy(self, arn: str, policy: Policy) -> None:
        """It holds within 15 minutes. Does nothing if the subscription is gone. Raises LimitReached."""

    def unsubscribe(self, arn: str) -> None:
        """A second time changes nothing."""


class Destinations(Protocol):
    def check(self, url: str, field: str) -> None:
        """Raises InvalidRequest, naming the field, for an address that cannot receive messages."""


class Unanswered(Exception):
    """No answer came. The message says why."""


class Post(Protocol):
    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer. Raises Unanswered."""


class Webhooks(Protocol):
    def create(self, webhook: Webhook) -> Webhook: ...

    def get(self, owner: str, webhook_id: str) -> Webhook | None: ...

    def of(self, owner: str) -> Sequence[Webhook]:
        """Oldest first."""

    def save(self, webhook: Webhook) -> Webhook:
        """Raises Stale if somebody else changed it since it was read."""

    def delete(self, owner: str, webhook_id: str) -> None: ...


class Deliveries(Protocol):
    def add(self, delivery: Delivery) -> Delivery:
        """Records it. If there is one of this id, returns that one instead."""

    def get(self, owner: str, webhook_id: str, delivery_id: str) -> Delivery | None: ...

    def save(self, delivery: Delivery) -> Delivery:
        """Raises Stale if somebody else changed it since it was read."""

    def page(self, owner: str, webhook_id: str, size: int, before: str = "") -> Sequence[Delivery]:
        """Newest first, of those with an id below `before`."""

    def delete(self, delivery: Delivery) -> None:
        """A second time changes nothing."""


class CircuitBreakers(Protocol):
    """How receivers have answered lately."""

    def get(self, owner: str, receiver: str) -> CircuitBreaker | None: ...

    def save(self, breaker: CircuitBreaker, now: datetime) -> CircuitBreaker:
        """Raises Stale if somebody else changed it since it was read."""


class Waiting(Protocol):
    """The deliveries that are not done yet, for each receiver in the order of their places."""

    def put(self, waiting: WaitingDelivery) -> None:
        """Adds it, or replaces it."""

    def first(self, delivery: Delivery) -> WaitingDelivery | None:
        """The first one of its group."""

    def remove(self, delivery: Delivery) -> None:
        """A second time changes nothing."""

    def page(self, owner: str, receiver: str, after: str, size: int) -> Sequence[WaitingDelivery]:
        """The next ones after this place, as many at most; none if there are no more."""

    def lease(self, waiting: Sequence[WaitingDelivery], due: datetime) -> None:
        """They are due again at this moment, should they still wait by then."""


class DeadLetters(Protocol):
    """What failed for good. What is read is hidden from other readers for a while, until it is put back."""

    def count(self) -> int: ...

    def all(self, *, hidden_seconds: int, most: float) -> list[DeadLetter]:
        """Oldest first. Of very many, some ten more than `most` at the most."""

    def put_back(self, messages: Sequence[DeadLetter]) -> None: ...

    def delete(self, message: DeadLetter) -> None: ...


class Outbox(Protocol):
    """The queue of what is due, or will be within a quarter of an hour. It has no order, and may repeat a message."""

    def put(self, *messages: tuple[DeliveryMessage | ReleaseMessage, float]) -> None:
        """Each comes out after so many seconds, or somewhat later."""

    def dead_letter(self, delivery: Delivery) -> None:
        """To the queue of what was given up."""


@dataclass(frozen=True, slots=True)
class Rendered:
    body: Any  # JSON
    scheme: str = ""  # of a second signature


class Render(Protocol):
    def __call__(self, task: Task, links: Links) -> Rendered:
        """What the dialect of the task's client shows of it, or posts to webhooks."""
