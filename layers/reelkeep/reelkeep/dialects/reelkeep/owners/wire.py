"""What operators send about owners."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from reelkeep.dialects.reelkeep.wire import Body, optional
from reelkeep.dialects.values import Whole, formed
from reelkeep.domain.limits import MOST_TASKS

_Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=256)]], Field(max_length=100)]
_Count = Annotated[int, Whole(1, MOST_TASKS)]
_Money = Annotated[str, formed(r"^[0-9]{1,10}(\.[0-9]{1,6})?$", 'must be an amount as text, such as "10.50"')]


class LimitsRequest(Body):
    models: _Names = optional(says="Patterns of those that may be used; all, if absent.", examples=[["vidu*"]])
    providers: _Names = optional(says="Those that may be used; all, if absent.")
    tasks_at_once: _Count = optional(says="From the submission until the provider is done.")
    submissions_a_minute: _Count = optional()
    videos_a_day: _Count = optional(says="Videos that fail without being billed do not count.")
    money_a_day: _Money = optional(says="Reserved and charged.")
    money_a_month: _Money = optional(says="Reserved and charged.")
    currency: Annotated[str, formed("^[A-Z]{3}$", "must be three capital letters, such as USD")] = optional(
        says="Required with a limit of money."
    )
    unpriced: StrictBool = optional(
        says="Whether models without a price may be used in spite of a limit of money. False if absent."
    )


class OwnerRequest(Body):
    limits: LimitsRequest = optional(says="All of them: what is absent in it is no limit.")
    repeat_window: Annotated[int, Whole(0, 604_800)] = optional(
        says="Seconds in which an identical body, without an Idempotency-Key, is taken as a repeat; 0 is never."
    )
    when_full: Literal["refuse", "queue"] = optional(
        says="What becomes of a submission beyond `tasks_at_once`: it is refused, or it is accepted and waits until"
        " another task of this owner ends. Refused, if absent."
    )
    stopped: Annotated[str, Field(max_length=200)] = optional(
        says="Why it may submit nothing, as its clients are told; empty if it may."
    )
