"""A provider worse than the simulator: it works, says that it does not, and lets its secrets slip."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

SECRETS: Final = ("5ec2e7c0ffee", "vda_5ec2e75ec2e7", "hunter2")
ODD_ANSWER: Final = {
    "oops": "no state at all",
    "see": f"https://films.example.com/1.mp4?X-Amz-Expires=60&X-Amz-Signature={SECRETS[0]}",
    "request": {"authorization": f"Token {SECRETS[1]}", "password": SECRETS[2]},
}


# Half of a pair of surrogates, a number that is none, a byte that is no character, and a word in a form of its own.
FAULTY_ANSWER: Final = (
    b'{"prompt": "a boat \\ud83d", "progress": NaN, "model": "caf\xe9", '
    b'"state": "FAIL", "err_code": "CreationPolicyViolation"}'
)


class MalformedProvider(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Malformed)
        self.placed: list[dict[str, Any]] = []  # the bodies of submissions; each would be paid
        self.made: list[dict[str, Any]] = []  # what its list tells of others' tasks
        self.film = b""
        self.looks = 0

    def make(self, task_id: str, created_at: datetime, prompt: str, film: bytes, path: str = "/film.mp4") -> None:
        """A success that somebody asked for elsewhere. What lies at /trap leads to a cloud's secrets."""
        self.film = film
        link = f"http://127.0.0.1:{self.server_port}{path}"
        task = {"id": task_id, "type": "text2video", "model": "viduq2", "prompt": prompt, "state": "success"}
        creations = [{"id": f"{task_id}9", "url": link, "cover_url": ""}]
        self.made.append({**task, "creations": creations, "created_at": created_at.isoformat(), "credits": 7})

    @property
    def settings(self) -> dict[str, Any]:
        """What an operator would write down of it."""
        return {
            "dialect": "vidu_ent_v2",
            "base_url": f"http://127.0.0.1:{self.server_port}",
            "api_key": "vda_of_the_malformed_one",
            "allow_private": True,
            "typical_seconds": 2,
        }


class Malformed(BaseHTTPRequestHandler):
    """Vidu's ent/v2, more or less."""

    server: MalformedProvider

    def do_POST(self) -> None:
        """Takes the task in, and then there comes an error out of some gateway."""
        self.server.placed.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self._answer(502, b"<html><h1>Bad Gateway</h1></html>")

    def do_GET(self) -> None:
        if self.path.startswith("/ent/v2/tasks?"):
            listed = [
                {"id": str(number), "payload": body["payload"]} for number, body in enumerate(self.server.placed)
            ]
            self._answer(200, json.dumps({"tasks": [*self.server.made, *listed], "next_page_token": ""}).encode())
            return
        if self.path.startswith("/ent/v2/credits"):  # asked at any time: it must not take a task's answer
            self._answer(404, b"")
            return
        if self.path.startswith("/film"):
            self._answer(200, self.server.film)
            return
        if self.path.startswith("/trap"):
            self.send_response(302)
            self.send_header("location", "http://169.254.169.254/latest/meta-data/iam/security-credentials/")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        for task in self.server.made:
            if f"/{task['id']}/" in self.path:
                self._answer(200, json.dumps(task).encode())
                return
        self.server.looks += 1
        self._answer(200, json.dumps(ODD_ANSWER).encode() if self.server.looks == 1 else FAULTY_ANSWER)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def malformed_provider() -> Iterator[MalformedProvider]:
    with MalformedProvider() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
