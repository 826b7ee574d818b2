"""Connections to AWS, kept open, for what botocore would send over its own, and for the short way of aws_json.

botocore's own load the authorities again for each client, and take more CPU.
"""

from __future__ import annotations

import select
import socket
import ssl
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, HTTPClientError, ReadTimeoutError
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.client import BaseClient

_OK = 200
_PORTS = {"https": 443, "http": 80}
_READ_BYTES = 1 << 14  # a record of TLS

# What has come of a call's first attempt, if it is botocore's turn now to judge it.
_first: ContextVar[Answer | HTTPClientError | None] = ContextVar("first", default=None)


@dataclass(slots=True)
class Answer:
    """Fills itself with what the parser finds."""

    status_code: int = 0
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case
    content: bytes = b""
    complete: bool = False
    lasting: bool = False  # its connection is good for another call
    _parser: HttpResponseParser = field(init=False)
    _parts: list[bytes] = field(default_factory=list)

    def read(self, connection: socket.socket) -> None:
        """Raises OSError, HttpParserError."""
        self._parser = HttpResponseParser(self)
        try:
            self._read(connection)
        finally:
            del self._parser  # which knows us: nothing is left for the garbage collector

    def _read(self, connection: socket.socket) -> None:
        while not self.complete:
            if data := connection.recv(_READ_BYTES):
                self._feed(data)
            elif self.status_code and not {"content-length", "transfer-encoding"} & self.headers.keys():
                self._end()  # HTTP/1.0: it ends with its connection
            else:
                raise ConnectionResetError("closed before the answer was complete")

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.complete:
                raise HttpParserError(str(error)) from error

    def on_message_begin(self) -> None:
        """Also after a 1xx, which is no answer yet; and after the answer, for what nobody asked for."""
        self.lasting = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < _OK:
            self.headers.clear()
        elif not self.complete:
            self.status_code = status

    def on_body(self, part: bytes) -> None:
        if not self.complete:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        if self.status_code and not self.complete:
            self._end()
            self.lasting = self._parser.should_keep_alive()

    def _end(self) -> None:
        self.complete, self.content = True, b"".join(self._parts)

    @property
    def undamaged(self) -> bool:
        checksum = self.headers.get("x-amz-crc32")
        return checksum is None or checksum == str(zlib.crc32(self.content))

    def stream(self) -> Iterator[bytes]:
        """As AWSResponse reads it."""
        yield self.content


@contextmanager
def first_attempt(came_of_it: Answer | HTTPClientError) -> Iterator[None]:
    """botocore, called within, takes this for its own first attempt: attempts, pauses and errors are its own."""
    token = _first.set(came_of_it)
    try:
        yield
    finally:
        _first.reset(token)


class AwsConnections:
    """For clients that send a few bytes and get a few: both are held whole."""

    def __init__(self, tls: ssl.SSLContext, *, connect_seconds: float, read_seconds: float) -> None:
        self._tls = tls
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._idle: defaultdict[str, list[socket.socket]] = defaultdict(list)

    def carry(self, client: BaseClient) -> bool:
        """From now on, what this client sends goes over these connections; not if it has to go through a proxy, or
        trusts whom these do not. Whether it does."""
        if not _direct(client):
            return False
        client.meta.events.register("before-send", self._send)  # type: ignore[arg-type]  # may answer, too
        return True

    def close(self) -> None:
        while self._idle:
            for connection in self._idle.popitem()[1]:
                connection.close()

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Raises what botocore's own way raises, which is what botocore repeats a call for."""
        answer = _first.get()
        _first.set(None)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            url = urlsplit(request.url)
            body = cast("bytes | str | None", request.body) or b""
            headers = {name: _text(value) for name, value in request.headers.items()}
            body = body.encode() if isinstance(body, str) else body
            answer = self.exchange(url, request.method, {"Host": host(url), **headers}, body)
        return AWSResponse(request.url, answer.status_code, cast("Any", answer.headers), answer)

    def exchange(self, url: SplitResult, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request and its answer. Raises HTTPClientError."""
        place = f"{url.scheme}://{url.netloc}"
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        connection = self._idle_at(place) or self._connected(url)
        answer = Answer()
        try:
            connection.sendall(_written(f"{method} {target} HTTP/1.1", headers, body))
            answer.read(connection)
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=place, error=error) from error
        except (OSError, HttpParserError) as error:
            raise ConnectionClosedError(endpoint_url=place, error=error) from error
        finally:
            if answer.lasting:
                self._idle[place].append(connection)
            else:
                connection.close()
        return answer

    def _idle_at(self, place: str) -> socket.socket | None:
        """One that the other side has not closed while nobody looked: a function may be frozen for long."""
        idle = self._idle[place]
        while True:
            try:
                connection = idle.pop()
            except IndexError:
                return None
            look = select.poll()
            look.register(connection, select.POLLIN)
            if not look.poll(0):
                return connection
            connection.close()

    def _connected(self, url: SplitResult) -> socket.socket:
        host = url.hostname or ""
        port = url.port or _PORTS[url.scheme]
        try:
            connection = socket.create_connection((host, port), self._connect_seconds)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if url.scheme == "https":
                connection = self._tls.wrap_socket(connection, server_hostname=host)  # closes it if it fails
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=f"{url.scheme}://{url.netloc}", error=error) from error
        connection.settimeout(self._read_seconds)
        return connection


def _written(line: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """In one piece, since every piece is a packet. None of these headers comes from a client of ours."""
    return "\r\n".join([line, *[f"{name}: {value}" for name, value in headers.items()], "", ""]).encode() + body


def _direct(client: BaseClient) -> bool:
    """Neither through a proxy nor with authorities of its own, as botocore found when it made the client, and says
    nowhere else."""
    endpoint, session = client.meta.endpoint_url, cast("Any", client)._endpoint.http_session
    usual = session._verify is True or not endpoint.startswith("https:")
    return usual and session._proxy_config.proxy_url_for(endpoint) is None


def host(url: SplitResult) -> str:
    """As botocore signs it."""
    host, port = url.hostname or "", url.port
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, _PORTS[url.scheme]) else f"{host}:{port}"


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
