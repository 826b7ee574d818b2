"""The way to the providers, and what they do there: the simulator, on bad days."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit
from zlib import crc32

from local.simulator.callbacks import signed
from local.simulator.simulator import Simulator
from local.simulator.tasks import Order
from local.simulator.tasks import Task as Made
from reelkeep.adapters.http.outbound import AnswerLost, NotSent, Outbound
from reelkeep.domain.wire import ProviderResponse
from tests.chaos.faulty_transport import Killed
from tests.chaos.provider import Provider
from tests.chaos.simulation.odd import Odd
from tests.chaos.simulation.world import DAYS, LISTING, World, number_in
from tests.unit.services.harness import NOON

_PAGES = {"vidu_ent_v2": ("pager.pagesz", (20, 50)), "volc_ark": ("page_size", (300,))}  # cut to one of these
_LAGS = (30.0, 600.0, 3600.0, 3 * 3600.0, 10 * 3600.0)  # seconds
_LATEST = 1200.0  # seconds until what is listed out of order is listed


class Accounts(Simulator):
    """One simulator for all providers. A list can be asked for as it was, and each task may have its own delay."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]  # as the simulator's own
        self._made: dict[str, list[Made]] = defaultdict(list)
        self._view: tuple[str, float, float] | None = None  # whose list, and from when to when it reaches
        self.accepted: Callable[[Made], None] = lambda made: None
        self.stamp: Callable[[Made], float] = lambda made: made.created_at
        self._signed: dict[tuple[str, str], tuple[float, str]] = {}  # when, and the link

    def accept(self, order: Order) -> Made:
        made = super().accept(order)
        self._made[order.dialect].append(made)
        self.accepted(made)
        return made

    def tasks(self) -> list[Made]:
        if self._view is None:
            return super().tasks()
        dialect, since, until = self._view
        self._settle()
        return [
            made
            for made in reversed(self._made[dialect])
            if made.created_at + _own_delay(made) <= until and self.stamp(made) >= since
        ]

    def made(self, task_id: str) -> Made | None:
        return self._tasks.get(task_id)

    def as_of(self, dialect: str, since: float, until: float) -> None:
        """As it was, filtered by the provider's own clock."""
        self._view = (dialect, since, until)

    def as_it_is(self) -> None:
        self._view = None

    def link(self, task: Made, asset: str, *, dead: bool = False) -> str:
        """Not signed anew for every page of a list."""
        now, (at, link) = self.clock.now(), self._signed.get((task.id, asset), (0.0, ""))
        if dead or now - at > (120 if asset == "cover.jpeg" else 3600):  # a cover's link lives for an hour only
            at, link = now, super().link(task, asset, dead=dead)
        if not dead:
            self._signed[task.id, asset] = at, link
        return link

    def spent(self) -> int:
        return 0  # there is always enough, and to count it takes long


def _own_delay(made: Made) -> float:
    number = crc32(made.id.encode())
    return number % _LATEST if number % 17 == 0 else 0.0


@dataclass(frozen=True)
class Mood:
    """How a list is for some hours."""

    until: datetime
    lag: float = 0.0
    page: int = 0  # no page is longer; 0: as long as was asked for
    tokens: bool = True


