"""What operators send about dead letters."""

from __future__ import annotations

from reelkeep.dialects.reelkeep.wire import Body, Name, optional


class ReplayRequest(Body):
    ids: list[Name] = optional(
        min_length=1,
        max_length=100,
        says="Which ones. Without it, all that are read at once: some 100.",
        examples=[["9f8a7b6c-1d2e-4f3a-8b5c-6d7e8f9a0b1c"]],
    )
