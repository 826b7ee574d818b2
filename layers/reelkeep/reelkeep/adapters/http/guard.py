"""Where a request may go, and the connections that go nowhere else.

A name is resolved here, its addresses are vetted, and the connection goes to one that was vetted, so that neither a
redirect nor a name that changes can lead inside. TLS is still checked against the name.

NoAnswer
├── NotSent         the request did not leave: the same call may be made again without doubt
├── AnswerLost      it left, or may have; what came of it is not known
└── BlockedAddress  it points where we must not go; nothing was sent
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpcore

from reelkeep.domain.addresses import is_private, target_of

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 20.0
_IDLE_SECONDS = 4.0  # below every common server's keep-alive: a connection about to be closed loses answers
_RECORD_BYTES = 1 << 14  # of TLS
_READ_BYTES = 1 << 17
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_PORTS = {"https": 443, "http": 80}

IsPublic = Callable[[str], bool]


class NoAnswer(Exception):
    """The message holds nothing of the request or the answer."""


class NotSent(NoAnswer): ...


class AnswerLost(NoAnswer): ...


class BlockedAddress(NoAnswer): ...


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


@lru_cache(maxsize=64)
def parse_url(url: str) -> tuple[Origin, str]:
    """The origin and the request's target. Raises BlockedAddress; no message holds a path or a query."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
        path, query = target_of(url)
    except ValueError:
        raise BlockedAddress("that is not a URL") from None
    if parts.scheme not in _PORTS:
        raise BlockedAddress("only http and https URLs are fetched")
    if parts.username is not None or not _HOST.fullmatch(host):
        raise BlockedAddress("that URL names no plain host")
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme]), f"{path}?{query}" if query else path


def resolve(host: str) -> tuple[str, ...]:
    """Every address of a host; none if the name leads nowhere."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def vetted_addresses(host: str, port: int, is_public: IsPublic, *, allow_private: bool) -> list[str]:
    """Those of the host's addresses where we may go. Raises NotSent, BlockedAddress."""
    addresses = resolve(host)
    if not addresses:
        raise NotSent(f"{host}:{port}: the name cannot be resolved")
    vetted = [address for address in addresses if is_public(address) or (allow_private and is_private(address))]
    if not vetted:
        raise BlockedAddress(f"{host}:{port} is not on the public internet")
    return vetted


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to vetted addresses only.

    What httpcore passes on as a timeout is the moment (monotonic) by which the whole exchange must end: a peer that
    sends a byte now and then cannot extend it.
    """

    def __init__(self, is_public: IsPublic, clock: Callable[[], float], *, allow_private: bool) -> None:
        self._is_public = is_public
        self._allow_private = allow_private
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Raises NotSent, BlockedAddress."""
        failure: OSError | None = None
        for address in vetted_addresses(host, port, self._is_public, allow_private=self._allow_private):
            try:
                sock = socket.create_connection((address, port), _seconds_until(timeout, _CONNECT_SECONDS))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return _Stream(sock, self._clock)
            except OSError as error:
                failure = error
        raise NotSent(f"{host}:{port}: {reason(failure)}") from failure


class _Stream(httpcore.NetworkStream):
    """A connection, each of whose reads and writes ends in time."""

    def __init__(self, sock: socket.socket, clock: Callable[[], float]) -> None:
        self._sock = sock
        self._clock = clock
        self._last_read = clock()
        self._unsent = bytearray()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Raises NotSent."""
        try:
            self._sock.settimeout(_seconds_until(timeout, _CONNECT_SECONDS))
            return _Stream(ssl_context.wrap_socket(self._sock, server_hostname=server_hostname), self._clock)
        except OSError as error:
            self.close()
            raise NotSent(f"{server_hostname}: {reason(error)}") from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Head and body leave together if they are small: every piece is a packet, and costs as much as the whole."""
        self._unsent += buffer
        if len(self._unsent) >= _RECORD_BYTES:
            self._send(timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """All that has come, up to more than httpcore asks for: of a large file, each piece costs about the same."""
        if self._unsent:
            self._send(timeout)
        try:
            self._sock.settimeout(_seconds_until(timeout))
            data = self._sock.recv(_READ_BYTES)
            if len(data) == _RECORD_BYTES:
                data += self._waiting()
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        self._last_read = self._clock()
        return data

    def _waiting(self) -> bytes:
        """TLS hands out a record at a time, even if more have come."""
        pieces: list[bytes] = []
        self._sock.setblocking(False)
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            while len(pieces) < _READ_BYTES // _RECORD_BYTES and (piece := self._sock.recv(_RECORD_BYTES)):
                pieces.append(piece)
        return b"".join(pieces)

    def _send(self, timeout: float | None) -> None:
        unsent, self._unsent = self._unsent, bytearray()
        try:
            self._sock.settimeout(_seconds_until(timeout))
            self._sock.sendall(unsent)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._sock.close()

    def get_extra_info(self, info: str) -> Any:
        """httpcore asks before it uses a connection again whether the other side has closed it.

        One that waited long is as good as closed. The wall clock tells: the monotonic one stands still while a
        function is frozen.
        """
        if info != "is_readable":
            return None
        if not 0 <= self._clock() - self._last_read < _IDLE_SECONDS:
            return True
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0))


def _seconds_until(end: float | None, at_most: float = _READ_SECONDS) -> float:
    """Raises TimeoutError when none are left."""
    left = at_most if end is None else end - time.monotonic()
    if left <= 0:
        raise TimeoutError("out of time")
    return min(left, at_most)


def reason(error: BaseException | None) -> str:
    """Why, in words that hold nothing of the request or the answer."""
    match error:
        case TimeoutError() | httpcore.TimeoutException():
            return "no answer in time"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason}"
        case OSError() if error.strerror:
            return error.strerror.lower()
        case httpcore.RemoteProtocolError():
            return "the connection was cut, or the answer is not HTTP"
        case httpcore.NetworkError():
            return "the connection was cut"
        case _:
            return type(error).__name__
