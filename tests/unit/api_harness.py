"""The API on one harness, and submissions in every dialect."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools import Logger

from reelkeep.api import Api
from reelkeep.dialects.dialect import Reply
from reelkeep.domain.errors import NotFound
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Task
from reelkeep.domain.upstream import Upstream
from reelkeep.ports.owners import Caller
from reelkeep.services.forecasts import Estimate
from reelkeep.services.query import FindPlace
from tests.unit.services.harness import ALICE, MALLORY, Harness

KEYS = {"rk_alice": ALICE, "rk_mallory": MALLORY}


REQUEST_ID = "JKJaXmPLvHcESHA="


TASK = {"model": "viduq2", "prompt": "a paper boat", "duration": 4, "resolution": "720p"}


class KnownKeys:
    def caller(self, key: str) -> Caller | None:
        return KEYS.get(key)


def event(method: str, path: str, body: object = None, query: str = "", **headers: str) -> dict[str, Any]:
    sent = {"Authorization": "Token rk_alice", **{name.replace("_", "-"): value for name, value in headers.items()}}
    made: dict[str, Any] = {
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.lower(): value for name, value in sent.items() if value},
        "requestContext": {"requestId": REQUEST_ID, "http": {"method": method, "path": path}},
    }
    if body is not None:
        made["body"] = body if isinstance(body, str) else json.dumps(body)
    return made


class Client:
    """Both functions of the API on one harness."""

    def __init__(self) -> None:
        self.harness = Harness()

        def show(task_id: str, caller: Caller) -> Task:
            task = self.harness.tasks.get(task_id)
            if task is None or task.owner != caller.owner:
                raise NotFound("no such task", field="task_id")
            return task

        def list_tasks(listing: Listing, caller: Caller, window: object) -> Page:
            return self.harness.tasks.page(caller.owner, listing)

        self.api = Api(
            keys=KnownKeys(),
            logger=Logger(service="test"),
            submit=self.harness.submit,
            cancel=self.harness.cancel,
            show=show,
            find_place=FindPlace(self.harness.slots, self.harness.forecasts, self.harness.clock),
            estimate=Estimate(self.harness.forecasts, self.harness.clock),
            list_tasks=list_tasks,
            services={
                "list_providers": lambda _, caller: [Upstream(f"of-{caller.owner}", "volc_ark", ("ep-*",), True)]
            },
            links=lambda kept: f"https://keep.test/{kept.key}",
            public={
                "GET /docs": lambda http: Reply(body="<html>", headers={"content-type": "text/html"}),
                "GET /files/": lambda http: Reply(status=302, headers={"location": http.path}),
            },
        )

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[int, Any]:
        response = self.api.handle(event(*args, **kwargs))
        body = response["body"]
        return response["statusCode"], json.loads(body) if "json" in response["headers"]["content-type"] else body


SUBMISSIONS = [
    ("/tasks", {**TASK, "kind": "text2video"}),
    ("/ent/v2/text2video", TASK),
    (
        "/vidu/v1/tasks",
        {
            "type": "text2video",
            "input": {"prompts": [{"type": "text", "content": "a paper boat"}]},
            "settings": {"model": "vidu-1", "duration": 4},
        },
    ),
    ("/vidu-native/video/generations", {"model": "viduq2", "prompt": "a paper boat"}),
    ("/api/v3/contents/generations/tasks", {"model": "m", "content": [{"type": "text", "text": "a paper boat"}]}),
    ("/kling/v1/videos/text2video", {"model_name": "viduq2", "prompt": "a paper boat"}),
    ("/v1/video/generations", {"model": "viduq2", "prompt": "a paper boat"}),
    ("/v1/videos", {"model": "viduq2", "prompt": "a paper boat"}),
]
