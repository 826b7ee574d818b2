"""What the tests of Vidu's ent/v2 share: golden bodies, a task at any harness, and the routes as calls."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import strategies as st

from reelkeep.dialects.dialect import Http, List, Submit
from reelkeep.dialects.vidu_ent_v2.server import dialect
from reelkeep.domain.errors import ClientError
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import ArchivedFile, Asset, Creation, Request, State, Task
from reelkeep.domain.wire import Json
from tests.unit.dialects.harness import ARCHIVED, BOAT, TASK_ID, TINY, Speaker, link_to, task_of

SIGNATURE = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260106T080130Z&X-Amz-Expires={}&X-Amz-Signature=c0ffee"

SPEAKER = Speaker(dialect)
golden, shown, submitted = SPEAKER.golden, SPEAKER.shown, SPEAKER.submitted


def posted(body: Json, path: str = "/ent/v2/img2video") -> Http:
    return Http(method="POST", path=path, body=json.dumps(body).encode())


def submit(segment: str, body: Json) -> Request:
    route = next(route for route in dialect.routes if route.path == f"/ent/v2/{segment}")
    assert isinstance(route, Submit)
    return route.parse(posted(body))


def refusal(error: ClientError, http: Http) -> tuple[int, Json]:
    reply = dialect.render_error(error, http)
    return reply.status, reply.body


def list_route() -> List:
    return next(route for route in dialect.routes if isinstance(route, List))


def listing(*query: tuple[str, str]) -> Listing:
    return list_route().parse(Http(method="GET", path="/ent/v2/tasks", query=query))


def listed(*tasks: Task, next_cursor: str = "") -> Json:
    return list_route().render(Page(tasks=tasks, next_cursor=next_cursor), link_to, Listing()).body


IMAGE_BODY = {"model": "viduq2-pro", "prompt": "a paper boat", "images": [BOAT], "payload": "job-1"}


def archived(file: str) -> ArchivedFile:
    return replace(ARCHIVED, key=f"tasks/2026/01/06/{TASK_ID}/{file}")


def finished(request: Request) -> Task:
    creation = Creation(
        id="885000000000000777",
        assets=(
            Asset(name="video", archived=ARCHIVED),
            Asset(name="cover", archived=archived("1-cover.jpeg")),
            Asset(name="watermarked", archived=archived("1-watermarked.mp4")),
            Asset(name="moderation-1", archived=archived("1-moderation-1.mp4")),
        ),
        duration=5.0,
        fps=25.0,
        width=1,
        height=1,
    )
    return task_of(request, state=State.SUCCESS, creations=(creation,), credits=20, provider_task_id="885")


FRAMES = [{"key_image": BOAT}, {"key_image": BOAT}]
VIDEO = {"video_url": "https://ex.test/v.mp4"}


def error(reason: str, status: int = 400, message: str = "no") -> Json:
    return {"code": status, "reason": reason, "message": message, "metadata": {"trace_id": "6f1e"}}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["success", "failed", "TaskNotFound", TASK_ID, BOAT, TINY, "720p", 5, "\ud83d"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "state",
                    "creations",
                    "id",
                    "task_id",
                    "url",
                    "video",
                    "resolution",
                    "width",
                    "err_code",
                    "reason",
                    "model",
                    "prompt",
                    "images",
                    "image_settings",
                    "key_image",
                    "start_image",
                    "subjects",
                    "seed",
                    "duration",
                    "payload",
                    "tasks",
                    "video_url",
                    "text",
                    "template",
                    "moderation_url",
                    "credits",
                ]
            ),
            inner,
            max_size=8,
        )
    ),
    max_leaves=12,
)
