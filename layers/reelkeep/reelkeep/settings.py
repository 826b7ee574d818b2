"""A function's environment, as the template sets it. Nothing else reads the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from reelkeep.domain.errors import Misconfigured

T = TypeVar("T")


class _Variable(Generic[T]):
    """A variable of the environment, read anew at each access. Raises Misconfigured if it is not set."""

    def __init__(self, name: str, read: Callable[[str], T], default: str | None = None) -> None:
        self._name, self._read, self._default = name, read, default

    def __get__(self, settings: object, kind: type | None = None) -> T:
        text = os.environ.get(self._name, self._default)
        if text is None:
            raise Misconfigured(f"the environment variable {self._name} is not set")
        return self._read(text)


def _hours(text: str) -> timedelta:
    return timedelta(hours=float(text))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


class Settings:
    """Each function gets only the variables it needs, so each is asked for only where it is used."""

    stack = _Variable("POWERTOOLS_SERVICE_NAME", lambda name: name.partition(".")[0], "")  # of stack.function
    table = _Variable("TABLE_NAME", str)
    bucket = _Variable("BUCKET_NAME", str)
    topic_arn = _Variable("TOPIC_ARN", str)
    state_machine_arn = _Variable("STATE_MACHINE_ARN", str)
    watch_machine_arn = _Variable("WATCH_MACHINE_ARN", str, "")  # of functions that may start a watch; else empty
    finalize_function_arn = _Variable("FINALIZE_FUNCTION_ARN", str)
    sweep_function_arn = _Variable("SWEEP_FUNCTION_ARN", str)
    providers_secret_arn = _Variable("PROVIDERS_SECRET_ARN", str)
    link_secret_arn = _Variable("LINK_SECRET_ARN", str)
    webhook_secret_arn = _Variable("WEBHOOK_SECRET_ARN", str)

    # The queues of what is due, of what was given up, and of what failed for good.
    deliveries_url = _Variable("DELIVERIES_URL", str)
    undelivered_url = _Variable("UNDELIVERED_URL", str)
    dead_letters_url = _Variable("DEAD_LETTERS_URL", str)

    public_url = _Variable("PUBLIC_URL", lambda url: url.rstrip("/"))  # where the API is reached from outside
    base_path = _Variable("PUBLIC_URL", lambda url: urlsplit(url.rstrip("/")).path)  # behind its host
    _callbacks = _Variable("PROVIDER_CALLBACKS", "true".__eq__, "")
    allowed_origins = _Variable("ALLOWED_ORIGINS", _words, "")  # pages that may read what permanent links lead to
    subscription_protocols = _Variable("SUBSCRIPTION_PROTOCOLS", _words)  # of SNS, that an owner may use
    allow_private_webhooks = _Variable("ALLOW_PRIVATE_WEBHOOKS", "true".__eq__)  # also http
    tracing = _Variable("TRACING", "Active".__eq__, "")  # in X-Ray

    # How long before its link dies operators are warned of a file that is not archived yet.
    links_expiring = _Variable("LINKS_EXPIRING_HOURS", _hours)
    longest_wait = _Variable("LONGEST_WAIT_HOURS", _hours)  # of a task for room at its provider
    poll_cost = _Variable("POLL_COST_SECONDS", float)  # how many seconds of delay one poll less is worth

    @property
    def callback_url(self) -> str:
        """The public address, where providers are asked to call us back; else empty."""
        return self.public_url if self._callbacks else ""
