"""How tasks are asked for."""

from __future__ import annotations

from reelkeep.dialects.dialect import AnyRoute, Cancel, Http, List, Show, Submit
from reelkeep.dialects.reelkeep.tasks import listing, openapi, shown, submissions
from reelkeep.domain.task import Request

_ONE = "/tasks/{task_id}"


def _submitted(http: Http) -> Request:
    return submissions.read(http.json())


ROUTES: tuple[AnyRoute, ...] = (
    Submit(method="POST", path="/tasks", description=openapi.SUBMIT, parse=_submitted, render=shown.created),
    List(method="GET", path="/tasks", description=openapi.LIST, parse=listing.read, render=shown.listed),
    Show(method="GET", path=_ONE, description=openapi.SHOW, render=shown.shown),
    Cancel(method="POST", path=f"{_ONE}/cancel", description=openapi.CANCEL, render=shown.cancelled),
)
