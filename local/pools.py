"""How many of a function's workers run at a time, and who gets one."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from queue import Empty, SimpleQueue
from typing import Any, Final

from local.workers import Function, FunctionError, Worker, failed

WORKERS: Final = min(16, max(4, os.cpu_count() or 1))  # of each function
START_SECONDS: Final = 120.0
WAIT_SECONDS: Final = 900.0  # for a worker
IDLE_SECONDS: Final = 60.0  # after which a surplus worker goes


class Pool:
    """The workers of one function.

    There are only so many, and they start one after the other: on a machine that is busy, waiting for a worker that
    runs is quicker than starting one more. Who waits is served in turn.
    """

    def __init__(self, function: Function, most: int = WORKERS) -> None:
        self._function = function
        self._most = most
        self._lock = threading.Lock()
        self._workers = 0  # idle, at work and starting
        self._starting = False
        self._closed = False
        self._idle: list[Worker] = []  # the most recently used one last
        self._waiting: deque[SimpleQueue[Worker | FunctionError]] = deque()

    def warm_up(self) -> None:
        """Starts a first worker before anyone asks."""
        with self._lock:
            self._start_another()

    def invoke(self, event: Any, request_id: str, patience: float = WAIT_SECONDS) -> Any:
        """What the function returns, or `FunctionError`.

        Lambda would start one more environment: so waiting for a worker, up to `patience` seconds, takes nothing from
        the function's own time.
        """
        worker = self._take(patience)
        try:
            return worker.invoke(event, request_id)
        finally:
            self._put_back(worker)

    def _take(self, patience: float) -> Worker:
        place: SimpleQueue[Worker | FunctionError] = SimpleQueue()
        with self._lock:
            if self._idle:
                return self._idle.pop()
            self._waiting.append(place)
            self._start_another()
        try:
            handed = place.get(timeout=patience)
        except Empty:
            with self._lock:
                if place in self._waiting:
                    self._waiting.remove(place)
                else:  # it came this very moment
                    self._hand_on(place.get())
            raise failed("Sandbox.Timedout", f"{self._function.name} had no worker free in time") from None
        if isinstance(handed, FunctionError):
            raise handed
        return handed

    def _put_back(self, worker: Worker) -> None:
        worker.idle_since = time.monotonic()
        with self._lock:
            if worker.usable and not self._closed:
                self._hand_on(worker)
                return
            self._workers -= 1
            if self._waiting:
                self._start_another()
        worker.stop()

    def _hand_on(self, outcome: Worker | FunctionError) -> None:
        if self._waiting:
            self._waiting.popleft().put(outcome)
        elif isinstance(outcome, Worker):
            self._idle.append(outcome)

    def _start_another(self) -> None:
        if self._workers < self._most and not (self._starting or self._closed):
            self._starting = True
            self._workers += 1
            threading.Thread(target=self._start, daemon=True).start()

    def _start(self) -> None:
        worker = Worker(self._function)
        outcome: Worker | FunctionError = worker
        try:
            worker.await_ready(time.time() + START_SECONDS)
        except FunctionError as error:
            outcome = error
        with self._lock:
            self._starting = False
            lost = self._closed or outcome is not worker
            self._workers -= lost
            if not self._closed:
                self._hand_on(outcome)
            if self._waiting:
                self._start_another()
        if lost:
            worker.stop()

    def retire(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Stops the workers that had nothing to do for so long, all but one."""
        limit = time.monotonic() - idle_seconds
        with self._lock:
            old = [worker for worker in self._idle[:-1] if worker.idle_since < limit]
            self._idle = [worker for worker in self._idle if worker not in old]
            self._workers -= len(old)
        for worker in old:
            worker.stop()

    def close(self) -> None:
        """Stops every idle worker now, and the others when they have answered."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            self._workers -= len(idle)
            while self._waiting:
                self._waiting.popleft().put(failed("ServiceException", "the local cloud is stopping"))
        for worker in idle:
            worker.stop()
