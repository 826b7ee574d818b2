"""Reelkeep's own API, as it is served to clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from reelkeep.dialects.dialect import AnyRoute, Http, Reply
from reelkeep.dialects.reelkeep import refusals
from reelkeep.domain.errors import ClientError, NotAllowed, Unauthorized


class _Server:
    """What it serves is loaded once it is asked for: who speaks another dialect waits for none of it."""

    name = "reelkeep"
    prefixes: tuple[str, ...] = ("/",)

    @cached_property
    def routes(self) -> tuple[AnyRoute, ...]:
        from reelkeep.dialects.reelkeep import providers
        from reelkeep.dialects.reelkeep.subscriptions import routes as subscriptions
        from reelkeep.dialects.reelkeep.tasks import routes as tasks
        from reelkeep.dialects.reelkeep.webhooks import routes as webhooks

        return (*tasks.ROUTES, *providers.ROUTES, *subscriptions.ROUTES, *webhooks.ROUTES)

    def render_error(self, error: ClientError, http: Http) -> Reply:
        headers = {}
        if isinstance(error, Unauthorized):
            headers["www-authenticate"] = 'Bearer realm="reelkeep"'
        if isinstance(error, NotAllowed):
            headers["allow"] = ", ".join(self._methods(http.path))
        return refusals.refusal(error, headers)

    def _methods(self, path: str) -> list[str]:
        patterns = ((route.method, re.sub(r"\{\w+\}", "[^/]+", route.path)) for route in self.routes)
        return sorted(method for method, pattern in patterns if re.fullmatch(pattern, path)) or ["GET"]

    def render_fault(self, known: str = "") -> Reply:
        return refusals.fault(known)

    @property
    def schemas(self) -> Mapping[str, Any]:
        from reelkeep.dialects.reelkeep import openapi, providers
        from reelkeep.dialects.reelkeep.subscriptions import bodies as subscriptions
        from reelkeep.dialects.reelkeep.tasks import bodies as tasks
        from reelkeep.dialects.reelkeep.webhooks import schemas as webhooks

        return {
            **tasks.schemas(),
            **openapi.SCHEMAS,
            **providers.SCHEMAS,
            **subscriptions.schemas(),
            **webhooks.SCHEMAS,
        }


dialect = _Server()
