"""What the tests of vidu_native share: its routes as calls, and a submission."""

from __future__ import annotations

from reelkeep.dialects.vidu_native.server import dialect
from tests.unit.dialects.harness import Speaker, values

native = Speaker(dialect)

PATH = "/vidu-native/video/generations"
SUBMISSION = {
    "model": "grok-video-3",
    "prompt": "a paper boat",
    "images": [],
    "aspect_ratio": "3:2",
    "size": "720P",
    "duration": 6,
}
UPDATED = 1_767_686_402_123  # NOW and two seconds, in milliseconds


NAMES = (
    "model", "prompt", "images", "size", "duration", "aspect_ratio", "id", "status", "video_url", "thumbnail_url",
    "error", "code", "message", "type", "data",
)  # fmt: skip
ANYTHING = values(NAMES, "completed", "failed", "success", "create", "task_not_exist", "720P", 6)
