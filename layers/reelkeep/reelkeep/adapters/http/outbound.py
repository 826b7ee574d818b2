"""The one door out: HTTP to addresses that others gave us.

Neither a name nor a redirect can lead inside, for every connection goes to an address that was looked at after
the name was resolved. http.client is used as it is: only so is it certain, after a failure, whether anything was
sent, and it is loaded already wherever botocore is. Nothing is ever repeated here: who calls decides.

Exception
├── NotSent         the request did not leave: the same call may be made again without doubt
├── AnswerLost      it left, or may have; what came of it is not known
└── BlockedAddress  it points where we must not go; nothing was sent
"""

from __future__ import annotations

import http.client
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from urllib.parse import urljoin

from reelkeep.adapters.http.connection import (
    AnswerLost,
    BlockedAddress,
    Connection,
    Deadline,
    NotSent,
    Place,
    addresses_of,
    locate,
    reason,
)
from reelkeep.domain.addresses import is_public
from reelkeep.domain.wire import Answer

__all__ = ["AnswerLost", "BlockedAddress", "NotSent", "Outbound", "Stream"]

_REDIRECTS = 5
_REDIRECTED = frozenset([301, 302, 303, 307, 308])
_CREDENTIALS = frozenset(["authorization", "cookie", "proxy-authorization", "x-api-key"])
_IDLE_SECONDS = 4.0  # below every common server's keep-alive: a connection about to be closed loses answers
_IDLE_CONNECTIONS = 16
_PIECE = 1 << 16


class Stream:
    """An answer whose body is still to be read."""

    def __init__(
        self,
        url: str,
        connection: Connection,
        response: http.client.HTTPResponse,
        done: Callable[[Connection], None],
    ) -> None:
        self.url = url  # after redirects
        self.status = response.status
        self.headers: dict[str, str] = {}
        for said, value in response.headers.raw_items():
            name = said.lower()
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        self.length = response.length  # of the body; None if it was not said
        self.place = connection.place
        self._connection = connection
        self._response = response
        self._done = done

    def readinto(self, view: memoryview) -> int:
        """Fills the view as far as the body goes; less than that is its end. Raises AnswerLost."""
        try:
            count = self._response.readinto(view)
        except (OSError, http.client.HTTPException) as error:
            raise AnswerLost(f"{self.place}: {reason(error)}") from error
        if count < len(view) and self._response.length:
            raise AnswerLost(f"{self.place}: the connection was cut")
        return count

    def close(self) -> None:
        whole = self._response.isclosed() or self._response.length == 0
        self._response.close()
        if whole and not self._response.will_close:
            self._done(self._connection)
        else:
            self._connection.close()


