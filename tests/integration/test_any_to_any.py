"""Any client, any provider, any reader: every dialect that is there, against the simulator, with the cloud played by
hand and time that only the tests move."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from queue import Queue
from threading import Thread
from urllib.parse import urljoin

import httpx
import pytest
from aws_lambda_powertools import Logger

from local.simulator.clock import Clock
from local.simulator.dialects import served
from local.simulator.server import Server
from local.simulator.simulator import Settings, Simulator
from reelkeep import dialects
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.api import Api
from reelkeep.dialects import all_dialects, upstream
from reelkeep.dialects.dialect import Show, Submit
from reelkeep.domain.ids import new_task_id
from reelkeep.domain.task import DispatchStatus, State, Task
from reelkeep.services.drift import CompareBalances
from reelkeep.services.end_reports import EndReports
from reelkeep.services.finalize import Finalize
from reelkeep.services.forecasts import Forecasts
from reelkeep.services.gates import Gates
from reelkeep.services.ledger import KeepLedger
from reelkeep.services.poll import Poll, Verdict
from reelkeep.services.query import ListTasks, show
from reelkeep.services.room import Room
from reelkeep.services.submit import Submit as SubmitTask
from tests.fakes.owners import FakeCounters, FakeKeys, FakeLedger
from tests.fakes.providers import FakeBalances, FakeDurations, FakeSlots
from tests.fakes.tasks import FakeClaims, FakeTasks
from tests.submissions import MODELS, submission
from tests.unit.services.harness import (
    ALICE,
    LONGEST_WAIT,
    NOON,
    FakeArchive,
    FakeDestinations,
    FakeExecutions,
    FakeNotices,
)

CLIENTS = {dialect.name: dialect for dialect in all_dialects()}
PROVIDERS = sorted(module.name for module in pkgutil.iter_modules(dialects.__path__) if upstream(module.name))
CELLS = [(client, provider) for client in sorted(CLIENTS) for provider in PROVIDERS]
FOREIGN = [(client, provider) for client, provider in CELLS if client not in (provider, "reelkeep")]

PROMPT = "a paper boat"
ROOTS = {provider.dialect: provider.path for provider in served()}


CALLBACK, NOWHERE = "https://me.test/callback", "https://nowhere.test/callback"


@dataclass
class Cloud:
    """Everything between a client and the simulator, on one clock."""

    simulator: Simulator
    address: str
    tasks: FakeTasks = field(default_factory=FakeTasks)
    claims: FakeClaims = field(default_factory=FakeClaims)
    slots: FakeSlots = field(default_factory=FakeSlots)
    archive: FakeArchive = field(default_factory=FakeArchive)
    notices: FakeNotices = field(default_factory=FakeNotices)
    now: datetime = NOON

    def __post_init__(self) -> None:
        configured = {
            name: {
                "dialect": name,
                "base_url": self.address + ROOTS[name],
                "api_key": "simulator",
                "models": [MODELS[name]],
                "allow_private": True,
            }
            for name in PROVIDERS
        }
        self.outbound = Outbound()
        self.providers = ConfiguredProviders(_Text(json.dumps(configured)), upstream, self.outbound)
        self.api = Api(
            keys=FakeKeys({"rk_alice": ALICE}),
            logger=Logger(service="test"),
            submit=SubmitTask(
                tasks=self.tasks,
                claims=self.claims,
                requests=self.archive,
                providers=self.providers,
                executions=FakeExecutions(),
                destinations=FakeDestinations({NOWHERE}),
                notices=self.notices,
                room=self.room,
                forecasts=self.forecasts,
                gates=Gates(FakeCounters()),
                longest_wait=LONGEST_WAIT,
                clock=self.clock,
                new_id=new_task_id,
            ),
            show=partial(show, tasks=self.tasks),
            list_tasks=ListTasks(self.tasks, self.clock),
            links=lambda kept: f"https://keep.test/{kept.key}",
        )

    @property
    def room(self) -> Room:
        return Room(self.tasks, self.slots, self.providers, FakeExecutions(), EndReports(self.slots), self.clock)

    @property
    def forecasts(self) -> Forecasts:
        return Forecasts(FakeDurations(), 6.0, self.clock)

    def clock(self) -> datetime:
        return self.now

    def skip(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.simulator.clock.advance(seconds)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        event = {
            "rawPath": path,
            "headers": {"authorization": "Bearer rk_alice", "content-type": "application/json"},
            "requestContext": {"requestId": "request-1", "http": {"method": method, "path": path}},
            "body": "" if body is None else json.dumps(body),
        }
        response = self.api.handle(event)
        return response["statusCode"], response["body"]

    def submitted(self, path: str, body: object) -> Task:
        """The task that this call made."""
        known = set(self.tasks.recorded)
        status, said = self.call("POST", path, body)
        assert 200 <= status < 300, said
        [task_id] = self.tasks.recorded.keys() - known
        assert task_id in said
        return self.tasks.recorded[task_id]

    def looked_at(self, task_id: str) -> Verdict:
        return Poll(
            tasks=self.tasks,
            claims=self.claims,
            requests=self.archive,
            providers=self.providers,
            notices=self.notices,
            room=self.room,
            forecasts=self.forecasts,
            clock=self.clock,
        )(task_id)

    def seen_through(self, task_id: str) -> Task:
        looked = self.looked_at(task_id)
        assert looked.finished, looked
        ended = Finalize(
            tasks=self.tasks,
            archive=self.archive,
            providers=self.providers,
            notices=self.notices,
            links=self.api.links,
            clock=self.clock,
        )(task_id, lambda: 900.0)
        assert ended.finished, ended
        return self.tasks.recorded[task_id]


@dataclass(frozen=True)
class _Text:
    text: str

    def value(self) -> str:
        return self.text


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    settings = Settings(data=tmp_path_factory.mktemp("simulator"), concurrency=1000)
    simulator = Simulator(settings, Clock(wall=NOON.timestamp))
    address: Queue[str] = Queue()
    server = Server(simulator, host="127.0.0.1", port=0, ready=address.put)
    thread = Thread(target=server.run)
    thread.start()
    opened = Cloud(simulator, address.get(timeout=10))
    yield opened
    opened.outbound.close()
    server.should_exit = True
    thread.join(timeout=10)


Ended = dict[tuple[str, str], Task | str]


@pytest.fixture(scope="module")
def ended(cloud: Cloud) -> Ended:
    """Every submission at every provider, seen through; or what went wrong with it."""

    def outcome(step: Callable[[], Task]) -> Task | str:
        try:
            return step()
        except AssertionError as error:
            return str(error)

    tasks: Ended = {}
    for client, provider in CELLS:
        path, body = submission(client, MODELS[provider], PROMPT)
        tasks[client, provider] = outcome(partial(cloud.submitted, path, body))
    cloud.skip(60)
    for cell, task in tasks.items():
        if isinstance(task, Task):
            tasks[cell] = outcome(partial(cloud.seen_through, task.id))
    return tasks


def test_every_providers_dialect_has_a_model() -> None:
    assert sorted(MODELS) == PROVIDERS


@pytest.mark.parametrize(("client", "provider"), CELLS)
def test_a_submission_in_any_dialect_is_served_by_a_provider_of_any_and_read_in_all(
    cloud: Cloud, ended: Ended, client: str, provider: str
) -> None:
    task = ended[client, provider]
    assert isinstance(task, Task), task
    assert (task.state, task.provider, task.request.dialect) == (State.SUCCESS, provider, client)
    assert (task.request.prompt, task.request.duration) == (PROMPT, 4)
    for reader in CLIENTS.values():
        for route in reader.routes:
            if isinstance(route, Show):
                status, said = cloud.call("GET", route.path.replace("{task_id}", task.id))
                assert (status, reader.name) == (200, reader.name), said
                assert task.id in said
                assert "1-video.mp4" in said, reader.name


def test_each_was_generated_once_and_as_long_as_was_asked_for(cloud: Cloud, ended: Ended) -> None:
    tasks = [task for task in ended.values() if isinstance(task, Task)]
    made = [task.order for task in cloud.simulator.tasks() if task.order.prompt == PROMPT]
    assert len(made) == len(CELLS) == len({(task.provider, task.provider_task_id) for task in tasks})
    assert {order.video.seconds for order in made} == {4}
    assert len(cloud.notices.told) == len(CELLS)


def lost(cloud: Cloud, provider: str, directive: str) -> Task:
    """A submission whose answer is lost, at a provider of this dialect."""
    body = {"kind": "text2video", "model": MODELS[provider], "prompt": f"lost at {provider} {directive}"}
    task = cloud.submitted("/tasks", {**body, "duration": 4, "resolution": "720p"})
    assert task.dispatch.status is DispatchStatus.UNKNOWN
    return task


def made_of(cloud: Cloud, task: Task) -> list[str]:
    """The ids of what the provider made, as often as it did."""
    return [made.id for made in cloud.simulator.tasks() if task.request.prompt.startswith(made.order.prompt)]


LISTING = ["kling", "vidu_ent_v2", "volc_ark"]  # what can tell what became of a submission


@pytest.mark.parametrize("provider", LISTING)
def test_a_submission_whose_answer_was_lost_is_found_in_the_providers_list_and_paid_once(
    cloud: Cloud, provider: str
) -> None:
    tasks = [lost(cloud, provider, f"{number} [lose:1]") for number in range(3)]
    cloud.skip(60)
    for task in tasks:
        cloud.looked_at(task.id)
        found = cloud.tasks.recorded[task.id]
        assert found.provider_task_id.removeprefix("cgt-") in made_of(cloud, task)
        assert cloud.seen_through(task.id).state is State.SUCCESS
        assert len(made_of(cloud, task)) == 1


@pytest.mark.parametrize("provider", LISTING)
def test_a_submission_that_a_provider_never_received_is_certainly_not_in_its_list_and_dispatched_again(
    cloud: Cloud, provider: str
) -> None:
    cloud.skip(3600)
    task = lost(cloud, provider, "[500:1]")
    cloud.skip(2400)
    cloud.looked_at(task.id)  # for all that the list tells, it may be from before the call
    assert cloud.tasks.recorded[task.id].dispatch.status is DispatchStatus.UNKNOWN
    younger = {"kind": "text2video", "model": MODELS[provider], "prompt": "younger", "duration": 4}
    cloud.submitted("/tasks", younger)
    cloud.looked_at(task.id)
    assert cloud.tasks.recorded[task.id].dispatch.status is DispatchStatus.WAITING
    cloud.looked_at(task.id)
    cloud.skip(60)
    assert cloud.seen_through(task.id).state is State.SUCCESS
    assert len(made_of(cloud, task)) == 1


@pytest.mark.parametrize("provider", sorted(set(PROVIDERS) - set(LISTING)))
def test_where_a_lost_submission_cannot_be_found_it_ends_soon_and_is_never_made_again(
    cloud: Cloud, provider: str
) -> None:
    task = lost(cloud, provider, "[lose:1]")
    cloud.skip(180)
    assert cloud.looked_at(task.id).finished
    failure = cloud.tasks.recorded[task.id].failure
    assert failure is not None
    assert failure.message.startswith("outcome unknown")
    assert len(made_of(cloud, task)) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_link_that_a_provider_gave_leads_to_a_film(cloud: Cloud, ended: Ended, provider: str) -> None:
    task = ended["reelkeep", provider]
    assert isinstance(task, Task), task
    observed = cloud.providers.get(provider).observe(task)
    [creation] = observed.creations  # type: ignore[union-attr]  # a success: it was just archived
    url = urljoin(cloud.address, creation.assets[0].source)
    response = httpx.get(url, headers={"authorization": "Bearer simulator"}, timeout=20)
    assert (response.status_code, response.headers["content-type"]) == (200, "video/mp4")


@pytest.mark.parametrize(("client", "provider"), FOREIGN)
def test_what_a_foreign_provider_has_no_words_for_is_refused_by_name_before_it_costs_anything(
    cloud: Cloud, client: str, provider: str
) -> None:
    path, body = submission(client, MODELS[provider], PROMPT)
    known, made = len(cloud.tasks.recorded), len(cloud.simulator.tasks())
    status, said = cloud.call("POST", path, {**body, "hologram": {"depth": 3}})
    assert (status, "hologram" in said) == (400, True), said
    assert (len(cloud.tasks.recorded), len(cloud.simulator.tasks())) == (known, made)


@pytest.mark.parametrize(("client", "provider"), CELLS)
def test_a_callback_url_is_never_sent_to_a_provider(cloud: Cloud, client: str, provider: str) -> None:
    path, body = submission(client, MODELS[provider], PROMPT)
    task = cloud.submitted(path, {**body, "callback_url": CALLBACK})
    assert task.request.callback_url == CALLBACK
    speaks = upstream(provider)
    assert speaks is not None
    assert "me.test" not in json.dumps(speaks.dispatch(task).body)


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_a_callback_to_nowhere_is_refused_in_the_dialects_words_before_it_costs_anything(
    cloud: Cloud, client: str
) -> None:
    path, body = submission(client, MODELS[PROVIDERS[0]], PROMPT)
    known, made = len(cloud.tasks.recorded), len(cloud.simulator.tasks())
    status, said = cloud.call("POST", path, {**body, "callback_url": NOWHERE})
    assert (status, "callback_url" in said) == (400, True), said
    assert (len(cloud.tasks.recorded), len(cloud.simulator.tasks())) == (known, made)


@pytest.mark.parametrize("provider", ["vidu_ent_v2", "vidu_v1"])
@pytest.mark.parametrize("client", ["reelkeep", "vidu_ent_v2", "vidu_v1"])
def test_a_creation_of_ours_is_upscaled_where_it_was_made_under_its_id_there(
    cloud: Cloud, ended: Ended, client: str, provider: str
) -> None:
    source = ended["reelkeep", provider]
    assert isinstance(source, Task), source
    [creation] = source.creations
    path, body = {
        "reelkeep": ("/tasks", {"kind": "upscale", "creation_id": creation.id}),
        "vidu_ent_v2": ("/ent/v2/upscale-new", {"video_creation_id": creation.id}),
        "vidu_v1": (
            "/vidu/v1/tasks",
            {
                "type": "upscale",
                "input": {"creation_id": creation.id},
                "settings": {"model": "stable", "duration": 4},
            },
        ),
    }[client]
    task = cloud.submitted(path, body)
    assert task.provider == provider
    order = next(made.order for made in cloud.simulator.tasks() if made.id == task.provider_task_id)
    assert creation.provider_id in json.dumps(order.fields)
    assert creation.id not in json.dumps(order.fields)


def test_a_creation_of_ours_can_be_extended(cloud: Cloud, ended: Ended) -> None:
    source = ended["vidu_v1", "vidu_ent_v2"]
    assert isinstance(source, Task), source
    body = {"model": "viduq2-pro", "video_creation_id": source.creations[0].id, "prompt": "it sails on"}
    task = cloud.submitted("/ent/v2/extend", body)
    assert task.provider == "vidu_ent_v2"


def test_the_canonical_submissions_are_what_each_dialect_routes(cloud: Cloud) -> None:
    for name, client in CLIENTS.items():
        path, _ = submission(name, "m", PROMPT)
        assert path in {route.path for route in client.routes if isinstance(route, Submit)}


def test_a_task_is_not_shown_to_others(cloud: Cloud, ended: Ended) -> None:
    task = next(task for task in ended.values() if isinstance(task, Task))
    cloud.tasks.recorded[task.id] = replace(task, owner="bob")
    try:
        for reader in CLIENTS.values():
            for route in reader.routes:
                if isinstance(route, Show):
                    status, said = cloud.call("GET", route.path.replace("{task_id}", task.id))
                    assert status in (400, 404), said
    finally:
        cloud.tasks.recorded[task.id] = task


def test_what_somebody_else_spends_with_the_key_is_drift(cloud: Cloud) -> None:
    ledger, notices, metrics = FakeLedger(), FakeNotices(), list[tuple[str, float]]()
    compare = CompareBalances(
        cloud.providers,
        ledger,
        FakeBalances(),
        notices,
        lambda provider, name, value: metrics.append((provider, value)),
        cloud.clock,
    )
    path, body = submission("vidu_ent_v2", MODELS["vidu_ent_v2"], PROMPT)

    def an_hour_later() -> list[tuple[str, float]]:
        cloud.skip(3600)
        metrics.clear()
        compare()
        compare()  # within the hour, nobody is asked
        return metrics

    assert an_hour_later() == [("vidu_ent_v2", 0)]
    task = cloud.submitted(path, body)
    KeepLedger(ledger)(task)
    cloud.skip(60)
    KeepLedger(ledger)(cloud.seen_through(task.id))
    assert an_hour_later() == [("vidu_ent_v2", 0)]
    cost = int(task.credits or 0)
    with httpx.Client(base_url=cloud.address, headers={"authorization": "Token simulator"}) as somebody_else:
        for _ in range(200 // cost):
            said = somebody_else.post(path, json=body)
            assert said.status_code == 200, said.text
    spent = 200 // cost * cost
    assert an_hour_later() == [("vidu_ent_v2", spent)]
    [told] = notices.alerts
    assert (told["type"], told["data"]["unexplained"]) == ("reelkeep.provider.drift", str(spent))
    assert an_hour_later() == [("vidu_ent_v2", 0)]
