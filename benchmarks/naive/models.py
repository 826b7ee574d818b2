"""Requests, tasks and settings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SecretStr, model_validator

Text = Annotated[str, Field(max_length=5000)]
Name = Annotated[str, Field(max_length=256)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#]", max_length=8192)]
Image = Annotated[str, Field(pattern=r"^(https?://[^\s/?#]|data:image/[a-zA-Z0-9.+-]+;base64,)")]
Ratio = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}:[1-9][0-9]{0,3}$")]


class Body(BaseModel):
    model: Name = ""
    payload: str = Field("", max_length=1_048_576)
    callback_url: Url | None = None
    provider: Name = ""


class Video(Body):
    model: Name
    prompt: Text = ""
    duration: int | None = Field(None, ge=1, le=86_400)
    seed: int | None = Field(None, ge=0)
    resolution: Name = "720p"
    movement_amplitude: Literal["auto", "small", "medium", "large"] = "auto"
    bgm: bool = False
    audio: bool | None = None
    audio_type: Name = ""
    voice_id: Name = ""
    is_rec: bool = False
    off_peak: bool = False
    watermark: bool = False
    wm_position: int | str | None = None
    wm_url: Url | None = None
    meta_data: str = ""


class Text2Video(Video):
    prompt: Text
    style: Literal["general", "anime"] = "general"
    aspect_ratio: Ratio | None = None


class Img2Video(Video):
    images: list[Image] = Field(min_length=1, max_length=1)


class Subject(BaseModel):
    id: Name = ""
    name: Name = ""
    images: list[Image] = Field([], max_length=3)
    videos: list[Url] = []
    voice_id: Name = ""


class Reference2Video(Video):
    prompt: Text
    images: list[Image] = Field([], max_length=7)
    subjects: list[Subject] = Field([], max_length=7)
    aspect_ratio: Ratio | None = None

    @model_validator(mode="after")
    def _images_or_subjects(self) -> Reference2Video:
        if not self.images and not self.subjects:
            raise ValueError("images or subjects are required")
        return self


class StartEnd2Video(Video):
    images: list[Image] = Field(min_length=2, max_length=2)


class Template2Video(Body):
    template: Name
    images: list[Image] = Field(min_length=1)
    prompt: Text = ""
    seed: int | None = Field(None, ge=0)
    aspect_ratio: Ratio | None = None
    area: Name = ""
    beast: Name = ""
    bgm: bool = False


class Extend(Body):
    model: Name
    video_creation_id: Name = ""
    video_url: Url | None = None
    images: list[Image] = Field([], max_length=1)
    prompt: Text = ""
    duration: int = Field(5, ge=1, le=7)
    resolution: Name = "720p"


class Upscale(Body):
    video_creation_id: Name = ""
    video_url: Url | None = None
    upscale_resolution: Literal["1080p", "2K", "4K", "8K"] = "1080p"


class LipSync(Body):
    video_url: Url
    audio_url: Url | None = None
    text: str = Field("", max_length=2000)
    speed: float = Field(1.0, ge=0.5, le=2)
    voice_id: Name = ""
    volume: float = Field(0, ge=0, le=10)


class KeyFrame(BaseModel):
    key_image: Image
    prompt: Text = ""
    duration: int = Field(5, ge=2, le=7)


class Multiframe(Body):
    model: Name
    start_image: Image
    image_settings: list[KeyFrame] = Field(min_length=2, max_length=9)
    resolution: Name = "720p"


KINDS: dict[str, type[Body]] = {
    "text2video": Text2Video,
    "img2video": Img2Video,
    "reference2video": Reference2Video,
    "start-end2video": StartEnd2Video,
    "template2video": Template2Video,
    "extend": Extend,
    "upscale-new": Upscale,
    "lip-sync": LipSync,
    "multiframe": Multiframe,
}


class Provider(BaseModel):
    dialect: str
    base_url: str
    api_key: SecretStr
    models: list[str] = []
    default: bool = False
    allow_private: bool = False
    typical_seconds: float | None = None


class Request(BaseModel):
    dialect: str = "vidu_ent_v2"
    kind: str
    model: str = ""
    prompt: str = ""
    images: list[str] = []
    template: str = ""
    duration: int | None = None
    resolution: str = ""
    aspect_ratio: str = ""
    seed: int | None = None
    off_peak: bool = False
    payload: str = ""
    body: dict[str, Any] = {}


class Asset(BaseModel):
    name: str
    source: str = ""
    expires_at: datetime | None = None


class Creation(BaseModel):
    id: str
    assets: list[Asset] = []
    duration: float | None = None


class Task(BaseModel):
    id: str
    owner: str
    key_id: str
    provider: str
    request: Request
    created_at: datetime
    updated_at: datetime
    deadline: datetime
    state: str = "created"
    submission: str = "placing"
    provider_task_id: str = ""
    creations: list[Creation] = []
    failure: str = ""
    credits: int | None = None
    looks: int = 0
    next_look_at: datetime | None = None
    told_at: datetime | None = None
    version: int = 0


class PollEvent(BaseModel):
    task_id: str
    wait_seconds: int = 1
