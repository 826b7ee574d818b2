"""The programs of the README and of `examples/`, as they are, against a running stack."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from local.claims import free_ports
from local.stack import Stack, this_machines_environment
from tests.e2e.chromium import CHROMIUM, FLAGS
from tests.e2e.client import Client
from tests.e2e.conftest import Prompt
from tests.e2e.local_cloud import ROOT
from tests.waiting import until

EXAMPLES: Final = ROOT / "examples"
LONGEST: Final = 300  # seconds


@pytest.fixture
def environ(stack: Stack, alice: Client) -> dict[str, str]:
    own = this_machines_environment() if stack.aws_endpoint_url else dict(os.environ)
    return {**own, "REELKEEP_URL": stack.api_url, "REELKEEP_KEY": alice.key, "NO_PROXY": "127.0.0.1"}


def is_video(path: Path) -> bool:
    return path.is_file() and path.read_bytes()[4:8] == b"ftyp"


def blocks() -> Iterator[tuple[str, str]]:
    """What the README has readers paste to submit, wait and download."""
    for kind, text in re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL):
        if "boat.mp4" in text:
            yield kind, text


def test_what_readers_paste_and_what_the_example_with_openais_sdk_does_downloads_the_video(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """All at once: each waits most of the time."""
    shells = {"sh": ["bash", "-e"], "python": [sys.executable, "-"], "js": ["node", "--input-type=module"]}
    programs = {kind: (shells[kind], text) for kind, text in blocks() if shutil.which(shells[kind][0])}
    assert {"sh", "python"} <= set(programs)
    programs["openai"] = ([sys.executable, str(EXAMPLES / "openai_sdk.py"), "a paper boat", "boat.mp4"], "")
    running: dict[str, subprocess.Popen[str]] = {}
    for name, (command, text) in programs.items():
        (tmp_path / name).mkdir()
        running[name] = process = subprocess.Popen(
            command, cwd=tmp_path / name, env=environ, stdin=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.close()
    for name, process in running.items():
        assert process.wait(LONGEST) == 0, name
        assert is_video(tmp_path / name / "boat.mp4"), name


def test_the_receiver_of_webhooks_takes_what_is_signed(
    stack: Stack, alice: Client, environ: dict[str, str], tmp_path: Path
) -> None:
    if not stack.aws_endpoint_url:
        # The receiver listens on loopback, where only the local cloud can call it.
        pytest.skip("a deployed stack does not reach this machine")
    (port,) = free_ports(1)
    made = alice.http.post("/webhooks", json={"url": f"http://127.0.0.1:{port}/"}).json()
    printed = tmp_path / "printed"
    with printed.open("w") as output:
        command = [sys.executable, str(EXAMPLES / "webhook_receiver.py"), str(port)]
        receiver = subprocess.Popen(command, env={**environ, "WEBHOOK_SECRET": made["secret"]}, stdout=output)
    try:
        forged = until(lambda: _post(port), what="an answer of the receiver", within=60)
        assert forged == 400
        alice.http.post(f"/webhooks/{made['id']}/test")
        line = until(printed.read_text, what="a message", within=120)
        assert json.loads(line)["type"] == "reelkeep.webhook.test"
    finally:
        receiver.kill()
        receiver.wait()
        alice.http.delete(f"/webhooks/{made['id']}")


def _post(port: int) -> int | None:
    import httpx

    try:
        return httpx.post(f"http://127.0.0.1:{port}/", content=b"{}", trust_env=False).status_code
    except httpx.TransportError:
        return None


# Without a browser there is no page to look at. In CI, where one is required, test_console fails without it.
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
def test_the_page_plays_a_permanent_link(alice: Client, prompt: Prompt) -> None:
    from playwright.sync_api import sync_playwright

    made = alice.tasks(state="success")
    task = made[0] if made else alice.succeeded(alice.submitted(prompt("shown on a page")))
    link = task["creations"][0]["url"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(f"{(EXAMPLES / 'page.html').as_uri()}#{link}")
        page.wait_for_function("document.querySelector('video').readyState >= 1", timeout=60_000)
        assert page.evaluate("document.querySelector('video').duration") > 0.5
        browser.close()
