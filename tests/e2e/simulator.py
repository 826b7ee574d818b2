"""The simulator, through its admin endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Simulator:
    http: httpx.Client

    def tasks(self, prompt: str) -> list[dict[str, Any]]:
        """Those with this in their prompt, newest first."""
        return [task for task in self.everything()["tasks"] if prompt in task["prompt"]]

    def task(self, prompt: str) -> dict[str, Any]:
        """The only one with this in its prompt."""
        (task,) = self.tasks(prompt)
        return task

    def everything(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get("/simulator/tasks").raise_for_status().json()
        return answer

    def misbehave(self, *faults: dict[str, Any]) -> None:
        self.http.put("/simulator/faults", json={"faults": faults}).raise_for_status()

    def misbehaved(self) -> int:
        """How often it has, of what it was told last."""
        return sum(
            fault["happened"] for fault in self.http.get("/simulator/faults").raise_for_status().json()["faults"]
        )

    def behave(self) -> None:
        self.http.delete("/simulator/faults").raise_for_status()
