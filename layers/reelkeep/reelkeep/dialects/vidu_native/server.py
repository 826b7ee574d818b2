"""vidu_native, as it is served to clients."""

from __future__ import annotations

from typing import Literal

from reelkeep.dialects.dialect import Dialect, Show, Submit, submission_of
from reelkeep.dialects.families import openai
from reelkeep.dialects.replies import Shape, always, shows, words
from reelkeep.dialects.vidu_native import NAME, PATH

Status = Literal["pending", "processing", "completed", "failed"]
_STATUSES = words("pending pending processing processing completed failed failed failed")


class Submitted(Shape):
    id: str = shows("task.id")
    status: Status = shows(lambda view: _STATUSES[view.task.state])
    enhanced_prompt: str = always("")
    status_update_time: int = shows(  # as the page's first example; its second has seconds
        lambda view: int(view.task.updated_at.timestamp() * 1000), says="In milliseconds since 1970."
    )


class Task(Submitted):  # the five fields that the page requires, and `error`, as in its second example
    video_url: str | None = shows(
        lambda view: view.file("video"), None, says="Permanent; null until it is completed."
    )
    error: str = shows(
        "task.failure", write=openai.message_of, optional=True, says="Why it failed; only there if it did."
    )


class _Server(openai.Server):
    name = NAME
    prefixes = ("/vidu-native/",)
    routes = (
        Submit(PATH, "submitViduNativeTask", Submitted, parse=submission_of(NAME)),
        Show(f"{PATH}/{{task_id}}", "showViduNativeTask", Task, callbacks_signed_by="vidu"),
    )
    names = Dialect.names


dialect = _Server()
