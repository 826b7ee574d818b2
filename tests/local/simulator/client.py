"""A user of the simulator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass
class Client:
    """What a user of the simulator does, in one line each."""

    http: httpx.Client

    def submit(self, prompt: str = "a paper boat", kind: str = "text2video", **fields: Any) -> httpx.Response:
        tiny = {"model": "vidu1.5", "duration": 4, "resolution": "360p"} if kind == "text2video" else {}
        return self.http.post(f"/ent/v2/{kind}", json={**tiny, "prompt": prompt, **fields})

    def submitted(self, prompt: str = "a paper boat", **fields: Any) -> str:
        response = self.submit(prompt, **fields)
        assert response.status_code == 200, response.text
        return str(response.json()["task_id"])

    def made(self, prompt: str = "a paper boat", **fields: Any) -> str:
        task_id = self.submitted(prompt, **fields)
        self.skip(10)
        return task_id

    def query(self, task_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get(f"/ent/v2/tasks/{task_id}/creations").raise_for_status().json()
        return answer

    def list(self, **filters: Any) -> dict[str, Any]:
        query = {name.replace("__", "."): value for name, value in filters.items()}
        answer: dict[str, Any] = self.http.get("/ent/v2/tasks", params=query).raise_for_status().json()
        return answer

    def creation(self, task_id: str) -> dict[str, Any]:
        (creation,) = self.query(task_id)["creations"]
        assert isinstance(creation, dict)
        return creation

    def get(self, url: str, **headers: str) -> httpx.Response:
        return self.http.get(url, headers=headers)

    def head(self, url: str) -> httpx.Response:
        return self.http.head(url)

    def now(self) -> str:
        return str(self.http.get("/simulator/clock").json()["now"])

    def skip(self, seconds: float) -> None:
        self.http.post("/simulator/clock", json={"advance_seconds": seconds}).raise_for_status()

    def misbehave(self, *faults: dict[str, Any]) -> None:
        self.http.put("/simulator/faults", json={"faults": faults}).raise_for_status()

    def generated(self) -> int:
        return int(self.http.get("/simulator/tasks").json()["generated"])


Open = Callable[..., Client]
