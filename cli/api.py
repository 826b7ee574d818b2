"""A stack's native API, as its clients see it: requests, repeats of what may be repeated, errors as sentences."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import httpx

from cli.errors import CommandError, KeyRefused, NothingFound, Unreachable, WrongFields
from cli.profiles import LOCAL, Profile

Task = dict[str, Any]  # as the API shows it
Parameters = Sequence[tuple[str, str]]

ENDED: Final = ("success", "failed", "cancelled", "expired")
LARGEST_PAGE: Final = 100
_WAITS: Final = (0.5, 1.0, 2.0, 4.0)  # seconds before each repeat
_LONGEST_WAIT: Final = 30.0  # seconds, whatever the stack asks for
_BUSY: Final = (429, 502, 503, 504)


class Api:
    def __init__(
        self,
        profile: Profile,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.profile = profile
        self._sleep = sleep
        local = profile.name == LOCAL  # a proxy has no business between us and this machine
        self._http = httpx.Client(
            base_url=profile.url,
            headers={"authorization": f"Token {profile.key}"},
            timeout=httpx.Timeout(40, connect=10),
            transport=transport,
            trust_env=not local,
        )
        # Permanent links need no key, and what they lead to must not see it.
        self.files = httpx.Client(
            timeout=httpx.Timeout(60, connect=10), follow_redirects=True, transport=transport, trust_env=not local
        )

    def close(self) -> None:
        self._http.close()
        self.files.close()

    def get(self, path: str, parameters: Parameters = ()) -> Any:
        return self._call("GET", path, parameters=parameters, repeats=True)

    def post(self, path: str, body: Any = None, *, idempotency_key: str = "") -> Any:
        """Repeated after a lost answer only with a key, under which a repeat is none."""
        headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
        return self._call("POST", path, body=body, headers=headers, repeats=bool(idempotency_key))

    def patch(self, path: str, body: Any) -> Any:
        return self._call("PATCH", path, body=body, repeats=True)

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path, repeats=False)

    def task(self, task_id: str) -> Task:
        return dict(self.get(f"/tasks/{quoted(task_id)}"))

    def tasks(self, parameters: Parameters = (), *, page: int = LARGEST_PAGE) -> Iterator[Task]:
        """Every task that matches the filters, newest first."""
        cursor: str | None = ""
        while cursor is not None:
            more = [*parameters, ("limit", str(page)), *([("cursor", cursor)] if cursor else [])]
            found = self.get("/tasks", more)
            yield from found["tasks"]
            cursor = found["next_cursor"]

    def some(self, task_ids: Sequence[str]) -> list[Task]:
        """These tasks, in this order. Raises NothingFound for one that is not there."""
        unique = list(dict.fromkeys(task_ids))
        found: dict[str, Task] = {}
        for start in range(0, len(unique), LARGEST_PAGE):
            part = unique[start : start + LARGEST_PAGE]
            if len(part) == 1:
                found[part[0]] = self.task(part[0])
            else:
                found |= {each["id"]: each for each in self.tasks([("task_id", task_id) for task_id in part])}
        for task_id in unique:
            if task_id not in found:
                raise NothingFound(f"there is no task {task_id}")
        return [found[task_id] for task_id in unique]

    def _call(
        self,
        method: str,
        path: str,
        *,
        parameters: Parameters = (),
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeats: bool,
    ) -> Any:
        waits = iter(_WAITS if repeats else ())
        while True:
            wait = next(waits, None)
            try:
                answer = self._http.request(method, path, params=list(parameters), json=body, headers=headers)
            except httpx.TransportError as error:
                if wait is None or isinstance(error, (httpx.UnsupportedProtocol, httpx.ConnectError)):
                    raise self._unreachable(error) from error
            else:
                if wait is None or answer.status_code not in _BUSY:
                    return self._read(answer)
                with suppress(ValueError):
                    wait = min(_LONGEST_WAIT, float(answer.headers.get("retry-after", wait)))
            self._sleep(wait)

    def _read(self, answer: httpx.Response) -> Any:
        if answer.is_success:
            if not answer.content:
                return None
            with suppress(ValueError):
                return answer.json()
            raise CommandError(f"{self.profile.url} is no Reelkeep: it answered something that is not JSON")
        raise self._error(answer)

    def _error(self, answer: httpx.Response) -> CommandError:
        try:
            problem = json.loads(answer.content)
            detail = str(problem["detail"])
        except (ValueError, KeyError, TypeError):
            return Unreachable(
                f"{self.profile.url} answered {answer.status_code} {answer.reason_phrase}, as no Reelkeep does"
            )
        fields = [(str(each["field"]), str(each["message"])) for each in problem.get("errors") or ()]
        match answer.status_code:
            case 401:
                return KeyRefused(
                    f"{self.profile.url} does not accept the key of the profile {self.profile.name!r}:"
                    " log in again with `reelkeep login`"
                )
            case 404:
                return NothingFound(detail)
            case 400 | 413 | 422 if fields:
                return WrongFields(fields)
            case status if status >= 500 or status == 429:
                return Unreachable(f"{self.profile.url} answered {status}: {detail}")
        return CommandError(detail)

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        reason = str(error) or type(error).__name__
        if isinstance(error, httpx.TimeoutException):
            reason = "it takes too long"
        hint = "; is `reelkeep up` running?" if self.profile.name == LOCAL else ""
        return Unreachable(f"{self.profile.url} does not answer: {reason.strip()}{hint}")


def quoted(part: str) -> str:
    """As a part of a path, whatever somebody typed."""
    from urllib.parse import quote

    return quote(part, safe="") or "-"
