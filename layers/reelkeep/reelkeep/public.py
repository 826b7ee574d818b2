"""What needs no key: permanent links, providers' calls, the OpenAPI and AsyncAPI documents, the page on the API."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aws_lambda_powertools

from reelkeep.dialects.dialect import Http, Reply
from reelkeep.domain.errors import NotFound, TryLater

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

_CONSOLE = Path(__file__).parent / "console"
# Read as files: to import Powertools' module for it takes 100 ms.
_SWAGGER_UI = Path(aws_lambda_powertools.__file__).parent / "event_handler" / "openapi" / "swagger_ui"
_ASSETS = {
    "/docs/swagger-ui.js": (_SWAGGER_UI / "swagger-ui-bundle.min.js", "text/javascript"),
    "/docs/swagger-ui.css": (_SWAGGER_UI / "swagger-ui.min.css", "text/css"),
    "/docs/page.js": (_CONSOLE / "docs.js", "text/javascript"),
}
# Nothing comes from elsewhere, nothing is sent elsewhere. Swagger UI's style sheet has pictures in data: URLs.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SECURE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}

Follow = Callable[[str, str, str, str], str]  # token, task id, file, method -> the signed link
Accept = Callable[[str, str, Mapping[str, str]], None]  # token, task id, headers


def files(http: Http, *, follow: Follow) -> Reply:
    """A permanent link: /files/{token}/{task_id}/{file}."""
    parts = http.path.split("/")[2:]
    if len(parts) != 3:
        raise NotFound("there is no such file")
    token, task_id, file = parts
    return Reply(status=302, headers={"location": follow(token, task_id, file, http.method)})


def callback(http: Http, *, accept: Accept, logger: Logger) -> Reply:
    """A provider calls about a task: /wake/{token}/{task_id}. It is asked to call again if we are in trouble."""
    parts = http.path.split("/")[2:]
    if len(parts) != 2:
        raise NotFound("there is nothing here")
    token, task_id = parts
    try:
        accept(token, task_id, http.headers)
    except TryLater:
        logger.exception("a provider callback was not accepted")
        return Reply(status=503, headers={"retry-after": "1"})
    return Reply(status=204)


def openapi_document(http: Http, *, public_url: str) -> Reply:
    return _compressed(Reply(body=_built("openapi.json", public_url)), http)


def asyncapi_document(http: Http, *, public_url: str) -> Reply:
    return _compressed(Reply(body=_built("asyncapi.json", public_url)), http)


def _built(name: str, public_url: str) -> str:
    """A document that `make docs` built, with the address of this stack in the place of the example's."""
    text = (_CONSOLE / name).read_text().replace("https://reelkeep.example.com", public_url)
    return text.replace('"/docs#', f'"{urlsplit(public_url).path}/docs#')


def docs_page(_: Http, *, public_url: str) -> Reply:
    """The API's page. The address of this stack may have a path."""
    page = (_CONSOLE / "docs.html").read_text().replace('="/', f'="{urlsplit(public_url).path}/')
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": _POLICY, **_SECURE}
    return Reply(body=page, headers=headers)


def docs_asset(http: Http) -> Reply:
    """A part of the API's page. Raises NotFound."""
    if http.path not in _ASSETS:
        raise NotFound("there is nothing here")
    path, kind = _ASSETS[http.path]
    headers = {"content-type": f"{kind}; charset=utf-8", "cache-control": "public, max-age=86400", **_SECURE}
    return _compressed(Reply(body=path.read_text(), headers=headers), http)


def _compressed(reply: Reply, http: Http) -> Reply:
    """As gzip, if the client takes that: API Gateway does not compress."""
    headers = {**reply.headers, "vary": "accept-encoding"}
    if "gzip" not in http.headers.get("accept-encoding", ""):
        return replace(reply, headers=headers)
    return replace(reply, body=_gzip(str(reply.body)), headers={**headers, "content-encoding": "gzip"})


@cache
def _gzip(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)
