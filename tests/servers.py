"""HTTP servers on this machine that say exactly what a test wants them to, byte for byte."""

from __future__ import annotations

import io
import re
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl
from zlib import crc32

import trustme


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


def serving_tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


def reply(status: int = 200, body: bytes = b"", **headers: str) -> list[bytes]:
    """A whole answer. Header names are written with underscores; an empty value leaves one out."""
    named = {"content-length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    return [f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode(), body]


class Server:
    """Answers each request of each connection with what `answering` yields; closes it on `Cut`."""

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
                    if headers.get("expect") == "100-continue":
                        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                    body = _body(headers, incoming)
                    if body is None:
                        return
                    request = Request(method, target, headers, body)
                    self.requests.append(request)
                    for piece in self._answering(request):
                        connection.sendall(piece)
        except (OSError, Cut):
            return


def _body(headers: Mapping[str, str], incoming: io.BufferedReader) -> bytes | None:
    """None if it was cut."""
    if headers.get("transfer-encoding") != "chunked":
        length = int(headers.get("content-length", 0))
        body = incoming.read(length)
        return body if len(body) == length else None
    chunks = []
    while line := incoming.readline():
        chunks.append(incoming.read(int(line, 16) + 2)[:-2])
        if not chunks[-1]:
            return b"".join(chunks)
    return None


@dataclass
class Bucket:
    """As much of S3 as the copies need, strict about what S3 is strict about. Serves through `Server`."""

    objects: dict[str, bytes] = field(default_factory=dict)
    stored: dict[str, dict[str, str]] = field(default_factory=dict)  # the headers that each was made with
    parts: dict[int, bytes] = field(default_factory=dict)  # of the upload that is going on
    calls: list[str] = field(default_factory=list)
    tells_checksums: bool = True  # of a whole upload, as S3 does
    faults: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # status and code of a call's next answers

    def __call__(self, request: Request) -> list[bytes]:
        path, _, query = request.target.partition("?")
        key, asked = path.removeprefix("/bucket/"), dict(parse_qsl(query, keep_blank_values=True))
        call = _called(request.method, asked)
        self.calls.append(call)
        if self.faults.get(call):
            status, code = self.faults[call].pop(0)
            return _refused(status, code)
        content, headers = request.body, request.headers
        if request.method == "PUT":
            content, headers, wrong = _received(request)
            if wrong:
                return _refused(400, wrong)
        if headers.get("if-none-match") == "*" and key in self.objects:
            return _refused(412, "PreconditionFailed")
        match call:
            case "PutObject":
                self.objects[key], self.stored[key] = content, headers
            case "CreateMultipartUpload":
                self.stored[key] = headers
                return reply(200, b"<Result><UploadId>upload</UploadId></Result>")
            case "UploadPart":
                self.parts[int(asked["partNumber"])] = content
            case "CompleteMultipartUpload":
                named = [int(number) for number in re.findall(rb"<PartNumber>(\d+)</PartNumber>", content)]
                whole = b"".join(self.parts[number] for number in named)
                assert named == sorted(self.parts)
                assert headers["x-amz-checksum-type"] == "FULL_OBJECT"
                self.objects[key] = whole
                self.parts.clear()
                stored = f"<ChecksumCRC32>{_checksum('crc32', whole)}</ChecksumCRC32>"
                return reply(200, f"<Result>{stored if self.tells_checksums else ''}</Result>".encode())
            case "HeadObject":
                there = self.objects[key]
                one = "sha256" if "x-amz-checksum-sha256" in self.stored[key] else "crc32"
                return [reply(200, there, **{f"x_amz_checksum_{one}": _checksum(one, there)})[0]]
            case "AbortMultipartUpload":
                self.parts.clear()
                return reply(204)
        sums: Any = {name: value for name, value in headers.items() if name.startswith("x-amz-checksum-")}
        return reply(200, etag='"one"', **sums)


def _called(method: str, asked: Mapping[str, str]) -> str:
    if method == "POST":
        return "CreateMultipartUpload" if "uploads" in asked else "CompleteMultipartUpload"
    if method == "DELETE":
        return "AbortMultipartUpload"
    if method == "HEAD":
        return "HeadObject"
    return "UploadPart" if "partNumber" in asked else "PutObject"


def _refused(status: int, code: str) -> list[bytes]:
    return reply(status, f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode(), connection="close")


def _received(request: Request) -> tuple[bytes, dict[str, str], str]:
    """The content, the headers with the trailer among them, and the code of what is wrong with them."""
    content, headers = request.body, request.headers
    if headers.get("x-amz-content-sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
        chunks, trailer = _unframed(request.body)
        if any(len(chunk) < 8192 for chunk in chunks[:-1]):
            return b"", headers, "InvalidChunkSizeError"
        content, (name, _, value) = b"".join(chunks), trailer.partition(":")
        assert name == headers["x-amz-trailer"]
        headers = {**headers, name: value}
        if len(content) != int(headers["x-amz-decoded-content-length"]):
            return b"", headers, "IncompleteBody"
    sums = {name: value for name, value in headers.items() if name.startswith("x-amz-checksum-")}
    assert sums
    if any(value != _checksum(name.rpartition("-")[2], content) for name, value in sums.items()):
        return b"", headers, "BadDigest"
    return content, headers, ""


def _checksum(name: str, content: bytes) -> str:
    digest = crc32(content).to_bytes(4, "big") if name == "crc32" else sha256(content).digest()
    return b64encode(digest).decode()


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _unframed(body: bytes) -> tuple[list[bytes], str]:
    """The chunks of `aws-chunked`, and what follows them."""
    chunks: list[bytes] = []
    at = 0
    while True:
        end = body.index(b"\r\n", at)
        length = int(body[at:end], 16)
        if not length:
            trailer = body[end + 2 :]
            assert trailer.endswith(b"\r\n\r\n")
            return chunks, trailer[:-4].decode()
        chunks.append(body[end + 2 : end + 2 + length])
        at = end + 2 + length
        assert body[at : at + 2] == b"\r\n"
        at += 2
