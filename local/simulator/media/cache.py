"""Makes the files of a task at first demand, a few at a time, and keeps them on disk."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import md5
from pathlib import Path

from local.simulator.media.picture import draw
from local.simulator.media.video import pad, write_video
from local.simulator.tasks import Task, VideoSpec

_COPY_SHORT_SIDE = 180


@dataclass(frozen=True)
class CachedFile:
    """A finished file."""

    path: Path
    size: int
    etag: str


class ClosedError(Exception):
    """The simulator is stopping: nothing is made any more."""


class MediaCache:
    def __init__(self, directory: Path, *, threads: int) -> None:
        self._directory = directory
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="media_cache")
        self._closed = False
        self._files: dict[Path, asyncio.Future[CachedFile]] = {}

    async def create(self, task: Task, asset: str) -> CachedFile:
        """ClosedError if it closes before the file is made."""
        if self._closed:
            raise ClosedError
        path = self._directory / task.id / asset
        if path not in self._files:
            work = self._threads.submit(_create, path, task, asset)
            self._files[path] = asyncio.wrap_future(work)
        try:
            # Shielded: a client that hangs up must not spoil it for the others who wait.
            return await asyncio.shield(self._files[path])
        except asyncio.CancelledError:
            if self._closed:
                raise ClosedError from None
            raise
        except Exception:
            self._files.pop(path, None)
            raise

    def close(self) -> None:
        """Who waits for a file is answered at once, however long it would still take."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for file in self._files.values():
            file.cancel()


def _create(path: Path, task: Task, asset: str) -> CachedFile:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"unfinished-{path.name}")
        _make(unfinished, task, asset)
        unfinished.replace(path)
    with path.open("rb") as file:
        digest = md5(usedforsecurity=False)
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return CachedFile(path, path.stat().st_size, f'"{digest.hexdigest()}"')


def _make(path: Path, task: Task, asset: str) -> None:
    spec = task.order.video
    if asset.startswith("moderation-"):
        spec = _small(spec)
    label = f"{task.order.kind}  {task.id}  {spec.width}x{spec.height}  {spec.seconds} s"
    stamp = "SIMULATOR" if asset == "watermarked.mp4" else ""
    picture = draw(spec.width, spec.height, prompt=task.order.prompt, label=label, stamp=stamp)
    if asset == "cover.jpeg":
        picture.save(path, "JPEG", quality=85)
        return
    write_video(path, picture, seconds=spec.seconds, fps=spec.fps, audio=spec.audio)
    if asset == "video.mp4":
        pad(path, task.directives.megabytes * 1_000_000)


def _small(spec: VideoSpec) -> VideoSpec:
    scale = min(1.0, _COPY_SHORT_SIDE / min(spec.width, spec.height))
    return replace(spec, width=round(spec.width * scale / 2) * 2, height=round(spec.height * scale / 2) * 2)
