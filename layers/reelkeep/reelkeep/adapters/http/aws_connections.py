"""Connections to AWS, kept open: how what botocore has made and signed gets there.

botocore's own way costs as much CPU as all the rest of a call, and loads the authorities again for each client.
What is sent, and when it is repeated, stays botocore's.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.client import BaseClient


@dataclass(frozen=True, slots=True)
class _Content:
    """What AWSResponse reads from; it is all here already."""

    content: bytes

    def stream(self) -> Iterator[bytes]:
        yield self.content


class AwsConnections:
    """For clients that send a few bytes and get a few: both are held whole."""

    def __init__(self, tls: ssl.SSLContext, *, connect_seconds: float, read_seconds: float) -> None:
        self._tls = tls
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._idle: defaultdict[str, list[socket.socket]] = defaultdict(list)

    def carry(self, client: BaseClient) -> None:
        """From now on, what this client sends goes over these connections."""
        client.meta.events.register("before-send", self._send)  # type: ignore[arg-type]  # may answer, too

    def close(self) -> None:
        while self._idle:
            for connection in self._idle.popitem()[1]:
                connection.close()

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Raises what botocore's own way raises, which is what botocore repeats a call for."""
        url = urlsplit(request.url)
        place = f"{url.scheme}://{url.netloc}"
        connection = self._idle_at(place) or self._connected(url)
        try:
            connection.sendall(_written(request, url))
            with HTTPResponse(connection, method=request.method) as response:
                response.begin()
                content = response.read()
        except TimeoutError as error:
            connection.close()
            raise ReadTimeoutError(endpoint_url=place, error=error) from error
        except (OSError, HTTPException) as error:
            connection.close()
            raise ConnectionClosedError(endpoint_url=place, error=error, request=request) from error
        if response.will_close:
            connection.close()
        else:
            self._idle[place].append(connection)
        headers = dict(response.headers.items())
        return AWSResponse(request.url, response.status, headers, _Content(content))  # type: ignore[arg-type]  # any map

    def _idle_at(self, place: str) -> socket.socket | None:
        """One that the other side has not closed while nobody looked: a function may be frozen for long."""
        idle = self._idle[place]
        while idle:
            connection = idle.pop()
            look = select.poll()
            look.register(connection, select.POLLIN)
            if not look.poll(0):
                return connection
            connection.close()
        return None

    def _connected(self, url: SplitResult) -> socket.socket:
        host = url.hostname or ""
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            connection = socket.create_connection((host, port), self._connect_seconds)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if url.scheme == "https":
                connection = self._tls.wrap_socket(connection, server_hostname=host)  # closes it if it fails
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=f"{url.scheme}://{url.netloc}", error=error) from error
        connection.settimeout(self._read_seconds)
        return connection


def _written(request: AWSPreparedRequest, url: SplitResult) -> bytes:
    """In one piece, since every piece is a packet. None of botocore's headers comes from a client of ours."""
    headers = {"Host": url.netloc, **dict(request.headers)}
    lines = [f"{request.method} {url.path or '/'} HTTP/1.1".encode()]
    lines += [b"%b: %b" % (_bytes(name), _bytes(value)) for name, value in headers.items()]
    return b"\r\n".join([*lines, b"", _bytes(cast("bytes | str | None", request.body) or b"")])


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text
