"""What clients send about keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from reelkeep.dialects.reelkeep.owners.wire import LimitsRequest
from reelkeep.dialects.reelkeep.wire import Body, optional
from reelkeep.dialects.values import ErrorSentence
from reelkeep.domain.scopes import Scope


class KeyRequest(Body):
    name: Annotated[str, Field(max_length=100)] = optional(says="What it is for, to recognise it by.")
    ends_at: Annotated[AwareDatetime, ErrorSentence("must be a time such as 2026-01-06T08:00:00Z")] = optional(
        says="From then on it is refused. Never, if absent. A key with an end makes only keys that end no later.",
        examples=["2030-01-01T00:00:00Z"],
    )
    scopes: Annotated[
        list[Scope],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        ErrorSentence(f"must have some of {', '.join(Scope)}"),
    ] = optional(
        says="What it is good for: to read, to submit, to manage what is yours, to operate the service. Those of "
        "the key that makes it but `operate`, if absent; never more than that one has."
    )
    limits: LimitsRequest = optional(
        says="Of this key alone, below those of its owner. A key with limits makes no keys."
    )
