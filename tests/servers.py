"""HTTP servers on this machine that say exactly what a test wants them to, byte for byte."""

from __future__ import annotations

import hmac
import re
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from types import TracebackType
from typing import Self
from zlib import crc32


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def range(self) -> tuple[int, int] | None:
        """As in `bytes=first-last`."""
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
        return (int(found[1]), int(found[2])) if found else None


class Cut(Exception):
    """Closes the connection where the answer has got to."""


Answering = Callable[[Request], Iterable[bytes]]


def reply(status: int = 200, body: bytes = b"", **headers: str) -> list[bytes]:
    """A whole answer. Header names are written with underscores; an empty value leaves one out."""
    named = {"content-length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    return [f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode(), body]


class Server:
    """Answers each request of each connection with what `answering` yields; closes it if told so by `Cut`."""

    def __init__(self, answering: Answering, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        self._answering = answering
        self._tls = tls
        self._address = address
        self._listener = socket.create_server((address, 0))
        self._connections: list[socket.socket] = []
        self.requests: list[Request] = []
        self.port: int = self._listener.getsockname()[1]

    @property
    def connections(self) -> int:
        return len(self._connections)

    def url(self, target: str = "/", host: str = "") -> str:
        return f"{'https' if self._tls else 'http'}://{host or self._address}:{self.port}{target}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Closes the connections that are open."""
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as incoming:
                while line := incoming.readline():
                    method, target, _ = line.decode().split()
                    lines = iter(incoming.readline, b"\r\n")
                    headers = dict(_header(line.decode()) for line in lines)
                    length = int(headers.get("content-length", 0))
                    body = incoming.read(length)
                    if len(body) < length:
                        return
                    request = Request(method, target, headers, body)
                    self.requests.append(request)
                    for piece in self._answering(request):
                        connection.sendall(piece)
        except (OSError, Cut):
            return


@dataclass
class Bucket:
    """As much of S3 as the copies need, strict about what S3 is strict about. Serves through `Server`."""

    objects: dict[str, bytes] = field(default_factory=dict)
    stored: dict[str, dict[str, str]] = field(default_factory=dict)  # the headers of each
    faults: list[tuple[int, str]] = field(default_factory=list)  # status and code of the next answers

    def __call__(self, request: Request) -> list[bytes]:
        if self.faults:
            status, code = self.faults.pop(0)
            return reply(status, f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode())
        assert request.method == "PUT"
        assert request.headers["x-amz-content-sha256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        assert _signature(request, "secret") == request.headers["authorization"].partition("Signature=")[2]
        content, trailer = _unframed(request.body)
        name, _, value = trailer.partition(":")
        whole = len(content) == int(request.headers["x-amz-decoded-content-length"])
        if not whole or request.headers["x-amz-trailer"] != name or value != _sum(name, content):
            return reply(400, b"<Error><Code>BadDigest</Code></Error>")
        self.objects[request.target.removeprefix("/bucket/")] = content
        self.stored[request.target.removeprefix("/bucket/")] = request.headers
        return reply(200, etag='"one"')


def _sum(name: str, content: bytes) -> str:
    """Of a long file, each takes its time."""
    if name == "x-amz-checksum-crc32":
        return b64encode(crc32(content).to_bytes(4, "big")).decode()
    assert name == "x-amz-checksum-sha256"
    return b64encode(sha256(content).digest()).decode()


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _signature(request: Request, secret: str) -> str:
    """Signature Version 4, as its specification has it."""
    found = re.match(r"AWS4-HMAC-SHA256 Credential=\w+/(.+), SignedHeaders=(.+), ", request.headers["authorization"])
    assert found is not None
    scope, names = found[1], found[2].split(";")
    assert {"host", "x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer"} <= set(names)
    lines = "".join(f"{name}:{request.headers[name]}\n" for name in names)
    payload = request.headers["x-amz-content-sha256"]
    canonical = f"{request.method}\n{request.target}\n\n{lines}\n{found[2]}\n{payload}"
    digest = sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{digest}"
    key = b"AWS4" + secret.encode()
    for step in [*scope.split("/"), text]:
        key = hmac.digest(key, step.encode(), "sha256")
    return key.hex()


def _unframed(body: bytes) -> tuple[bytes, str]:
    content, at = bytearray(), 0
    while True:
        end = body.index(b"\r\n", at)
        length = int(body[at:end], 16)
        if not length:
            trailer = body[end + 2 :]
            assert trailer.endswith(b"\r\n\r\n")
            return bytes(content), trailer[:-4].decode()
        content += body[end + 2 : end + 2 + length]
        at = end + 2 + length
        assert body[at : at + 2] == b"\r\n"
        at += 2
