"""Connections to AWS, kept open: how what botocore has made and signed gets there.

botocore's own way costs as much CPU as all the rest of a call, and loads the authorities again for each client.
What is sent, and when it is repeated, stays botocore's.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
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
    """For clients whose answers are small: an answer is read whole."""

    def __init__(self, tls: ssl.SSLContext, *, connect_seconds: float, read_seconds: float) -> None:
        self._tls = tls
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._idle: defaultdict[str, list[http.client.HTTPConnection]] = defaultdict(list)

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
            connection.request(request.method, url.path or "/", request.body, dict(request.headers))  # type: ignore[arg-type]
            response = connection.getresponse()
            content = response.read()
        except TimeoutError as error:
            connection.close()
            raise ReadTimeoutError(endpoint_url=place, error=error) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ConnectionClosedError(endpoint_url=place, error=error, request=request) from error
        if not response.will_close:
            self._idle[place].append(connection)
        headers = dict(response.headers.items())
        return AWSResponse(request.url, response.status, headers, _Content(content))  # type: ignore[arg-type]

    def _idle_at(self, place: str) -> http.client.HTTPConnection | None:
        """One that the other side has not closed while nobody looked: a function may be frozen for long."""
        idle = self._idle[place]
        while idle:
            connection = idle.pop()
            look = select.poll()
            look.register(connection.sock, select.POLLIN)
            if not look.poll(0):
                return connection
            connection.close()
        return None

    def _connected(self, url: SplitResult) -> http.client.HTTPConnection:
        host, port = url.hostname or "", url.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=self._connect_seconds, context=self._tls)
            if url.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=self._connect_seconds)
        )
        try:
            connection.connect()
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=f"{url.scheme}://{url.netloc}", error=error) from error
        connection.sock.settimeout(self._read_seconds)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
