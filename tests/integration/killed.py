"""A command that is killed in the middle, as by `kill -9`."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.integration.conftest import ROOT

_PROGRAM = """
import os, signal, sys
from botocore.client import BaseClient
from cli.main import main

operation, most = sys.argv[1], int(sys.argv[2])
call, calls = BaseClient._make_api_call, []

def counted(client, name, parameters):
    answer = call(client, name, parameters)
    if name == operation:
        calls.append(name)
    if len(calls) == most:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

BaseClient._make_api_call = counted
sys.exit(main(sys.argv[3:]))
"""


def kill_after(operation: str, calls: int, *command: str) -> None:
    """Runs the command, and kills it once so many of these calls of AWS were answered."""
    program = [sys.executable, "-c", _PROGRAM, operation, str(calls), *command]
    assert subprocess.run(program, cwd=ROOT, check=False).returncode == -signal.SIGKILL
