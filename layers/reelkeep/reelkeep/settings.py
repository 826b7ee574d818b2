"""A function's environment, as the template sets it. Nothing else reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from reelkeep.domain.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Settings:
    """Each function gets only the variables it needs, so each is asked for only where it is used."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def stack(self) -> str:
        """The stack's name, from a service name such as `reelkeep.poll`."""
        return self.environ.get("POWERTOOLS_SERVICE_NAME", "").partition(".")[0]

    @property
    def table(self) -> str:
        return self._get("TABLE_NAME")

    @property
    def bucket(self) -> str:
        return self._get("BUCKET_NAME")

    @property
    def topic_arn(self) -> str:
        return self._get("TOPIC_ARN")

    @property
    def state_machine_arn(self) -> str:
        return self._get("STATE_MACHINE_ARN")

    @property
    def watch_machine_arn(self) -> str:
        """Of functions that may start a watch; else empty."""
        return self.environ.get("WATCH_MACHINE_ARN", "")

    @property
    def finalize_function_arn(self) -> str:
        return self._get("FINALIZE_FUNCTION_ARN")

    @property
    def providers_secret_arn(self) -> str:
        return self._get("PROVIDERS_SECRET_ARN")

    @property
    def link_secret_arn(self) -> str:
        return self._get("LINK_SECRET_ARN")

    @property
    def public_url(self) -> str:
        """Where the API is reached from outside, without a slash at its end."""
        return self._get("PUBLIC_URL").rstrip("/")

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The pages that may read what permanent links lead to."""
        return tuple(
            origin.strip() for origin in self.environ.get("ALLOWED_ORIGINS", "").split(",") if origin.strip()
        )

    @property
    def base_path(self) -> str:
        """What that address has behind its host; usually nothing."""
        return urlsplit(self.public_url).path

    @property
    def callback_url(self) -> str:
        """The public address, where providers are asked to call us back; else empty."""
        return self.public_url if self.environ.get("PROVIDER_CALLBACKS") == "true" else ""

    @property
    def links_expiring(self) -> timedelta:
        """How long before its link dies operators are warned of a file that is not archived yet."""
        return timedelta(hours=float(self._get("LINKS_EXPIRING_HOURS")))

    @property
    def longest_wait(self) -> timedelta:
        """For how long a task may wait for room at its provider."""
        return timedelta(hours=float(self._get("LONGEST_WAIT_HOURS")))

    @property
    def poll_cost(self) -> float:
        """How many seconds of delay one poll less is worth."""
        return float(self._get("POLL_COST_SECONDS"))

    @property
    def subscription_protocols(self) -> tuple[str, ...]:
        """The SNS protocols that an owner may subscribe with."""
        return tuple(self._get("SUBSCRIPTION_PROTOCOLS").split(","))

    @property
    def allow_private_webhooks(self) -> bool:
        """Whether callbacks may go to http and to addresses that are not public."""
        return self._get("ALLOW_PRIVATE_WEBHOOKS") == "true"

    @property
    def tracing(self) -> bool:
        """Whether calls are traced in X-Ray."""
        return self.environ.get("TRACING") == "Active"

    @property
    def webhook_secret_arn(self) -> str:
        return self._get("WEBHOOK_SECRET_ARN")

    @property
    def deliveries_url(self) -> str:
        """Of the queue."""
        return self._get("DELIVERIES_URL")

    @property
    def dead_letters_url(self) -> str:
        """Of the queue of what failed for good."""
        return self._get("DEAD_LETTERS_URL")

    @property
    def sweep_function_arn(self) -> str:
        return self._get("SWEEP_FUNCTION_ARN")

    @property
    def undelivered_url(self) -> str:
        """Of the queue of what was given up."""
        return self._get("UNDELIVERED_URL")

    def _get(self, name: str) -> str:
        try:
            return self.environ[name]
        except KeyError as error:
            raise Misconfigured(f"the environment variable {name} is not set") from error
