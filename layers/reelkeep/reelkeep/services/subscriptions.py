"""Subscriptions: make one, show, list, change, pause, end. An owner has its own only, and gets its own notices only.

The record comes first, and says what SNS is asked for: SNS never has a subscription that nobody knows of. Whoever
meets a record without SNS's name of it asks SNS once more, which then names the one that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from reelkeep.domain import ids
from reelkeep.domain.addresses import is_public
from reelkeep.domain.errors import ClientError, Conflict, InvalidRequest, NotFound, Stale
from reelkeep.domain.notices.subscription import (
    Change,
    Protocol,
    Reach,
    Shown,
    Standing,
    Status,
    Subscription,
    Wish,
    check_filter,
    host_of,
    policy,
)
from reelkeep.ports import Caller, Clock, Subscriptions, Topic

Resolve = Callable[[str], Collection[str]]  # a name -> its addresses; none if it has none

_ATTEMPTS = 8


def subscribe(
    wish: Wish,
    caller: Caller,
    *,
    subscriptions: Subscriptions,
    topic: Topic,
    reach: Reach,
    resolve: Resolve,
    clock: Clock,
) -> Shown:
    """Raises InvalidRequest, Conflict (the endpoint is subscribed already), LimitReached; nothing is made then."""
    check_filter(wish.filter)
    reach.check(wish.protocol, wish.endpoint)
    if wish.protocol is Protocol.HTTPS:
        _check_addresses(resolve(host_of(wish.endpoint)), private=reach.private)
    now = clock()
    made = Subscription(
        id=ids.new_task_id(now),
        owner=caller.owner,
        protocol=wish.protocol,
        endpoint=wish.endpoint,
        filter=wish.filter,
        created_at=now,
        updated_at=now,
    )
    subscriptions.add(made)
    try:
        arn = topic.subscribe(made)
    except ClientError:  # after anything else SNS may have it: the record stays to tell
        subscriptions.remove(made, now)
        raise
    try:
        return _seen(made, arn, subscriptions=subscriptions, topic=topic)
    except Exception:
        if arn:
            topic.unsubscribe(arn)
        subscriptions.remove(made, now)
        raise


def list_subscriptions(caller: Caller, *, subscriptions: Subscriptions, topic: Topic) -> list[Shown]:
    """Oldest first. SNS is asked only for those that were not seen confirmed, so that only `show` knows of one that
    it is gone."""
    return [
        Shown(each, each.status)
        if each.confirmed
        else _seen(each, each.arn, subscriptions=subscriptions, topic=topic)
        for each in subscriptions.of(caller.owner)
    ]


def show(subscription_id: str, caller: Caller, *, subscriptions: Subscriptions, topic: Topic) -> Shown:
    """As SNS has it now. Raises NotFound, for another owner's too."""
    return _settled(
        _own(subscription_id, caller.owner, subscriptions=subscriptions), subscriptions=subscriptions, topic=topic
    )


def change(wanted: Change, caller: Caller, *, subscriptions: Subscriptions, topic: Topic, clock: Clock) -> Shown:
    """Raises NotFound, InvalidRequest, and Conflict if it is gone."""
    if wanted.filter is not None:
        check_filter(wanted.filter)
    for _ in range(_ATTEMPTS):
        found = _own(wanted.subscription_id, caller.owner, subscriptions=subscriptions)
        shown = _settled(found, subscriptions=subscriptions, topic=topic)
        if shown.status is Status.GONE:
            raise Conflict("this subscription was ended from its other side: delete it, and make another")
        changed = replace(
            shown.subscription,
            filter=shown.subscription.filter if wanted.filter is None else wanted.filter,
            active=shown.subscription.active if wanted.active is None else wanted.active,
            updated_at=clock(),
        )
        try:
            changed = subscriptions.save(changed)
        except Stale:
            continue
        _narrow(changed, subscriptions=subscriptions, topic=topic)
        return Shown(changed, changed.status)
    raise Stale(f"subscription {wanted.subscription_id} changes too often")


def unsubscribe(
    subscription_id: str, caller: Caller, *, subscriptions: Subscriptions, topic: Topic, clock: Clock
) -> None:
    """A second time changes nothing. Raises NotFound for one that there never was, and for another owner's."""
    for _ in range(_ATTEMPTS):
        found = _known(subscription_id, caller.owner, subscriptions=subscriptions)
        if found is None:
            raise _not_found(subscription_id)
        if found.removed_at:
            return
        if arn := found.arn or _arn_at_last(found, topic=topic):
            topic.unsubscribe(arn)
        try:
            subscriptions.remove(found, clock())
        except Stale:
            continue
        return
    raise Stale(f"subscription {subscription_id} changes too often")


def _check_addresses(addresses: Collection[str], *, private: bool) -> None:
    if not addresses:
        raise InvalidRequest("endpoint must be at a host that can be found", field="endpoint")
    if not private and not all(map(is_public, addresses)):
        raise InvalidRequest("endpoint must be on the public internet", field="endpoint")


def _own(subscription_id: str, owner: str, *, subscriptions: Subscriptions) -> Subscription:
    found = _known(subscription_id, owner, subscriptions=subscriptions)
    if found is None or found.removed_at:
        raise _not_found(subscription_id)
    return found


def _known(subscription_id: str, owner: str, *, subscriptions: Subscriptions) -> Subscription | None:
    """The table takes no key of any length."""
    return subscriptions.get(owner, subscription_id) if ids.is_task_id(subscription_id) else None


def _not_found(subscription_id: str) -> NotFound:
    return NotFound(f"there is no subscription {subscription_id[:64]}", field="subscription_id")


def _settled(found: Subscription, *, subscriptions: Subscriptions, topic: Topic) -> Shown:
    return _seen(found, found.arn or topic.subscribe(found), subscriptions=subscriptions, topic=topic)


def _seen(recorded: Subscription, arn: str, *, subscriptions: Subscriptions, topic: Topic) -> Shown:
    """As SNS has it now; what is new of it is recorded."""
    standing = topic.standing(arn) if arn else Standing.PENDING
    if standing is Standing.GONE:
        return Shown(recorded, Status.GONE)
    seen = replace(recorded, arn=arn, confirmed=standing is Standing.CONFIRMED)
    if seen != recorded:
        try:
            seen = subscriptions.save(seen)
        except Stale:  # somebody else saw it, or changed it
            latest = subscriptions.get(recorded.owner, recorded.id)
            if latest is None or latest.removed_at:
                topic.unsubscribe(arn)
                raise _not_found(recorded.id) from None
            seen = latest
    return Shown(seen, seen.status)


def _narrow(changed: Subscription, *, subscriptions: Subscriptions, topic: Topic) -> None:
    """Of two who change it at once, each may be the last to reach SNS: what is recorded in the end is what holds."""
    for _ in range(_ATTEMPTS):
        topic.narrow(changed.arn, policy(changed))
        latest = _own(changed.id, changed.owner, subscriptions=subscriptions)
        if policy(latest) == policy(changed):
            return
        changed = latest
    raise Stale(f"subscription {changed.id} changes too often")


def _arn_at_last(found: Subscription, *, topic: Topic) -> str:
    """Of one that was being made when something broke; "" if SNS never took it."""
    try:
        return topic.subscribe(found)
    except ClientError:
        return ""
