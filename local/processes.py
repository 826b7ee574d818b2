"""The programs that the local cloud starts: each with a log of its own, and none outlives us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from local import exit_with_parent
from local.errors import CloudError


class Child:
    """A program that runs until `stop`, or until we are gone."""

    def __init__(
        self, name: str, command: Sequence[str | Path], *, env: Mapping[str, str], log: Path, cwd: Path
    ) -> None:
        self.name, self.log = name, log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", exit_with_parent.__file__, *map(str, command)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,  # Ctrl-C reaches only us: we stop everything in order
            )

    def require_running(self) -> None:
        if (status := self._process.poll()) is not None:
            raise CloudError(f"{self.name} ended by itself (status {status})", self.log)

    def wait(self) -> int:
        return self._process.wait()

    def stop(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        try:
            self._process.wait(exit_with_parent.GRACE_SECONDS + 2)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextlib.contextmanager
def running(
    name: str, command: Sequence[str | Path], *, env: Mapping[str, str], log: Path, cwd: Path
) -> Iterator[Child]:
    child = Child(name, command, env=env, log=log, cwd=cwd)
    try:
        yield child
    finally:
        child.stop()


def run(name: str, command: Sequence[str | Path], *, env: Mapping[str, str], log: Path, cwd: Path) -> None:
    """Runs a program to its end, which must be a good one."""
    with running(name, command, env=env, log=log, cwd=cwd) as child:
        if status := child.wait():
            raise CloudError(f"{name} failed (status {status})", log)
