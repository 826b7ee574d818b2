"""`reelkeep mcp`, driven by the client of the package that defines the protocol."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import anyio
import httpx
import pytest
from mcp import ClientSession
from mcp.shared.context import RequestContext
from mcp.shared.memory import create_connected_server_and_client_session
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult

from cli.api import Api
from cli.assistant import LONGEST_CALL, Budget, build
from cli.profiles import Profile
from tests.api_server import KEY
from tests.unit.cli.harness import QUOTE, URL, Stack

Session = Callable[[ClientSession], Awaitable[None]]
Asked = list[str]


def run(
    stack: Stack,
    session: Session,
    *,
    budget: Budget | None = None,
    says: bool | None = None,
    patience: float = LONGEST_CALL,
) -> Asked:
    """What the person was asked, who says yes or no, or cannot be asked."""
    asked: Asked = []

    async def answer(context: RequestContext[Any, Any], params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"go_on": bool(says)})

    async def sleep(seconds: float) -> None:
        stack.harness.pass_(seconds)
        if stack.while_waiting:
            stack.while_waiting.pop(0)()

    async def drive() -> None:
        transport = httpx.MockTransport(stack._answer)
        api = Api(Profile("test", URL, KEY), transport=transport, sleep=lambda _: None)
        server = build(api, budget or Budget(videos=10), sleep, patience)
        callback = None if says is None else answer
        async with create_connected_server_and_client_session(server, elicitation_callback=callback) as client:
            await session(client)

    anyio.run(drive)
    return asked


def answered(result: CallToolResult) -> Any:
    assert not result.isError, result.content
    return result.structuredContent


def refused(result: CallToolResult) -> str:
    assert result.isError
    return str(getattr(result.content[0], "text", ""))


BOAT = {"prompt": "a paper boat", "model": "viduq2", "duration": 4}


def test_a_video_is_submitted_watched_and_linked(stack: Stack) -> None:
    async def session(client: ClientSession) -> None:
        said: list[str | None] = []

        async def report(progress: float, total: float | None, message: str | None) -> None:
            said.append(message)

        task = answered(await client.call_tool("submit_video", BOAT))
        assert (task["ended"], len(task["id"])) == (False, 32)
        stack.while_waiting = [lambda: None, stack.finish_all]
        watched = await client.call_tool("watch_video", {"task_id": task["id"]}, progress_callback=report)
        assert answered(watched)["state"] == "success"
        assert said == ["queueing", "queueing"]
        (link,) = answered(await client.call_tool("get_link", {"task_id": task["id"]}))["links"]
        assert link["video"].endswith("1-video.mp4")
        found = answered(await client.call_tool("find_videos", {"search": "paper"}))
        assert [each["id"] for each in found["videos"]] == [task["id"]]
        cost = answered(await client.call_tool("cost_so_far", {}))
        assert cost["session"] == {"videos": 1, "credits": 20}

    run(stack, session)


def test_what_an_assistant_repeats_is_paid_for_once_unless_it_wants_another_take(stack: Stack) -> None:
    async def session(client: ClientSession) -> None:
        takes = [BOAT, BOAT, {**BOAT, "take": 2}]
        ids = [answered(await client.call_tool("submit_video", each))["id"] for each in takes]
        assert ids[0] == ids[1] != ids[2]

    run(stack, session)
    assert len(stack.harness.provider.dispatched) == 2


def test_watching_never_lasts_as_long_as_a_client_waits(stack: Stack) -> None:
    async def session(client: ClientSession) -> None:
        task = answered(await client.call_tool("submit_video", BOAT))
        before = stack.harness.now
        watched = answered(await client.call_tool("watch_video", {"task_id": task["id"]}))
        assert watched["ended"] is False
        assert (stack.harness.now - before).total_seconds() <= LONGEST_CALL < 60

    run(stack, session)


@pytest.mark.parametrize(
    ("says", "submitted", "said"),
    [(True, 2, ""), (False, 1, "the person does not want one more"), (None, 1, "this client cannot ask")],
)
@pytest.mark.parametrize(
    "budget",
    [Budget(1), Budget(10, Decimal(39)), Budget(10, Decimal("0.99"), "USD")],
    ids=["videos", "credits", "money"],
)
def test_a_person_is_asked_before_more_is_spent_than_they_allowed(
    stack: Stack, says: bool | None, submitted: int, said: str, budget: Budget
) -> None:
    async def session(client: ClientSession) -> None:
        answered(await client.call_tool("submit_video", BOAT))
        second = await client.call_tool("submit_video", {**BOAT, "prompt": "a kite"})
        assert said in (refused(second) if said else "")

    asked = run(stack, session, budget=replace(budget, spent={}), says=says)
    assert len(stack.harness.provider.dispatched) == submitted
    assert len(asked) == (says is not None)
    price = "0.5 USD" if budget.unit == "USD" else "20 credits"
    assert all(f"1 video ({price}) submitted in this session" in question for question in asked)
    assert all(f"May one more be made, for {price}: “a kite”?" in question for question in asked)


DEARER = {**QUOTE, "provider": "ark", "units": "40"}
UNKNOWN = {**QUOTE, "units": None}
IMPOSSIBLE = {**UNKNOWN, "possible": False}


@pytest.mark.parametrize(
    ("quotes", "for_"),
    [([QUOTE, IMPOSSIBLE], ""), ([QUOTE, DEARER], "40 credits"), ([QUOTE, UNKNOWN], "a price that nobody knows")],
    ids=["cheap", "dear", "unknown"],
)
def test_a_person_is_asked_before_the_first_video_that_may_cost_more(
    stack: Stack, quotes: list[Any], for_: str
) -> None:
    stack.quotes = quotes

    async def session(client: ClientSession) -> None:
        assert (await client.call_tool("submit_video", BOAT)).isError is bool(for_)

    asked = run(stack, session, budget=Budget(10, Decimal(39)), says=False)
    assert [f"for {for_}: “a paper boat”" in question for question in asked] == ([True] if for_ else [])
    assert len(stack.harness.provider.dispatched) == (not for_)


def test_of_two_videos_at_once_one_is_asked_for_if_there_is_enough_for_one(stack: Stack) -> None:
    async def session(client: ClientSession) -> None:
        async with anyio.create_task_group() as both:
            for prompt in ("a boat", "a kite"):
                both.start_soon(client.call_tool, "submit_video", {**BOAT, "prompt": prompt})

    assert len(run(stack, session, budget=Budget(10, Decimal(20)), says=False)) == 1
    assert len(stack.harness.provider.dispatched) == 1


def test_what_is_repeated_costs_nothing_and_nobody_is_asked(stack: Stack) -> None:
    async def session(client: ClientSession) -> None:
        first, second = [answered(await client.call_tool("submit_video", BOAT)) for _ in range(2)]
        assert first["id"] == second["id"]

    assert run(stack, session, budget=Budget(1), says=False) == []


def test_a_person_who_does_not_answer_holds_no_call_up(stack: Stack) -> None:
    async def session(client: ClientSession) -> None:
        said = refused(await client.call_tool("submit_video", BOAT))
        assert "has not answered yet: nothing was submitted" in said

    assert len(run(stack, session, budget=Budget(0), says=True, patience=0)) <= 1
    assert stack.harness.provider.dispatched == []


def test_a_mistake_is_a_sentence_for_the_assistant(stack: Stack) -> None:
    async def session(client: ClientSession) -> None:
        wrong = await client.call_tool("submit_video", {**BOAT, "duration": 9000})
        assert "duration must be a whole number from 1 to 600" in refused(wrong)
        missing = await client.call_tool("get_link", {"task_id": "f" * 32})
        assert "there is no task" in refused(missing)

    run(stack, session)


def test_the_tools_say_what_costs_money(stack: Stack) -> None:
    async def session(client: ClientSession) -> None:
        tools = {tool.name: json.dumps(tool.inputSchema) for tool in (await client.list_tools()).tools}
        assert set(tools) == {
            "submit_video",
            "watch_video",
            "find_videos",
            "get_link",
            "cancel_video",
            "cost_so_far",
        }
        assert "ctx" not in tools["submit_video"]

    run(stack, session)
