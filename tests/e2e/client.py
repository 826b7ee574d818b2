"""Those who use the API with a key of their own, in Vidu's words and in Reelkeep's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.waiting import until

Json = dict[str, Any]

FINAL: Final = ("success", "failed", "cancelled", "expired")
SMALL: Final = {"model": "viduq2", "duration": 1, "resolution": "540p"}  # what is quick to make


@dataclass(frozen=True)
class Client:
    http: httpx.Client
    owner: str
    key: str

    # --- in Reelkeep's words ---

    def submit(self, prompt: str, **fields: Any) -> httpx.Response:
        return self.http.post("/tasks", json={"kind": "text2video", **SMALL, "prompt": prompt, **fields})

    def submitted(self, prompt: str, **fields: Any) -> str:
        answer = self.submit(prompt, **fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def task(self, task_id: str) -> Json:
        return shown(self.http.get(f"/tasks/{task_id}"))

    def ended(self, task_id: str, within: float = 300.0) -> Json:
        """The task, once it is at its end."""
        seen: Json = {}

        def look() -> Json | None:
            seen.update(self.task(task_id))
            return seen if seen["state"] in FINAL else None

        return until(look, what=f"the end of task {task_id}", within=within, every=0.5)

    def succeeded(self, task_id: str, within: float = 300.0) -> Json:
        task = self.ended(task_id, within)
        assert task["state"] == "success", task
        return task

    def tasks(self, **filters: Any) -> list[Json]:
        return [task for page in self.pages(**filters) for task in page]

    def pages(self, **filters: Any) -> Iterator[list[Json]]:
        """One after another, to the last."""
        cursor: Json = {}
        while True:
            page = shown(self.http.get("/tasks", params={"limit": 100, **filters, **cursor}))
            yield page["tasks"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def cancel(self, task_id: str) -> httpx.Response:
        return self.http.post(f"/tasks/{task_id}/cancel")

    # --- in Vidu's words ---

    def vidu_submit(self, kind: str, **body: Any) -> httpx.Response:
        return self.http.post(f"/ent/v2/{kind}", json=body)

    def vidu_submitted(self, kind: str, **body: Any) -> Json:
        return shown(self.vidu_submit(kind, **body))

    def vidu_task(self, task_id: str) -> Json:
        return shown(self.http.get(f"/ent/v2/tasks/{task_id}/creations"))

    def vidu_ended(self, task_id: str, within: float = 300.0) -> Json:
        def look() -> Json | None:
            task = self.vidu_task(task_id)
            return task if task["state"] in ("success", "failed") else None

        return until(look, what=f"the end of task {task_id}", within=within, every=0.5)

    def vidu_list(self, *params: tuple[str, str | int]) -> Json:
        return shown(self.http.get("/ent/v2/tasks", params=list(params)))

    def vidu_ids(self, *params: tuple[str, str | int]) -> list[str]:
        return [task["id"] for task in self.vidu_list(*params)["tasks"]]


def shown(answer: httpx.Response) -> Json:
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body
