"""A subscription to notices: to whom they go, which of them, and the filter policy of SNS that says so. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.notices.alerts import DELAYED, LINKS_EXPIRING, LOST, NOT_UNDERSTOOD
from reelkeep.domain.notices.notice import POSSIBLE_REPEAT
from reelkeep.domain.task import Kind, State

Policy = Mapping[str, list[str | Mapping[str, str]]]  # attribute -> any of these values, or prefixes

OPERATOR = "#operator"  # subscribes across owners; no key's owner has a "#"
MOST_COMBINATIONS = 150  # SNS: of one policy, the product of the numbers of its values
MOST_OF_ONE_OWNER = 20  # a topic takes 200 policies unless AWS was asked for more
ENDS = tuple(state for state in State if state.terminal)
TYPES = (
    *(f"reelkeep.task.{state}" for state in ENDS),
    POSSIBLE_REPEAT,
    "reelkeep.webhook.paused",
    NOT_UNDERSTOOD,
    DELAYED,
    LINKS_EXPIRING,
    LOST,
)  # of events

NOTHING: Policy = {"owner": ["#nobody"]}  # fits no notice: no owner has a "#"

_LONGEST_URL = 2048
# Compiled when they are first used: every function of the API loads this module, one of them checks endpoints.
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


class Protocol(StrEnum):
    HTTPS = "https"
    SQS = "sqs"
    EMAIL = "email"
    LAMBDA = "lambda"


class Standing(StrEnum):
    """What SNS says of a subscription."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    GONE = "gone"


class Status(StrEnum):
    PENDING = "pending"  # whoever reads at the endpoint has not confirmed it yet
    ACTIVE = "active"
    PAUSED = "paused"
    GONE = "gone"  # SNS does not know it any more: ended from the other side, or never confirmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a notice must have: of each field that is not empty, one of its values."""

    states: tuple[State, ...] = ()
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()  # one that ends in * admits every model that begins so
    kinds: tuple[Kind, ...] = ()
    tags: tuple[str, ...] = ()
    types: tuple[str, ...] = ()  # of event; operators only


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    id: str
    owner: str
    protocol: Protocol
    endpoint: str
    created_at: datetime
    updated_at: datetime
    filter: Filter = Filter()
    active: bool = True
    arn: str = ""  # SNS's name of it, once we have heard it
    confirmed: bool = False  # as far as we have seen
    removed_at: datetime | None = None
    version: int = 0  # of the record; every write names the one it builds on

    @property
    def status(self) -> Status:
        """As far as the record knows, which does not hear when SNS forgets it."""
        if not self.confirmed:
            return Status.PENDING
        return Status.ACTIVE if self.active else Status.PAUSED


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscription is made of."""

    protocol: Protocol
    endpoint: str
    filter: Filter


@dataclass(frozen=True, slots=True)
class Change:
    """What of a subscription is to become another; None stays as it is."""

    subscription_id: str
    filter: Filter | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    subscription: Subscription
    status: Status


def policy(subscription: Subscription) -> Policy:
    """What SNS holds against a notice's attributes. Whatever the filter is, it admits its owner's notices only.

    SNS takes five attributes a policy, and a filter has five fields: the owner shares one with the state. While it
    is paused it wants an owner that there cannot be: SNS has no other way to keep a subscription without delivering,
    and its endpoint would have to be confirmed again if it were ended instead.
    """
    owner, wanted = subscription.owner, subscription.filter
    if not subscription.active:
        return NOTHING
    if owner == OPERATOR:
        return {"type": list(wanted.types)} if wanted.types else {}
    fields: dict[str, list[str | Mapping[str, str]]] = {
        "owner": [] if wanted.states else [owner],
        "owner_state": [f"{owner}#{state}" for state in wanted.states],
        "provider": list(wanted.providers),
        "model": [_model(model) for model in wanted.models],
        "kind": list(wanted.kinds),
        "tags": list(wanted.tags),
    }
    return {name: values for name, values in fields.items() if values}


def _model(model: str) -> str | Mapping[str, str]:
    return {"prefix": model[:-1]} if model.endswith("*") else model


def check_filter(wanted: Filter) -> None:
    """Raises InvalidRequest for what SNS would refuse, and for a * that would not mean what it seems to."""
    for number, model in enumerate(wanted.models):
        if "*" in model[:-1] or model == "*":
            raise _wrong(f"filter.models[{number}]", "may hold one *, at its end and not alone")
    fields = (wanted.states, wanted.providers, wanted.models, wanted.kinds, wanted.tags)
    combinations = math.prod(len(values) or 1 for values in fields)
    if combinations > MOST_COMBINATIONS:
        message = (
            f"has {combinations} combinations of values, and SNS takes {MOST_COMBINATIONS}: the numbers of values of"
            " its fields are multiplied. Name fewer, or begin several models with one model*"
        )
        raise _wrong("filter", message)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where this installation's notices may go."""

    protocols: Collection[str]
    partition: str
    region: str
    private: bool  # also to http, and to addresses that are not public

    def check(self, protocol: Protocol, endpoint: str) -> None:
        """Raises InvalidRequest for an endpoint that cannot be, by its form alone."""
        if protocol not in self.protocols:
            message = f"must be one of {', '.join(sorted(self.protocols))} here: this installation allows no other"
            raise _wrong("protocol", message)
        match protocol:
            case Protocol.HTTPS:
                self._check_url(endpoint)
            case Protocol.EMAIL:
                if not re.fullmatch(_EMAIL, endpoint):
                    raise _wrong("endpoint", "must be an e-mail address")
            case Protocol.SQS | Protocol.LAMBDA:
                self._check_arn(protocol, endpoint)

    def _check_url(self, endpoint: str) -> None:
        host = host_of(endpoint)
        if not endpoint.startswith("https://") and not self.private:
            raise _wrong("endpoint", "must be an https URL")
        if not host or not re.fullmatch(_URL, endpoint) or "@" in urlsplit(endpoint).netloc or "#" in endpoint:
            raise _wrong("endpoint", "must be a plain https URL, without a user or a fragment")
        if len(endpoint) > _LONGEST_URL:
            raise _wrong("endpoint", f"must not be longer than {_LONGEST_URL} characters")

    def _check_arn(self, protocol: Protocol, endpoint: str) -> None:
        what = "queue" if protocol is Protocol.SQS else "function"
        if protocol is Protocol.SQS and endpoint.endswith(".fifo"):
            raise _wrong("endpoint", "must not be a FIFO queue: SNS delivers to those from FIFO topics only")
        found = re.fullmatch(_ARNS[protocol], endpoint)
        if found is None:
            raise _wrong("endpoint", f"must be the ARN of a {what}")
        if (found["partition"], found["region"]) != (self.partition, self.region):
            raise _wrong("endpoint", f"must be in {self.region}, as this installation is")


def host_of(url: str) -> str:
    """The host that a URL names; "" if it is none that can be looked up."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        _ = parts.port  # raises for what is no number
    except ValueError:
        return ""
    return host if re.fullmatch(_HOST, host) else ""


def _wrong(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {message}", field=field)
