"""What needs no key: permanent links, providers' calls, the console, the API's documents and the page on them."""

from __future__ import annotations

import gzip
import hashlib
import re
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
_PICTURES = "img-src 'self' data:"
_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self'; {_PICTURES}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SECURE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_KINDS = {".js": "text/javascript", ".css": "text/css"}
_PART = re.compile(r"/console/[0-9a-f]{12}/(console-[a-z]+\.(?:js|css))")
_LONGEST_NAME = 150  # characters of the name under which a browser saves a file

Follow = Callable[[str, str, str, str, str], str]  # token, task id, file, method, name to save as -> the signed link
Accept = Callable[[str, str, Mapping[str, str]], None]  # token, task id, headers


def files(http: Http, *, follow: Follow) -> Reply:
    """A permanent link: /files/{token}/{task_id}/{file}. `?download=name` has browsers save it under that name."""
    parts = http.path.split("/")[2:]
    if len(parts) != 3:
        raise NotFound("there is no such file")
    token, task_id, file = parts
    name = dict(http.query).get("download", "")[:_LONGEST_NAME]
    return Reply(status=302, headers={"location": follow(token, task_id, file, http.method, name)})


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


def console(http: Http, *, public_url: str, archive: Callable[[], str]) -> Reply | None:
    """The console, at / and below /console, or one of its parts; None for a program that asks for /.

    `archive` says from which origin the archive's files come. Which task is shown stands in the URL's fragment.
    """
    part = _PART.fullmatch(http.path)
    if part:
        return _console_part(http, part[1])
    if http.path == "/" and "text/html" not in http.headers.get("accept", ""):
        return None
    if http.path not in ("/", "/console"):
        raise NotFound("there is nothing here")
    address = urlsplit(public_url)
    bucket = archive()
    origins = sorted({f"{address.scheme}://{address.netloc}", bucket})
    page = (_CONSOLE / "console.html").read_text().replace('="/', f'="{address.path}/console/{_console_version()}/')
    files = " ".join(("'self'", *origins, "data:"))
    policy = f"{_POLICY.replace(_PICTURES, f'img-src {files}')}; media-src {files}"
    policy = policy.replace("connect-src 'self'", f"connect-src 'self' {bucket}")  # it reads files into a zip
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": policy, "vary": "accept"}
    return Reply(body=page, headers={**headers, **_SECURE})


def _console_part(http: Http, name: str) -> Reply:
    path = _CONSOLE / name
    if not path.is_file():
        raise NotFound("there is nothing here")
    # An older release's page gets this release's part, and must not keep it under the older address.
    forever = http.path.split("/")[2] == _console_version()
    kept = "public, max-age=31536000, immutable" if forever else "no-store"
    headers = {"content-type": f"{_KINDS[path.suffix]}; charset=utf-8", "cache-control": kept, **_SECURE}
    return _compressed(Reply(body=path.read_text(), headers=headers), http)


@cache
def _console_version() -> str:
    """Of the parts together: it stands in their addresses, so that a browser never mixes two releases."""
    parts = sorted(path for path in _CONSOLE.glob("console-*") if path.suffix in _KINDS)
    return hashlib.sha256(b"".join(path.read_bytes() for path in parts)).hexdigest()[:12]


def _compressed(reply: Reply, http: Http) -> Reply:
    """As gzip, if the client takes that: API Gateway does not compress."""
    headers = {**reply.headers, "vary": "accept-encoding"}
    if "gzip" not in http.headers.get("accept-encoding", ""):
        return replace(reply, headers=headers)
    return replace(reply, body=_gzip(str(reply.body)), headers={**headers, "content-encoding": "gzip"})


@cache
def _gzip(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)
