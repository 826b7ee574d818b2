"""A subscription: where notifications go, which of them, and the SNS filter policy for that. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.notices.alerts import DELAYED, DRIFT, LINKS_EXPIRING, LOST, NOT_UNDERSTOOD
from reelkeep.domain.notices.notice import BUDGET_WARNING, DIFFERS, POSSIBLE_REPEAT, UPDATED, News
from reelkeep.domain.task import Kind, State

Policy = Mapping[str, list[str | Mapping[str, str]]]  # attribute -> any of these values, or prefixes

OPERATOR = "#operator"  # subscribes across owners; the owner of a key has no "#"
MAX_COMBINATIONS = 150  # of one policy in SNS: the product of the numbers of its values
MAX_SUBSCRIPTIONS = 20  # per owner. A topic takes 200 policies, unless AWS raises the limit
FINAL_STATES = tuple(state for state in State if state.terminal)
EVENT_TYPES = (
    *(f"reelkeep.task.{state}" for state in FINAL_STATES),
    UPDATED,
    DIFFERS,
    BUDGET_WARNING,
    POSSIBLE_REPEAT,
    "reelkeep.webhook.failing",
    "reelkeep.webhook.paused",
    NOT_UNDERSTOOD,
    DELAYED,
    LINKS_EXPIRING,
    LOST,
    DRIFT,
)

MATCH_NOTHING: Policy = {"owner": ["#nobody"]}

_LONGEST_URL = 2048
# Compiled when they are first used: all functions of the API load this module, and one of them checks endpoints.
_EMAIL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+"
_HOST = r"[a-z0-9._-]+|[0-9a-f:.]+"
_URL = r"https?://[!-~]+"
_ARNS = {
    "sqs": r"arn:(?P<partition>[a-z-]+):sqs:(?P<region>[a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,80}",
    "lambda": (
        r"arn:(?P<partition>[a-z-]+):lambda:(?P<region>[a-z0-9-]+):\d{12}"
        r":function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9$_-]{1,128})?"
    ),
}


class Channel(StrEnum):
    HTTPS = "https"
    SQS = "sqs"
    EMAIL = "email"
    LAMBDA = "lambda"


class SnsState(StrEnum):
    """Of a subscription, as SNS reports it."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    GONE = "gone"


class Status(StrEnum):
    PENDING = "pending"  # the endpoint has not confirmed it yet
    ACTIVE = "active"
    PAUSED = "paused"
    GONE = "gone"  # SNS does not have it any more: ended at the endpoint, or never confirmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A notification matches if it has one of the values of each field that is not empty."""

    states: tuple[State, ...] = ()
    news: tuple[News, ...] = ()  # an event of one of these matches as one of the states does
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()  # `viduq2*` matches every model that begins with viduq2
    kinds: tuple[Kind, ...] = ()
    tags: tuple[str, ...] = ()
    types: tuple[str, ...] = ()  # of event; operators only


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    id: str
    owner: str
    protocol: Channel
    endpoint: str
    created_at: datetime
    updated_at: datetime
    filter: Filter = Filter()
    active: bool = True
    arn: str = ""  # once SNS has answered with it
    confirmed: bool = False  # as last seen
    removed_at: datetime | None = None
    version: int = 0  # of the record; every write names the one it builds on

    @property
    def status(self) -> Status:
        """As recorded. When SNS forgets a subscription, the record does not change."""
        if not self.confirmed:
            return Status.PENDING
        return Status.ACTIVE if self.active else Status.PAUSED


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """What an owner asks for."""

    protocol: Channel
    endpoint: str
    filter: Filter


@dataclass(frozen=True, slots=True)
class SubscriptionUpdate:
    """What an owner changes; None stays as it is."""

    subscription_id: str
    filter: Filter | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    subscription: Subscription
    status: Status


