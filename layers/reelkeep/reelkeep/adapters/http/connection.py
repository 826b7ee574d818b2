"""One connection to one address that was looked at first, each of whose reads ends in time."""

from __future__ import annotations

import http.client
import io
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from reelkeep.domain.addresses import is_private, is_public, target_of

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 20.0
_CONTINUE, _OK = 100, 200
_SMALL = 1 << 14  # bytes, a record of TLS
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")


class NotSent(Exception):
    """The request did not leave: the same call may be made again without doubt."""


class AnswerLost(Exception):
    """The request left, or may have; what came of it is not known."""


class BlockedAddress(Exception):
    """It points where we must not go; nothing was sent."""


class Place(NamedTuple):
    """Where a connection leads, and under which rule."""

    scheme: str
    host: str
    port: int
    allow_private: bool

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


_PORTS = {"https": 443, "http": 80}


@lru_cache(maxsize=64)
def locate(url: str, *, allow_private: bool) -> tuple[Place, str]:
    """The place and the request's target. Raises BlockedAddress; no message holds a path or a query."""
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
    target = f"{path}?{query}" if query else path
    return Place(parts.scheme, host, port or _PORTS[parts.scheme], allow_private), target


class Deadline:
    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def left(self) -> float:
        """Raises TimeoutError when nothing is."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError("out of time")
        return left


class _Response(http.client.HTTPResponse):
    """Takes no interim answer (1xx) for the answer: http.client itself knows one of them only, and then the answer
    would be left for whoever asks next."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]  # what `begin` reads it with
        interim = _CONTINUE < status < _OK and status != http.client.SWITCHING_PROTOCOLS
        return version, _CONTINUE if interim else status, reason


class Connection(http.client.HTTPConnection):
    """Never reconnects by itself: that would be to an address nobody looked at."""

    auto_open = 0
    response_class = _Response

    def __init__(
        self, place: Place, deadline: Deadline, tls: ssl.SSLContext, outside: Callable[[str], bool] = is_public
    ) -> None:
        """Raises NotSent, BlockedAddress."""
        super().__init__(place.host, place.port)
        self.place = place
        self._wire = _Wire(_connect(place, deadline, tls, outside))
        self.sock = self._wire

    def within(self, deadline: Deadline) -> None:
        """What is sent and read from now on ends by then."""
        self._wire.within(deadline)

    def send_off(self, body: bytes | Iterable[bytes | memoryview] | None) -> None:
        """The head that was put together, and the body."""
        if isinstance(body, bytes) and len(body) < _SMALL:
            with self._wire.in_one_piece():
                self.endheaders(body)
        else:
            self.endheaders(body)

    @property
    def alive(self) -> bool:
        return self.sock is not None and self._wire.quiet


class _Wire:
    """The parts of a socket that http.client uses."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._readers = 0
        self._closing = False
        self._held: list[bytes] | None = None

    def within(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._sock.settimeout(min(_READ_SECONDS, deadline.left()))

    @property
    def quiet(self) -> bool:
        """Not closed by the other side, and with no answer in it that nobody asked for."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return not poll.poll(0)

    def sendall(self, data: bytes) -> None:
        if self._held is None:
            self._sock.sendall(data)
        else:
            self._held.append(data)

    @contextmanager
    def in_one_piece(self) -> Iterator[None]:
        """Every piece is a packet, and costs as much as the whole."""
        held: list[bytes] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
        self._sock.sendall(b"".join(held))

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._readers += 1
        return io.BufferedReader(_Reads(self, self._sock, self._deadline), 1 << 14)

    def read_to_the_end(self) -> None:
        self._readers -= 1
        if self._closing:
            self.close()

    def close(self) -> None:
        """Once the answer that is still being read has been."""
        self._closing = True
        if not self._readers:
            self._sock.close()


class _Reads(io.RawIOBase):
    def __init__(self, wire: _Wire, sock: socket.socket, deadline: Deadline) -> None:
        self._wire = wire
        self._deadline = deadline
        self._last_full_wait = deadline.at - _READ_SECONDS
        self._settimeout = sock.settimeout
        self._read = _read_into(sock)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what calls it
        if time.monotonic() > self._last_full_wait:  # setting a timeout is a system call
            self._settimeout(self._deadline.left())
        return self._read(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._wire.read_to_the_end()


def _read_into(sock: socket.socket) -> Callable[[memoryview], int]:
    if isinstance(sock, ssl.SSLSocket):
        read = sock.read  # what its recv_into does, with less in between: it brings 16 KB at a time
        return lambda buffer: int(read(len(buffer), buffer))
    return sock.recv_into


def _connect(place: Place, deadline: Deadline, tls: ssl.SSLContext, outside: Callable[[str], bool]) -> socket.socket:
    failure: OSError | None = None
    for address in addresses_of(place, outside):
        sock = None
        try:
            sock = socket.create_connection((address, place.port), min(_CONNECT_SECONDS, deadline.left()))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return tls.wrap_socket(sock, server_hostname=place.host) if place.scheme == "https" else sock
        except OSError as error:
            failure = error
            if sock is not None:
                sock.close()
    raise NotSent(f"{place}: {reason(failure)}") from failure


def addresses_of(place: Place, outside: Callable[[str], bool]) -> list[str]:
    """What the name stands for, each once, without those where we must not go. Raises NotSent, BlockedAddress."""
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSent(f"{place}: the name cannot be resolved") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    allowed = [address for address in addresses if outside(address) or (place.allow_private and is_private(address))]
    if not allowed:
        raise BlockedAddress(f"{place} is not on the public internet")
    return allowed


def reason(error: BaseException | None) -> str:
    """Why, in words that hold nothing of the request."""
    match error:
        case TimeoutError():
            return "no answer in time"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason}"
        case OSError() if error.strerror:
            return error.strerror.lower()
        case http.client.RemoteDisconnected() | http.client.IncompleteRead():
            return "the connection was cut"
        case _:
            return type(error).__name__
