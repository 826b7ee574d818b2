"""The one door out: HTTP to addresses that others gave us. Nothing is ever repeated here: the caller decides."""

from __future__ import annotations

import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urljoin

import httpcore
import httpx

from reelkeep.adapters.http.guard import (
    AnswerLost,
    BlockedAddress,
    GuardedBackend,
    IsPublic,
    NoAnswer,
    NotSent,
    Origin,
    parse_url,
    reason,
    vetted_addresses,
)
from reelkeep.domain.addresses import is_public as on_the_internet
from reelkeep.domain.wire import ProviderResponse

__all__ = ["AnswerLost", "BlockedAddress", "NoAnswer", "NotSent", "Outbound", "Stream"]

_REDIRECTS = 5
_REDIRECTED = frozenset([301, 302, 303, 307, 308])
_CREDENTIALS = frozenset(["authorization", "cookie", "proxy-authorization", "x-api-key"])
_IDLE_CONNECTIONS = 16
_UNPACKED_BYTES = 128 << 10  # at a time
PACKED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")  # how gzip and zlib begin, and no text does


class GuardedTransport(httpx.BaseTransport):
    """httpx over connections that the guard makes.

    What changes something goes over a connection opened for it: one that the server closes at that moment would
    leave the outcome unknown. All other connections are kept for the next call.
    """

    def __init__(self, tls: ssl.SSLContext, is_public: IsPublic, clock: Callable[[], float]) -> None:
        self._pools = {
            (allow_private, reused): httpcore.ConnectionPool(
                ssl_context=tls,
                max_connections=None,
                max_keepalive_connections=_IDLE_CONNECTIONS if reused else 0,
                network_backend=GuardedBackend(is_public, clock, allow_private=allow_private),
            )
            for allow_private in (False, True)
            for reused in (False, True)
        }

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        pool = self._pools[request.extensions["allow_private"], request.method != "POST"]
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.extensions["target"],
        )
        response = pool.handle_request(
            httpcore.Request(
                request.method,
                url,
                headers=request.headers.raw,
                content=request.stream,
                extensions={"timeout": request.extensions["timeout"]},
            )
        )
        assert isinstance(response.stream, Iterable)  # noqa: S101 - the pool is not an asynchronous one
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class Stream:
    """An answer whose body is still to be read."""

    def __init__(self, url: str, origin: Origin, response: httpx.Response) -> None:
        self.url = url  # after redirects
        self.origin = origin
        self.status = response.status_code
        self.headers = dict(response.headers)
        length = self.headers.get("content-length", "")
        chunked = "transfer-encoding" in self.headers
        self.length = int(length) if length and not chunked else None  # of the body; None if it was not said
        self._response = response
        self._pieces = self._read()

    def __iter__(self) -> Iterator[bytes]:
        """Raises AnswerLost."""
        return self._pieces

    def close(self) -> None:
        self._response.close()

    def _read(self) -> Iterator[bytes]:
        try:
            yield from self._response.iter_raw()
        except _FAILURES as error:
            raise _failure(self.origin, error) from error


