"""vidu_native, as a provider's client speaks it."""

from __future__ import annotations

from reelkeep.dialects.families.creations import creations_in
from reelkeep.dialects.families.gateway import Gateway
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.vidu_native import NAME, PATH
from reelkeep.domain.task import Creation


class _Client(Gateway):
    name = NAME
    path = PATH

    def creations(self, task: JsonObject) -> tuple[Creation, ...]:
        """Its id does not matter: behind some gateways it is another than the one that was submitted, and another
        every time."""
        return creations_in(task, "1")


upstream = _Client()
