"""Every call that a function makes, in every scenario, and everything that can happen to it.

The matrix makes itself: a run in which all goes well shows which calls are made. The scenario is run again for each
call and each thing that can happen to it, with the state machine's retries and the sweep as the only helpers.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from reelkeep.domain.limits import Limits
from reelkeep.domain.task import State
from tests.chaos.cloud import Cloud, cloud
from tests.chaos.faulty_transport import Call, Mode
from tests.chaos.scenario import ClientAction, Scenario, ScenarioRun, faults_of

_VIDU = "/ent/v2/text2video"
_PLACING = "vidu POST /ent/v2/text2video"
_BEFORE = frozenset({"submit", "poll", "sweep"})
_AFTER = frozenset({"finalize", "sweep"})


def _asked(prompt: str = "a paper boat", **more: object) -> dict[str, object]:
    return {"model": "viduq2", "prompt": prompt, "duration": 4, "resolution": "720p", **more}


_COPYING_IN_PARTS = frozenset(
    {
        "vidu GET /simulator/media/*/*/video.mp4",
        "s3.CreateMultipartUpload",
        "s3.UploadPart",
        "s3.CompleteMultipartUpload",
        "s3.HeadObject",
    }
)
_COUNTING = frozenset({"dynamodb.UpdateItem", "dynamodb.TransactWriteItems"})
_LIMITS = Limits(tasks_at_once=1, money_a_day=Decimal(900), currency="USD", unpriced=True)

SCENARIOS = [
    Scenario(
        name="success with several files",
        path=_VIDU,
        body=_asked("a boat [moderation:2]", watermark=True),
        client_actions=(ClientAction(600, "GET", "/ent/v2/tasks/{id}/creations"),),
    ),
    Scenario(
        name="a client that asks again",
        path=_VIDU,
        body=_asked(),
        repeats=True,
        only=_BEFORE,
    ),
    Scenario(
        name="failure at the provider", path=_VIDU, body=_asked("[fail]"), ends=State.FAILED, only=_AFTER | {"poll"}
    ),
    Scenario(
        name="cancelled in flight",
        path=_VIDU,
        body=_asked(),
        queue_seconds=300,
        client_actions=(ClientAction(5, "POST", "/tasks/{id}/cancel"),),
        ends=State.CANCELLED,
    ),
    Scenario(
        name="labelled on the way, hidden in the end, and restored",
        path=_VIDU,
        body=_asked(),
        client_actions=(
            ClientAction(5, "PATCH", "/tasks/{id}", {"starred": True, "tags": ["campaign-7"]}),
            ClientAction(600, "DELETE", "/tasks/{id}"),
            ClientAction(5000, "POST", "/tasks/{id}/restore"),
            ClientAction(9000, "PATCH", "/tasks/{id}", {"tags": ["final"]}),
            ClientAction(12000, "DELETE", "/v1/videos/{id}"),
        ),
        only=frozenset({"submit"}),
    ),
    Scenario(
        name="erased in the end",
        path="/ent/v2/img2video",
        body=_asked(model="viduq2-pro", images=["data:image/png;base64," + "A" * 80_000]),
        client_actions=(ClientAction(9000, "POST", "/tasks/{id}/erase"),),
        only=frozenset({"manage"}),
    ),
    Scenario(
        name="a big request, placed later",
        path="/ent/v2/img2video",
        body=_asked("[429:1]", model="viduq2-pro", images=["data:image/png;base64," + "A" * 80_000]),
        only=_BEFORE,
    ),
    Scenario(
        name="the answer to the submission is lost",
        path=_VIDU,
        body=_asked(),
        planned={Call("submit", _PLACING, 0): Mode.LOST},
        only=_BEFORE,
    ),
    Scenario(
        name="placed later, and the answer is lost",
        path=_VIDU,
        body=_asked("[429:1]"),
        planned={Call("poll", _PLACING, 0): Mode.LOST},
        only=_BEFORE,
    ),
    Scenario(
        name="waiting for room at the provider", path=_VIDU, body=_asked(), waits=True, only=frozenset({"poll"})
    ),
    Scenario(
        name="an owner with limits",
        path=_VIDU,
        body=_asked(),
        limits=_LIMITS,
        calls=_COUNTING | {"dynamodb.PutItem"},
        only=frozenset({"submit", "announce"}),
    ),
    Scenario(
        name="waiting until another task of its owner ends",
        path=_VIDU,
        body=_asked(),
        limits=_LIMITS,
        fills_limit=True,
        calls=_COUNTING,
        only=frozenset({"submit", "poll", "announce"}),
    ),
    Scenario(
        name="a provider that calls back, and a file that is not to be had for a moment",
        path=_VIDU,
        body=_asked("[slow:20] [media-503:1]"),
        calls_back=True,
        only=frozenset({"provider_callback", "finalize", "poll"}),
    ),
    Scenario(
        name="a provider whose list is watched, which says nothing of the reason of a failure",
        path=_VIDU,
        body=_asked("[fail]"),
        is_watched=True,
        ends=State.FAILED,
        only=frozenset({"watch"}),
    ),
    Scenario(
        name="a provider whose list is watched",
        path=_VIDU,
        body=_asked("[slow:20]"),
        is_watched=True,
        only=frozenset({"watch"}),
    ),
    Scenario(name="links that are dead on arrival", path=_VIDU, body=_asked("[expired:1]"), only=_AFTER),
    Scenario(name="a video that is not to be had for a while", path=_VIDU, body=_asked("[media-503:3]"), only=_AFTER),
    Scenario(
        name="a long video of unknown length",
        path=_VIDU,
        body=_asked("[no-length:1]"),
        video_bytes=6_000_000,
        calls=_COPYING_IN_PARTS,
        only=_AFTER,
    ),
    Scenario(
        name="no execution could be started",
        path=_VIDU,
        body=_asked(),
        planned={Call("submit", "sfn.StartExecution", 0): Mode.OUTAGE},
        only=frozenset({"submit", "sweep"}),
    ),
    Scenario(
        name="an execution that began before the stack was updated",
        path="/v1/video/generations",
        body={"model": "kling-v1", "prompt": "a boat"},
        provider="plain",
        is_upgraded=True,
        only=frozenset({"poll", "finalize"}),
    ),
    Scenario(
        name="ark",
        path="/api/v3/contents/generations/tasks",
        body={"model": "doubao-seedance-1-0-pro", "content": [{"type": "text", "text": "a boat"}]},
        provider="ark",
        only=_BEFORE,
    ),
    Scenario(
        name="a provider without a list",
        path="/v1/video/generations",
        body={"model": "kling-v1", "prompt": "a boat"},
        provider="plain",
        only=_BEFORE,
    ),
]


@pytest.fixture(scope="module")
def in_memory() -> Iterator[Cloud]:
    with cloud() as made:
        yield made


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stock")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_whatever_happens_to_any_call_a_task_is_paid_once_archived_whole_and_announced(
    scenario: Scenario, in_memory: Cloud, stock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = ScenarioRun(scenario, in_memory, stock, {})
    assert not faults_of(clean, clean)
    assert [task.state for task in clean.tasks] == [scenario.ends]
    cells = [
        (call, mode)
        for call, modes in clean.transport.made.items()
        for mode in modes
        if call not in scenario.planned
        and (not scenario.only or call.function in scenario.only)
        and (not scenario.calls or call.name in scenario.calls)
    ]
    wrong = []
    for call, mode in cells:
        run = ScenarioRun(scenario, in_memory, stock, {call: mode})
        assert call in run.transport.made, f"{call} was not made again"
        wrong += [f"{call}, {mode}: {fault}" for fault in faults_of(run, clean)]
    with capsys.disabled():
        print(f"\n  {scenario.name}: {len(clean.transport.made)} calls, {len(cells)} cells")
    assert not wrong, "\n".join(wrong)
