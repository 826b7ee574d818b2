"""Tasks that come at once to a local cloud: how long until all are archived, and which calls of AWS each took.

    python -m benchmarks.burst [--check] [--tasks N]

The simulator makes everything within a second. The calls are counted by the emulator: by function and operation,
with what did not succeed, from the first submission until all is at rest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import urllib3

from benchmarks.local_stack import running
from local import journal, stack
from local.deployment import STEPS

_TASKS: Final = 200
_PATIENCE: Final = 3600.0  # seconds
_AT_ONCE: Final = 200  # requests
_MOST_CALLS: Final = {"submit": 7.1, "poll": 4.1, "finalize": 11.1, "announce": 5.1}  # a task
_BODY: Final = {"kind": "text2video", "model": "viduq2", "duration": 1, "resolution": "540p"}


class Place:
    def __init__(self, found: stack.Stack) -> None:
        self._found = found
        self._http = urllib3.PoolManager(maxsize=_AT_ONCE, retries=False, timeout=_PATIENCE)

    def submit(self, number: int) -> float:
        """Seconds until the answer."""
        began = time.monotonic()
        body = {**_BODY, "prompt": f"boat {number} [slow:0][moderation:0]"}
        answer = self._http.request("POST", f"{self._found.api_url}/tasks", headers=self._headers, json=body)
        if answer.status != 201:
            raise RuntimeError(f"{answer.status}: {answer.data.decode(errors='replace')}")
        return time.monotonic() - began

    def count(self, state: str) -> int:
        query = f"{self._found.api_url}/tasks?limit=100&state={state}"
        count, cursor = 0, ""
        while True:
            page = self._http.request("GET", query + cursor, headers=self._headers).json()
            count += len(page["tasks"])
            if not page["next_cursor"]:
                return count
            cursor = f"&cursor={page['next_cursor']}"

    def calls(self) -> Counter[str]:
        return Counter(self._http.request("GET", f"{self._found.aws_endpoint_url}{journal.CALLS}").json())

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Token {self._found.api_key}"}


def calls_at_rest(place: Place, functions: set[str]) -> Counter[str]:
    """When no function calls any more. The asking itself is the tests' and not a function's."""
    before: Counter[str] = Counter()
    while True:
        now = Counter({name: count for name, count in place.calls().items() if name.partition(" ")[0] in functions})
        if now == before:
            return now
        before = now
        time.sleep(3)


def measured(found: stack.Stack, number: int) -> dict[str, Any]:
    place, functions = Place(found), set(STEPS) - {"query", "sweep", "manage"}
    for each in range(-8, 0):  # so that workers are warm, who read secrets once
        place.submit(each)
    while place.count("success") < 8:
        time.sleep(0.5)
    before = calls_at_rest(place, functions)
    began = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        answered = sorted(threads.map(place.submit, range(number)))
    accepted = time.monotonic() - began
    while (archived := place.count("success")) < number + 8:
        if time.monotonic() - began > _PATIENCE:
            raise RuntimeError(f"{archived - 8} of {number} are archived after {_PATIENCE:.0f} s")
        time.sleep(1)
    ended = time.monotonic() - began
    calls = calls_at_rest(place, functions) - before
    return {"answered": answered, "accepted": accepted, "ended": ended, "calls": calls}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="end with status 1 if a target is missed")
    parser.add_argument("--tasks", type=int, default=_TASKS, help="that come at once (default: %(default)s)")
    options = parser.parse_args()
    number: int = options.tasks
    provider = {"dialect": "vidu_ent_v2", "typical_seconds": 2, "default": True}
    with running({"simulator": provider}, concurrency=5000, count_calls=True) as (found, _):
        seen = measured(found, number)
    answered, calls = seen["answered"], seen["calls"]
    print(
        f"{number} submissions were accepted within {seen['accepted']:.1f} s, archived within {seen['ended']:.1f} s"
    )
    print(f"an answer took {answered[number // 2]:.1f} s in the median, {answered[-1]:.1f} s at most")
    totals: Counter[str] = Counter()
    for name, count in sorted(calls.items()):
        function, service, operation = name.split()
        totals[function] += count
        print(f"{function:18} {service:16} {operation:24} {count / number:6.2f}")
    for function, count in totals.items():
        print(f"{function:18} {'':41} {count / number:6.2f}")
    print(f"{'all calls a task':60} {totals.total() / number:6.2f}")
    missed = [
        f"{name}: more than {most} calls a task" for name, most in _MOST_CALLS.items() if totals[name] > most * number
    ]
    for target in missed:
        print("missed:", target)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
