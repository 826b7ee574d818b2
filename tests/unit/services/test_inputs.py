"""An archived file can be the input of another task of its owner."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reelkeep.domain.claims import fingerprint
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.task import ArchivedFile, Asset, Creation, Request, State, Task
from reelkeep.services.inputs import ResolveInputs
from tests.unit.services.harness import Harness, request

KINDS = {"video": "video/mp4", "last-frame": "image/png", "lost": ""}


def scene() -> tuple[ResolveInputs, Task]:
    harness = Harness()
    made = harness.task(harness.submit().id)
    assets = (
        Asset(name=name, archived=ArchivedFile(key=name, bytes=1, sha256="", content_type=kind) if kind else None)
        for name, kind in KINDS.items()
    )
    made = replace(made, state=State.SUCCESS, creations=(Creation(id="c1", assets=tuple(assets)),))
    return ResolveInputs(harness.tasks, lambda file: f"https://keep.test/{file.key}"), harness.tasks.save(made)


def asking(task: Task, **said: Any) -> Task:
    named = {
        name: value.replace("T", task.id)
        if isinstance(value, str)
        else tuple(each.replace("T", task.id) for each in value)
        for name, value in said.items()
        if name != "body"
    }
    body = {"prompt": f"reelkeep:{task.id}", "subjects": [{"images": [f"reelkeep:{task.id}/last-frame"]}]}
    return replace(task, id="f" * 32, request=request(body=body, **named))


def test_the_provider_gets_links_wherever_a_file_stands_and_the_record_keeps_the_references() -> None:
    resolve, made = scene()
    task = asking(made, images=("reelkeep:T/last-frame", "https://example.com/a.png"), video_url="reelkeep:T")
    resolved = resolve(task).request
    assert resolved.images == ("https://keep.test/last-frame", "https://example.com/a.png")
    assert resolved.video_url == "https://keep.test/video"
    assert resolved.body["subjects"] == [{"images": ["https://keep.test/last-frame"]}]
    assert resolved.body["prompt"] == f"reelkeep:{made.id}"
    again: Request = asking(made, images=("reelkeep:T/last-frame",), video_url="reelkeep:T").request
    assert fingerprint(task.request) == fingerprint(again) != fingerprint(resolved)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"images": ("reelkeep:T",)}, "images"),
        ({"images": ("reelkeep:T/cover",)}, "images"),
        ({"images": ("reelkeep:T/lost",)}, "images"),
        ({"images": ("reelkeep:" + "0" * 32,)}, "images"),
        ({"video_url": "reelkeep:T/last-frame"}, "video_url"),
    ],
)
def test_what_is_no_such_file_is_refused_by_its_field(said: dict[str, Any], field: str) -> None:
    resolve, made = scene()
    with pytest.raises(InvalidRequest) as refused:
        resolve(asking(made, **said))
    assert refused.value.field == field


def test_another_owner_s_file_is_as_unknown_as_one_that_is_not_there() -> None:
    resolve, made = scene()
    said = {}
    for owner, reference in (("mallory", f"reelkeep:{made.id}"), ("alice", "reelkeep:" + "0" * 32)):
        with pytest.raises(InvalidRequest) as refused:
            resolve(replace(asking(made, video_url=reference), owner=owner))
        said[owner] = refused.value.message.replace(reference, "it")
    assert said["mallory"] == said["alice"]
    with pytest.raises(InvalidRequest) as refused:
        resolve(replace(asking(made), owner="mallory"))
    assert refused.value.field == "subjects[0].images[0]"


def test_what_names_no_file_is_left_alone_and_costs_nothing() -> None:
    resolve, made = scene()
    task = replace(made, request=request(images=("https://example.com/a.png",)))
    resolve.tasks.get = None  # type: ignore[assignment]
    assert resolve(task) is task
