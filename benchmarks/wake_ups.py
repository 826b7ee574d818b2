"""How long after a task's end at its provider Reelkeep sees it, and has a permanent link.

    python -m benchmarks.wake_ups [--check] [--tasks N]

A local cloud sees tasks through by threes that take equally long, one at each of three providers: one calls back, one
has a list and its callbacks are lost, one has neither. Seconds are by this machine's clock, where all of it runs.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import urllib3

from benchmarks.local_stack import running
from local import stack

_TASKS: Final = 40  # of each provider
_AROUND: Final = 14  # before and after these, which are not counted: so as many are in flight all the time
_MOST_LATE: Final = 2.0  # seconds; 19 of 20 ends that a callback tells of are seen earlier
_MOST_OF_SCHEDULE: Final = {"callback": 0.5, "watch": 1.0}  # of its median; the watch makes fewer calls
_TYPICAL: Final = 30  # seconds a task is said to take; each takes between two thirds and four thirds of it
_EVERY: Final = 0.6  # seconds between two submissions: some 16 tasks are in flight at each provider
_PATIENCE: Final = 300.0  # seconds for the last ones to come to their end

_SMALL: Final = {"model": "viduq2", "duration": 1, "resolution": "540p"}
_WAYS: Final = {  # the dialect of each one's provider
    "callback": "vidu_ent_v2",
    "watch": "vidu_ent_v2",
    "schedule": "video_generations",
}


@dataclass(frozen=True)
class Sent:
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

    def submit(self, way: str, seconds: int, number: int) -> Sent:
        prompt = f"a boat, number {number}, by {way} [slow:{seconds}]{' [callback-lose:9]' if way == 'watch' else ''}"
        body = {"kind": "text2video", "provider": way, "prompt": prompt, **_SMALL}
        return Sent(self.call("POST", f"{self.found.api_url}/tasks", body)["id"], prompt)

    def await_success(self, task_id: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while (state := self.call("GET", f"{self.found.api_url}/tasks/{task_id}")["state"]) != "success":
            if state in ("failed", "expired") or time.monotonic() > deadline:
                raise RuntimeError(f"task {task_id} is {state}")
            time.sleep(0.5)

    def late(self, sent: list[Sent]) -> list[tuple[float, float]]:
        """Seconds from the end of each at its provider until it was seen, and until there was a permanent link."""
        tasks = self.call("GET", f"{self.simulator}/simulator/tasks")["tasks"]
        ends = {task["prompt"]: datetime.fromisoformat(task["finishes_at"]) for task in tasks}

        def one(each: Sent) -> tuple[float, float]:
            (manifest,) = Path(self.found.archive).glob(f"tasks/*/*/*/{each.task_id}/manifest.json")
            document = json.loads(manifest.read_text())
            seen, ended = (datetime.fromisoformat(document[name]) for name in ("succeeded_at", "finished_at"))
            return (seen - ends[each.prompt]).total_seconds(), (ended - ends[each.prompt]).total_seconds()

        return [one(each) for each in sent]


def measured(place: Place, number: int) -> dict[str, list[tuple[float, float]]]:
    dice = random.Random(number)
    sent: dict[str, list[Sent]] = {way: [] for way in _WAYS}
    for each in range(number + 2 * _AROUND):
        seconds = dice.randint(_TYPICAL * 2 // 3, _TYPICAL * 4 // 3)
        for way in _WAYS:
            sent[way].append(place.submit(way, seconds, each))
            time.sleep(_EVERY)
    for tasks in sent.values():
        for task in tasks:
            place.await_success(task.task_id)
    return {way: place.late(tasks[_AROUND:-_AROUND]) for way, tasks in sent.items()}


def p95(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="end with status 1 if a target is missed")
    parser.add_argument("--tasks", type=int, default=_TASKS, help="of each provider (default: %(default)s)")
    options = parser.parse_args()
    providers = {way: {"dialect": dialect, "typical_seconds": _TYPICAL} for way, dialect in _WAYS.items()}
    with running(providers, concurrency=500, provider_callbacks=True) as (found, simulator):
        late = measured(Place(found, simulator), options.tasks)
    print(f"{'seconds after the end':24}{'seen: median':>14}{'p95':>8}{'link: median':>16}{'p95':>8}")
    seen = {way: [each for each, _ in both] for way, both in late.items()}
    for way, both in late.items():
        linked = [each for _, each in both]
        figures = f"{median(seen[way]):14.2f}{p95(seen[way]):8.2f}{median(linked):16.2f}{p95(linked):8.2f}"
        print(f"{way:24}{figures}")
    missed = [
        f"{way}: {ratio:.2f} of the schedule's median, more than {most}"
        for way, most in _MOST_OF_SCHEDULE.items()
        if (ratio := median(seen[way]) / median(seen["schedule"])) > most
    ]
    if p95(seen["callback"]) > _MOST_LATE:
        missed.append(f"callback: 19 of 20 ends are seen within {p95(seen['callback']):.1f} s, not {_MOST_LATE}")
    for target in missed:
        print("missed:", target)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
