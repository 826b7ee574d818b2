from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from local import processes
from local.errors import CloudError
from tests.waiting import until

# Holds a lock for as long as it lives; waits to be asked to end, and does so in order.
PROGRAM = """
import fcntl, pathlib, signal, threading
asked = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked.set())
lock = open("life", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
pathlib.Path("started").touch()
asked.wait()
pathlib.Path("tidied").touch()
"""


def start(folder: Path, program: str) -> processes.Child:
    return processes.Child("the program", [sys.executable, "-c", program], env={}, log=folder / "log", cwd=folder)


def await_start(folder: Path) -> None:
    until((folder / "started").exists, what="the child to start", within=60)


def lives(folder: Path) -> bool:
    """Whether the program's process is there; a process id would also belong to a zombie."""
    with (folder / "life").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_stopping_lets_a_program_tidy_up(tmp_path: Path) -> None:
    child = start(tmp_path, PROGRAM)
    await_start(tmp_path)
    assert lives(tmp_path)
    child.stop()
    assert not lives(tmp_path)
    assert (tmp_path / "tidied").exists()


def test_a_program_tidies_up_and_ends_also_when_we_are_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, tmp_path, PROGRAM]) as parent:
        await_start(tmp_path)
        parent.kill()
    until(lambda: not lives(tmp_path), what="the children to end", within=60)
    assert (tmp_path / "tidied").exists()


PARENT = """
import pathlib, signal, sys
from local.processes import Child
folder = pathlib.Path(sys.argv[1])
child = Child("it", [sys.executable, "-c", sys.argv[2]], env={}, log=folder / "log", cwd=folder)
signal.pause()
"""


def test_what_a_program_started_ends_with_it(tmp_path: Path) -> None:
    child = start(tmp_path, f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {PROGRAM!r}])")
    await_start(tmp_path)
    child.stop()
    until(lambda: not lives(tmp_path), what="the children to end", within=60)


def test_a_program_that_ended_by_itself_is_noticed_with_its_log(tmp_path: Path) -> None:
    child = start(tmp_path, "import sys; sys.exit('out of film')")
    assert child.wait() == 1
    with pytest.raises(CloudError, match=r"the program ended by itself \(status 1\)") as caught:
        child.require_running()
    child.stop()
    assert caught.value.logs == (tmp_path / "log",)
    assert "out of film" in (tmp_path / "log").read_text()


def test_a_program_that_is_run_to_its_end_must_end_well(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit(7)"]
    with pytest.raises(CloudError, match=r"the program failed \(status 7\)"):
        processes.run("the program", command, env={}, log=tmp_path / "log", cwd=tmp_path)
