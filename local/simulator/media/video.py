"""Turns one picture into a playable video: H.264 in a faststart MP4, with a bar that grows.

Cheap to make: the picture is converted to YUV once; for every frame a few rows of it change in place. An
encoder without look-ahead (zerolatency) allows that: it has copied a frame by the time it asks for the next.
"""

import math
from array import array
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from PIL import Image

_OPTIONS = {"preset": "ultrafast", "tune": "zerolatency", "qp": "28", "x264-params": "keyint=96:scenecut=0"}
_RATE, _SAMPLES = 44100, 1024
_BAR = (210, 90, 160)  # a light amber in Y, U, V


def write_video(path: Path, picture: Image.Image, *, seconds: int, fps: int, audio: bool) -> None:
    """`path` must have a name that ends in .mp4; the picture's sides must be even."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=fps, options=_OPTIONS)
        video.width, video.height, video.pix_fmt = picture.width, picture.height, "yuv420p"
        # More threads cost more in total, and several videos may be in the making.
        video.thread_count = 1
        sound = container.add_stream("aac", rate=_RATE, layout="mono") if audio else None
        for frame in _frames(picture, count=seconds * fps, fps=fps):
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if sound is not None:
            _write_sound(container, sound, count=math.ceil(seconds * _RATE / _SAMPLES))


def pad(path: Path, size: int) -> None:
    """Grows the file to `size` bytes with a `free` box, which players skip."""
    missing = size - path.stat().st_size
    if missing >= 8:
        with path.open("r+b") as file:
            file.seek(0, 2)
            file.write(missing.to_bytes(4, "big") + b"free")
            file.truncate(size)


def _frames(picture: Image.Image, *, count: int, fps: int) -> Iterator[av.VideoFrame]:
    picture_frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]  # of av
    frame = picture_frame.reformat(format="yuv420p")
    planes = [(plane, memoryview(plane), _BAR[index]) for index, plane in enumerate(frame.planes)]
    for n in range(count):
        for plane, pixels, colour in planes:
            thick = max(1, plane.height // 60)
            filled = plane.width * (n + 1) // count
            for row in range(plane.height - 2 * thick, plane.height - thick):
                start = row * plane.line_size
                pixels[start : start + filled] = bytes([colour]) * filled
        frame.pts, frame.time_base = n, Fraction(1, fps)
        yield frame


def _write_sound(container: OutputContainer, stream: AudioStream, *, count: int) -> None:
    """A soft tone, of a pitch whose waves fit the frame, so that every frame is the same."""
    wave = (0.05 * math.sin(2 * math.pi * 8 * n / _SAMPLES) for n in range(_SAMPLES))
    samples = array("f", wave).tobytes()
    for n in range(count):
        frame = av.AudioFrame(format="fltp", layout="mono", samples=_SAMPLES)
        frame.planes[0].update(samples)
        frame.sample_rate, frame.pts = _RATE, n * _SAMPLES
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
