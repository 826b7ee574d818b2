"""The two ends of a copy on loopback over TLS: a source of MP4 files of any size, and a bucket that forgets.

Each runs in a process of its own, so that its work is nobody's but equal for everybody:
    python benchmarks/tls.py source|sink CERTIFICATE
prints its port and serves until its standard input ends.
"""

from __future__ import annotations

import io
import random
import re
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import av

_BLOCK = random.Random(1).randbytes(1 << 20)
_PIECE = 1 << 18
_TRAILER = 200  # bytes, in which there is one


def video() -> bytes:
    """One second of a real video, to be lengthened with a `free` box."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for shade in range(24):
            frame = av.VideoFrame(320, 180, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([shade * 10]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _drop(body: io.BufferedReader, count: int, buffer: memoryview) -> bytes:
    """The end of what was dropped."""
    read = 0
    while count:
        read = body.readinto(buffer[:count])
        count -= read
    return bytes(buffer[max(0, read - _TRAILER) : read])


class Source:
    """GET /SIZE, with Range; /SIZE/RATE for so many bytes a second on each connection."""

    def __init__(self) -> None:
        self._video = video()

    def serve(self, connection: ssl.SSLSocket, request: str, _body: io.BufferedReader) -> None:
        asked = re.match(r"GET /(\d+)(?:/(\d+))?", request)
        assert asked is not None, request
        size, rate = int(asked[1]), int(asked[2] or 0)
        found = re.search(r"\r\nrange: bytes=(\d+)-(\d+)", request, re.I)
        first, last = (int(found[1]), min(int(found[2]), size - 1)) if found else (0, size - 1)
        head = f'HTTP/1.1 {206 if found else 200} OK\r\ncontent-length: {last + 1 - first}\r\netag: "{size}"\r\n'
        if found:
            head += f"content-range: bytes {first}-{last}/{size}\r\n"
        connection.sendall(head.encode() + b"\r\n")
        begin = self._video + b"\0\0\0\1free" + (size - len(self._video)).to_bytes(8, "big")
        if first < len(begin):
            connection.sendall(begin[first : last + 1])
            first = len(begin)
        block, piece, began, sent = memoryview(_BLOCK), _PIECE if rate else len(_BLOCK), time.monotonic(), 0
        while first <= last:
            at = first % len(block)
            count = min(len(block) - at, last + 1 - first, piece)
            connection.sendall(block[at : at + count])
            first, sent = first + count, sent + count
            if rate:
                time.sleep(max(0.0, began + sent / rate - time.monotonic()))


class Sink:
    """As much of S3 as an upload needs. Reads everything, keeps nothing."""

    def serve(self, connection: ssl.SSLSocket, request: str, body: io.BufferedReader) -> None:
        if re.search(r"\r\nexpect: 100-continue", request, re.I):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        buffer, checksum = memoryview(bytearray(_PIECE)), b""
        if length := re.search(r"\r\ncontent-length: (\d+)", request, re.I):
            checksum = _trailer(_drop(body, int(length[1]), buffer))
        elif re.search(r"\r\ntransfer-encoding: chunked", request, re.I):
            end = b""
            while chunk := int(body.readline(), 16):
                end = (end + _drop(body, chunk + 2, buffer)[:-2])[-_TRAILER:]
            body.readline()
            checksum = _trailer(end)
        elif found := re.search(r"\r\n(x-amz-checksum-\w+: ?\S+)", request, re.I):
            checksum = found[1].encode() + b"\r\n"
        answer = b""
        if request.startswith("POST"):
            answer = (
                b"<Result><UploadId>one</UploadId><ETag>all</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Result>"
            )
        head = b'HTTP/1.1 %b\r\netag: "part"\r\n%bcontent-length: %d\r\n\r\n'
        status = b"404 Not Found" if request.startswith("HEAD") else b"200 OK"
        connection.sendall(head % (status, checksum, len(answer)) + answer)


def _trailer(end: bytes) -> bytes:
    """The header that says the checksum that came after the content."""
    found = re.search(rb"x-amz-checksum-\w+:[\w+/=]+\r\n", end)
    return found[0] if found else b""


def _talk(plain: socket.socket, tls: ssl.SSLContext, end: Source | Sink) -> None:
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(OSError), tls.wrap_socket(plain, server_side=True) as connection:  # a reader may have had enough
        incoming: Any = connection.makefile("rb", buffering=_PIECE)
        while request := incoming.readline():
            while (line := incoming.readline()) not in (b"\r\n", b""):
                request += line
            end.serve(connection, request.decode() + "\r\n", incoming)


def main() -> None:
    end: Source | Sink = Source() if sys.argv[1] == "source" else Sink()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(Path(sys.argv[2]))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)

        def accept() -> None:
            while True:
                plain, _ = listener.accept()
                threading.Thread(target=_talk, args=(plain, tls, end), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()
