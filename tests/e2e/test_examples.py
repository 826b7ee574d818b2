"""The programs of the README and of `examples/`, as they are, against a running stack."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from local.claims import free_ports
from local.stack import Stack, this_machines_environment
from tests.e2e.chromium import CHROMIUM, FLAGS
from tests.e2e.client import Client
from tests.e2e.conftest import Aws, NewClient
from tests.e2e.local_cloud import ROOT
from tests.e2e.mailbox import addressed
from tests.e2e.simulator import Simulator
from tests.waiting import until

EXAMPLES: Final = ROOT / "examples"
INSTALLED: Final = ROOT / ".local" / "examples"  # with what npm installs, which the next run finds there
LONGEST: Final = 300  # seconds

Command = tuple[list[str], str]  # and what it reads
Running = dict[str, tuple[subprocess.Popen[str], Path]]  # by the program's name, with its folder

# A machine without Node can run all else; `make e2e` requires it where CI is set.
in_node = pytest.mark.skipif(
    os.environ.get("NODE") != "required" and shutil.which("npm") is None,
    reason="no Node: install nodejs and npm to run the examples in JavaScript",
)


@pytest.fixture(scope="module")
def alice(new_client: NewClient) -> Client:
    """Who has nothing but what the examples make."""
    return new_client("reader")


@pytest.fixture(scope="module")
def environ(stack: Stack, alice: Client) -> dict[str, str]:
    own = this_machines_environment() | stack.environment if stack.aws_endpoint_url else dict(os.environ)
    return {**own, "REELKEEP_URL": stack.api_url, "REELKEEP_KEY": alice.key, "NO_PROXY": "127.0.0.1"}


def python(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(EXAMPLES / name), *arguments]


def node(name: str, *arguments: str) -> list[str]:
    """Installs its packages first."""
    install = "npm install --prefix {0} --prefer-offline --no-audit --no-fund --no-package-lock --loglevel=error >&2"
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for each in (name, "package.json"):
        shutil.copy(EXAMPLES / each, INSTALLED)
    return ["bash", "-ec", f'{install.format(INSTALLED)}; exec node "$@"', "-", str(INSTALLED / name), *arguments]


def pasted(kind: str) -> Command:
    """What the README has readers paste to submit, wait and download."""
    shell = {"sh": ["bash", "-e"], "python": [sys.executable, "-"], "js": ["node", "--input-type=module"]}[kind]
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (text,) = (each for each in blocks if "boat.mp4" in each)
    return shell, text


IN_PYTHON: Final[dict[str, Callable[[], Command]]] = {
    "curl": lambda: pasted("sh"),
    "python": lambda: pasted("python"),
    "openai_sdk.py": lambda: (python("openai_sdk.py", "a paper boat", "boat.mp4"), ""),
    "ark_sdk.py": lambda: (python("ark_sdk.py", "a paper boat", "boat.mp4"), ""),
}
IN_NODE: Final[dict[str, Callable[[], Command]]] = {
    "js": lambda: pasted("js"),
    "ai_sdk.mjs": lambda: (node("ai_sdk.mjs", "a paper boat", "boat.mp4"), ""),
}
PROGRAMS: Final = {**IN_PYTHON, **(IN_NODE if shutil.which("npm") else {})}


@contextmanager
def started(command: Command, environ: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    folder.mkdir()
    with (folder / "printed").open("w") as output:
        process = subprocess.Popen(
            command[0], cwd=folder, env=environ, stdin=subprocess.PIPE, stdout=output, text=True
        )
    assert process.stdin is not None
    process.stdin.write(command[1])
    process.stdin.close()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def saved(
    stack: Stack, aws: Aws, alice: Client, environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The folder in which the consumer of a queue saves videos from the first task on."""
    folder = tmp_path_factory.mktemp("consumer")
    with addressed(aws("sqs"), stack.topic_arn) as (_, address):
        made = alice.http.post("/subscriptions", json={"protocol": "sqs", "endpoint": address})
        assert made.status_code == 201, made.text
        queue = aws("sqs").get_queue_url(QueueName=address.rpartition(":")[2])["QueueUrl"]
        with started((python("sqs_consumer.py", queue, "films"), ""), environ, folder / "run"):
            yield folder / "run" / "films"
        alice.http.delete(f"/subscriptions/{made.json()['id']}")


