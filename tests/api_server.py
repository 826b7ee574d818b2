"""The API behind a real socket, for clients that are programs of their own: HTTP in, events through, fakes behind.

What API Gateway does in between is done here as it does it: methods that change something go to one function, the
rest to the other, and bodies that are no text travel in base64.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast

from aws_lambda_powertools import Logger

from reelkeep.api import Api
from reelkeep.domain.task import ArchivedFile
from reelkeep.domain.upstream import Upstream
from reelkeep.services.forecasts import Estimate
from reelkeep.services.organize import Organize
from reelkeep.services.query import FindPlace, ListTasks, ShowWhole
from reelkeep.services.remove import Remove
from tests.fakes.owners import FakeKeys
from tests.unit.services.harness import ALICE, Harness

KEY = "rk_alice"
FILE = b"\x00\x00\x00\x18ftypmp42 what every link leads to"
_SUBMITS = ("POST", "PUT", "PATCH", "DELETE")


@contextmanager
def serving(harness: Harness) -> Iterator[str]:
    """Serves the harness's tasks to `KEY`; yields the address. Links lead to `FILE`."""
    server = _Server(("127.0.0.1", 0), _Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    server.functions = functions(harness, address)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    functions: Mapping[str, Api]


def functions(harness: Harness, address: str) -> Mapping[str, Api]:
    """By method, wired as the real ones are."""
    keys, logger = FakeKeys({KEY: ALICE}), Logger(service="test")
    organize = Organize(harness.tasks, harness.archive, harness.clock)

    def links(kept: ArchivedFile) -> str:
        return f"{address}/files/{kept.key}"

    submit = Api(
        keys=keys,
        logger=logger,
        submit=harness.submit,
        cancel=harness.cancel,
        estimate=Estimate(harness.forecasts, harness.clock),
        remove=Remove(harness.tasks, organize, harness.cancel),
        services={"change_task": organize.change, "hide_task": organize.hide, "restore_task": organize.restore},
        links=links,
    )
    query = Api(
        keys=keys,
        logger=logger,
        show=ShowWhole(harness.tasks, harness.archive),
        find_place=FindPlace(harness.slots, harness.forecasts, harness.clock),
        estimate=Estimate(harness.forecasts, harness.clock),
        list_tasks=ListTasks(harness.tasks, harness.clock),
        services={"list_models": lambda *_: [Upstream("vidu", "vidu_ent_v2", ("vidu*", "viduq2"), True)]},
        links=links,
    )
    return dict.fromkeys(_SUBMITS, submit) | dict.fromkeys(("GET", "HEAD"), query)


def event(method: str, path: str, query: str, headers: Mapping[str, str], sent: bytes) -> dict[str, Any]:
    """As API Gateway makes it of a request."""
    named = {name.lower(): value for name, value in headers.items()}
    text = "json" in named.get("content-type", "") or not sent
    return {
        "rawPath": path,
        "rawQueryString": query,
        "headers": named,
        "requestContext": {"requestId": "JKJaXmPLvHcESHA=", "http": {"method": method, "path": path}},
        "isBase64Encoded": not text,
        "body": sent.decode(errors="replace") if text else base64.b64encode(sent).decode(),
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith("/files/"):
            self._answer(200, {"content-type": "video/mp4"}, FILE)
            return
        answer = (
            cast("_Server", self.server)
            .functions[self.command]
            .handle(event(self.command, *self.path.partition("?")[::2], dict(self.headers), sent))
        )
        body = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode()
        self._answer(answer["statusCode"], answer["headers"], body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  the names that http.server looks for

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what matters is in the answers."""
