"""Clients, whose submissions have numbers; and others who use the same accounts without us."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from reelkeep.domain.task import State
from tests.chaos.provider import Provider
from tests.chaos.simulation.stack import KEYS, Stack, configuration
from tests.chaos.simulation.world import DAYS, LISTING
from tests.integration.test_any_to_any import CLIENTS, PROVIDERS
from tests.submissions import MODELS, submission
from tests.unit.services.harness import ALICE

_COUNTED = "/v1/videos"  # whose clients say how often they have asked


class People:
    def __init__(self, stack: Stack, provider: Provider) -> None:
        self._stack = stack
        self._provider = provider
        self._world = stack.world
        self._random = stack.world.random

    def come(self, size: int) -> None:
        for number in range(size):
            self._world.at(self._random.uniform(0, DAYS * 86_400), partial(self._client, number))
        for number in range(size // 20):
            self._world.at(self._random.uniform(0, DAYS * 86_400), partial(self._other, number))

    def _client(self, number: int) -> None:
        provider, client = self._random.choice(PROVIDERS), self._random.choice(sorted(CLIENTS))
        prompt = f"task {number} {self._wishes()}"
        if self._random.random() < 0.02:
            prompt += " [refuse:CreditInsufficient]"
        path, asked = submission(client, MODELS[provider], prompt)
        if client == provider == "vidu_ent_v2":
            asked |= {"watermark": self._random.random() < 0.5, "off_peak": self._random.random() < 0.1}
            if self._random.random() < 0.1:
                image = "data:image/png;base64," + "A" * 80_000
                path, asked = "/ent/v2/img2video", {**asked, "model": "viduq2-pro", "images": [image]}
                asked.pop("aspect_ratio")
        if client == provider == "volc_ark" and self._random.random() < 0.1:
            asked |= {"service_tier": "flex"}  # and so no mark
        if path == _COUNTED and self._world.happens("a repetition overtakes the first attempt", 0.05):
            self._world.at(self._random.uniform(1, 600), partial(self._arrives_late, number, path, asked))
            self._ask(number, path, asked, 2)
        else:
            self._ask(number, path, asked, 1)

    def _arrives_late(self, number: int, path: str, asked: dict[str, Any]) -> None:
        """The first attempt. If the second one failed or was cancelled, it is a new one: not played."""
        numbers = self._world.numbers
        made = [self._stack.tasks.recorded[task_id] for task_id, each in numbers.items() if each == number]
        if made and (made[0].state is State.SUCCESS or not made[0].state.terminal):
            self._ask(number, path, asked, 1)

    def _ask(self, number: int, path: str, asked: dict[str, Any], attempt: int) -> None:
        """A client that heard nothing, or of a fault, asks again: an SDK that counts its attempts soon and twice, any
        other for an hour or so."""
        self._world.current = ""
        counts = path == _COUNTED
        mark = {"x-stainless-retry-count": str(attempt - 1)} if counts else {"idempotency-key": f"task-{number}"}
        answer = self._stack.ask("POST", path, asked, more=mark)
        status = answer["statusCode"] if answer is not None else 0
        if answer is not None and 200 <= status < 300:
            self._heard("accepted")
            task_id = next(each for each in reversed(self._world.numbers) if each in answer["body"])
            if self._world.numbers[task_id] != number:
                self._world.wrong(f"task {number}: the client was given another task")
            self._world.at(self._random.uniform(1, 5000), partial(self._reader, task_id))
        elif 400 <= status < 500:
            self._heard(f"refused with {status}")
        elif attempt < (3 if counts else 10):
            wait = min(600.0 if counts else 1200.0, 10.0 * 2**attempt) * self._random.random()
            self._world.at(wait, partial(self._ask, number, path, asked, attempt + 1))
        else:
            recorded = number in self._world.numbers.values()
            self._heard(f"given up by the client, {'recorded all the same' if recorded else 'never recorded'}")

    def _heard(self, what: str) -> None:
        self._world.report.answered[what] += 1

    def _wishes(self) -> str:
        """What the simulator is to do with it; see local/simulator/script.py."""
        slow = min(3000, int(self._random.lognormvariate(5, 1)))
        words = [f"[slow:{slow}]", f"[moderation:{self._random.randrange(3)}]"]
        for word, chance in (("[fail]", 0.08), ("[odd-state:reviewing]", 0.05), ("[expired:2]", 0.05)):
            if self._random.random() < chance:
                words.append(word)
        return " ".join(words)

    def _other(self, number: int) -> None:
        name = self._random.choice(LISTING)
        path, asked = submission(name, MODELS[name], f"elsewhere {number} {self._wishes()}")
        if name == "volc_ark" and self._random.random() < 0.7:  # else it may be ours, for all that the list tells
            asked["execution_expires_after"] = 7200
        base = configuration()[name]["base_url"].removesuffix("/api/v3")
        scheme = "Token" if name == "vidu_ent_v2" else "Bearer"
        headers = {"authorization": f"{scheme} simulator", "content-type": "application/json"}
        answer = self._provider.answer("POST", base + path, headers, json.dumps(asked).encode())
        assert answer.startswith(b"HTTP/1.1 200"), answer

    def _reader(self, task_id: str) -> None:
        """Its owner looks at it, sometimes cancels or removes it; and so tries somebody else."""
        stack, world = self._stack, self._world
        paths = [("GET", "/tasks/{}"), ("GET", "/ent/v2/tasks/{}/creations"), ("GET", "/v1/video/generations/{}")]
        changes = [("POST", "/tasks/{}/cancel"), ("DELETE", "/v1/videos/{}")]
        method, path = self._random.choice(changes if self._random.random() < 0.1 else paths)
        stack.ask(method, path.format(task_id))
        method, path = self._random.choice([*paths, *changes])
        said = stack.ask(method, path.format(task_id), key="rk_mallory")
        if said is not None and said["statusCode"] < 400:
            world.wrong(f"another owner was answered {said['statusCode']} to {method}")
        if self._random.random() < 0.02:  # it takes long with many tasks
            self._list(self._random.choice(list(KEYS)))
        if stack.tasks.recorded[task_id].owner != ALICE.owner:
            world.wrong("a task changed hands")

    def _list(self, key: str) -> None:
        listed = self._stack.ask("GET", "/tasks", key=key)
        if listed is None or listed["statusCode"] != 200:
            return
        shown = json.loads(listed["body"])["tasks"]
        if any(self._stack.tasks.recorded[each["id"]].owner != KEYS[key].owner for each in shown):
            self._world.wrong("a listing showed another owner's tasks")
