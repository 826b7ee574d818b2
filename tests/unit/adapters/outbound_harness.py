"""How tests ask through the one door out."""

from __future__ import annotations

from typing import Any

from reelkeep.adapters.http.outbound import Outbound
from reelkeep.domain.wire import ProviderResponse


def get(outbound: Outbound, url: str, **more: Any) -> ProviderResponse:
    return outbound.request("GET", url, **{"allow_private": True, "seconds": 5.0, **more})
