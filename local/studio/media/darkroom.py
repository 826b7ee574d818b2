"""Makes the files of a task at first demand, a few at a time, and keeps them on disk."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import md5
from pathlib import Path

from local.studio.media.film import pad, write_film
from local.studio.media.picture import draw
from local.studio.tasks import Film, Task

_COPY_SHORT_SIDE = 180


@dataclass(frozen=True)
class Print:
    """A finished file."""

    path: Path
    size: int
    etag: str


class ClosedError(Exception):
    """The studio is stopping: nothing is made any more."""


class Darkroom:
    def __init__(self, directory: Path, *, threads: int) -> None:
        self._directory = directory
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="darkroom")
        self._closed = False
        self._prints: dict[Path, asyncio.Future[Print]] = {}

    async def develop(self, task: Task, asset: str) -> Print:
        """ClosedError if it closes before the file is made."""
        if self._closed:
            raise ClosedError
        path = self._directory / task.id / asset
        if path not in self._prints:
            work = self._threads.submit(_develop, path, task, asset)
            self._prints[path] = asyncio.wrap_future(work)
        try:
            # Shielded: a client that hangs up must not spoil it for the others who wait.
            return await asyncio.shield(self._prints[path])
        except asyncio.CancelledError:
            if self._closed:
                raise ClosedError from None
            raise
        except Exception:
            self._prints.pop(path, None)
            raise

    def close(self) -> None:
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)


def _develop(path: Path, task: Task, asset: str) -> Print:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"unfinished-{path.name}")
        _make(unfinished, task, asset)
        unfinished.replace(path)
    with path.open("rb") as file:
        digest = md5(usedforsecurity=False)
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return Print(path, path.stat().st_size, f'"{digest.hexdigest()}"')


def _make(path: Path, task: Task, asset: str) -> None:
    film = task.order.film
    if asset.startswith("moderation-"):
        film = _small(film)
    label = f"{task.order.kind}  {task.id}  {film.width}x{film.height}  {film.seconds} s"
    stamp = "STUDIO" if asset == "watermarked.mp4" else ""
    picture = draw(film.width, film.height, prompt=task.order.prompt, label=label, stamp=stamp)
    if asset == "cover.jpeg":
        picture.save(path, "JPEG", quality=85)
        return
    write_film(path, picture, seconds=film.seconds, fps=film.fps, audio=film.audio)
    if asset == "video.mp4":
        pad(path, task.script.megabytes * 1_000_000)


def _small(film: Film) -> Film:
    scale = min(1.0, _COPY_SHORT_SIDE / min(film.width, film.height))
    return replace(film, width=round(film.width * scale / 2) * 2, height=round(film.height * scale / 2) * 2)
