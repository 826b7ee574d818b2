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
from pathlib import Path
from typing import Any

import av

_BLOCK = random.Random(1).randbytes(1 << 20)
_PIECE = 1 << 18


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


def _drop(body: io.BufferedReader, count: int, buffer: memoryview) -> None:
    while count:
        count -= body.readinto(buffer[:count])


class Source:
    """GET /SIZE, with Range."""

    def __init__(self) -> None:
        self._video = video()

    def serve(self, connection: ssl.SSLSocket, request: str, _body: io.BufferedReader) -> None:
        asked = re.match(r"GET /(\d+)", request)
        assert asked is not None, request
        size = int(asked[1])
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
        block = memoryview(_BLOCK)
        while first <= last:
            at = first % len(block)
            count = min(len(block) - at, last + 1 - first)
            connection.sendall(block[at : at + count])
            first += count


class Sink:
    """As much of S3 as an upload needs. Reads everything, keeps nothing."""

    def serve(self, connection: ssl.SSLSocket, request: str, body: io.BufferedReader) -> None:
        if re.search(r"\r\nexpect: 100-continue", request, re.I):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        buffer = memoryview(bytearray(_PIECE))
        if length := re.search(r"\r\ncontent-length: (\d+)", request, re.I):
            _drop(body, int(length[1]), buffer)
        elif re.search(r"\r\ntransfer-encoding: chunked", request, re.I):
            while chunk := int(body.readline(), 16):
                _drop(body, chunk + 2, buffer)
            body.readline()
        answer = b""
        if request.startswith("POST"):
            answer = b"<Result><UploadId>one</UploadId><ETag>whole</ETag></Result>"
        connection.sendall(b'HTTP/1.1 200 OK\r\netag: "part"\r\ncontent-length: %d\r\n\r\n%b' % (len(answer), answer))


def _talk(plain: socket.socket, tls: ssl.SSLContext, end: Source | Sink) -> None:
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with tls.wrap_socket(plain, server_side=True) as connection:
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
