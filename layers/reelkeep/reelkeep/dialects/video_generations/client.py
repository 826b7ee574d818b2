"""New-api's video generations, as a provider's client speaks them."""

from __future__ import annotations

from reelkeep.dialects.families.gateway import Gateway
from reelkeep.dialects.video_generations import NAME, PATH


class _Client(Gateway):
    name = NAME
    path = PATH


upstream = _Client()
