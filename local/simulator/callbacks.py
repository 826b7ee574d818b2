"""Calls whoever asked for it when a task changes: at the `callback_url` of its submission, over real HTTP.

Sources: platform.vidu.com/docs/callback-signature, volcengine.com/docs/82379/1520757. Undocumented, so chosen here:
Vidu, too, waits 5 seconds for an answer; a call is repeated after 0.5, 1 and 2 seconds. What was asked for is
forgotten when the simulator stops, since it holds the key that Vidu signs with.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3

from local.simulator.clock import rfc3339
from local.simulator.faults import Fault
from local.simulator.tasks import State, Task

if TYPE_CHECKING:
    from local.simulator.simulator import Simulator

_EVERY = 0.05  # seconds of the machine's time between two looks at what changed
_TIMEOUT = 5.0
_RETRIES = (0.5, 1.0, 2.0)
_OVER = ("success", "failed", "cancelled")


@dataclass
class CallbackRequest:
    """To be called at `url` in these states of the task, with what `body` then says."""

    task: Task
    url: str
    states: tuple[State, ...]
    repeated: tuple[State, ...]  # in which a call that was not answered well is repeated
    body: Callable[[], Any]
    key: str = ""  # what the call is signed with, as Vidu does; empty: it is not
    last_state: State | None = None


@dataclass
class Callbacks:
    """`calls` is what was called: by task, each with its state, time and the answers' statuses (0: none came)."""

    calls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pending: list[CallbackRequest] = field(default_factory=list)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def add(self, request: CallbackRequest) -> None:
        self.pending.append(request)

    async def run(self, simulator: Simulator) -> None:
        """Until the simulator closes."""
        while not simulator.closing:
            for request in self.pending:
                state = simulator.state(request.task)
                if state != request.last_state and state in request.states:
                    self._call(simulator, request, state)
                request.last_state = state
            self.pending = [request for request in self.pending if request.last_state not in _OVER]
            await simulator.pause(_EVERY)
        await asyncio.gather(*self._under_way)

    def _call(self, simulator: Simulator, request: CallbackRequest, state: State) -> None:
        fault = simulator.faults.take("callback", directed=request.task.directives.faults, whose=request.task.id)
        if fault is not None and fault.do == "lose":
            return
        body = json.dumps(request.body()).encode()
        for _ in range(2 if fault is not None and fault.do == "twice" else 1):
            call = asyncio.create_task(self._deliver(simulator, request, state, body, fault))
            self._under_way.add(call)
            call.add_done_callback(self._under_way.discard)

    async def _deliver(
        self, simulator: Simulator, request: CallbackRequest, state: State, body: bytes, fault: Fault | None
    ) -> None:
        if fault is not None and fault.do == "slow":
            await simulator.pause(5 if fault.seconds is None else fault.seconds)
        record: dict[str, Any] = {"state": state, "at": rfc3339(simulator.clock.now()), "answers": []}
        self.calls.setdefault(request.task.id, []).append(record)
        key = "forged" if fault is not None and fault.do == "forged" else request.key
        for wait in (0.0, *(_RETRIES if state in request.repeated else ())):
            await simulator.pause(wait)
            if simulator.closing:
                return
            headers = signed(request.url, key, simulator.clock.now()) if request.key else {}
            status = await asyncio.to_thread(_post, request.url, body, headers)
            record["answers"].append(status)
            if 200 <= status < 300:
                return


def signed(url: str, key: str, now: float) -> dict[str, str]:
    """The headers of a call, as Vidu's gateway makes them."""
    parts, date, nonce = urlsplit(url), formatdate(now, usegmt=True), token_hex(8)
    named = {"Date": date, "x-request-nonce": nonce}
    lines = ["POST", parts.path, parts.query, "vidu", date, *(f"{name}:{value}" for name, value in named.items())]
    text = "".join(f"{line}\n" for line in lines)
    return {
        **named,
        "X-HMAC-SIGNED-HEADERS": ";".join(named),
        "X-HMAC-ALGORITHM": "hmac-sha256",
        "X-HMAC-ACCESS-KEY": "vidu",
        "X-HMAC-SIGNATURE": base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode(),
    }


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of the answer; 0 if there was none."""
    headers = {"content-type": "application/json", **headers}
    try:
        return urllib3.request("POST", url, body=body, headers=headers, timeout=_TIMEOUT, retries=False).status
    except urllib3.exceptions.HTTPError:
        return 0