def filter_policy(subscription: Subscription) -> Policy:
    """What SNS compares with the attributes of a notification. Whatever the filter is, only the owner's match.

    SNS takes five attributes per policy, and a filter has five fields: the owner shares one with the state. A paused
    subscription matches an owner that cannot exist: SNS has no other way to keep a subscription without delivering,
    and after an unsubscription the endpoint would have to be confirmed again.
    """
    owner, wanted = subscription.owner, subscription.filter
    if not subscription.active:
        return MATCH_NOTHING
    if owner == OPERATOR:
        return {"type": list(wanted.types)} if wanted.types else {}
    states = (*wanted.states, *wanted.news)
    fields: dict[str, list[str | Mapping[str, str]]] = {
        "owner": [] if states else [owner],
        "owner_state": [f"{owner}#{state}" for state in states],
        "provider": list(wanted.providers),
        "model": [_model(model) for model in wanted.models],
        "kind": list(wanted.kinds),
        "tags": list(wanted.tags),
    }
    return {name: values for name, values in fields.items() if values}


def _model(model: str) -> str | Mapping[str, str]:
    return {"prefix": model[:-1]} if model.endswith("*") else model


def check_filter(wanted: Filter) -> None:
    """Raises InvalidRequest for a filter that SNS would refuse, and for a * in a place where it would not match."""
    for number, model in enumerate(wanted.models):
        if "*" in model[:-1] or model == "*":
            raise _wrong(f"filter.models[{number}]", "may hold one *, at its end and not alone")
    fields = ((*wanted.states, *wanted.news), wanted.providers, wanted.models, wanted.kinds, wanted.tags)
    combinations = math.prod(len(values) or 1 for values in fields)
    if combinations > MAX_COMBINATIONS:
        message = (
            f"has {combinations} combinations of values, and SNS takes {MAX_COMBINATIONS}: the numbers of values of"
            " its fields are multiplied. Name fewer, or begin several models with one model*"
        )
        raise _wrong("filter", message)


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """The endpoints that this installation allows."""

    protocols: Collection[str]
    partition: str
    region: str
    allow_private: bool  # also http, and addresses that are not public

    def check(self, protocol: Channel, endpoint: str) -> None:
        """Raises InvalidRequest for an endpoint whose form alone is wrong."""
        if protocol not in self.protocols:
            message = f"must be one of {', '.join(sorted(self.protocols))} here: this installation allows no other"
            raise _wrong("protocol", message)
        match protocol:
            case Channel.HTTPS:
                self._check_url(endpoint)
            case Channel.EMAIL:
                if not re.fullmatch(_EMAIL, endpoint):
                    raise _wrong("endpoint", "must be an e-mail address")
            case Channel.SQS | Channel.LAMBDA:
                self._check_arn(protocol, endpoint)

    def _check_url(self, endpoint: str) -> None:
        host = host_of(endpoint)
        if not endpoint.startswith("https://") and not self.allow_private:
            raise _wrong("endpoint", "must be an https URL")
        if not host or not re.fullmatch(_URL, endpoint) or "@" in urlsplit(endpoint).netloc or "#" in endpoint:
            raise _wrong("endpoint", "must be a plain https URL, without a user or a fragment")
        if len(endpoint) > _LONGEST_URL:
            raise _wrong("endpoint", f"must have at most {_LONGEST_URL} characters")

    def _check_arn(self, protocol: Channel, endpoint: str) -> None:
        what = "queue" if protocol is Channel.SQS else "function"
        if protocol is Channel.SQS and endpoint.endswith(".fifo"):
            raise _wrong("endpoint", "must not be a FIFO queue: SNS delivers to those from FIFO topics only")
        found = re.fullmatch(_ARNS[protocol], endpoint)
        if found is None:
            raise _wrong("endpoint", f"must be the ARN of a {what}")
        if (found["partition"], found["region"]) != (self.partition, self.region):
            raise _wrong("endpoint", f"must be in {self.region}, as this installation is")


def host_of(url: str) -> str:
    """The host that a URL names; "" if it cannot be resolved."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        _ = parts.port  # raises for what is no number
    except ValueError:
        return ""
    return host if re.fullmatch(_HOST, host) else ""


def _wrong(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {message}", field=field)
