"""Small real media files, made on the spot."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache
from tempfile import NamedTemporaryFile
from typing import Any

import av
from PIL import Image


@cache
def video(
    container: str = "mp4",
    codec: str = "mpeg4",
    *,
    size: tuple[int, int] = (64, 48),
    fps: int = 24,
    frames: int = 24,
    turned: bool = False,
    sound: bool = False,
    movflags: str = "",
) -> bytes:
    options = {"movflags": movflags} if movflags else {}
    with NamedTemporaryFile() as file, av.open(file.name, "w", format=container, options=options) as output:
        stream: Any = output.add_stream(codec, rate=fps)  # of a kind that the codec's name says
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.thread_count = 1  # encoders with threads spin for ever on a machine that is busy
        heard = output.add_stream("aac", rate=48_000) if sound else None
        for number in range(frames):
            frame = av.VideoFrame(*size, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number * 7 % 256]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if heard is not None:
            _silence(output, heard, seconds=frames / fps)
        output.close()
        made = file.read()
    return _turned(made) if turned else made


@cache
def sound(container: str = "ipod", codec: str = "aac") -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=48_000)
        _silence(output, stream, seconds=1)
    return file.getvalue()


@cache
def picture(kind: str, size: tuple[int, int] = (40, 30), *, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(file, kind, **options)
    return file.getvalue()


def lengthened(content: bytes, length: int) -> bytes:
    """The same MP4 with a `free` box before the index at its end, of this length."""
    at = content.rindex(b"moov") - 4
    size = length - len(content)
    return content[:at] + b"\0\0\0\1free" + size.to_bytes(8, "big") + bytes(size - 16) + content[at:]


def _silence(output: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    for number in range(int(seconds * 48_000) // 1024):
        frame = av.AudioFrame(format="fltp" if stream.format.is_planar else "s16", layout=stream.layout, samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = 48_000, number * 1024
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _turned(content: bytes) -> bytes:
    """The same video, said to be shown turned by a quarter."""
    straight = b"".join(number.to_bytes(4, "big") for number in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
    quarter = b"".join(number.to_bytes(4, "big") for number in (0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000))
    at = content.index(straight, content.index(b"tkhd"))  # the movie has one of its own before
    return content[:at] + quarter + content[at + len(quarter) :]
