"""Reelkeep's own API: the words of this project, and errors as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping

NAME = "reelkeep"

PROBLEMS: Mapping[str, tuple[int, str]] = {  # the last part of a problem's type, its status, its title
    "invalid-request": (400, "The request is not valid"),
    "unauthorized": (401, "There is no valid API key"),
    "no-credit": (402, "The provider's account has too few credits"),
    "forbidden": (403, "This may not be done with the API key"),
    "over-budget": (402, "A limit of money would be passed"),
    "over-limit": (429, "A limit of tasks would be passed"),
    "limit-reached": (403, "There are as many as there may be"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "This method is not served here"),
    "cannot-cancel": (409, "It is too late to cancel"),
    "conflict": (409, "It does not fit what is there already"),
    "body-too-large": (413, "The body is too large"),
    "idempotency-key-reused": (422, "The Idempotency-Key was used for another request"),
    "refused-by-provider": (422, "The provider refused the request"),
    "throttled-by-provider": (429, "The provider takes no more at the moment"),
    "stopped": (503, "An operator has stopped the provider"),
    "fault": (500, "Something went wrong on our side"),
}


def problem_type(name: str) -> str:
    """Relative to the API's own address; it leads to an explanation."""
    return f"/docs#problem-{name}"
