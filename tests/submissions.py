"""The same task, four seconds of 720p, in every dialect's words."""

from __future__ import annotations

from typing import Any

MODELS = {  # one that the provider of each dialect has, and no other
    "kling": "kling-v2-6",
    "openai_videos": "sora-2",
    "video_generations": "kling-v1",
    "vidu_ent_v2": "viduq2",
    "vidu_native": "veo3",
    "vidu_v1": "vidu-1",
    "volc_ark": "doubao-seedance-1-0-pro-250528",
}


def submission(dialect: str, model: str, prompt: str) -> tuple[str, dict[str, Any]]:
    """Path and body. Raises KeyError for a dialect that has none yet."""
    said: dict[str, Any] = {"model": model, "prompt": prompt}
    picture: dict[str, Any] = {"resolution": "720p", "aspect_ratio": "16:9"}
    said_by: dict[str, tuple[str, dict[str, Any]]] = {
        "reelkeep": ("/tasks", {"kind": "text2video", **said, "duration": 4, **picture}),
        "vidu_ent_v2": ("/ent/v2/text2video", {**said, "duration": 4, **picture}),
        "vidu_v1": (
            "/vidu/v1/tasks",
            {
                "type": "text2video",
                "input": {"prompts": [{"type": "text", "content": prompt, "enhance": True}]},
                "settings": {"model": model, "duration": 4, **picture},
            },
        ),
        "vidu_native": (
            "/vidu-native/video/generations",
            {**said, "images": [], "duration": 4, "size": "720P", "aspect_ratio": "16:9"},
        ),
        "volc_ark": (
            "/api/v3/contents/generations/tasks",
            {
                "model": model,
                "content": [{"type": "text", "text": prompt}],
                "duration": 4,
                "resolution": "720p",
                "ratio": "16:9",
            },
        ),
        "kling": (
            "/kling/v1/videos/text2video",
            {"model_name": model, "prompt": prompt, "mode": "std", "duration": "4", "aspect_ratio": "16:9"},
        ),
        "video_generations": ("/v1/video/generations", {**said, "duration": 4, "size": "1280x720"}),
        "openai_videos": ("/v1/videos", {**said, "seconds": "4", "size": "1280x720"}),
    }
    return said_by[dialect]