@pytest.fixture(scope="module")
def running(
    stack: Stack, saved: Path, alice: Client, environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """All at once: each waits most of the time. Beside them, a task that fails."""
    folder = tmp_path_factory.mktemp("examples")
    if stack.aws_endpoint_url:  # a real provider would make this, too
        alice.submitted("a paper boat [fail:CreationPolicyViolation]")
    with ExitStack() as opened:
        yield {
            name: (opened.enter_context(started(command(), environ, folder / name)), folder / name)
            for name, command in PROGRAMS.items()
        }


@pytest.mark.parametrize("name", [*IN_PYTHON, *(pytest.param(name, marks=in_node) for name in IN_NODE)])
def test_what_readers_paste_and_what_an_example_with_an_sdk_does_downloads_the_video(
    running: Running, name: str
) -> None:
    process, folder = running[name]
    assert process.wait(LONGEST) == 0
    assert is_video(folder / "boat.mp4")


def test_the_consumer_of_a_queue_saves_each_video_once(running: Running, saved: Path, alice: Client) -> None:
    for process, _ in running.values():
        process.wait(LONGEST)
    wanted = {f"{task['id']}-1.mp4" for task in alice.tasks(state="success")}
    until(lambda: {file.name for file in saved.glob("*.mp4")} == wanted, what=f"{wanted} in {saved}", within=60)
    assert all(is_video(file) for file in saved.iterdir())
    lines = (saved.parent / "printed").read_text().splitlines()
    assert sorted(lines) == sorted(f"films/{name}" for name in wanted)


def test_the_nightly_report_says_what_was_kept_what_failed_and_what_it_cost(
    running: Running, alice: Client, environ: dict[str, str], simulator: Simulator
) -> None:
    for process, _ in running.values():
        process.wait(LONGEST)
    (failed,) = until(lambda: alice.tasks(state="failed"), what="the end of the task that fails")
    day = failed["created_at"][:10]
    tasks = [task for task in alice.tasks() if task["created_at"].startswith(day)]
    files = [file for task in tasks for creation in task["creations"] for file in creation["files"]]
    charged = [task for task in tasks if task["cost"]["phase"] == "charged"]

    def whole() -> str | None:
        command = python("nightly_report.py", day)
        printed = subprocess.run(command, env=environ, check=True, stdout=subprocess.PIPE, text=True).stdout
        return printed if not charged or f" for {len(charged)} of viduq2" in printed else None

    report = until(whole, what="the entries of all tasks", within=60)
    assert report.startswith(f"{day}: {len(tasks)} tasks\n")
    size = sum(file["bytes"] for file in files)
    assert f"kept: {len(files)} files, {size / 1e9:.2f} GB" in report
    assert f"failed: {1:6} {failed['failure']['reason']}: " in report


@pytest.mark.parametrize("program", [python, pytest.param(node, marks=in_node)])
def test_a_receiver_of_webhooks_takes_what_is_signed(
    stack: Stack, alice: Client, environ: dict[str, str], tmp_path: Path, program: Callable[..., list[str]]
) -> None:
    if not stack.aws_endpoint_url:
        # The receiver listens on loopback, where only the local cloud can call it.
        pytest.skip("a deployed stack does not reach this machine")
    (port,) = free_ports(1)
    made = alice.http.post("/webhooks", json={"url": f"http://127.0.0.1:{port}/"}).json()
    command = program(f"webhook_receiver.{'py' if program is python else 'mjs'}", str(port))
    with started((command, ""), {**environ, "WEBHOOK_SECRET": made["secret"]}, tmp_path / "run"):
        forged = until(lambda: _post(port), what="an answer of the receiver", within=60)
        assert forged == 400
        alice.http.post(f"/webhooks/{made['id']}/test")
        line = until((tmp_path / "run" / "printed").read_text, what="a message", within=120)
        assert json.loads(line)["type"] == "reelkeep.webhook.test"
    alice.http.delete(f"/webhooks/{made['id']}")


def _post(port: int) -> int | None:
    try:
        return httpx.post(f"http://127.0.0.1:{port}/", content=b"{}", trust_env=False).status_code
    except httpx.TransportError:
        return None


def is_video(path: Path) -> bool:
    return path.is_file() and path.read_bytes()[4:8] == b"ftyp"


# Without a browser there is no page to look at. In CI, where one is required, the console's tests fail without it.
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
def test_the_page_plays_a_permanent_link(running: Running, alice: Client) -> None:
    from playwright.sync_api import sync_playwright

    running["curl"][0].wait(LONGEST)
    link = alice.tasks(state="success")[0]["creations"][0]["url"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(f"{(EXAMPLES / 'page.html').as_uri()}#{link}")
        page.wait_for_function("document.querySelector('video').readyState >= 1", timeout=60_000)
        assert page.evaluate("document.querySelector('video').duration") > 0.5
        browser.close()
