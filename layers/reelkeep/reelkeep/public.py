"""What needs no key: permanent links, providers' calls, the console, the API's documents and the page on them."""

from __future__ import annotations

import gzip
import hashlib
import html
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import aws_lambda_powertools

from reelkeep.dialects.dialect import Http, Reply
from reelkeep.domain.errors import ClientError, NotAllowed, NotFound, TryLater, wrong

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

_DISPOSITIONS = ("inline", "attachment")
# Of permanent links: what another page's script may send, and may read of the answer.
_CORS = {
    "access-control-allow-methods": "GET, HEAD",
    "access-control-allow-headers": "range",
    "access-control-max-age": "86400",
}
_NO_FILE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>No file</title><h1>This file cannot be shown</h1><p>{}.</p>
<p>Whoever gave you the link can give you another one.</p></html>"""

Accept = Callable[[str, str, Mapping[str, str]], None]  # token, task id, headers


class Follow(Protocol):
    def __call__(self, token: str, task_id: str, file: str, method: str, name: str, /, *, attachment: bool) -> str:
        """The signed link."""


def files(
    http: Http, *, follow: Follow, exists: Callable[[str, str], bool], allowed_origins: Collection[str] = ()
) -> Reply:
    """A permanent link: /files/{token}/{task_id}/{file}.

    With `?disposition=attachment`, browsers save the file at once; with `?download=name`, under that name. Who opens
    a link in a browser gets a page if it leads nowhere. Scripts of the allowed origins may read the answer.
    """
    origin = http.headers.get("origin", "")
    is_allowed = origin in allowed_origins or (origin and "*" in allowed_origins)
    headers = {"access-control-allow-origin": origin, "vary": "origin"} if is_allowed else {}
    if http.method == "OPTIONS":
        if not is_allowed:
            raise NotAllowed("pages of other addresses are not allowed to read files")
        return Reply(status=204, headers={**headers, **_CORS})
    try:
        return Reply(status=302, headers={**headers, "location": _followed(http, follow, exists)})
    except ClientError as error:
        if not _is_navigation(http):
            raise
        page = _NO_FILE.format(html.escape(error.message[:1].upper() + error.message[1:]))
        shown = {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": "default-src 'none'",
            **_SECURE,
        }
        status = 404 if isinstance(error, NotFound) else 400
        return Reply(status=status, body=page, headers={**headers, **shown})


def _followed(http: Http, follow: Follow, exists: Callable[[str, str], bool]) -> str:
    parts, query = http.path.split("/")[2:], dict(http.query)
    if len(parts) != 3:
        raise NotFound("there is no such file")
    token, task_id, file = parts
    name = query.get("download", "")[:_LONGEST_NAME]
    disposition = query.get("disposition") or _DISPOSITIONS[bool(name)]
    if disposition not in _DISPOSITIONS:
        raise wrong("disposition", f"must be {' or '.join(_DISPOSITIONS)}")
    link = follow(token, task_id, file, http.method, name, attachment=disposition == "attachment")
    if _is_navigation(http) and not exists(task_id, file):  # S3 would answer in XML
        raise NotFound("the file is not in the archive any more, or not yet")
    return link


def _is_navigation(http: Http) -> bool:
    """Whether a person opens it in a browser, which asks for players and pictures otherwise."""
    return "text/html" in http.headers.get("accept", "")


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