class Line(Outbound):
    """Everything that goes to a provider goes here."""

    def __init__(self, world: World, provider: Provider) -> None:
        self._world = world
        self._provider = provider
        self._said: dict[str, ProviderResponse] = {}  # the first answer to each look
        self._moods: dict[str, Mood] = {}
        simulator = provider.simulator
        assert isinstance(simulator, Accounts)
        self._odd = Odd(world, simulator.made)
        simulator.accepted, simulator.stamp = self._odd.accepted, self._odd.stamp
        self.called: Callable[[str, Mapping[str, str]], None] = lambda url, headers: None

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes | memoryview] | None = None,
        seconds: float = 20.0,
        limit_bytes: int = 8 << 20,
        allow_private: bool = False,
    ) -> ProviderResponse:
        assert isinstance(body, bytes | None)
        return self._sent(method, url, headers or {}, body or b"")

    def _sent(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> ProviderResponse:
        world, host = self._world, urlsplit(url).netloc
        world.takes(world.random.uniform(0.05, 2))
        world.tell(f"{method} {urlsplit(url).path}")
        if world.happens("provider: killed before", 0.002):
            raise Killed
        if world.happens("provider: out of reach", 0.02):
            raise NotSent("connection refused")
        if world.happens("provider: cut before", 0.01):
            world.takes(20)
            raise AnswerLost("no answer in time")
        if world.down(host, 0.0003, 3600) or world.happens("provider: 503", 0.01):
            return ProviderResponse(status=503, body=b"<html>Bad gateway</html>")
        if world.happens("provider: 429", 0.03):
            wait = world.random.choice(["1", "40", "900", "tomorrow"])
            return ProviderResponse(status=429, headers={"retry-after": wait}, body=b"{}")
        if method == "POST" and world.happens("provider: a refusal inside a 200", 0.002):
            return self._refused_inside(body)
        if method == "GET" and world.happens("provider: 404", 0.01):
            url = re.sub(r"(\d)(?=/|$|\?)", "000\\1", url, count=1)
        answer = self._answered(method, url, headers, body)
        if world.happens("provider: killed after", 0.002):
            raise Killed
        if world.happens("provider: answer lost", 0.01):
            raise AnswerLost("the connection was cut")
        if world.happens("provider: 502 though it was done", 0.005):
            return ProviderResponse(status=502, body=b"")
        if world.happens("provider: nonsense", 0.01):
            return ProviderResponse(
                status=200, body=world.random.choice([b"", b"<html>", b"{}", b"[]", answer.body[:-9]])
            )
        if method == "GET":
            answer = self._odd.told(_name(host), self._malformed(url, answer))
        return answer

    def _refused_inside(self, body: bytes) -> ProviderResponse:
        number = number_in(body.decode())
        if number is not None:
            self._world.refused.add(number)
        said = {"code": 400, "reason": "TaskPromptPolicyViolation", "message": "not this", "error": {}}
        said["error"] = {"code": "InputTextSensitiveContentDetected", "message": "not this"}
        return ProviderResponse(status=200, body=json.dumps(said).encode())

    def _malformed(self, url: str, answer: ProviderResponse) -> ProviderResponse:
        """An answer of before, or one with something left out or said twice."""
        world = self._world
        if "?" not in url:
            first = self._said.setdefault(url, answer)
            if world.happens("provider: a status of before", 0.03):
                return first
        if world.happens("provider: no links", 0.02):
            return ProviderResponse(status=answer.status, body=re.sub(rb'"http[^"]*"', b'""', answer.body))
        if world.happens("provider: no creations", 0.02):
            body = re.sub(rb'"(creations|videos|content|data)":\s*([\[{])', rb'"\1_":\2', answer.body)
            return ProviderResponse(status=answer.status, body=body)
        return answer

    def _answered(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> ProviderResponse:
        name = _name(urlsplit(url).netloc)
        if method == "GET" and "?" in url and name in LISTING:
            return self._listed(name, url, headers)
        answer = self._from_simulator(method, url, headers, body)
        if method == "POST":
            self._hear_wishes()
        return answer

    def _from_simulator(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> ProviderResponse:
        given = {**headers, "host": urlsplit(url).netloc}
        status, content = parted(self._provider.answer(method, url, given, body))
        return ProviderResponse(status=status, body=content)

    # Lists --------------------------------------------------------------------------------------------------

    def _listed(self, name: str, url: str, headers: Mapping[str, str]) -> ProviderResponse:
        mood, simulator = self._mood(name), self._provider.simulator
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        if mood.page:
            size, _ = _PAGES[name]
            query[size] = str(min(int(query[size]), mood.page))
        since = query.pop("created_at.from", "")
        url = parts._replace(query=urlencode(query)).geturl()
        assert isinstance(simulator, Accounts)
        begins = datetime.fromisoformat(since).timestamp() if since else -math.inf
        simulator.as_of(name, begins, self._world.now.timestamp() - mood.lag)
        try:
            answer = self._from_simulator("GET", url, headers, b"")
        finally:
            simulator.as_it_is()
        if mood.tokens or answer.status != 200:
            return answer
        return ProviderResponse(
            status=200, body=json.dumps({**json.loads(answer.body), "next_page_token": ""}).encode()
        )

    def _mood(self, name: str) -> Mood:
        """Changes every few hours; some hours after the last submission, all is as it should be."""
        world, mood = self._world, self._moods.get(name)
        if mood is None or world.now >= mood.until:
            until = world.now + timedelta(seconds=world.random.uniform(600, 6 * 3600))
            mood = Mood(until)
            if world.now < NOON + timedelta(days=DAYS, hours=12):
                lag = world.random.choice([0.0, 0.0, 0.0, *_LAGS])
                page = world.random.choice([0, 0, *_PAGES[name][1]])
                mood = Mood(until, lag, page, tokens=name != "vidu_ent_v2" or world.random.random() < 0.5)
                said = {f"list: {lag:.0f} s late": lag, "list: pages cut": page}
                world.report.happened.update(what for what, so in said.items() if so)
            self._moods[name] = mood
        return mood

    # Calls about tasks --------------------------------------------------------------------------------------

    def _hear_wishes(self) -> None:
        """Callbacks are sent when a task begins and when it is done: not at all, twice, or late."""
        world, callbacks = self._world, self._provider.simulator.callbacks
        for wish in callbacks.pending:
            for moment in (wish.task.ready_at, wish.task.ready_at + wish.task.takes):
                if world.happens("a call is lost", 0.1):
                    continue
                for _ in range(2 if world.happens("a call comes twice", 0.1) else 1):
                    late = world.random.uniform(0, 20_000) if world.happens("a call comes late", 0.1) else 0.5
                    self._call(wish.url, wish.key, moment + late - world.now.timestamp())
        callbacks.pending.clear()

    def _call(self, url: str, key: str, seconds: float) -> None:
        def call() -> None:
            headers = signed(url, key, self._world.now.timestamp()) if key else {}
            self.called(url, {name.lower(): value for name, value in headers.items()})

        self._world.at(max(0.0, seconds), call)


def _name(host: str) -> str:
    return host.removesuffix(".test").replace("-", "_")


def parted(answer: bytes) -> tuple[int, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body
