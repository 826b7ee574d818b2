"""Media files of many kinds, made on the spot, and ffmpeg's own reading of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from tempfile import NamedTemporaryFile
from typing import Any

import av

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}


@dataclass(frozen=True)
class Film:
    """What to make. `options` are the muxer's; a `cover` is a track of one JPEG before the film."""

    container: str = "mp4"
    codec: str = "mpeg4"
    options: tuple[tuple[str, str], ...] = ()
    size: tuple[int, int] = (96, 64)
    fps: Fraction = Fraction(24)
    frames: int = 24
    first_frame: int = 0
    skipped: tuple[int, ...] = ()  # frames that are not there: the rate varies
    audio: str = ""
    cover: str = ""  # "track" or "attached"

    @cache  # noqa: B019 - films are few
    def make(self) -> bytes:
        with NamedTemporaryFile() as file:  # the index can be moved to the front in a real file only
            self._write(file.name)
            return file.read()

    def _write(self, name: str) -> None:
        with av.open(name, "w", format=self.container, options=dict(self.options)) as output:
            cover: Any = output.add_stream("mjpeg", rate=1) if self.cover else None
            if cover:
                cover.width, cover.height, cover.pix_fmt = 320, 240, "yuvj420p"
                if self.cover == "attached":
                    cover.disposition = av.stream.Disposition.attached_pic
            video: Any = output.add_stream(self.codec, rate=self.fps)
            video.width, video.height, video.pix_fmt = *self.size, _PIXELS.get(self.codec, "yuv420p")
            video.options = _ENCODER.get(self.codec, {})
            video.thread_count = 1  # encoders with threads spin for ever on a machine that is busy
            audio: Any = output.add_stream(self.audio, rate=48_000) if self.audio else None
            if cover:
                output.mux(cover.encode(av.VideoFrame(320, 240, "yuvj420p")))
                output.mux(cover.encode(None))
            for number in range(self.frames):
                if number not in self.skipped:
                    frame = av.VideoFrame(*self.size, video.pix_fmt)
                    for plane in frame.planes:
                        plane.update(bytes([number * 7 % 256, number % 256]) * (plane.buffer_size // 2))
                    frame.pts, frame.time_base = self.first_frame + number, 1 / self.fps
                    output.mux(video.encode(frame))
            output.mux(video.encode(None))
            if audio:
                samples = audio.frame_size or 1024
                for number in range(int(self.frames / self.fps * 48_000) // samples):
                    sound = av.AudioFrame(format=audio.format.name, layout=audio.layout, samples=samples)
                    for channel in sound.planes:
                        channel.update(bytes(channel.buffer_size))
                    sound.sample_rate, sound.pts = 48_000, number * samples
                    output.mux(audio.encode(sound))
                output.mux(audio.encode(None))


_PIXELS = {"prores_ks": "yuv422p10le", "gif": "rgb8", "mjpeg": "yuvj420p", "png": "rgb24"}
_ENCODER = {
    "libx264": {"preset": "ultrafast", "bf": "2", "g": "8"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "mpeg4": {"g": "8"},
}


@dataclass(frozen=True)
class Reading:
    """What ffmpeg reads: the packets by stream and size, and the facts of the stream with the most of them."""

    packets: Sequence[tuple[int, int]]
    seconds: float | None
    fps: float
    width: int
    height: int
    codec: str
    has_sound: bool


class Unreadable(Exception):
    """ffmpeg does not come to the end of it, or a packet is not whole."""


def read_by_ffmpeg(content: bytes) -> Reading:
    packets: list[tuple[int, int]] = []
    quarter_turns: dict[int, bool] = {}
    try:
        with av.open(io.BytesIO(content), "r") as file:
            for packet in file.demux():
                if not packet.size:
                    continue
                if packet.is_corrupt:
                    raise Unreadable("a packet is corrupt")
                packets.append((packet.stream_index, packet.size))
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame):
                        quarter_turns.setdefault(packet.stream_index, frame.rotation % 180 != 0)
            films = [stream for stream in file.streams.video if hasattr(stream, "width")]
            if not films:
                raise Unreadable("there is no film in it")
            film: Any = max(films, key=lambda each: sum(at == each.index for at, _ in packets))
            size = film.width, film.height
            if quarter_turns.get(film.index):
                size = size[1], size[0]
            seconds = file.duration / av.time_base if file.duration else None
            sounds = {stream.index for stream in file.streams.audio}
            has_sound = any(at in sounds for at, _ in packets)
            return Reading(packets, seconds, float(film.average_rate or 0), *size, film.codec_context.name, has_sound)
    except av.FFmpegError as error:
        raise Unreadable(str(error)) from error


def box(kind: bytes, payload: bytes) -> bytes:
    return (8 + len(payload)).to_bytes(4, "big") + kind + payload


def edited(
    content: bytes, kind: bytes, edit: Callable[[bytes], bytes], *, kinds: dict[bytes, bytes] | None = None
) -> bytes:
    """The MP4 with the payload of every box of a kind changed; whatever follows the movie box must not move."""
    out, at = b"", 0
    while at + 8 <= len(content):
        size, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        payload = content[at + 8 : at + size]
        if name in _CONTAINERS:
            payload = edited(payload, kind, edit, kinds=kinds)
        elif name == kind:
            payload = edit(payload)
        out += box((kinds or {}).get(name, name), payload)
        at += size
    return out + content[at:]
