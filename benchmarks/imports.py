"""`reelkeep import` of what a provider holds and a stack does not know, killed twice as by `kill -9`, and run again.

    python -m benchmarks.imports [--check] [--tasks N] [--known N]

The simulator's tasks are three hours old; `--known` of them were submitted through the stack, and are archived.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import urllib3

from benchmarks.burst import Place
from benchmarks.local_stack import running
from local import stack
from local.stack import aws_environment

_ROOT: Final = Path(__file__).resolve().parent.parent
_AGE: Final = 3 * 3600.0  # seconds
_PATIENCE: Final = 1800.0  # seconds
_KILLED_AFTER: Final = (0.1, 0.5)  # of the new tasks
_VIDU: Final = {"model": "viduq2", "duration": 1, "resolution": "540p"}


def _make_elsewhere(simulator: str, number: int) -> None:
    body = {**_VIDU, "prompt": f"made elsewhere {number} [slow:0][moderation:0]"}
    headers = {"authorization": "Token simulator"}
    answer = urllib3.request("POST", f"{simulator}/ent/v2/text2video", headers=headers, json=body)
    if answer.status != 200:
        raise RuntimeError(f"the simulator answered {answer.status}: {answer.data.decode(errors='replace')}")


def _command(found: stack.Stack) -> tuple[list[str], dict[str, str]]:
    parts = {
        "TABLE_NAME": found.table,
        "BUCKET_NAME": found.bucket,
        "STATE_MACHINE_ARN": found.state_machine_arn,
        "PROVIDERS_SECRET_ARN": found.providers_secret_arn,
    }
    command = [sys.executable, "-m", "cli", "import", "--json"]
    return command, {**os.environ, **aws_environment(found.aws_endpoint_url, found.aws_secret_access_key), **parts}


def _import(found: stack.Stack) -> tuple[dict[str, Any], float]:
    """Its report, and the seconds that it took."""
    command, environment = _command(found)
    began = time.monotonic()
    ended = subprocess.run(command, env=environment, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ended.stdout), time.monotonic() - began


def _killed_import(found: stack.Stack, number: int) -> int:
    """How many tasks it had made when it died: so many at least."""
    command, environment = _command(found)
    with subprocess.Popen(command, env=environment, cwd=_ROOT, stdout=subprocess.DEVNULL) as process:
        while (made := len(_made(found))) < number and process.poll() is None:
            time.sleep(0.05)
        process.kill()
    return made


def _made(found: stack.Stack) -> list[str]:
    """The states of the tasks that an import made."""
    table = found.client("dynamodb").get_paginator("scan")
    pages = table.paginate(
        TableName=found.table, FilterExpression="sk = :task", ExpressionAttributeValues={":task": {"S": "task"}}
    )
    tasks = [json.loads(item["document"]["S"]) for page in pages for item in page["Items"]]
    return [task["state"] for task in tasks if task["owner"] == "adopted"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="end with status 1 unless each is imported once")
    parser.add_argument("--tasks", type=int, default=500, help="at the provider (default: %(default)s)")
    parser.add_argument("--known", type=int, default=200, help="of them, to the stack (default: %(default)s)")
    options = parser.parse_args()
    unknown = options.tasks - options.known
    provider = {"dialect": "vidu_ent_v2", "typical_seconds": 2, "default": True}
    with running({"simulator": provider}, concurrency=5000, seconds_behind=_AGE) as (found, simulator):
        place = Place(found)
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(place.submit, range(options.known)))
            list(threads.map(lambda number: _make_elsewhere(simulator, number), range(unknown)))
        while place.count("success") < options.known:
            time.sleep(1)
        urllib3.request("POST", f"{simulator}/simulator/clock", json={"advance_seconds": _AGE})
        for share in _KILLED_AFTER:
            print(f"killed when it had made {_killed_import(found, int(share * unknown))} of {unknown} tasks")
        imported, seconds = _import(found)
        counts = f"{imported['listed']} listed, {imported['known']} known, {len(imported['imported'])} new"
        print(f"run to its end: {counts}; {imported['archived']} archived within {seconds:.0f} s")
        again, seconds = _import(found)
        print(f"run again: {again['listed']} listed, {len(again['imported'])} new, within {seconds:.1f} s")
        began = time.monotonic()
        while (kept := _made(found).count("success")) < unknown and time.monotonic() - began < _PATIENCE:
            time.sleep(1)  # a killed import may have recorded a task that the sweep starts
        print(f"{kept} of {unknown} are in the archive after {time.monotonic() - began:.0f} s more")
    is_whole = kept == unknown and again["listed"] == options.tasks == again["known"]
    return 1 if options.check and not is_whole else 0


if __name__ == "__main__":
    sys.exit(main())
