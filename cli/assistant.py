"""An assistant's tools, as a server of the Model Context Protocol. Needs the extra `mcp`.

An assistant submits, finds, watches and links. Whatever it repeats is paid for once, no call lasts longer than
clients wait, and a person is asked before more is spent than they allowed.
"""

from __future__ import annotations

import hashlib
import json as json_
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import anyio.to_thread
from mcp.server.fastmcp import Context, FastMCP
from mcp.shared.exceptions import McpError
from pydantic import BaseModel, Field

from cli.errors import CommandError
from cli.options import filters
from cli.output import counted
from cli.users.requests import checked, guessed_kind, image
from reelkeep.domain.task import Kind, State

if TYPE_CHECKING:
    from cli.api import Api, Task

T = TypeVar("T")

LONGEST_CALL: Final = 45.0  # seconds; clients give up after 60
_PAUSE: Final = 3.0  # seconds between two looks at a task
_INSTRUCTIONS: Final = (
    "Reelkeep makes videos and keeps them for good. Submit with submit_video, then call watch_video until the task"
    " has ended (minutes), then give the person the link, which lasts. Videos cost money: submit what was asked for,"
    " once."
)


class Consent(BaseModel):
    go_on: bool = Field(description="Whether this video may be made.")


@dataclass
class Budget:
    """What one session may spend before its person is asked."""

    videos: int
    limit: Decimal | None = None
    unit: str = "credits"  # of the limit and of what was spent: a provider's, or a currency
    spent: dict[str, Decimal | None] = field(default_factory=dict)  # by task; None if nobody knows

    @property
    def wants_price(self) -> bool:
        """Whether there is a limit, or the person is to be asked anyway."""
        return self.limit is not None or len(self.spent) >= self.videos

    def allows(self, price: Decimal | None) -> bool:
        """Whether one more may be made, at this price, without asking. What has no price may cost anything."""
        if len(self.spent) >= self.videos:
            return False
        return self.limit is None or (price is not None and self.total + price <= self.limit)

    @property
    def total(self) -> Decimal:
        return sum((each for each in self.spent.values() if each is not None), Decimal())

    def in_words(self, sum: Decimal | None) -> str:
        return "a price that nobody knows" if sum is None else f"{sum.normalize():f} {self.unit}"

    def of(self, cost: Mapping[str, Any]) -> Decimal | None:
        """What a cost or a quote of the API is in the unit of the limit; None if it does not say."""
        for unit, number in ((cost["unit"], cost["units"]), (cost["currency"], cost["amount"])):
            if unit == self.unit and number is not None:
                return Decimal(number)
        return None


def build(
    api: Api, budget: Budget, sleep: Callable[[float], Any] | None = None, patience: float = LONGEST_CALL
) -> FastMCP[Any]:
    """The server. `sleep` is awaited between two looks at a task; a person has so many seconds for an answer."""
    tools = _Tools(api, budget, sleep or anyio.sleep, patience)
    server: FastMCP[Any] = FastMCP("reelkeep", instructions=_INSTRUCTIONS, log_level="ERROR")
    for tool in (
        tools.submit_video,
        tools.watch_video,
        tools.find_videos,
        tools.get_link,
        tools.cancel_video,
        tools.cost_so_far,
    ):
        server.add_tool(tool)
    return server


