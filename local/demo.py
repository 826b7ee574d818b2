"""`make demo`: one task the whole way, from the call to the file, and back through its permanent link."""

from __future__ import annotations

import io
import json
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import av

from local import cloud, stack
from local.problem import Problem
from local.stack import Stack

NOTICE_SECONDS: Final = 180.0
TASK: Final = {
    "kind": "text2video",
    "model": "viduq2",
    "prompt": "a paper boat sails down a street in the rain",
    "duration": 4,
    "resolution": "720p",
}

Say = Callable[[str], None]


def demo(root: Path) -> None:
    data = root / ".local" / "demo"
    with cloud.alone(ready_folder(data)):
        forget(data)
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)

    port, studio_port = free_ports(2)
    plan = cloud.Plan(root=root, data=data, port=port, studio_port=studio_port, say=say)
    with cloud.running(plan) as running:
        show(running.stack, say)


def ready_folder(data: Path) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    return data


def forget(data: Path) -> None:
    """A demonstration starts from nothing."""
    for path in data.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


def free_ports(number: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def show(found: Stack, say: Say) -> None:
    queue = subscribe(found)
    say("subscribed a queue to the notices")

    task_id = call(found, "POST", "/tasks", TASK)["id"]
    say(f"submitted {task_id}: “{TASK['prompt']}”")

    notice = await_notice(found, queue, task_id)
    say(f"notice: {notice.get('type')}")

    task = call(found, "GET", f"/tasks/{task_id}")
    if task["state"] != "success":
        raise Problem(f"the task ended as {task['state']}: {json.dumps(task)}")
    link = task["creations"][0]["url"]

    status, headers, video = fetch(link)
    if status != 200 or not headers["content-type"].startswith("video/mp4"):
        raise Problem(f"the permanent link answered {status} {headers['content-type']}, not a video")
    say(f"fetched the permanent link: {len(video):,} bytes of {headers['content-type']}")
    say(f"decoded {decoded(video)}")

    first, last = len(video) // 2, len(video) // 2 + 999
    status, headers, part = fetch(link, {"range": f"bytes={first}-{last}"})
    if status != 206 or part != video[first : last + 1]:
        raise Problem(f"a range of the permanent link answered {status} with {len(part)} bytes")
    say(f"fetched a part of it: {status}, {headers['content-range']}")

    file = archived(found, task_id)
    if file.read_bytes() != video:
        raise Problem(f"{file} is not what the permanent link gives")
    say("the archive holds the same bytes")
    print(f"\npermanent link  {link}\nin the archive  {file}")


def subscribe(found: Stack) -> str:
    """The queue that gets every notice from now on."""
    sqs = stack.session().client("sqs", endpoint_url=found.aws_endpoint_url, config=stack.DIRECT)
    sns = stack.session().client("sns", endpoint_url=found.aws_endpoint_url, config=stack.DIRECT)
    queue = sqs.create_queue(QueueName="demo-notices")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=found.topic_arn, Protocol="sqs", Endpoint=attributes["QueueArn"])
    return queue


def await_notice(found: Stack, queue: str, task_id: str) -> Any:
    sqs = stack.session().client("sqs", endpoint_url=found.aws_endpoint_url, config=stack.DIRECT)
    deadline = time.monotonic() + NOTICE_SECONDS
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10).get("Messages", []):
            notice = json.loads(json.loads(message["Body"])["Message"])
            if task_id in json.dumps(notice):
                return notice
    state = call(found, "GET", f"/tasks/{task_id}")["state"]
    raise Problem(f"no notice came within {NOTICE_SECONDS:.0f} s; the task is {state}")


def call(found: Stack, method: str, path: str, body: Any = None) -> Any:
    headers = {"authorization": f"Token {found.api_key}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(found.api_url + path, data, headers, method=method)
    with cloud.direct().open(request, timeout=60) as answer:
        return json.load(answer)


def fetch(link: str, headers: dict[str, str] | None = None) -> tuple[int, Any, bytes]:
    """What a player gets: it follows the redirect and shows no key."""
    with cloud.direct().open(urllib.request.Request(link, headers=headers or {}), timeout=60) as answer:
        return answer.status, answer.headers, answer.read()


def decoded(video: bytes) -> str:
    with av.open(io.BytesIO(video)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        if not frames:
            raise Problem("the video holds no frame")
        seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        return f"{frames} frames of {stream.width}x{stream.height}, {seconds:.1f} s"


def archived(found: Stack, task_id: str) -> Path:
    """The task's video as an ordinary file."""
    files = sorted(Path(found.archive).glob(f"tasks/*/*/*/{task_id}/1-video.mp4"))
    if not files:
        raise Problem(f"{found.archive} holds no video of task {task_id}")
    return files[0]
