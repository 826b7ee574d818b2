"""The program as it is started by hand."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.simulator.__main__ import main
from tests.local.simulator.client import Client

ROOT = Path(__file__).parents[3]


@contextmanager
def _started(data: Path) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    command = [sys.executable, "-m", "local.simulator", "--port", "0", "--data", str(data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("simulator ready on http://127.0.0.1:")
        with httpx.Client(base_url=line.split()[-1], headers={"authorization": "Token x"}, timeout=10) as http:
            yield process, Client(http)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with _started(tmp_path) as (process, simulator):
        assert simulator.list() == {"next_page_token": "", "tasks": []}
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_stops_cleanly_although_answers_are_due(tmp_path: Path) -> None:
    """A video in the making, one that waits for it, and an answer that is held back."""
    with _started(tmp_path) as (process, simulator), ThreadPoolExecutor(3) as users:
        urls = [
            simulator.creation(simulator.made(model="viduq2", duration=5, resolution="1080p"))["url"] for _ in "ab"
        ]
        simulator.misbehave({"on": "submit", "do": "lose", "seconds": 300})
        waiting = [users.submit(simulator.get, url) for url in urls] + [users.submit(simulator.submit)]
        assert any(simulator.http.get("/simulator/tasks").json()["total"] == 3 for _ in range(1000))
        process.terminate()
        out, err = process.communicate(timeout=60)
        assert any(isinstance(user.exception(), httpx.TransportError) for user in waiting)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_explains_its_options(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["simulator", "--help"])
    with pytest.raises(SystemExit, match="0"):
        main()
    said = capsys.readouterr().out
    assert "--concurrency" in said
    for what in ("[slow:30]", '{"on": "media", "do": "cut"}', "PUT|DELETE /simulator/faults"):
        assert what in said


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_a_port_that_is_none_is_refused(
    port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["simulator", "--data", str(tmp_path), f"--port={port}"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert f"{port!r} is not a port" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr(sys, "argv", ["simulator", "--data", str(file)])
    assert main() == 1
    assert capsys.readouterr().err.startswith(f"error: {file}")


def test_it_knows_nothing_of_reelkeep() -> None:
    sources = {str(file): file.read_text() for file in (ROOT / "local/simulator").rglob("*.py")}
    assert sources
    assert [name for name, text in sources.items() if "import reelkeep" in text or "from reelkeep" in text] == []
