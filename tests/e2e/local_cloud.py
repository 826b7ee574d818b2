"""`make up` in a process of its own, as a person runs it, but on ports and data of our own."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from local import claims
from local.errors import CloudError
from local.stack import Stack, this_machines_environment
from tests.waiting import until

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 300.0  # the first one builds the functions
STOP_SECONDS: Final = 90.0
UP: Final = "Reelkeep is up"


class LocalCloud:
    """Stopped, until `start`; everything that it wrote outlives `stop`."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.options = options
        self.starts = 0
        self._port = two_free_ports()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Stack:
        self.starts += 1
        log = self._log
        command = [sys.executable, "-m", "cli", "up", "--port", str(self._port), "--data", str(self.data)]
        command += self.options
        with log.open("wb") as output:
            self._process = process = subprocess.Popen(
                command, cwd=ROOT, env=this_machines_environment(), stdout=output, stderr=subprocess.STDOUT
            )

        def is_up() -> bool:
            text = log.read_text()
            assert process.poll() is None, f"the local cloud ended by itself:\n{text}"
            return UP in text

        until(is_up, what=f"the local cloud, see {log}", within=START_SECONDS)
        found = Stack.read(self.data / "stack.json")
        assert found is not None
        return found

    def stop(self) -> None:
        """As Ctrl-C does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(STOP_SECONDS) == 0
        finally:
            process.kill()

    def kill(self) -> None:
        """As `kill -9` does, with everything that it started."""
        process, self._process = self._process, None
        assert process is not None
        everything = [process.pid, *descendants(process.pid)]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: none gets to tidy up after another
            for each in everything:
                os.kill(each, number)
        process.wait()

    @property
    def said(self) -> str:
        """What the last start printed."""
        return self._log.read_text()

    @property
    def _log(self) -> Path:
        return self.data.with_name(f"{self.data.name}-{self.starts}.log")

    def function_logs(self) -> dict[str, str]:
        return {path.stem: path.read_text(errors="replace") for path in sorted((self.data / "logs").glob("*.log"))}


def descendants(process: int) -> list[int]:
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], check=True, stdout=subprocess.PIPE, text=True).stdout
    parents = {int(child): int(parent) for child, parent in map(str.split, table.splitlines())}
    found = [process]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def two_free_ports() -> int:
    """The first of two neighbours. Not of those that outgoing connections take: it must be free again later."""
    while True:
        port = random.randrange(20_000, 30_000)
        try:
            claims.require_free(port)
            claims.require_free(port + 1)
        except CloudError:
            continue
        return port
