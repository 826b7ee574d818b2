"""`reelkeep demo`: one task the whole way, from the call to the file, and back through its permanent link."""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import av
import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from standardwebhooks import Webhook, WebhookVerificationError

from local import claims, cloud
from local.errors import CloudError
from local.listener import Listener, listening
from local.stack import Stack

NOTICE_SECONDS: Final = 180.0
TIMEOUT: Final = 60.0
TASK: Final = {
    "kind": "text2video",
    "model": "viduq2",
    "prompt": "a paper boat sails down a street in the rain",
    "duration": 4,
    "resolution": "720p",
}

FAILURES: Final = (
    CloudError,
    urllib3.exceptions.HTTPError,
    BotoCoreError,
    ClientError,
    av.FFmpegError,
    WebhookVerificationError,
)

Say = Callable[[str], None]


def demo(root: Path) -> None:
    data = root / ".local" / "demo"
    with claims.alone(data):
        forget(data)
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)

    port, simulator_port = claims.free_ports(2)
    plan = cloud.Plan(root=root, data=data, port=port, simulator_port=simulator_port, say=say)
    with cloud.running(plan) as running:
        try:
            show(running.stack, say)
        except FAILURES as error:
            raise CloudError(str(error), *sorted(plan.logs.glob("*.log"))) from error


def forget(data: Path) -> None:
    """A demonstration starts from nothing."""
    for path in data.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


def show(found: Stack, say: Say) -> None:
    with listening() as listener:
        webhook = call(found, "POST", "/webhooks", {"url": f"{listener.url}/hooks/demo"})
        say(f"registered a listener as webhook {webhook['id']}")
        try:
            see_through(found, listener, webhook, say)
        finally:
            call(found, "DELETE", f"/webhooks/{webhook['id']}")


def see_through(found: Stack, listener: Listener, webhook: Any, say: Say) -> None:
    task_id = call(found, "POST", "/tasks", TASK)["id"]
    say(f"submitted {task_id}: “{TASK['prompt']}”")

    event = received(found, listener, webhook, task_id)
    say(f"the webhook got {event['type']}, with a good signature")

    task = call(found, "GET", f"/tasks/{task_id}")
    if task["state"] != "success":
        raise CloudError(f"the task ended as {task['state']}: {json.dumps(task)}")
    link = task["creations"][0]["url"]

    whole = fetch(link)
    media, video = whole.headers.get("content-type"), whole.data
    if whole.status != 200 or media != "video/mp4":
        raise CloudError(f"the permanent link answered {whole.status} {media}, not a video")
    say(f"fetched the permanent link: {len(video):,} bytes of {media}")
    say(f"decoded {decoded(video)}")

    first, last = len(video) // 2, len(video) // 2 + 999
    part = fetch(link, {"range": f"bytes={first}-{last}"})
    if part.status != 206 or part.data != video[first : last + 1]:
        raise CloudError(f"a range of the permanent link answered {part.status}, {len(part.data)} bytes")
    say(f"fetched a part of it: {part.status}, {part.headers['content-range']}")

    file = archived(found, task_id)
    if file.read_bytes() != video:
        raise CloudError(f"{file} is not what the permanent link gives")
    say("the archive holds the same bytes")
    print(f"""
in the archive  {file}
permanent link  {link}
console         {found.console_url}

Both lead there while their stack is up: this one stops now, one of `make up` stays.""")


def received(found: Stack, listener: Listener, webhook: Any, task_id: str) -> Any:
    """The event that comes for the task, once a third party's verifier has accepted its signature."""
    message = listener.next(NOTICE_SECONDS)
    if message is None:
        state = call(found, "GET", f"/tasks/{task_id}")["state"]
        raise CloudError(f"no notice came within {NOTICE_SECONDS:.0f} s; the task is {state}")
    event = Webhook(webhook["secret"]).verify(message.body, dict(message.headers))
    if event["subject"] != task_id:
        raise CloudError(f"a notice of another task came: {event}")
    return event


def call(found: Stack, method: str, path: str, body: Any = None) -> Any:
    headers = {"authorization": f"Token {found.api_key}"}
    answer = urllib3.request(method, found.api_url + path, headers=headers, json=body, retries=False, timeout=TIMEOUT)
    if answer.status >= 300:
        raise CloudError(f"{method} {path} answered {answer.status}: {answer.data.decode(errors='replace')}")
    return answer.json() if answer.data else None


def fetch(link: str, headers: dict[str, str] | None = None) -> urllib3.BaseHTTPResponse:
    """What a player gets: it follows the redirect and shows no key."""
    return urllib3.request("GET", link, headers=headers, timeout=TIMEOUT)


def decoded(video: bytes) -> str:
    with av.open(io.BytesIO(video), "r") as container:
        stream = container.streams.video[0]
        frames = len(list(container.decode(stream)))
        if not frames:
            raise CloudError("the video holds no frame")
        return f"{frames} frames of {stream.width}x{stream.height}"


def archived(found: Stack, task_id: str) -> Path:
    """The task's video as an ordinary file."""
    files = sorted(Path(found.archive).glob(f"tasks/*/*/*/{task_id}/1-video.mp4"))
    if not files:
        raise CloudError(f"{found.archive} holds no video of task {task_id}")
    return files[0]
