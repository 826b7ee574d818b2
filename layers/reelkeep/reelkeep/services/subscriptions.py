"""Subscriptions: how an owner manages them. Whatever it asks for, it is notified of its own tasks only.

The record comes first, and says what SNS is asked for: SNS never has a subscription that nobody knows of. If a record
has no ARN, SNS is asked once more, and names the subscription that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from reelkeep.domain import ids
from reelkeep.domain.addresses import is_public
from reelkeep.domain.errors import ClientError, Conflict, InvalidRequest, NotFound, Stale
from reelkeep.domain.notices.subscription import (
    Channel,
    EndpointRules,
    SnsState,
    Status,
    Subscription,
    SubscriptionRequest,
    SubscriptionUpdate,
    SubscriptionView,
    check_filter,
    filter_policy,
    host_of,
)
from reelkeep.ports.notices import Subscriptions, Topic
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import Clock
from reelkeep.services.optimistic import change

Resolve = Callable[[str], Collection[str]]  # a host name -> its addresses; none if it has none

_WRITES = 8  # of a policy that others write at the same moment


@dataclass(frozen=True, slots=True)
class ManageSubscriptions:
    """What an owner may do with its subscriptions.

    Every method that names a subscription raises NotFound for one that does not exist or belongs to another owner.
    """

    subscriptions: Subscriptions
    topic: Topic
    rules: EndpointRules
    resolve: Resolve
    clock: Clock

    def subscribe(self, request: SubscriptionRequest, caller: Caller) -> SubscriptionView:
        """Raises InvalidRequest, Conflict for an endpoint that is subscribed, LimitReached; nothing is made then."""
        check_filter(request.filter)
        self.rules.check(request.protocol, request.endpoint)
        if request.protocol is Channel.HTTPS:
            self._check_addresses(host_of(request.endpoint))
        now = self.clock()
        made = Subscription(
            id=ids.new_task_id(now),
            owner=caller.owner,
            protocol=request.protocol,
            endpoint=request.endpoint,
            filter=request.filter,
            created_at=now,
            updated_at=now,
        )
        self.subscriptions.add(made)
        try:
            arn = self.topic.subscribe(made)
        except ClientError:  # after any other error SNS may have it: then the record stays
            self.subscriptions.remove(made, now)
            raise
        try:
            return self._refreshed(made, arn)
        except Exception:
            if arn:
                self.topic.unsubscribe(arn)
            self.subscriptions.remove(made, now)
            raise

    def list(self, _: None, caller: Caller) -> Sequence[SubscriptionView]:
        """Oldest first. SNS is asked only about those that are not confirmed yet, so that only `show` notices when a
        confirmed one is gone."""
        return [
            SubscriptionView(each, each.status) if each.confirmed else self._refreshed(each, each.arn)
            for each in self.subscriptions.of(caller.owner)
        ]

    def show(self, subscription_id: str, caller: Caller) -> SubscriptionView:
        """As SNS has it now."""
        found = self._get(subscription_id, caller.owner)
        return self._refreshed(found, found.arn or self.topic.subscribe(found))

    def change(self, wanted: SubscriptionUpdate, caller: Caller) -> SubscriptionView:
        """Raises InvalidRequest, and Conflict if SNS does not have the subscription any more."""
        if wanted.filter is not None:
            check_filter(wanted.filter)

        def read() -> Subscription:
            view = self.show(wanted.subscription_id, caller)
            if view.status is Status.GONE:
                raise Conflict("this subscription was ended from its other side: delete it, and make another")
            return view.subscription

        def edit(found: Subscription) -> Subscription:
            return replace(
                found,
                filter=found.filter if wanted.filter is None else wanted.filter,
                active=found.active if wanted.active is None else wanted.active,
                updated_at=self.clock(),
            )

        changed = change(read, edit, self.subscriptions.save)
        self._set_filter_policy(changed)
        return SubscriptionView(changed, changed.status)

    def unsubscribe(self, subscription_id: str, caller: Caller) -> None:
        """A second time changes nothing."""
        now = self.clock()

        def save(found: Subscription) -> Subscription:
            if arn := found.arn or self._late_arn(found):
                self.topic.unsubscribe(arn)
            self.subscriptions.remove(found, now)
            return found

        change(
            lambda: self._get(subscription_id, caller.owner, removed=True),
            lambda found: replace(found, removed_at=found.removed_at or now),
            save,
        )

    def _check_addresses(self, host: str) -> None:
        addresses = self.resolve(host)
        if not addresses:
            raise InvalidRequest("endpoint must be at a host that can be found", field="endpoint")
        if not self.rules.allow_private and not all(map(is_public, addresses)):
            raise InvalidRequest("endpoint must be on the public internet", field="endpoint")

    def _get(self, subscription_id: str, owner: str, *, removed: bool = False) -> Subscription:
        found = self.subscriptions.get(owner, subscription_id) if ids.is_task_id(subscription_id) else None
        if found is None or (found.removed_at and not removed):
            raise _not_found(subscription_id)
        return found

    def _refreshed(self, recorded: Subscription, arn: str) -> SubscriptionView:
        """As SNS has it now. What is new is recorded."""
        state = self.topic.state(arn) if arn else SnsState.PENDING
        if state is SnsState.GONE:
            return SubscriptionView(recorded, Status.GONE)
        seen = replace(recorded, arn=arn, confirmed=state is SnsState.CONFIRMED)
        if seen != recorded:
            try:
                seen = self.subscriptions.save(seen)
            except Stale:  # somebody else has recorded it, or changed it
                latest = self.subscriptions.get(recorded.owner, recorded.id)
                if latest is None or latest.removed_at:
                    self.topic.unsubscribe(arn)
                    raise _not_found(recorded.id) from None
                seen = latest
        return SubscriptionView(seen, seen.status)

    def _set_filter_policy(self, changed: Subscription) -> None:
        """Of two changes at once, either may reach SNS last. What is recorded in the end must hold there."""
        for _ in range(_WRITES):
            self.topic.set_filter_policy(changed.arn, filter_policy(changed))
            latest = self._get(changed.id, changed.owner)
            if filter_policy(latest) == filter_policy(changed):
                return
            changed = latest
        raise Stale(f"subscription {changed.id} changes too often")

    def _late_arn(self, found: Subscription) -> str:
        """Of a subscription whose creation was interrupted; "" if SNS does not take it."""
        try:
            return self.topic.subscribe(found)
        except ClientError:
            return ""


def _not_found(subscription_id: str) -> NotFound:
    return NotFound(f"there is no subscription {subscription_id[:64]}", field="subscription_id")
