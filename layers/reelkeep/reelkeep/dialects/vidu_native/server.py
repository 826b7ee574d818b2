"""vidu_native, as it is served to clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import AnyRoute, Http, Reply, Show, Submit
from reelkeep.dialects.families import openai
from reelkeep.dialects.vidu_native import NAME, PATH
from reelkeep.domain.errors import ClientError, InvalidRequest
from reelkeep.domain.links import Links
from reelkeep.domain.task import Request, State, Task

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.vidu_native import wire

_STATUSES: dict[State, wire.Status] = {
    State.CREATED: "pending",
    State.QUEUEING: "pending",
    State.PROCESSING: "processing",
    State.ARCHIVING: "processing",
    State.SUCCESS: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
    State.EXPIRED: "failed",
}


class _Server(openai.Server):
    name = NAME
    prefixes: tuple[str, ...] = ("/vidu-native/",)

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        return (
            Submit(
                method="POST",
                path=PATH,
                operation="submitViduNativeTask",
                summary="Submit a task",
                details="What the images are for follows from how many there are.",
                body="Submission",
                reply="Submitted",
                parse=_asked,
                render=lambda task: Reply(body=_submitted(task)),
            ),
            Show(
                method="GET",
                path=f"{PATH}/{{task_id}}",
                operation="showViduNativeTask",
                summary="A task and its video",
                details="The link to the file is there once it is completed, and stays.",
                reply="Task",
                callbacks_signed_by="vidu",
                render=_shown,
            ),
        )

    def render_error(self, error: ClientError, http: Http) -> Reply:
        if not isinstance(error, InvalidRequest):  # which only a submission can be here
            return openai.refusal(error, {})
        from reelkeep.dialects.vidu_native.wire import Submission

        return openai.refusal(error, Submission.names())


dialect = _Server()


def _asked(http: Http) -> Request:
    from reelkeep.dialects.translate import asked
    from reelkeep.dialects.vidu_native.wire import Submission

    return asked(Submission, NAME, http.json())


def _submitted(task: Task) -> wire.Submitted:
    milliseconds = int(task.updated_at.timestamp() * 1000)  # as the page's first example; its second has seconds
    return {
        "id": task.id,
        "status": _STATUSES[task.state],
        "enhanced_prompt": "",
        "status_update_time": milliseconds,
    }


def _shown(task: Task, links: Links) -> Reply:
    """The five fields that the page requires; a failure's reason goes where its second example has `error`."""
    videos = [video.archived for creation in task.creations if (video := creation.asset("video"))]
    kept = videos[0] if videos and task.state is State.SUCCESS else None
    shown: wire.Task = {**_submitted(task), "video_url": links(kept) if kept else None}  # type: ignore[typeddict-item]
    if task.failure:
        shown["error"] = openai.message_of(task.failure)
    return Reply(body=shown)