class Outbound:
    """Built once for all calls of a function: connections are kept."""

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        is_public: IsPublic = on_the_internet,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._is_public = is_public  # which addresses may be reached without leave
        # Not a client: that would keep cookies, and look at redirects before the guard does.
        self._transport = transport or GuardedTransport(tls or ssl.create_default_context(), is_public, clock)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        seconds: float = 20.0,
        limit_bytes: int = 8 << 20,
        allow_private: bool = False,
    ) -> ProviderResponse:
        """The whole answer within `seconds`. Raises NotSent, AnswerLost (also if too long), BlockedAddress.

        Only GET and HEAD follow redirects: what changes something is never sent twice.
        """
        with closing(self._open(method, url, headers or {}, body, seconds, allow_private)) as stream:
            content = _collected(stream, limit_bytes, stream.origin)
            if content.startswith(PACKED):  # although we asked for nothing else, and whatever the headers say
                try:
                    content = _collected(unpacked([content]), limit_bytes, stream.origin)
                except (zlib.error, EOFError):
                    raise AnswerLost(f"{stream.origin}: a packed answer that is cut or broken") from None
            elif "deflate" in stream.headers.get("content-encoding", "").lower():
                content = _inflated(content, limit_bytes)
            return ProviderResponse(status=stream.status, headers=stream.headers, body=content)

    @contextmanager
    def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, seconds: float, allow_private: bool = False
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

    def check(self, url: str, *, allow_private: bool = False) -> None:
        """Whether it names a place where we may go; nothing is sent. Raises NotSent, BlockedAddress."""
        origin, _ = parse_url(url)
        vetted_addresses(origin.host, origin.port, self._is_public, allow_private=allow_private)

    def close(self) -> None:
        self._transport.close()

    def _open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: float,
        allow_private: bool,
    ) -> Stream:
        sent = {"user-agent": "reelkeep", "accept": "*/*", "accept-encoding": "identity"}
        sent |= {name.lower(): value for name, value in headers.items()}
        extensions: dict[str, Any] = {
            "timeout": dict.fromkeys(("connect", "read", "write"), time.monotonic() + seconds),
            "allow_private": allow_private,
        }
        for _ in range(_REDIRECTS + 1):
            origin, target = parse_url(url)
            extensions["target"] = target.encode()
            stream = self._exchange(url, origin, method, sent, body, extensions)
            location = stream.headers.get("location")
            if stream.status not in _REDIRECTED or location is None or method not in ("GET", "HEAD"):
                return stream
            stream.close()
            url = _joined(url, location)
            if parse_url(url)[0] != origin:
                sent = {name: value for name, value in sent.items() if name not in _CREDENTIALS}
        raise AnswerLost(f"{origin}: redirected more than {_REDIRECTS} times")

    def _exchange(
        self,
        url: str,
        origin: Origin,
        method: str,
        headers: Mapping[str, str],
        body: bytes | None,
        extensions: Mapping[str, Any],
    ) -> Stream:
        try:
            content: Any = body  # may be memoryviews, too
            request = httpx.Request(method, str(origin), headers=headers, content=content, extensions={**extensions})
            return Stream(url, origin, self._transport.handle_request(request))
        except (UnicodeEncodeError, httpcore.LocalProtocolError):  # neither may be shown: it may hold a secret
            raise NotSent(f"{origin}: a header holds what HTTP cannot carry") from None
        except httpx.InvalidURL:
            raise BlockedAddress("that URL names no plain host") from None
        except _FAILURES as error:
            raise _failure(origin, error) from error


_FAILURES = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol)
_UNSENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
    httpcore.LocalProtocolError,
)


def _failure(origin: Origin, error: Exception) -> NotSent | AnswerLost:
    message = f"{origin}: {reason(error)}"
    return NotSent(message) if isinstance(error, _UNSENT) else AnswerLost(message)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise BlockedAddress("that is not a URL") from None


def _collected(pieces: Iterable[bytes], limit_bytes: int, origin: Origin) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > limit_bytes:
            raise AnswerLost(f"{origin}: an answer of more than {limit_bytes} bytes")
    return bytes(content)


def unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What gzip or zlib packed, one part after the other: gzip may have several (RFC 1952, 2.2).

    Raises zlib.error if it is broken, EOFError if it was cut.
    """
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    for piece in pieces:
        while piece:
            if unpacking.eof:
                unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
            yield unpacking.decompress(piece, _UNPACKED_BYTES)
            piece = unpacking.unconsumed_tail or unpacking.unused_data
    if not unpacking.eof:
        raise EOFError


def _inflated(content: bytes, limit_bytes: int) -> bytes:
    """What is in it, if it is what some servers call deflate (RFC 9110, 8.4.1.2); or else the content itself."""
    unpacking = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        inflated = unpacking.decompress(content, limit_bytes)
    except zlib.error:
        return content
    return inflated if unpacking.eof and not unpacking.unused_data else content
