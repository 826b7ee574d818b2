"""What needs no key: permanent links, providers' calls, the OpenAPI and AsyncAPI documents, the page on the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import Http, Reply
from reelkeep.domain.errors import NotFound, TryLater

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

Follow = Callable[[str, str, str, str], str]  # token, task id, file, method -> the signed link
Wake = Callable[[str, str, Mapping[str, str]], None]  # token, task id, headers


def files(http: Http, *, follow: Follow) -> Reply:
    """A permanent link: /files/{token}/{task_id}/{file}."""
    parts = http.path.split("/")[2:]
    if len(parts) != 3:
        raise NotFound("there is no such file")
    token, task_id, file = parts
    return Reply(status=302, headers={"location": follow(token, task_id, file, http.method)})


def callback(http: Http, *, wake: Wake, logger: Logger) -> Reply:
    """A provider calls about a task: /wake/{token}/{task_id}. It is asked to call again if we are in trouble."""
    parts = http.path.split("/")[2:]
    if len(parts) != 2:
        raise NotFound("there is nothing here")
    token, task_id = parts
    try:
        wake(token, task_id, http.headers)
    except TryLater:
        logger.exception("a call was not taken")
        return Reply(status=503, headers={"retry-after": "1"})
    return Reply(status=204)


def openapi_document(_: Http, *, public_url: str) -> Reply:
    return Reply(body=_built("openapi", public_url))


def asyncapi_document(_: Http, *, public_url: str) -> Reply:
    return Reply(body=_built("asyncapi", public_url))


def _built(name: str, public_url: str) -> str:
    """A document that `make docs` built, with the address of this stack in the place of the example's."""
    text = (Path(__file__).parent / "console" / f"{name}.json").read_text()
    return text.replace("https://reelkeep.example.com", public_url)


def reference(_: Http, *, public_url: str) -> Reply:
    from reelkeep.docs_page import page, policy

    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": f"{policy()}; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return Reply(body=page(json.loads(_built("openapi", public_url))), headers=headers)
