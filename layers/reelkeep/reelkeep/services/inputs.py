"""Inputs: archived files that another task of the same owner is made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reelkeep.domain import ids
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.links import Links
from reelkeep.domain.task import ArchivedFile, Task
from reelkeep.domain.wire import Json
from reelkeep.ports.tasks import Tasks

_TEXTS = frozenset({"prompt", "negative_prompt", "text", "payload"})  # fields that hold no files


@dataclass(frozen=True, slots=True)
class ResolveInputs:
    """Writes permanent links in the place of references, for the provider.

    Its queue may be long, and a link signed for S3 would die in it. The record, and so the comparison of repeated
    submissions, keeps the references.
    """

    tasks: Tasks
    links: Links

    def __call__(self, task: Task) -> Task:
        """Raises InvalidRequest, naming the field, for what is no archived file of the task's owner, TryLater."""
        request = task.request
        body = dict(_references(request.body))
        fields = [*(("images", image) for image in request.images), ("video_url", request.video_url)]
        named = [(field, text) for field, text in fields if ids.file_of_reference(text)]
        known = {text for _, text in named}
        named += [(place, text) for place, text in body.items() if text not in known]
        if not named:
            return task
        links = {text: self.links(self._file(text, field, task.owner)) for field, text in named}
        resolved = replace(
            request,
            images=tuple(links.get(image, image) for image in request.images),
            video_url=links.get(request.video_url, request.video_url),
            body=_with(links, request.body),
        )
        return task.asking(resolved)

    def _file(self, reference: str, field: str, owner: str) -> ArchivedFile:
        task_id, name = ids.file_of_reference(reference) or ("", "")
        found = self.tasks.get(task_id)
        assets = found.assets if found and found.owner == owner and found.state.terminal else ()
        file = next((asset.archived for asset in assets if asset.name == name and asset.archived), None)
        if file is None:
            raise _wrong(field, f"names no archived file: {reference}")
        is_image = file.content_type.startswith("image/")
        if is_image is not (field == "images") and field in ("images", "video_url"):
            kept = ", ".join(asset.name for asset in assets if asset.archived)
            raise _wrong(field, f"must be {'a video' if is_image else 'a picture'}: {task_id} has {kept}")
        return file


def _wrong(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {message}", field=field, wrong=((field, message),))


def _references(value: Json, place: str = "") -> Iterator[tuple[str, str]]:
    """Those in a body, by their places in it."""
    match value:
        case str() if ids.file_of_reference(value):
            yield place, value
        case dict():
            for name, item in value.items():
                if name not in _TEXTS:
                    yield from _references(item, f"{place}.{name}" if place else name)
        case list():
            for number, item in enumerate(value):
                yield from _references(item, f"{place}[{number}]")


def _with(links: dict[str, str], value: Json) -> Json:
    match value:
        case str():
            return links.get(value, value)
        case dict():
            return {name: item if name in _TEXTS else _with(links, item) for name, item in value.items()}
        case list():
            return [_with(links, item) for item in value]
    return value
