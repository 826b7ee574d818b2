"""What only one local cloud can have at a time: its folder and its ports."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from local.errors import CloudError


@contextlib.contextmanager
def alone(data: Path) -> Iterator[None]:
    """Nobody else uses this folder meanwhile."""
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)  # it holds keys and signed links
    with (data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CloudError(f"a local cloud runs in {data} already: stop process {lock.read()} first") from None
        lock.truncate(0)
        print(os.getpid(), end="", file=lock, flush=True)
        yield


@contextlib.contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Waits until nobody else is at work in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def require_free(port: int, what: str = "port") -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        advice = "choose another one, as in `make up PORT=4700`"
        raise CloudError(f"{what} {port} cannot be used ({os.strerror(error.errno or 0)}): {advice}") from None


def require_space(folder: Path, needed: int) -> None:
    """Bytes. Programs that meet a full disk later say it in many words, or not at all."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CloudError(f"{folder} has {free / 1e6:.0f} MB left, and {needed / 1e6:.0f} are needed: free some")


def free_ports(number: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports
