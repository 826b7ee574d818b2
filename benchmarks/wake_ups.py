"""How long after a provider's end it is seen: with its calls, and by the schedule alone.

    python -m benchmarks.wake_ups [--check] [--tasks N]

A local cloud and a simulator of their own see tasks through by twos: of each pair, which takes equally long, one is
told of by the provider, and the calls about the other are lost. From the provider's own end to the look that sees it.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import urllib3

from local import cloud, processes, stack
from local.claims import free_ports

_ROOT: Final = Path(__file__).resolve().parent.parent
_TASKS: Final = 20  # of each provider that are told of, and as many that are not
_MOST_LATE: Final = 2.0  # seconds; 19 of 20 ends are seen earlier
_MOST_OF_SCHEDULE: Final = 0.5  # of the median
_TYPICAL: Final = 30  # seconds a task is said to take; each takes between two thirds and four thirds of it
_EVERY: Final = 1.0  # seconds between two submissions
_PATIENCE: Final = 300.0  # seconds for the last ones to come to their end

_PROVIDERS: Final = {"vidu": ("vidu_ent_v2", ""), "ark": ("volc_ark", "/api/v3")}
_SMALL: Final = {
    "vidu": {"model": "viduq2", "duration": 1, "resolution": "540p"},
    "ark": {"model": "doubao-seedance-1-5-pro", "duration": 4, "resolution": "480p"},
}


@dataclass(frozen=True)
class Sent:
    provider: str
    told: bool
    task_id: str
    prompt: str


@dataclass(frozen=True)
class Place:
    found: stack.Stack
    simulator: str

    def call(self, method: str, url: str, body: Any = None) -> Any:
        headers = {"authorization": f"Token {self.found.api_key}"}
        answer = urllib3.request(method, url, headers=headers, json=body, retries=False, timeout=60)
        if answer.status >= 300:
            raise RuntimeError(f"{method} {url} answered {answer.status}: {answer.data.decode(errors='replace')}")
        return answer.json()

    def submit(self, provider: str, seconds: int, number: int, *, told: bool) -> Sent:
        prompt = f"a boat, number {number} [slow:{seconds}]{'' if told else ' [callback-lose:9]'}"
        body = {"kind": "text2video", "provider": provider, "prompt": prompt, **_SMALL[provider]}
        return Sent(provider, told, self.call("POST", f"{self.found.api_url}/tasks", body)["id"], prompt)

    def await_success(self, task_id: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while (state := self.call("GET", f"{self.found.api_url}/tasks/{task_id}")["state"]) != "success":
            if state in ("failed", "expired") or time.monotonic() > deadline:
                raise RuntimeError(f"task {task_id} is {state}")
            time.sleep(0.5)

    def late(self, sent: list[Sent]) -> list[float]:
        """Seconds from the end of each at its provider until it was seen."""
        tasks = self.call("GET", f"{self.simulator}/simulator/tasks")["tasks"]
        ends = {(task["dialect"], task["prompt"]): task["finishes_at"] for task in tasks}

        def one(each: Sent) -> float:
            (manifest,) = Path(self.found.archive).glob(f"tasks/*/*/*/{each.task_id}/manifest.json")
            seen = datetime.fromisoformat(json.loads(manifest.read_text())["succeeded_at"])
            end = datetime.fromisoformat(ends[_PROVIDERS[each.provider][0], each.prompt])
            return (seen - end).total_seconds()

        return [one(each) for each in sent]


@contextmanager
def running() -> Iterator[Place]:
    """A local cloud whose providers are a simulator that makes everything at once."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory)
        port, simulator_port = free_ports(2)
        simulator = f"http://127.0.0.1:{simulator_port}"
        settings = {
            name: {
                "dialect": dialect,
                "base_url": simulator + path,
                "api_key": "simulator",
                "allow_private": True,
                "typical_seconds": _TYPICAL,
            }
            for name, (dialect, path) in _PROVIDERS.items()
        }
        providers = data / "providers.json"
        providers.write_text(json.dumps(settings))
        command = [sys.executable, "-m", "local.simulator", "--port", str(simulator_port), "--concurrency", "500"]
        with (
            processes.running(
                "the simulator",
                [*command, "--data", str(data / "simulator")],
                env=stack.this_machines_environment(),
                log=data / "simulator.log",
                cwd=_ROOT,
            ),
            cloud.running(
                cloud.Plan(
                    root=_ROOT,
                    data=data / "cloud",
                    port=port,
                    simulator_port=simulator_port,
                    providers_file=providers,
                    provider_callbacks=True,
                    say=lambda line: print(line, file=sys.stderr),
                )
            ) as up,
        ):
            yield Place(up.stack, simulator)


def measured(place: Place, number: int) -> dict[tuple[str, bool], list[float]]:
    """By provider, and whether it told."""
    dice = random.Random(number)
    sent: list[Sent] = []
    for each in range(number):
        for provider in _PROVIDERS:
            seconds = dice.randint(_TYPICAL * 2 // 3, _TYPICAL * 4 // 3)
            for told in (True, False) if each % 2 else (False, True):
                sent.append(place.submit(provider, seconds, each, told=told))
                time.sleep(_EVERY)
    for one in sent:
        place.await_success(one.task_id)
    keys = [(provider, told) for provider in _PROVIDERS for told in (True, False)]
    return {key: place.late([one for one in sent if (one.provider, one.told) == key]) for key in keys}


def p95(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="end with status 1 if a target is missed")
    parser.add_argument("--tasks", type=int, default=_TASKS, help="of each provider (default: %(default)s)")
    options = parser.parse_args()
    with running() as place:
        late = measured(place, options.tasks)
    missed: list[str] = []
    print(f"{'seconds late':28}{'median':>8}{'p95':>8}{'max':>8}   median of the schedule's")
    for provider in _PROVIDERS:
        ratio = median(late[provider, True]) / median(late[provider, False])
        for told, name in ((True, "told by its provider"), (False, "by the schedule alone")):
            figures = "".join(f"{figure(late[provider, told]):8.2f}" for figure in (median, p95, max))
            print(f"{provider + ', ' + name:28}{figures}{f'   {ratio:.2f}' if told else ''}")
        if (seen := p95(late[provider, True])) > _MOST_LATE:
            missed.append(f"{provider}: 19 of 20 ends are seen within {seen:.1f} s, more than {_MOST_LATE}")
        if ratio > _MOST_OF_SCHEDULE:
            missed.append(f"{provider}: {ratio:.2f} of the schedule's, more than {_MOST_OF_SCHEDULE}")
    for target in missed:
        print("missed:", target)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
