"""The archive as its owner sees it: the bucket, by S3's own API."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import av

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class Archive:
    s3: S3Client
    bucket: str

    def keys(self, task_id: str) -> list[str]:
        """Everything in the task's folder."""
        day = _day_of(task_id)
        answer = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"tasks/{day}/{task_id}/")
        return [item["Key"] for item in answer.get("Contents", [])]

    def names(self, task_id: str) -> list[str]:
        return sorted(key.rpartition("/")[2] for key in self.keys(task_id))

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def manifest(self, task_id: str) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads(self.read(f"tasks/{_day_of(task_id)}/{task_id}/manifest.json"))
        return manifest

    def verified(self, task: dict[str, Any]) -> dict[str, bytes]:
        """The files that the API says the task has, by name. They, the manifest and the API agree in every byte."""
        task_id = task["id"]
        manifest = self.manifest(task_id)
        assert (manifest["id"], manifest["state"], manifest["owner"] != "") == (task_id, "success", True)
        said = {file["name"]: file for creation in task["creations"] for file in creation["files"]}
        found = {}
        for asset in (asset for creation in manifest["creations"] for asset in creation["assets"]):
            file, content = asset["archived"], self.read(asset["archived"]["key"])
            assert file["sha256"] == said[asset["name"]]["sha256"] == sha256(content).hexdigest()
            assert file["bytes"] == said[asset["name"]]["bytes"] == len(content)
            found[asset["name"]] = content
        assert found.keys() == said.keys()
        assert "video" in found
        assert self.keys(task_id) == sorted(
            [*(asset["archived"]["key"] for asset in _assets(manifest)), *_beside(manifest)],
        )
        return found


def _assets(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [asset for creation in manifest["creations"] for asset in creation["assets"]]


def _beside(manifest: dict[str, Any]) -> list[str]:
    """What lies there besides the assets."""
    own = f"tasks/{_day_of(manifest['id'])}/{manifest['id']}/manifest.json"
    return [own, manifest["request_key"]] if "request_key" in manifest else [own]


def _day_of(task_id: str) -> str:
    from reelkeep.domain.ids import created_at

    return f"{created_at(task_id):%Y/%m/%d}"


class Decoded(NamedTuple):
    frames: int
    width: int
    height: int
    seconds: float


def decoded(video: bytes) -> Decoded:
    """What a player makes of it, frame by frame."""
    with av.open(io.BytesIO(video), "r") as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        assert container.duration is not None
        return Decoded(frames, stream.width, stream.height, round(container.duration / av.time_base, 1))