@dataclass
class _Tools:
    api: Api
    budget: Budget
    sleep: Callable[[float], Any]
    patience: float  # seconds that a person has for an answer
    submitted: set[str] = field(default_factory=set)  # the idempotency keys of this session
    one_by_one: anyio.Lock = field(default_factory=anyio.Lock)

    async def submit_video(
        self,
        ctx: Context[Any, Any, Any],
        prompt: str,
        model: str = "",
        images: list[str] | None = None,
        kind: str = "",
        duration: int | None = None,
        resolution: str = "",
        aspect_ratio: str = "",
        take: int = 1,
    ) -> dict[str, Any]:
        """Have a video made; it costs money. Answers at once with the task's id, while the video takes minutes.

        Repeating the same call is safe: it gives the same task. For another video of the same request, give another
        `take`. `images` are links, `reelkeep:` ids or paths of files; `kind` is one of text2video, img2video,
        reference2video, start-end2video, extend, upscale, lip-sync, and follows from the images if it is left out.
        """
        body = await self._do(
            _body,
            kind=kind,
            prompt=prompt,
            model=model,
            images=images or [],
            duration=duration,
            resolution=resolution,
            aspect_ratio=aspect_ratio,
        )
        key = _idempotency_key(body, take)
        async with self.one_by_one:  # or two at once would spend what is left for one
            price = None
            if key not in self.submitted and self.budget.wants_price:
                price = await self._price(body)
                if not self.budget.allows(price):
                    await self._ask(ctx, prompt, price)
            task = await self._do(self.api.post, "/tasks", body, idempotency_key=key)
            self.submitted.add(key)
            self.budget.spent.setdefault(task["id"], price)
        self._settle(task)
        return shown(task)

    async def watch_video(self, ctx: Context[Any, Any, Any], task_id: str) -> dict[str, Any]:
        """Wait for a task, for less than a minute. Call it again until `ended` is true."""
        waited = 0.0
        task = await self._do(self.api.task, task_id)
        while not _ended(task) and waited + _PAUSE <= LONGEST_CALL:
            await ctx.report_progress(waited, LONGEST_CALL, _progress(task))
            await self.sleep(_PAUSE)
            waited += _PAUSE
            task = await self._do(self.api.task, task_id)
        self._settle(task)
        return shown(task)

    async def find_videos(
        self, search: str = "", state: str = "", tag: str = "", starred: bool | None = None, limit: int = 10
    ) -> dict[str, Any]:
        """Find tasks, newest first: by words of the prompt, a state (success, failed, …), a tag, a star."""
        chosen = filters(
            state=[State(state)] if state else None, tag=[tag] if tag else None, starred=starred, search=search
        )
        page = await self._do(self.api.get, "/tasks", [*chosen, ("limit", str(max(1, min(limit, 100))))])
        return {"videos": [shown(task) for task in page["tasks"]], "more": page["next_cursor"] is not None}

    async def get_link(self, task_id: str) -> dict[str, Any]:
        """The permanent links of a finished video and its cover. They need no key, and players can seek."""
        task = await self._do(self.api.task, task_id)
        if task["state"] != State.SUCCESS:
            raise ValueError(f"{task_id} has no video: it is {_progress(task)}")
        links = [{"video": each["url"], "cover": each["cover_url"]} for each in task["creations"]]
        return {"id": task_id, "links": links}

    async def cancel_video(self, task_id: str) -> dict[str, Any]:
        """Cancel a task that the provider has not begun."""
        return shown(await self._do(self.api.post, f"/tasks/{task_id}/cancel"))

    async def cost_so_far(self, days: int = 1) -> dict[str, Any]:
        """What this session and the last days cost, and what may be spent before a person is asked."""
        since = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        tasks = await self._do(lambda: list(self.api.tasks([("created_from", since)])))
        costs, unit = (self.budget.of(each["cost"]) or Decimal() for each in tasks), self.budget.unit
        return {
            "session": {"videos": len(self.budget.spent), unit: _number(self.budget.total)},
            "days": {"days": days, "videos": len(tasks), unit: _number(sum(costs, Decimal()))},
            "asks_after": {"videos": self.budget.videos, unit: _number(self.budget.limit)},
        }

    async def _price(self, body: Mapping[str, Any]) -> Decimal | None:
        """Of the dearest provider that could do it: which one will, the stack decides. None if one has no price."""
        quotes = [each for each in (await self._do(self.api.post, "/quote", body))["quotes"] if each["possible"]]
        prices = [self.budget.of(each) for each in quotes]
        known = [each for each in prices if each is not None]
        return max(known) if known and len(known) == len(prices) else None

    async def _ask(self, ctx: Context[Any, Any, Any], prompt: str, price: Decimal | None) -> None:
        """Raises ValueError unless the person says yes, in time."""
        words, spent = self.budget.in_words, len(self.budget.spent)
        used = f"{counted(spent, 'video')} ({words(self.budget.total)}) submitted in this session"
        question = f"{used}. May one more be made, for {words(price)}: “{prompt[:200]}”?"
        answer = None
        try:
            with anyio.move_on_after(self.patience):
                answer = await ctx.elicit(question, Consent)
        except McpError as error:
            raise ValueError(
                f"{used}, which is all that was allowed, and this client cannot ask: the person may start"
                " `reelkeep mcp` with a greater --ask-after or --limit"
            ) from error
        if answer is None:
            raise ValueError(f"{used}, and the person has not answered yet: nothing was submitted; ask again")
        if answer.action != "accept" or not answer.data.go_on:
            raise ValueError(f"{used}, and the person does not want one more: nothing was submitted")

    def _settle(self, task: Task) -> None:
        if task["id"] in self.budget.spent:
            self.budget.spent[task["id"]] = self.budget.of(task["cost"]) or self.budget.spent[task["id"]]

    async def _do(self, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """In a thread, since the API's client waits. What goes wrong is a sentence for the assistant."""
        try:
            return await anyio.to_thread.run_sync(partial(call, *arguments, **named))
        except CommandError as error:
            raise ValueError(str(error).replace("--", "")) from error


def _body(*, kind: str, images: list[str], **more: Any) -> dict[str, Any]:
    pictures = [image(each) for each in images]
    return checked({"kind": Kind(kind) if kind else guessed_kind(pictures, "", ""), "images": pictures, **more})


def _idempotency_key(body: Mapping[str, Any], take: int) -> str:
    """The same for the same request, whoever repeats it: a session that begins anew, too."""
    said = json_.dumps([body, take], sort_keys=True)
    return f"mcp-{hashlib.sha256(said.encode()).hexdigest()[:40]}"


def shown(task: Mapping[str, Any]) -> dict[str, Any]:
    """What an assistant needs of a task."""
    found = {
        "id": task["id"],
        "state": task["state"],
        "ended": _ended(task),
        "prompt": task["prompt"],
        "model": task["model"],
        "created_at": task["created_at"],
        "credits": task["credits"],
        "place_in_line": (task.get("waiting") or {}).get("position"),
        "failure": (task["failure"] or {}).get("message") or (task["failure"] or {}).get("reason"),
        "links": [each["url"] for each in task["creations"] if each["url"]],
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _ended(task: Mapping[str, Any]) -> bool:
    return task["state"] in ("success", "failed", "cancelled", "expired")


def _progress(task: Mapping[str, Any]) -> str:
    from cli.users.waiting import in_words

    return in_words(dict(task))
