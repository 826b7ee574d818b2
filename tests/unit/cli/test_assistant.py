"""`reelkeep mcp`, driven by the client of the package that defines the protocol."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
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
from tests.unit.cli.harness import URL, Stack

Session = Callable[[ClientSession], Awaitable[None]]
Asked = list[str]


def run(stack: Stack, session: Session, *, budget: Budget | None = None, says: bool | None = None) -> Asked:
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
        server = build(api, budget or Budget(videos=10), sleep)
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
@pytest.mark.parametrize("budget", [(1, None), (10, 20)], ids=["videos", "credits"])
def test_a_person_is_asked_before_more_is_spent_than_they_allowed(
    stack: Stack, says: bool | None, submitted: int, said: str, budget: tuple[int, int | None]
) -> None:
    async def session(client: ClientSession) -> None:
        answered(await client.call_tool("submit_video", BOAT))
        second = await client.call_tool("submit_video", {**BOAT, "prompt": "a kite"})
        assert said in (refused(second) if said else "")

    asked = run(stack, session, budget=Budget(*budget), says=says)
    assert len(stack.harness.provider.dispatched) == submitted
    assert len(asked) == (says is not None)
    assert all("1 videos (20 credits) were submitted in this session" in question for question in asked)


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
