"""The program that Vidu publishes for its own API, as it is: only its address and key are set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import httpx
import pytest

from local.stack import Stack
from tests.e2e.archive import decoded
from tests.e2e.client import Client
from tests.e2e.conftest import Prompt
from tests.e2e.simulator import Simulator

pytestmark = pytest.mark.skipif(find_spec("vidu_mcp") is None, reason="vidu-mcp needs Python 3.12")

MAKE = """
import json, sys
from vidu_mcp.server import generate_text_to_video
print(generate_text_to_video(**json.loads(sys.argv[1])))
"""


def made(stack: Stack, key: str, **arguments: object) -> str:
    """What it answers its user. It looks whether a film is done every 20 seconds."""
    command = [sys.executable, "-W", "ignore", "-c", MAKE, json.dumps(arguments)]
    env = {**os.environ, "VIDU_API_HOST": stack.api_url, "VIDU_API_KEY": key}
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=300).stdout


def test_vidus_own_client_gets_its_film(
    stack: Stack, alice: Client, anyone: httpx.Client, prompt: Prompt, simulator: Simulator
) -> None:
    answer = made(stack, alice.key, model="vidu1.5", prompt=prompt("of Vidu's"), duration=4, resolution="360p")
    told = json.loads(answer)
    assert (told["status"], alice.task(told["task_id"])["state"]) == ("success", "success")
    assert decoded(anyone.get(told["video_url"]).content) == (96, 640, 360, 4.0)


def test_vidus_own_client_understands_a_refusal(stack: Stack, alice: Client, prompt: Prompt) -> None:
    assert "400" in made(stack, alice.key, prompt=prompt("with a wrong seed"), seed=-1)
