"""The command in this process, against the real API with fakes behind it: no socket, no waiting."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from cli.main import main
from cli.world import World
from reelkeep.adapters.s3.layout import folder
from reelkeep.domain.task import ArchivedFile, Task
from reelkeep.ports.providers import Source
from tests import api_server
from tests.unit.services.harness import FakeArchive, Harness

URL = "https://stack.test"


QUOTE: dict[str, Any] = {"provider": "vidu", "possible": True, "unit": "credits", "units": "20"}
QUOTE |= {"amount": "0.5", "currency": "USD"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class Files(FakeArchive):
    """An archive whose files can be fetched."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def archive(self, task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        key = f"{folder(task.id)}{number}-{name}.mp4"
        content = self.contents[key] = (f"{task.id} {name} ".encode() * 500)[:9_999]
        sha256 = hashlib.sha256(content).hexdigest()
        return ArchivedFile(key=key, bytes=len(content), sha256=sha256, content_type="video/mp4", duration=4.0)


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Stack:
    """A stack that answers at `URL`, and what the command asked it."""

    home: Path
    files: Files = field(default_factory=Files)
    harness: Harness = field(init=False)
    requests: list[httpx.Request] = field(default_factory=list)
    faults: list[Exception | httpx.Response | None] = field(default_factory=list)  # instead of the next answers
    while_waiting: list[Callable[[], object]] = field(default_factory=list)  # one for each pause
    opened: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    quotes: list[dict[str, Any]] = field(default_factory=lambda: [QUOTE])
    largest_answer: int = 1 << 30  # bytes of a file, before the connection ends

    def __post_init__(self) -> None:
        self.harness = Harness(archive=self.files)
        self.functions = api_server.functions(self.harness, URL)
        self.environ = {"HOME": str(self.home), "REELKEEP_URL": URL, "REELKEEP_KEY": api_server.KEY, **self.environ}

    def __call__(self, *arguments: str, stdin: str = "", terminal: bool = False) -> Result:
        world = World(
            environ=self.environ,
            checkout=self.home / "checkout",
            transport=httpx.MockTransport(self._answer),
            sleep=self._pause,
            browse=self._browse,
            prompt=lambda _: stdin,
        )
        out, err = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
        given = Terminal(stdin) if terminal else io.StringIO(stdin)
        with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "stdin", given):
            code = main(arguments, world)
        return Result(int(code), out.getvalue(), err.getvalue())

    def finished(self, prompt: str = "a paper boat", model: str = "viduq2") -> str:
        """The id of a task that came to its end."""
        task_id: str = self("submit", prompt, "--model", model).out.strip()
        self.harness.see_through(task_id)
        self.harness.pass_(1)  # ids sort by time
        return task_id

    @property
    def asked(self) -> list[str]:
        """Methods and paths."""
        return [f"{each.method} {each.url.raw_path.decode()}" for each in self.requests]

    def _pause(self, seconds: float) -> None:
        assert self.while_waiting, "the command waits, and the test did not say for what"
        self.harness.pass_(seconds)
        self.while_waiting.pop(0)()

    def finish_all(self) -> None:
        """Every task comes to its end."""
        for task in list(self.harness.tasks.recorded.values()):
            if not task.state.terminal:
                self.harness.see_through(task.id)

    def _browse(self, link: str) -> bool:
        self.opened.append(link)
        return True

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            return fault
        path, _, query = request.url.raw_path.decode().partition("?")
        if path.startswith("/files/"):
            assert "authorization" not in request.headers
            return self._file(path.removeprefix("/files/"), request.headers.get("range", ""))
        if path == "/quote":  # of a function that the harness does not have
            return httpx.Response(200, json={"quotes": self.quotes})
        event = api_server.event(request.method, path, query, request.headers, request.content)
        answer = self.functions[request.method].handle(event)
        return httpx.Response(answer["statusCode"], headers=answer["headers"], content=answer["body"].encode())

    def _file(self, key: str, part: str) -> httpx.Response:
        found = self.files.contents.get(key)
        if found is None:
            return httpx.Response(404)
        start = int(re.findall(r"\d+", part)[0])
        return httpx.Response(206, content=found[start : start + self.largest_answer])
