"""vidu_native, as a provider's client speaks it."""

from __future__ import annotations

from reelkeep.dialects.families.creations import creations_in
from reelkeep.dialects.families.gateway import Gateway
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.vidu_native import NAME, PATH
from reelkeep.domain.task import Creation, Request
from reelkeep.domain.wire import Json


class _Client(Gateway):
    name = NAME
    path = PATH

    def write(self, request: Request) -> dict[str, Json]:
        from reelkeep.dialects.translate import write  # with pydantic, for which a poll need not wait
        from reelkeep.dialects.vidu_native.wire import BODIES

        return write(request, BODIES)

    def creations(self, task: JsonObject) -> tuple[Creation, ...]:
        """Its id is not looked at: behind some gateways it is another than the one that was submitted, and another
        every time."""
        return creations_in(task, "1")


upstream = _Client()
