"""`reelkeep pull` killed in the middle, as by `kill -9`, and run again."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
FILMS: Final = {f"{number:032x}": f"film {number} ".encode() * 2_000 for number in range(200)}


class Stack(ThreadingHTTPServer):
    """Serves 200 tasks and their files, and says when so many files were asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.most, self.reached = 10**9, Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def task(self, task_id: str) -> dict[str, Any]:
        film = FILMS[task_id]
        file = {"name": "video", "url": f"{self.url}/files/{task_id}.mp4", "bytes": len(film), "crc32": None}
        file["sha256"] = hashlib.sha256(film).hexdigest()
        described = {"id": task_id, "created_at": "2026-11-21T12:00:00Z", "model": "viduq2", "prompt": "a boat"}
        return {**described, "kind": "text2video", "creations": [{"url": file["url"], "files": [file]}]}


class Handler(BaseHTTPRequestHandler):
    server: Stack

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/tasks":
            self.answer(200, dumps({"tasks": [*map(self.server.task, FILMS)], "next_cursor": None}).encode())
            return
        task_id = path.removeprefix("/files/").removesuffix(".mp4")
        self.server.asked[task_id] += 1
        if self.server.asked.total() >= self.server.most:
            self.server.reached.set()
        start = int(self.headers["range"].removeprefix("bytes=").removesuffix("-"))
        self.answer(206, FILMS[task_id][start:])

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def serving() -> Iterator[Stack]:
    stack = Stack()
    thread = Thread(target=stack.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stack
    finally:
        stack.shutdown()
        thread.join()
        stack.server_close()


@pytest.fixture
def stack() -> Iterator[Stack]:
    with serving() as stack:
        yield stack


def test_two_hundred_videos_pulled_and_killed_twice_are_all_there_and_none_is_fetched_twice(
    stack: Stack, tmp_path: Path
) -> None:
    out = tmp_path / "films"
    command = [sys.executable, "-m", "cli", "pull", "--out", str(out)]
    environ = {
        **os.environ,
        "HOME": str(tmp_path),
        "REELKEEP_URL": stack.url,
        "REELKEEP_KEY": "rk_x",
        "NO_PROXY": "*",
    }

    finished: set[str] = set()
    for most in (50, 120):
        stack.most, stack.reached = most, Event()
        with subprocess.Popen(command, cwd=ROOT, env=environ) as process:
            assert stack.reached.wait(60)
            process.kill()
        before = {task_id for task_id in FILMS if any(out.glob(f"*_{task_id[-8:]}.mp4"))}
        assert 0 < len(before) < len(FILMS)
        assert all(stack.asked[task_id] == 1 for task_id in finished)
        finished = before

    asked = stack.asked.copy()
    subprocess.run(command, cwd=ROOT, env=environ, check=True)
    assert {path.read_bytes() for path in out.iterdir()} == set(FILMS.values())
    assert {task_id for task_id in FILMS if stack.asked[task_id] > asked[task_id]} & finished == set()