class Outbound:
    """Built once: the certificates are loaded here, and connections are kept for the next call."""

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        outside: Callable[[str], bool] = is_public,
    ) -> None:
        self._tls = tls or ssl.create_default_context()
        self._outside = outside  # which addresses may be reached without leave
        self._clock = clock  # not the monotonic one, which stands still while a function is frozen
        self._idle: list[tuple[float, Connection]] = []
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes | memoryview] | None = None,
        seconds: float = 20.0,
        limit_bytes: int = 8 << 20,
        allow_private: bool = False,
    ) -> Answer:
        """The whole answer within `seconds`. Raises NotSent, AnswerLost (also if too long), BlockedAddress.

        Only GET and HEAD follow redirects: what changes something is never sent twice.
        """
        with closing(self._open(method, url, headers or {}, body, seconds, allow_private)) as stream:
            content = bytearray()
            piece = memoryview(bytearray(_PIECE if stream.length is None else min(_PIECE, stream.length + 1)))
            while count := stream.readinto(piece):
                content += piece[:count]
                if len(content) > limit_bytes:
                    raise AnswerLost(f"{stream.place}: an answer of more than {limit_bytes} bytes")
            encoding = stream.headers.get("content-encoding", "identity")
            if encoding != "identity":  # although we asked for nothing else
                content = _unpacked(content, encoding, limit_bytes, stream.place)
            return Answer(status=stream.status, headers=stream.headers, body=bytes(content))

    @contextmanager
    def stream(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        seconds: float,
        allow_private: bool = False,
    ) -> Iterator[Stream]:
        """GETs what is read piece by piece, all of it within `seconds`. Raises as `request` does."""
        with closing(self._open("GET", url, headers or {}, None, seconds, allow_private)) as stream:
            yield stream

    def send(
        self, url: str, *, headers: Mapping[str, str], body: bytes, seconds: float, allow_private: bool = False
    ) -> int:
        """POSTs, and returns the answer's status; what else it holds is not read. Raises as `request` does."""
        with closing(self._open("POST", url, headers, body, seconds, allow_private)) as stream:
            return stream.status

    def look(self, url: str, *, allow_private: bool = False) -> None:
        """Whether it names a place where we may go; nothing is sent. Raises NotSent, BlockedAddress."""
        addresses_of(locate(url, allow_private=allow_private)[0], self._outside)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def _open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes | memoryview] | None,
        seconds: float,
        allow_private: bool,
    ) -> Stream:
        deadline = Deadline(seconds)
        sent = {"user-agent": "reelkeep", "accept": "*/*", "accept-encoding": "identity"}
        sent |= {name.lower(): value for name, value in headers.items()}
        for _ in range(_REDIRECTS + 1):
            place, target = locate(url, allow_private=allow_private)
            stream = self._exchange(url, place, target, method, sent, body, deadline)
            location = stream.headers.get("location")
            if stream.status not in _REDIRECTED or location is None or method not in ("GET", "HEAD"):
                return stream
            stream.close()
            url = urljoin(url, location)
            if locate(url, allow_private=allow_private)[0] != place:
                sent = {name: value for name, value in sent.items() if name not in _CREDENTIALS}
        raise AnswerLost(f"{place}: redirected more than {_REDIRECTS} times")

    def _exchange(
        self,
        url: str,
        place: Place,
        target: str,
        method: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes | memoryview] | None,
        deadline: Deadline,
    ) -> Stream:
        try:
            connection = self._take(place) or Connection(place, deadline, self._tls, self._outside)
        except TimeoutError as error:
            raise NotSent(f"{place}: {reason(error)}") from error
        try:
            connection.within(deadline)
            _put_headers(connection, method, target, {**headers, "host": place.authority}, body)
            connection.send_off(body)
            return Stream(url, connection, connection.getresponse(), self._give_back)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise AnswerLost(f"{place}: {reason(error)}") from error
        except BaseException:  # also what a body raises that is made while it is sent
            connection.close()
            raise

    def _take(self, place: Place) -> Connection | None:
        """A connection left by an earlier call, unless it has waited so long that it may be about to close."""
        now = self._clock()
        with self._lock:
            fresh = [entry for entry in self._idle if 0 <= now - entry[0] < _IDLE_SECONDS]
            stale = [entry for entry in self._idle if entry not in fresh]
            match = next((entry for entry in reversed(fresh) if entry[1].place == place), None)
            self._idle = [entry for entry in fresh if entry is not match]
        for _, connection in stale:
            connection.close()
        if match is None:
            return None
        if match[1].alive:
            return match[1]
        match[1].close()
        return self._take(place)

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append((self._clock(), connection))
                return
        connection.close()


def _put_headers(
    connection: Connection,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | Iterable[bytes | memoryview] | None,
) -> None:
    """Nothing is sent yet. Raises NotSent."""
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
    except ValueError:
        raise NotSent(f"{connection.place}: a header holds what HTTP cannot carry") from None  # maybe a secret
    if "content-length" not in headers and method not in ("GET", "HEAD"):
        connection.putheader("content-length", str(len(body) if isinstance(body, bytes) else 0))


def _unpacked(content: bytes | bytearray, encoding: str, limit_bytes: int, place: Place) -> bytearray:
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        unpacked = unpacking.decompress(content, limit_bytes)
    except zlib.error:
        raise AnswerLost(f"{place}: an answer packed as {encoding!r}") from None
    if not unpacking.eof:
        raise AnswerLost(f"{place}: a packed answer that is cut or too long")
    return bytearray(unpacked)
